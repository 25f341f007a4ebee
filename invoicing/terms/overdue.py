"""What of an invoice is still open, by due date, and what its delay has cost: each part is a debt by itself."""

from __future__ import annotations

from collections.abc import Iterable
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

    Payments go to the earliest part first, in the order of their days; what went back of them is negative. For
    `fee_basis` see `late_charge`. Raises UnknownBaseRate, InvalidInvoice.
    """
    paid, before = list(payments), Money.zero(total.currency)
    late = late_terms_of(terms)
    charges = []
    for due, amount in schedule(terms, total, issue_date):
        taken = fallen_to(paid, before, amount)
        before += amount
        charge = late_charge(late, amount, due=due, until=until, rates=rates, payments=taken, fee_basis=fee_basis)
        if charge.spans:
            charges.append((due, charge))
    return charges


def fallen_to(
    payments: Iterable[tuple[date, Money]], after: Money, amount: Money | None = None
) -> list[tuple[date, Money]]:
    """What of the payments, in the order of their days, went to the part of a debt that begins `after` so much of it
    and is of that amount (None: all the rest). What went back is negative, and leaves the latest part first."""
    paid = filled = Money.zero(after.currency)
    found = []
    for day, more in sorted(payments, key=lambda payment: payment[0]):
        paid += more
        beyond = max(paid - after, Money.zero(after.currency))
        now = beyond if amount is None else min(beyond, amount)
        if now != filled:
            found.append((day, now - filled))
        filled = now
    return found
