"""Every query on the ledger. Rows are only ever added."""

from datetime import datetime
from typing import Protocol

import msgspec

from currency.money import Money
from orchestrator.ids import new_id
from orchestrator.ledger.tables import LedgerAccount, LedgerJournal, LedgerTransfer

REVERSED = ":reversed"  # ends the key of the journal that takes another one back


class ReferencesLike(Protocol):
    """The ids by which a journal is known; see `ledger.service.References`."""

    @property
    def gateway_account_id(self) -> str: ...
    @property
    def payment_id(self) -> str: ...
    @property
    def attempt_id(self) -> str: ...
    @property
    def operation_id(self) -> str: ...
    @property
    def gateway_payment_id(self) -> str: ...
    @property
    def gateway_operation_id(self) -> str: ...


class BalanceRow(msgspec.Struct, frozen=True):
    """An account and its balance: debits less credits, in minor units."""

    kind: str
    gateway_account_id: str
    currency: str
    balance_minor: int


class MovementRow(msgspec.Struct, frozen=True):
    """Money that moved at a gateway, as our ledger has it. `kind` is payment or refund; the amount is positive."""

    journal_key: str
    kind: str
    gateway_account_id: str
    amount_minor: int
    currency: str
    payment_id: str
    attempt_id: str
    operation_id: str
    gateway_payment_id: str
    gateway_operation_id: str
    occurred_at: datetime


class TransferRow(msgspec.Struct, frozen=True):
    """One transfer with the names of its two accounts."""

    journal_key: str
    kind: str
    debit: str
    credit: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    memo: str


async def insert_journal(
    journal_id: str, journal_key: str, merchant_id: str, kind: str, at: datetime, memo: str, references: ReferencesLike
) -> bool:
    """Whether this key is new."""
    rows = await LedgerJournal.raw(
        "INSERT INTO ledger_journal (id, merchant_id, journal_key, kind, occurred_at, memo, gateway_account_id, "
        "payment_id, attempt_id, operation_id, gateway_payment_id, gateway_operation_id) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (journal_key) DO NOTHING RETURNING id",
        journal_id,
        merchant_id,
        journal_key,
        kind,
        at,
        memo,
        references.gateway_account_id,
        references.payment_id,
        references.attempt_id,
        references.operation_id,
        references.gateway_payment_id,
        references.gateway_operation_id,
    )
    return bool(rows)


async def account_id(merchant_id: str, kind: str, gateway_account_id: str, currency: str) -> str:
    """The account's id; it is opened when it is first used."""
    found = await LedgerAccount.raw(
        "SELECT id FROM ledger_account WHERE merchant_id = {} AND kind = {} AND gateway_account_id = {} "
        "AND currency = {}",
        merchant_id,
        str(kind),
        gateway_account_id,
        currency,
    )
    if not found:
        await LedgerAccount.raw(
            "INSERT INTO ledger_account (id, merchant_id, kind, gateway_account_id, currency) "
            "VALUES ({}, {}, {}, {}, {}) ON CONFLICT (merchant_id, kind, gateway_account_id, currency) DO NOTHING",
            new_id("la"),
            merchant_id,
            str(kind),
            gateway_account_id,
            currency,
        )
        return await account_id(merchant_id, kind, gateway_account_id, currency)
    return str(found[0]["id"])


async def insert_transfer(journal_id: str, debit_id: str, credit_id: str, amount: Money) -> None:
    await LedgerTransfer.insert(
        LedgerTransfer(
            id=new_id("tr"),
            journal_id=journal_id,
            debit_account_id=debit_id,
            credit_account_id=credit_id,
            amount_minor=amount.minor,
            currency=amount.currency,
        )
    )


async def balances(merchant_id: str) -> list[BalanceRow]:
    rows = await LedgerAccount.raw(
        "SELECT a.kind, a.gateway_account_id, a.currency, (COALESCE((SELECT sum(t.amount_minor) FROM ledger_transfer t "
        "WHERE t.debit_account_id = a.id), 0) - COALESCE((SELECT sum(t.amount_minor) FROM ledger_transfer t "
        "WHERE t.credit_account_id = a.id), 0))::bigint AS balance_minor FROM ledger_account a "
        "WHERE a.merchant_id = {} ORDER BY a.kind, a.gateway_account_id, a.currency",
        merchant_id,
    )
    return msgspec.convert(rows, list[BalanceRow])


async def gateway_movements(merchant_id: str, gateway_account_id: str | None = None) -> list[MovementRow]:
    """Captures and refunds that stand, oldest first: what a gateway's reports must show."""
    rows = await LedgerJournal.raw(
        "SELECT j.journal_key, j.kind, j.gateway_account_id, t.amount_minor, t.currency, j.payment_id, j.attempt_id, "
        "j.operation_id, j.gateway_payment_id, j.gateway_operation_id, j.occurred_at FROM ledger_journal j "
        "JOIN ledger_transfer t ON t.journal_id = j.id "
        "JOIN ledger_account a ON a.id IN (t.debit_account_id, t.credit_account_id) AND a.kind = 'gateway_clearing' "
        "WHERE j.merchant_id = {} AND j.kind IN ('payment', 'refund') "
        "AND NOT EXISTS (SELECT 1 FROM ledger_journal r WHERE r.journal_key = j.journal_key || {}) "
        "AND ({} = '' OR j.gateway_account_id = {}) ORDER BY j.occurred_at, j.id",
        merchant_id,
        REVERSED,
        gateway_account_id or "",
        gateway_account_id or "",
    )
    return msgspec.convert(rows, list[MovementRow])


async def transfers_of(payment_id: str) -> list[TransferRow]:
    """Everything the ledger has for a payment, oldest first."""
    rows = await LedgerJournal.raw(
        "SELECT j.journal_key, j.kind, d.kind AS debit, c.kind AS credit, t.amount_minor, t.currency, j.occurred_at, "
        "j.memo FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id "
        "JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id "
        "WHERE j.payment_id = {} ORDER BY j.occurred_at, t.id",
        payment_id,
    )
    return msgspec.convert(rows, list[TransferRow])
