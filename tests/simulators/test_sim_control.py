"""The control API: time, outages, webhook modes and the gateways' own books."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from sim_driving import Receiver, Simulators, wait_until

from simulators.fees import fee_minor
from simulators.issuer import VerdictKind, judge

PAID = "payment_intent.succeeded"
"""The one of Stripe's events of a payment that these tests follow."""


class Till:
    """A Stripe account that makes and refunds payments by plain HTTP."""

    def __init__(self, simulators: Simulators) -> None:
        self.key = f"sk_test_{secrets.token_hex(8)}"
        self.account = simulators.register("stripe", {"secret_key": self.key})
        self.url = simulators.urls["stripe"]

    def post(self, path: str, **form: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.post(self.url + path, data=form, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, amount: int = 1000) -> str:
        card = {"payment_method_data[type]": "card", "payment_method_data[card][number]": "4242424242424242"}
        card |= {"payment_method_data[card][exp_month]": "1", "payment_method_data[card][exp_year]": "2040"}
        card["allowed_payment_method_types[0]"] = "card"
        paid = self.post("/v1/payment_intents", amount=str(amount), currency="eur", confirm="true", **card)
        return str(paid["id"])


@pytest.fixture
def till(simulators: Simulators) -> Till:
    return Till(simulators)


@pytest.fixture
def hooks(simulators: Simulators, till: Till, receiver: Receiver) -> Receiver:
    where = {"gateway": "stripe", "account": till.account, "url": receiver.url}
    simulators.post("/endpoints", **where, secrets={"signing_secret": "whsec_x"}, events=[PAID])
    simulators.post("/webhooks/mode", gateway="stripe", mode="normal")
    return receiver


def _paid_in_turn(receiver: Receiver) -> list[str]:
    return [json.loads(body)["data"]["object"]["id"] for _, body in receiver.taken]


def _states(simulators: Simulators, till: Till) -> list[str]:
    rows = [row for row in simulators.get("/webhooks") if row["account"] == till.account]
    return [row["state"] for row in rows if row["event"] == PAID]


def test_the_clock_moves_forward_only(simulators: Simulators) -> None:
    before = datetime.fromisoformat(simulators.get("/clock")["now"])
    after = datetime.fromisoformat(simulators.post("/clock", advance_seconds=3600)["now"])
    assert (after - before).total_seconds() >= 3600
    backwards = requests.post(simulators.urls["control"] + "/clock", json={"advance_seconds": -1}, timeout=10)
    assert backwards.status_code == 422


def test_an_outage_refuses_connections_and_ends_on_the_same_port(simulators: Simulators, till: Till) -> None:
    with requests.Session() as session:
        session.get(till.url, timeout=10)
        simulators.post("/outage", gateway="stripe", on=True)
        try:
            with pytest.raises(requests.ConnectionError, match="refused"):
                session.get(till.url, timeout=10)
            simulators.post("/outage", gateway="stripe", on=True)
        finally:
            simulators.post("/outage", gateway="stripe", on=False)
        assert session.get(till.url, timeout=10).status_code == 404


def test_held_webhooks_come_when_released(simulators: Simulators, till: Till, hooks: Receiver) -> None:
    simulators.post("/webhooks/mode", gateway="stripe", mode="hold")
    paid = [till.pay(), till.pay()]
    wait_until(lambda: _states(simulators, till) == ["held", "held"])
    assert hooks.taken == []
    simulators.post("/webhooks/release", gateway="stripe")
    hooks.wait_for(2)
    assert sorted(_paid_in_turn(hooks)) == sorted(paid)


def test_reversed_webhooks_come_newest_first(simulators: Simulators, till: Till, hooks: Receiver) -> None:
    simulators.post("/webhooks/mode", gateway="stripe", mode="reverse")
    paid = [till.pay(), till.pay()]
    simulators.post("/webhooks/release", gateway="stripe")
    hooks.wait_for(2)
    assert _paid_in_turn(hooks) == paid[::-1]


def test_duplicated_webhooks_are_the_same_event_twice(simulators: Simulators, till: Till, hooks: Receiver) -> None:
    simulators.post("/webhooks/mode", gateway="stripe", mode="duplicate")
    till.pay()
    bodies = {body for _, body in hooks.wait_for(2)}
    assert len(bodies) == 1


def test_lost_webhooks_never_come(simulators: Simulators, till: Till, hooks: Receiver) -> None:
    simulators.post("/webhooks/mode", gateway="stripe", mode="lose")
    till.pay()
    assert _states(simulators, till) == ["lost"]
    assert hooks.taken == []


def test_a_receiver_in_trouble_is_tried_again(simulators: Simulators, till: Till, hooks: Receiver) -> None:
    hooks.status = 503
    till.pay()
    hooks.wait_for(1)
    hooks.status = 200
    wait_until(lambda: _states(simulators, till) == ["delivered"])
    assert len({body for _, body in hooks.taken}) == 1


def test_the_books_balance_with_the_charges(simulators: Simulators, till: Till) -> None:
    intent = till.pay(5000)
    till.post("/v1/refunds", payment_intent=intent, amount="1500")
    [book] = [book for book in simulators.get("/books") if book["account"] == till.account]
    assert (book["captured_minor"], book["refunded_minor"], book["balance_minor"]) == (5000, 1500, 3500)


def test_a_foreign_charge_is_in_the_books_without_our_reference(simulators: Simulators, till: Till) -> None:
    made = simulators.post(
        "/charges/foreign", gateway="stripe", account=till.account, amount_minor=777, currency="eur"
    )  # fmt: skip
    assert (made["reference"], made["captured_minor"]) == ("", 777)
    [book] = [book for book in simulators.get("/books") if book["account"] == till.account]
    assert book["balance_minor"] == 777


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/scenarios", {"gateway": "stripe", "operation": "create", "behaviour": "sulk"}),
        ("/scenarios", {"gateway": "stripe", "operation": "dance", "behaviour": "delay"}),
        ("/scenarios", {"gateway": "stripe"}),
        ("/outage", {"gateway": "nobody", "on": True}),
        ("/charges/foreign", {"gateway": "stripe", "account": "a", "amount_minor": 1.5, "currency": "EUR"}),
    ],
)
def test_a_wrong_order_is_refused(simulators: Simulators, path: str, body: dict[str, Any]) -> None:
    assert requests.post(simulators.urls["control"] + path, json=body, timeout=10).status_code == 422


@pytest.mark.parametrize(
    ("gateway", "amount", "currency", "fee"),
    [
        ("stripe", 1999, "EUR", 55),  # 29.985 rounds to 30, and 25
        ("stripe", 1000, "JPY", 40),
        ("stripe", 1000, "KWD", 265),
        ("adyen", 1999, "EUR", 36),
        ("paypal", 1999, "EUR", 85),
    ],
)
def test_fees_are_rounded_half_up_per_transaction(gateway: str, amount: int, currency: str, fee: int) -> None:
    assert fee_minor(gateway, amount, currency) == fee


def test_the_issuer_judges_by_number() -> None:
    assert judge("4242424242424242").kind is VerdictKind.APPROVE
    assert judge("4000000000009995").reason == "insufficient_funds"
    assert judge("4000002760003184").kind is VerdictKind.CHALLENGE
    assert judge("4242424242424241").reason == "invalid_number"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl(2) is Linux's")
def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    start = [sys.executable, "-m", "simulators", "--die-with-parent", "--reports-dir", str(tmp_path)]
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({start!r}, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    wait_until(lambda: not _is_running(child))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"  # a container may have no init that reaps it
