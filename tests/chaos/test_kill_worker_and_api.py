"""`kill -9` of the worker and of the API while customers pay: nothing is lost, and nothing is charged twice."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import embedded_postgres

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
ORDERS = 42


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def aftermath() -> Iterator[dict[str, Any]]:
    """What is left when every customer has an answer and every payment rests."""
    state_dir = Path(tempfile.mkdtemp(prefix="clearway-tests-"))
    state_dir.chmod(0o711)
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("CLEARWAY_")}
    environment = {
        **inherited,
        "DATABASE_URL": "",
        "BROKER_URL": "",
        "CLEARWAY_STATE_DIR": str(state_dir),
        "CLEARWAY_LIMITS__PAYMENT_DEADLINE_S": "5",
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kill_story.py")), str(free_port())],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    try:
        assert done.returncode == 0, done.stderr[-4000:]
        yield json.loads(done.stdout.splitlines()[-1])
    finally:
        embedded_postgres.remove(state_dir / "demo")
        shutil.rmtree(state_dir)


def kept(aftermath: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in aftermath["charges"] if c["captured_minor"] > c["refunded_minor"] and not c["voided"]]


def test_both_were_killed_while_customers_paid(aftermath: dict[str, Any]) -> None:
    assert Counter(aftermath["killed"]) == {"api": 3, "worker": 3}


def test_some_outcomes_were_unknown_and_asked_for(aftermath: dict[str, Any]) -> None:
    assert aftermath["settled_by"].get("look_up", 0) + aftermath["settled_by"].get("resend", 0) > 0


def test_every_order_became_one_payment(aftermath: dict[str, Any]) -> None:
    ids = [payment["id"] for payment in aftermath["payments"]]
    assert sorted(aftermath["answered"]) == sorted(ids)
    assert len({payment["reference"] for payment in aftermath["payments"]}) == len(ids) == ORDERS


def test_every_payment_was_captured(aftermath: dict[str, Any]) -> None:
    assert Counter(payment["status"] for payment in aftermath["payments"]) == {"captured": ORDERS}


def test_no_payment_was_charged_twice(aftermath: dict[str, Any]) -> None:
    assert aftermath["double_charges"] == 0
    assert max(Counter(charge["payment_reference"] for charge in kept(aftermath)).values()) == 1


def test_what_we_captured_is_what_the_gateways_kept(aftermath: dict[str, Any]) -> None:
    ours = {p["id"]: (p["amount_captured"]["amount"], p["amount"]["currency"]) for p in aftermath["payments"]}
    theirs = {c["payment_reference"]: (c["captured_minor"], c["currency"]) for c in kept(aftermath)}
    assert ours == theirs


def test_no_authorisation_was_left_hanging(aftermath: dict[str, Any]) -> None:
    assert [c["id"] for c in aftermath["charges"] if not c["captured_minor"] and not c["voided"]] == []


def test_the_ledger_equals_the_gateways_books(aftermath: dict[str, Any]) -> None:
    differing = [row for row in aftermath["clearing"] if row["ledger_minor"] != row["books_minor"]]
    assert aftermath["clearing"]
    assert differing == []
