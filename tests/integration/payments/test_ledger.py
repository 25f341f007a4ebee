"""The ledger: posted once, in one currency, only ever added to."""

from __future__ import annotations

import asyncpg
import pytest

from currency.money import Money
from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.ledger import service as ledger
from orchestrator.ledger import store
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, References, reversal_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLEARING, SALES = AccountKey(AccountKind.GATEWAY_CLEARING, "ga_1"), AccountKey(AccountKind.SALES)


async def post(key: str, minor: int = 1000, currency: str = "EUR", *, back: bool = False) -> bool:
    debit, credit = (SALES, CLEARING) if back else (CLEARING, SALES)
    async with transaction():
        return await ledger.post(
            key,
            [Entry(debit, credit, Money(minor, currency))],
            merchant_id="mer_1",
            kind=JournalKind.REVERSAL if back else JournalKind.PAYMENT,
            at=clock_port.now(),
            references=References(gateway_account_id="ga_1", payment_id="pay_1"),
        )


async def balances() -> dict[tuple[str, str], int]:
    return {(row.kind, row.currency): row.balance_minor for row in await ledger.balances("mer_1")}


async def test_an_event_is_posted_once_however_often_it_is_told(database: str) -> None:
    assert [await post("capture:op_1") for _ in range(3)] == [True, False, False]
    assert await balances() == {("gateway_clearing", "EUR"): 1000, ("sales", "EUR"): -1000}


async def test_each_currency_has_accounts_of_its_own(database: str) -> None:
    await post("capture:op_1")
    await post("capture:op_2", 500, "JPY")
    assert await balances() == {
        ("gateway_clearing", "EUR"): 1000,
        ("gateway_clearing", "JPY"): 500,
        ("sales", "EUR"): -1000,
        ("sales", "JPY"): -500,
    }


@pytest.mark.parametrize("minor", [0, -1])
async def test_an_amount_that_is_not_positive_is_refused(database: str, minor: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        await post("capture:op_1", minor)
    assert await balances() == {}


async def test_posting_outside_a_transaction_is_refused(database: str) -> None:
    with pytest.raises(RuntimeError):
        await ledger.post("k", [], merchant_id="mer_1", kind=JournalKind.PAYMENT, at=clock_port.now())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfer SET amount_minor = 1",
        "DELETE FROM ledger_transfer",
        "UPDATE ledger_journal SET memo = 'x'",
        "DELETE FROM ledger_journal",
        "TRUNCATE ledger_transfer",
    ],
)
async def test_what_is_posted_cannot_be_changed_or_taken_away(database: str, statement: str) -> None:
    await post("capture:op_1")
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        async with transaction() as connection:
            await connection.execute(statement)
    assert (await balances())[("gateway_clearing", "EUR")] == 1000


async def test_a_transfer_between_accounts_of_other_currencies_is_refused(database: str) -> None:
    await post("capture:op_1")
    await post("capture:op_2", 500, "JPY")
    async with transaction() as connection:
        euro = await connection.fetchval("SELECT id FROM ledger_account WHERE kind = 'sales' AND currency = 'EUR'")
        yen = await connection.fetchval("SELECT id FROM ledger_account WHERE kind = 'sales' AND currency = 'JPY'")
        journal = await connection.fetchval("SELECT id FROM ledger_journal LIMIT 1")
    with pytest.raises(asyncpg.RaiseError, match="another currency"):
        async with transaction() as connection:
            await connection.execute(
                "INSERT INTO ledger_transfer (id, journal_id, debit_account_id, credit_account_id, amount_minor, "
                "currency) VALUES ('tr_1', $1, $2, $3, 1, 'EUR')",
                journal,
                euro,
                yen,
            )


async def test_movements_are_what_a_gateways_report_must_show(database: str) -> None:
    await post("capture:op_1")
    await post("capture:op_2", 700)
    movements = await store.gateway_movements("mer_1", "ga_1")
    assert [(row.journal_key, row.amount_minor) for row in movements] == [("capture:op_1", 1000), ("capture:op_2", 700)]
    assert await store.gateway_movements("mer_1", "ga_other") == []


async def test_what_was_taken_back_is_no_movement_and_leaves_no_balance(database: str) -> None:
    await post("capture:op_1")
    await post(reversal_key("capture:op_1"), back=True)
    assert await store.gateway_movements("mer_1") == []
    assert set((await balances()).values()) == {0}
    assert len(await store.transfers_of("pay_1")) == 2
