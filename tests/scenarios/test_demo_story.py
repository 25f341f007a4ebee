"""`clearway demo --exit`: a newcomer's first command, on nothing but what is in the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Told:
    """The story after its end."""

    exit_code: int
    text: str
    out: Path
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def told(environment: dict[str, str], port: int, tmp_path_factory: pytest.TempPathFactory) -> Told:
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "demo", "--exit", "--out", str(out), "--port", str(port)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (out / "summary.json").exists(), done.stdout + done.stderr
    return Told(done.returncode, done.stdout + done.stderr, out, json.loads((out / "summary.json").read_text()))


def test_every_check_of_the_story_held(told: Told) -> None:
    assert told.summary["checks"]["failed"] == []
    assert told.exit_code == 0, told.text


def test_every_payment_rests_and_only_the_stolen_card_failed(told: Told) -> None:
    assert told.summary["payments"] == {"captured": 17, "failed": 1}


def test_failovers_and_the_unknown_are_counted(told: Told) -> None:
    assert told.summary["failovers"] == 3
    assert told.summary["attempts"] == 18 + told.summary["failovers"]
    assert told.summary["unknown_resolved"] == 1


def test_nobody_was_charged_twice(told: Told) -> None:
    assert told.summary["double_charges"] == 0


def test_webhooks_were_received_recognised_and_rejected(told: Told) -> None:
    webhooks = told.summary["webhooks"]
    assert webhooks["received"] > 0
    assert webhooks["duplicates"] >= 2
    assert webhooks["rejected"] == 3


def test_the_ledger_equals_the_gateways_books_everywhere(told: Told) -> None:
    accounts = told.summary["clearing_equals_books"]
    assert {name.split()[1] for name in accounts} == {"EUR", "USD", "GBP", "JPY", "KWD"}
    assert all(accounts.values())


def test_both_invoices_are_paid_and_their_pdfs_are_there(told: Told) -> None:
    invoices = told.summary["invoices"]
    assert [(i["currency"], i["total"], i["status"]) for i in invoices] == [
        ("EUR", "2835.75", "paid"),
        ("JPY", "100800", "paid"),
    ]
    assert all((told.out / invoice["pdf"]).read_bytes().startswith(b"%PDF-") for invoice in invoices)


def test_the_three_planted_breaks_and_no_others_are_found(told: Told) -> None:
    found = told.summary["reconciliation"]
    assert found["breaks"] == {"missing_at_gateway": 1, "fee_mismatch": 1, "missing_in_ledger": 1}
    # two of the breaks have a line: the missing payment is the one that has none
    assert found["lines"] == found["matched"] + 2


def test_reports_are_left_behind(told: Told) -> None:
    names = {path.name for path in told.out.iterdir()}
    assert {"reconciliation.csv", "reconciliation.xlsx"} < names
    assert any("payout_reconciliation" in name for name in names)
    assert any("settlement_detail_report" in name for name in names)
    assert any(name.startswith("STL-") for name in names)


def test_nothing_keeps_running(told: Told, state_dir: Path) -> None:
    running = [pid for pid in os.listdir("/proc") if pid.isdigit() and str(state_dir) in _environment_of(pid)]
    assert running == []


def _environment_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
