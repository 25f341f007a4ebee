"""A short run of `make chaos`: kills, faults and customers at once, and in the end every book agrees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
PAYMENTS, KILLS, SEED = 90, 9, 2


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run in a process of its own left, as it wrote it down."""
    out = tmp_path_factory.mktemp("chaos") / "chaos.json"
    how = {"PAYMENTS": str(PAYMENTS), "KILLS": str(KILLS), "SEED": str(SEED), "OUT": str(out), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos"], cwd=ROOT, env={**os.environ, **how}, capture_output=True, text=True
    )
    assert out.exists(), (done.stdout + done.stderr)[-4000:]
    loaded: dict[str, Any] = json.loads(out.read_text())
    return loaded


def test_all_that_must_hold_holds(aftermath: dict[str, Any]) -> None:
    broken = [check for check in aftermath["checks"] if not check["holds"]]
    assert not broken, json.dumps([broken, aftermath["stories"]], indent=1)[:20_000]


def test_every_program_was_killed_while_customers_paid(aftermath: dict[str, Any]) -> None:
    kills = aftermath["figures"]["kills"]
    assert set(kills) == {"api", "worker", "clock", "postgres", "backend"}
    assert sum(kills.values()) == KILLS


def test_gateways_misbehaved_and_outcomes_had_to_be_asked_for(aftermath: dict[str, Any]) -> None:
    figures = aftermath["figures"]
    assert sum(figures["faults"].values()) > PAYMENTS / 3
    assert figures["settled by"].get("look_up", 0) + figures["settled by"].get("resend", 0) > 0


def test_money_was_taken_in_part_given_back_and_let_go(aftermath: dict[str, Any]) -> None:
    assert min(aftermath["figures"]["operations"][kind] for kind in ("capture", "refund", "void")) > 0
    assert aftermath["figures"]["payments"]["partially_captured"] > 0


def test_the_merchants_server_failed_and_was_told_again(aftermath: dict[str, Any]) -> None:
    assert "0 failed" not in aftermath["figures"]["messages to tell them"].split(", ")
