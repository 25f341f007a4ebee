"""`clearway ledger` as an operator runs it."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from currency.money import Money
from orchestrator.db import fetch, transaction
from orchestrator.ledger import service as ledger
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def clearway(database: str, state: Path, *words: str) -> tuple[int, str]:
    """Exit code and what it said."""
    environment = {**os.environ, "DATABASE_URL": database, "COLUMNS": "200", "HOME": str(state)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator.cli",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_verify_ends_well_on_sound_books_and_badly_on_a_finding_that_rebuild_mends(
    database: str, tmp_path: Path
) -> None:
    entry = Entry(AccountKey(AccountKind.BANK), AccountKey(AccountKind.SALES), Money(100, "EUR"))
    async with transaction():
        at = datetime(2026, 3, 10, tzinfo=UTC)
        await ledger.post("k", [entry], merchant_id="mer_1", kind=JournalKind.ADJUSTMENT, at=at)
    code, said = await clearway(database, tmp_path, "ledger", "verify")
    assert code == 0, said
    assert said.count("holds") == 11
    await fetch("UPDATE ledger_unfolded SET amount_minor = 99")
    code, said = await clearway(database, tmp_path, "ledger", "verify")
    assert code == 1
    assert "100 debits, 0 credits" in said
    code, said = await clearway(database, tmp_path, "ledger", "rebuild")
    assert (code, "Rebuilt: 2 days" in said) == (0, True), said
    code, said = await clearway(database, tmp_path, "ledger", "verify")
    assert code == 0, said
