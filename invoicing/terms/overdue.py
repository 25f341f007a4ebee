"""What of an invoice is still open, by due date, and what its delay has cost: each part is a debt by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from currency.money import Money
from invoicing.terms.agreed import Terms, late_terms_of, schedule
from invoicing.terms.base_rates import BaseRates
from invoicing.terms.late_payment import LateCharge, late_charge


def open_parts(terms: Terms, total: Money, issue_date: date, paid: Money) -> list[tuple[date, Money]]:
    """What is still to be paid, by due date; what was paid went to the earliest parts. Raises InvalidInvoice."""
    left: list[tuple[date, Money]] = []
    for day, amount in schedule(terms, total, issue_date):
        used = min(amount, paid)
        paid -= used
        if used < amount:
            left.append((day, amount - used))
    return left


def late_charges(
    terms: Terms,
    total: Money,
    issue_date: date,
    *,
    until: date,
    rates: BaseRates,
    payments: Iterable[tuple[date, Money]] = (),
    fee_basis: Money | None = None,
) -> list[tuple[date, LateCharge]]:
    """The late charge of each part that is or was overdue by `until`, by its due date, by the law or terms agreed.

    Payments go to the earliest part first, in the order of their days. For `fee_basis` see `late_charge`. Raises
    UnknownBaseRate, InvalidInvoice.
    """
    waiting = sorted(payments, key=lambda payment: payment[0])
    late = late_terms_of(terms)
    charges = []
    for due, amount in schedule(terms, total, issue_date):
        taken, waiting = _take(amount, waiting)
        charge = late_charge(late, amount, due=due, until=until, rates=rates, payments=taken, fee_basis=fee_basis)
        if charge.spans:
            charges.append((due, charge))
    return charges


def _take(
    amount: Money, payments: Sequence[tuple[date, Money]]
) -> tuple[list[tuple[date, Money]], list[tuple[date, Money]]]:
    """The payments that fill `amount`, and what is left of them all."""
    taken, left = [], []
    for day, paid in payments:
        used = min(amount, paid)
        amount -= used
        if used.minor:
            taken.append((day, used))
        if used < paid:
            left.append((day, paid - used))
    return taken, left
