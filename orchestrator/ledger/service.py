"""Posting to the ledger: every money event once, as transfers that cannot but balance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from currency.money import Money
from orchestrator.db import in_transaction
from orchestrator.ids import new_id
from orchestrator.ledger import balances as projection
from orchestrator.ledger import store
from orchestrator.ledger.balances import BalanceRow
from orchestrator.ledger.chart import AccountKind as AccountKind
from orchestrator.ledger.entries import AccountKey as AccountKey
from orchestrator.ledger.entries import Entry as Entry
from orchestrator.ledger.entries import Journal as Journal
from orchestrator.ledger.entries import References as References


class JournalKind(StrEnum):
    """What kind of money event a journal records."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"  # funds that a gateway withdrew
    DISPUTE_REVERSAL = "dispute_reversal"  # and gave back
    DISPUTE_LOSS = "dispute_loss"  # and will not give back, or did after all
    REVERSAL = "reversal"  # a capture or refund that the gateway had reported and then took back
    FEE = "fee"
    PAYOUT = "payout"
    ORPHAN = "orphan"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    RECEIPT = "receipt"  # money that came by no gateway, as far as it settled no invoice
    CREDIT_PAYOUT = "credit_payout"  # a customer's credit, paid back at the bank
    APPLICATION = "application"  # what was paid too much, or what a credit pays
    SPLIT_TRANSFER = "split_transfer"  # a recipient has its part, or has given it back
    CONVERSION = "conversion"  # from one currency to another, through the position accounts
    RESERVE = "reserve"  # held back by a gateway, or released
    ADJUSTMENT = "adjustment"  # a difference that is accepted


async def post(
    journal_key: str,
    entries: Sequence[Entry],
    *,
    merchant_id: str,
    kind: JournalKind,
    at: datetime,
    memo: str = "",
    references: References | None = None,
) -> bool:
    """Record a money event in the caller's transaction; False when this key was posted before (nothing is added).

    Raises ValueError for an amount that is not positive: turn the entry round instead.
    """
    journal = Journal(journal_key, entries, memo, references or References())
    return await post_many([journal], merchant_id=merchant_id, kind=kind, at=at) == 1


async def post_many(journals: Sequence[Journal], *, merchant_id: str, kind: JournalKind, at: datetime) -> int:
    """The same for several of a kind, in one statement: how many were not posted before."""
    if not in_transaction():
        raise RuntimeError(f"ledger journal {journals[0].key} posted outside a transaction")
    return await store.post([_row(journal, kind) for journal in journals], merchant_id, at)


def _row(journal: Journal, kind: JournalKind) -> store.NewJournal:
    for entry in journal.entries:
        if entry.amount.minor <= 0:
            raise ValueError(f"{journal.key}: a transfer's amount must be positive, not {entry.amount.minor}")
    about = journal.references
    return store.NewJournal(
        id=new_id("jr"),
        journal_key=journal.key,
        kind=kind.value,
        memo=journal.memo,
        gateway_account_id=about.gateway_account_id,
        payment_id=about.payment_id,
        attempt_id=about.attempt_id,
        operation_id=about.operation_id,
        gateway_payment_id=about.gateway_payment_id,
        gateway_operation_id=about.gateway_operation_id,
        transfers=[_transfer(entry) for entry in journal.entries],
    )


def _transfer(entry: Entry) -> store.NewTransfer:
    return store.NewTransfer(
        id=new_id("tr"),
        debit_kind=entry.debit.kind,
        debit_account=entry.debit.gateway_account_id,
        debit_recipient=entry.debit.recipient_id,
        credit_kind=entry.credit.kind,
        credit_account=entry.credit.gateway_account_id,
        credit_recipient=entry.credit.recipient_id,
        amount_minor=entry.amount.minor,
        currency=entry.amount.currency,
    )


async def entries_of(journal_key: str) -> list[Entry]:
    """What a journal posted; empty where there is none of that key."""
    return [
        Entry(
            AccountKey(AccountKind(row.debit_kind), row.debit_account, row.debit_recipient),
            AccountKey(AccountKind(row.credit_kind), row.credit_account, row.credit_recipient),
            Money(row.amount_minor, row.currency),
        )
        for row in await store.sides_of(journal_key)
    ]


def reversal_key(journal_key: str) -> str:
    """The key of the journal that takes another one back. A journal so reversed is no movement at the gateway."""
    return f"{journal_key}{store.REVERSED}"


async def balances(merchant_id: str, as_of: datetime | None = None) -> list[BalanceRow]:
    """Every account with its debit-minus-credit balance in minor units of its currency; of what had occurred by
    `as_of`, where it is given."""
    if as_of is None:
        return await projection.current(merchant_id)
    return await projection.at(merchant_id, as_of)


async def balance_minor(merchant_id: str, account: AccountKey, currency: str) -> int:
    """Debits less credits of one account now, with what the caller's transaction has posted; 0 where there is none."""
    return await projection.of_account(
        merchant_id, account.kind.value, account.gateway_account_id, account.recipient_id, currency
    )
