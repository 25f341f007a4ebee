"""Balances by projection: always those of the transfers, whoever folds, posts or rebuilds at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from currency.money import Money
from orchestrator.db import fetch, transaction
from orchestrator.ledger import balances, verification
from orchestrator.ledger import service as ledger
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLEARING, SALES = AccountKey(AccountKind.GATEWAY_CLEARING, "ga_1"), AccountKey(AccountKind.SALES)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


async def post(key: str, minor: int = 100, at: datetime = NOON) -> None:
    async with transaction():
        entry = Entry(CLEARING, SALES, Money(minor, "EUR"))
        await ledger.post(key, [entry], merchant_id="mer_1", kind=JournalKind.PAYMENT, at=at)


async def clearing(as_of: datetime | None = None) -> int:
    rows = await ledger.balances("mer_1", as_of)
    return sum(row.balance_minor for row in rows if row.kind == "gateway_clearing")


async def projection_findings() -> list[str]:
    found = await verification.run([])
    return [finding.actual for finding in found.findings if finding.check == "projection"]


async def unfolded() -> int:
    return int((await fetch("SELECT count(*) AS n FROM ledger_unfolded"))[0]["n"])


async def test_a_balance_is_the_same_before_and_after_folding(database: str) -> None:
    await post("a")
    await post("b", 50, NOON - timedelta(days=1))
    assert (await clearing(), await unfolded()) == (150, 2)
    assert await balances.fold() == 2
    assert (await clearing(), await unfolded()) == (150, 0)
    await post("c", 7)
    assert await clearing() == 157
    assert await balances.fold(batch=20) == 1
    assert await clearing() == 157
    assert await projection_findings() == []


async def test_folding_goes_by_batches_and_loses_none(database: str) -> None:
    for number in range(5):
        await post(f"k{number}", number + 1)
    assert [await balances.fold(batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert await clearing() == 15


async def test_a_transfer_whose_transaction_commits_after_later_ones_were_folded_is_counted(database: str) -> None:
    """The id of the slow one is older than the others', and the fold comes between: no watermark may pass it by."""
    await post("first")
    slow = await asyncpg.connect(database)
    try:
        open_transaction = slow.transaction()
        await open_transaction.start()
        accounts = await slow.fetch("SELECT id FROM ledger_account ORDER BY kind")
        await slow.execute(
            "INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at) "
            "VALUES ('jr_0', 'mer_1', 'slow', 'payment', $1)",
            NOON,
        )
        await slow.execute(
            "INSERT INTO ledger_transfer (id, journal_id, debit_account_id, credit_account_id, amount_minor, currency) "
            "VALUES ('tr_0', 'jr_0', $1, $2, 1000, 'EUR')",
            accounts[0]["id"],
            accounts[1]["id"],
        )
        await post("second")
        assert await balances.fold() == 2
        assert await clearing() == 200
        await open_transaction.commit()
    finally:
        await slow.close()
    assert await clearing() == 1200
    assert await balances.fold() == 1
    assert await clearing() == 1200
    assert await projection_findings() == []


async def test_two_postings_to_one_account_do_not_wait_for_each_other(database: str) -> None:
    await post("first")
    held = await asyncpg.connect(database)
    try:
        open_transaction = held.transaction()
        await open_transaction.start()
        await held.execute(
            "INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at) "
            "VALUES ('jr_0', 'mer_1', 'held', 'payment', $1)",
            NOON,
        )
        await held.execute(
            "INSERT INTO ledger_transfer (id, journal_id, debit_account_id, credit_account_id, amount_minor, currency) "
            "SELECT 'tr_0', 'jr_0', min(id), max(id), 1, 'EUR' FROM ledger_account"
        )
        await asyncio.wait_for(post("second"), 60)
        await asyncio.wait_for(balances.fold(), 60)
        await open_transaction.rollback()
    finally:
        await held.close()
    assert await clearing() == 200


async def test_folds_rebuilds_and_postings_at_once_lose_and_double_nothing(database: str) -> None:
    await post("first")

    async def posting(name: str) -> None:
        for number in range(15):
            await post(f"{name}:{number}", 1, NOON - timedelta(days=number % 3))

    async def folding() -> None:
        for _ in range(10):
            await balances.fold(batch=4)

    async def rebuilding() -> None:
        for _ in range(4):
            await balances.rebuild()

    await asyncio.gather(posting("a"), posting("b"), folding(), folding(), rebuilding())
    assert await clearing() == 130
    while await balances.fold():
        pass
    assert await clearing() == 130
    assert await projection_findings() == []


async def test_a_projection_that_is_wrong_is_found_and_rebuilt(database: str) -> None:
    await post("a")
    await balances.fold()
    await fetch("UPDATE ledger_day SET debits_minor = debits_minor + 1 WHERE debits_minor > 0")
    assert await projection_findings() == ["101 debits, 0 credits"]
    assert await balances.rebuild() == 2
    assert await clearing() == 100
    assert await projection_findings() == []


@pytest.mark.parametrize("folded", [False, True])
async def test_a_balance_as_of_a_time_has_what_had_occurred_by_then(database: str, folded: bool) -> None:
    await post("two days before", 1, NOON - timedelta(days=2))
    await post("that morning", 10, NOON - timedelta(hours=1))
    await post("at that moment", 100, NOON)
    await post("a second later", 1000, NOON + timedelta(seconds=1))
    await post("the day after", 10000, NOON + timedelta(days=1))
    if folded:
        await balances.fold()
    assert await clearing(NOON) == 111
    assert await clearing(NOON - timedelta(days=1)) == 1
    assert await clearing(NOON - timedelta(days=9)) == 0
    assert await clearing(NOON + timedelta(days=9)) == 11111
    await post("posted late of a day before", 5, NOON - timedelta(days=2))
    assert await clearing(NOON) == 116


async def test_a_time_without_a_zone_is_refused(database: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await ledger.balances("mer_1", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


async def test_two_that_open_accounts_crosswise_do_not_deadlock(database: str) -> None:
    await post("the gateway's account is open")
    both_posted_once = asyncio.Barrier(2)

    async def open_both(name: str, *kinds: AccountKind) -> None:
        async with transaction():
            for kind in kinds:
                entry = Entry(CLEARING, AccountKey(kind), Money(100, "EUR"))
                await ledger.post(f"{name}:{kind}", [entry], merchant_id="mer_1", kind=JournalKind.PAYMENT, at=NOON)
                with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
                    await asyncio.wait_for(both_posted_once.wait(), 0.5)

    await asyncio.gather(
        open_both("a", AccountKind.CUSTOMER_CREDIT, AccountKind.TAX),
        open_both("b", AccountKind.TAX, AccountKind.CUSTOMER_CREDIT),
    )
    assert await clearing() == 500
