"""What a posting is made of: accounts by key, entries between them, and the ids by which the event is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from currency.money import Money
from orchestrator.ledger.chart import AccountKind


@dataclass(frozen=True, slots=True)
class AccountKey:
    """An account of the merchant; its currency is that of the amount posted. `recipient_id` is whose it is: a
    recipient's of splits, or a customer's (of invoices to a buyer who is no customer on record it is empty)."""

    kind: AccountKind
    gateway_account_id: str = ""
    recipient_id: str = ""


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


@dataclass(frozen=True, slots=True)
class Journal:
    """One money event to be posted, once for its key."""

    key: str
    entries: Sequence[Entry]
    memo: str = ""
    references: References = References()
