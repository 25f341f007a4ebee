"""State in a file: what the simulators knew they know again after a restart, and after a crash."""

from __future__ import annotations

import json
import os
import pickle
import secrets
import signal
import smtplib
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests
from sim_driving import Receiver, Simulators, wait_until

from simulators.snapshot import SnapshotUnreadable, load_world, save_world
from simulators.vault.app import VAULT_ACCOUNT
from simulators.world import World

KEY = "sk_test_" + secrets.token_hex(8)
ROOT = Path(__file__).parents[2]

Run = Callable[..., Any]


@contextmanager
def running(tmp_path: Path, *options: str) -> Iterator[tuple[Simulators, subprocess.Popen[str]]]:
    """A process of its own, in a directory of its own, ended at the end unless it has ended already."""
    command = [sys.executable, "-m", "simulators", "--reports-dir", str(tmp_path / "reports"), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, text=True)
    assert process.stdout is not None
    try:
        yield Simulators(json.loads(process.stdout.readline()), tmp_path), process
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


def intent(simulators: Simulators, key: str = "", **form: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {KEY}", **({"Idempotency-Key": key} if key else {})}
    card = {"payment_method_data[type]": "card", "payment_method_data[card][number]": "4242424242424242"}
    card |= {"payment_method_data[card][exp_month]": "1", "payment_method_data[card][exp_year]": "2040"}
    card["allowed_payment_method_types[0]"] = "card"
    sent = {"amount": "1999", "currency": "eur", "confirm": "true", **card, **form}
    return requests.post(simulators.urls["stripe"] + "/v1/payment_intents", data=sent, headers=headers, timeout=10)


FOLLOWED = ["payment_intent.amount_capturable_updated", "payment_intent.succeeded"]
"""The events of Stripe that are waited for, of the several that a payment has."""


def followed(simulators: Simulators) -> list[str]:
    return [row["state"] for row in simulators.get("/webhooks") if row["event"] in FOLLOWED]


def send_letter(simulators: Simulators) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "shop@shop.example", "ada@client.example", "Grüße"
    letter.set_content("Guten Tag")
    host, _, port = simulators.urls["smtp"].partition(":")
    with smtplib.SMTP(host, int(port)) as smtp:
        smtp.send_message(letter)


def test_what_was_known_is_known_after_a_restart(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "kept" / "state"))
    card = {"number": "4242424242424242", "expiry_month": 3, "expiry_year": 2031, "cvc": "123"}
    vault_key = {"X-Vault-Key": VAULT_ACCOUNT["api_key"]}
    with running(tmp_path, *state) as (before, _):
        account = before.register("stripe", {"secret_key": KEY})
        before.post("/clock", advance_seconds=86_400)
        paid = intent(before, key="once").json()
        token = requests.post(before.urls["vault"] + "/v1/tokens", json=card, headers=vault_key, timeout=10).json()
        before.post("/scenarios", gateway="stripe", operation="refund", behaviour="http_500", share=0.5)
        before.post("/outage", gateway="adyen", on=True)
        send_letter(before)
        known = [before.get(path) for path in ("/charges", "/books", "/scenarios", "/timers", "/outages")]
        now = datetime.fromisoformat(before.get("/clock")["now"])
        authority = requests.get(before.urls["paypal"] + "/simulator/ca", timeout=10).content
    with running(tmp_path, *state) as (after, _):
        assert [after.get(path) for path in ("/charges", "/books", "/scenarios", "/timers", "/outages")] == known
        assert datetime.fromisoformat(after.get("/clock")["now"]) > now
        assert after.charges_of(account)[0]["captured_minor"] == 1999
        assert requests.get(after.urls["paypal"] + "/simulator/ca", timeout=10).content == authority
        assert [letter["subject"] for letter in requests.get(after.urls["mail"] + "/messages", timeout=10).json()] == [
            "Grüße"
        ]
        kept = requests.get(f"{after.urls['vault']}/v1/tokens/{token['token']}", headers=vault_key, timeout=10)
        assert kept.json() == token
        replayed = intent(after, key="once")
        assert (replayed.json()["id"], replayed.headers["idempotent-replayed"]) == (paid["id"], "true")
        with pytest.raises(requests.ConnectionError, match="refused"):
            requests.get(after.urls["adyen"], timeout=10)


def test_webhooks_that_wait_are_sent_by_the_next_process(tmp_path: Path, receiver: Receiver) -> None:
    state = ("--state", str(tmp_path / "state"))
    receiver.status = 503
    with running(tmp_path, *state) as (before, _):
        account = before.register("stripe", {"secret_key": KEY})
        where = {"gateway": "stripe", "account": account, "url": receiver.url}
        before.post("/endpoints", **where, secrets={"signing_secret": "whsec_x"}, events=FOLLOWED)
        intent(before)
        receiver.wait_for(1)
        before.post("/webhooks/mode", gateway="stripe", mode="hold")
        intent(before, capture_method="manual")
        wait_until(lambda: followed(before) == ["sending", "held"])
    taken = len(receiver.taken)
    receiver.status = 200
    with running(tmp_path, *state) as (after, _):
        after.post("/webhooks/release", gateway="stripe")
        after.post("/clock", advance_seconds=3600)
        wait_until(lambda: set(followed(after)) == {"delivered"})
    events = [json.loads(body)["type"] for _, body in receiver.taken[taken:]]
    assert sorted(events) == FOLLOWED


def test_a_crash_costs_at_most_what_the_last_second_brought(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(tmp_path, "--state", str(state)) as (before, process):
        account = before.register("stripe", {"secret_key": KEY})
        intent(before)
        wait_until(lambda: state.exists() and bool(load_world(state).charges))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(tmp_path, "--state", str(state)) as (after, _):
        assert [charge["captured_minor"] for charge in after.charges_of(account)] == [1999]


def test_the_file_is_for_its_owner_only_and_whole_at_every_moment(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(tmp_path, "--state", str(state)) as (simulators, _):
        simulators.register("stripe", {"secret_key": KEY})
        for _ in range(60):
            intent(simulators)
            if state.exists():
                load_world(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("state")] == ["state"]


def test_nothing_is_written_without_the_option(tmp_path: Path) -> None:
    with running(tmp_path) as (simulators, _):
        simulators.register("stripe", {"secret_key": KEY})
        intent(simulators)
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_a_file_that_is_no_state_is_named_and_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("a letter to somebody")
    command = [sys.executable, "-m", "simulators", "--reports-dir", str(tmp_path), "--state", str(state)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert str(state) in ended.stderr
    assert "Delete it" in ended.stderr
    assert state.read_text() == "a letter to somebody"


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    save_world(World(), state)
    assert isinstance(load_world(state), World)
    state.write_bytes(pickle.dumps((99, World())))
    with pytest.raises(SnapshotUnreadable, match="another version"):
        load_world(state)
