"""Proving the ledger: every check against one snapshot of the database, and the last result kept for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from orchestrator import clock_port
from orchestrator.db import fetch, transaction
from orchestrator.ids import new_id
from orchestrator.ledger.checks import CHECKS, Check

FINDINGS_MAX = 500  # kept of one check; more of the same helps nobody


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it must be. `subject` is an id or key; `expected` and `actual` are for people."""

    check: str
    merchant_id: str
    subject: str
    detail: str
    expected: str
    actual: str


class CheckRun(msgspec.Struct, frozen=True):
    """A check that was run, and how much it found; of many only FINDINGS_MAX are kept."""

    name: str
    looks_at: str
    findings: int


class Verification(msgspec.Struct, frozen=True):
    """One run of all checks."""

    id: str
    started_at: datetime
    finished_at: datetime
    checks: list[CheckRun]
    findings: list[Finding]


Told = Callable[[Check, int], None]


async def run(
    gateways_with_transfers: Sequence[str], *, checks: Sequence[Check] = CHECKS, tell: Told | None = None
) -> Verification:
    """Run the checks and keep what they found. `tell` hears of each check with its number of findings.

    All see one snapshot, so payments that are made meanwhile are no findings. It only reads until the result is kept.
    """
    started_at, runs, findings = clock_port.now(), list[CheckRun](), list[Finding]()
    async with transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for check in checks:
            found = await look(check, gateways_with_transfers)
            runs.append(CheckRun(check.name, check.looks_at, len(found)))
            findings += found[:FINDINGS_MAX]
            if tell is not None:
                tell(check, len(found))
    result = Verification(new_id("lv"), started_at, clock_port.now(), runs, findings)
    async with transaction():
        await _keep(result)
    return result


async def look(check: Check, gateways_with_transfers: Sequence[str]) -> list[Finding]:
    """What one check finds, in the caller's transaction."""
    sql = f"SELECT * FROM ({check.sql}) finding WHERE $1::varchar[] IS NOT NULL"  # noqa: S608 - ours
    return [Finding(check.name, **dict(row)) for row in await fetch(sql, list(gateways_with_transfers))]


async def last() -> Verification | None:
    """The result of the last run."""
    rows = await fetch("SELECT row_to_json(v.*) AS it FROM ledger_verification v ORDER BY id DESC LIMIT 1")
    return msgspec.json.decode(rows[0]["it"], type=Verification) if rows else None


async def _keep(found: Verification) -> None:
    await fetch(
        "INSERT INTO ledger_verification (id, started_at, finished_at, checks, findings) VALUES ($1, $2, $3, $4, $5)",
        found.id,
        found.started_at,
        found.finished_at,
        msgspec.json.encode(found.checks).decode(),
        msgspec.json.encode(found.findings).decode(),
    )
