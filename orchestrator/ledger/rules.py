"""Posting rules: what each kind of money event debits and credits. Pure; `parts` are recipients' parts by their id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from currency.money import Money
from orchestrator.ledger.chart import AccountKind
from orchestrator.ledger.entries import AccountKey, Entry

if TYPE_CHECKING:
    Parts = Mapping[str, Money]

FX_POSITION = AccountKey(AccountKind.FX_POSITION)


def clearing(gateway_account_id: str) -> AccountKey:
    return AccountKey(AccountKind.GATEWAY_CLEARING, gateway_account_id)


def payable(recipient_id: str) -> AccountKey:
    return AccountKey(AccountKind.SPLIT_PAYABLE, recipient_id=recipient_id)


def captured(amount: Money, gateway_account_id: str, credit: AccountKind, parts: Parts) -> list[Entry]:
    """The gateway owes us the amount; of it we owe the recipients their parts, and the rest is what `credit` says."""
    held = clearing(gateway_account_id)
    ours = (held, AccountKey(credit), _rest(amount, parts))
    return _entries(ours, *((held, payable(r), p) for r, p in parts.items()))


def refunded(
    amount: Money, gateway_account_id: str, parts: Parts, debit: AccountKind = AccountKind.REFUNDS
) -> list[Entry]:
    """The gateway gave the amount back: out of the recipients' parts, and the rest out of what `debit` says.

    What must never have been kept is debited where its capture was credited: it was no sale and paid no debt.
    """
    held, ours = clearing(gateway_account_id), AccountKey(debit)
    return _entries((ours, held, _rest(amount, parts)), *((payable(r), held, p) for r, p in parts.items()))


def handed_over(gateway_account_id: str, parts: Parts) -> list[Entry]:
    """The gateway has given the recipients their parts out of what it owed us."""
    return _entries(*((payable(r), clearing(gateway_account_id), p) for r, p in parts.items()))


def taken_back(entries: Sequence[Entry]) -> list[Entry]:
    """What undoes the entries."""
    return [Entry(debit=entry.credit, credit=entry.debit, amount=entry.amount) for entry in entries]


def converted(sold: Money, bought: Money, giving: AccountKey, receiving: AccountKey) -> list[Entry]:
    """`sold` leaves the one account and `bought` comes to the other, both by way of the position account.

    Two transfers in one journal, each in one currency (design rule 8). Raises ValueError where the currency is one.
    """
    if sold.currency == bought.currency:
        raise ValueError(f"a conversion has two currencies, not {sold.currency} twice")
    return [Entry(FX_POSITION, giving, sold), Entry(receiving, FX_POSITION, bought)]


def revalued(difference: Money) -> list[Entry]:
    """An exchange that brought more than it was booked as (a gain), or less where it is negative (a loss)."""
    other = AccountKey(AccountKind.FX_DIFFERENCE)
    if difference.minor < 0:
        return [Entry(other, FX_POSITION, -difference)]
    return _entries((FX_POSITION, other, difference))


def moved(*moves: tuple[AccountKey, AccountKey, Money]) -> list[Entry]:
    """(debit, credit, amount) as entries. A negative amount turns its entry round, nothing is no entry."""
    return [
        Entry(debit, credit, amount) if amount.minor > 0 else Entry(credit, debit, -amount)
        for debit, credit, amount in moves
        if amount.minor
    ]


def _rest(amount: Money, parts: Parts) -> Money:
    """Raises ValueError where the parts are more than there is."""
    rest = amount.minor - sum(part.minor for part in parts.values())
    if rest < 0:
        raise ValueError(f"parts of {amount.minor - rest} of only {amount.minor} {amount.currency} (minor units)")
    return Money(rest, amount.currency)


def _entries(*moves: tuple[AccountKey, AccountKey, Money]) -> list[Entry]:
    """(debit, credit, amount) as entries; nothing is no entry."""
    return [Entry(debit, credit, amount) for debit, credit, amount in moves if amount.minor]
