"""Posting to the ledger: every money event once, as transfers that cannot but balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from currency.money import Money
from orchestrator.db import in_transaction
from orchestrator.ids import new_id
from orchestrator.ledger import store


class AccountKind(StrEnum):
    """The chart of accounts. Debit balances: what we have or paid; credit balances: what we owe or earned."""

    GATEWAY_CLEARING = "gateway_clearing"  # what a gateway owes us; equals the gateway's own books
    PAYOUT_TRANSIT = "payout_transit"  # on the way from gateway to bank
    FEES = "fees"
    REFUNDS = "refunds"
    DISPUTES = "disputes"  # withdrawn by a gateway for disputes that are not decided
    CHARGEBACKS = "chargebacks"  # lost in disputes
    DISPUTE_FEES = "dispute_fees"
    SALES = "sales"  # contra account: the general ledger has the revenue
    TAX = "tax"
    CUSTOMER_RECEIVABLE = "customer_receivable"
    CUSTOMER_CREDIT = "customer_credit"
    ORPHAN_SUSPENSE = "orphan_suspense"  # money a gateway reports that no payment of ours explains


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
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """An account of the merchant; its currency is that of the amount posted."""

    kind: AccountKind
    gateway_account_id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer: `debit` grows by the amount, `credit` gives it. The amount is positive."""

    debit: AccountKey
    credit: AccountKey
    amount: Money


@dataclass(frozen=True, slots=True)
class References:
    """By which ids the event is known to us and to the gateway, so that reports can be matched to it."""

    gateway_account_id: str = ""
    payment_id: str = ""
    attempt_id: str = ""
    operation_id: str = ""
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""


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
    if not in_transaction():
        raise RuntimeError(f"ledger journal {journal_key} posted outside a transaction")
    for entry in entries:
        if entry.amount.minor <= 0:
            raise ValueError(f"{journal_key}: a transfer's amount must be positive, not {entry.amount.minor}")
    transfers = [
        store.NewTransfer(
            id=new_id("tr"),
            debit_kind=entry.debit.kind,
            debit_account=entry.debit.gateway_account_id,
            credit_kind=entry.credit.kind,
            credit_account=entry.credit.gateway_account_id,
            amount_minor=entry.amount.minor,
            currency=entry.amount.currency,
        )
        for entry in entries
    ]
    return await store.post(journal_key, merchant_id, kind.value, at, memo, references or References(), transfers)


def reversal_key(journal_key: str) -> str:
    """The key of the journal that takes another one back. A journal so reversed is no movement at the gateway."""
    return f"{journal_key}{store.REVERSED}"


async def balances(merchant_id: str) -> list[store.BalanceRow]:
    """Every account with its debit-minus-credit balance in minor units of its currency."""
    return await store.balances(merchant_id)
