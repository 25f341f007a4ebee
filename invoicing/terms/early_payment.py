"""A discount for paying early (2/10: 2 % within 10 days), in one or several steps, and what is let pass for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from currency.money import Money, percent
from invoicing.errors import InvalidInvoice
from invoicing.terms.business_days import BusinessDays, adjust
from invoicing.terms.due_rules import MAX_NET_DAYS, check_range

MAX_STEPS = 5
MAX_DISCOUNT_BPS = 5_000
MAX_LATE_ACCEPTED_DAYS = 14
MAX_SHORT_ACCEPTED_MINOR = 10_000


class DiscountStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`discount_bps` (1 to 5000; 200 is 2 %) off the total where it is paid within `days` days of the issue (0 to 365).

    Raises InvalidInvoice.
    """

    days: int
    discount_bps: int

    def __post_init__(self) -> None:
        check_range("terms.early_payment.steps.days", self.days, 0, MAX_NET_DAYS)
        check_range("terms.early_payment.steps.discount_bps", self.discount_bps, 1, MAX_DISCOUNT_BPS)


class EarlyPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steps, soonest first, each with less discount than the one before; no steps say that there is no discount.

    Not printed, and kept to by the merchant alone: `late_accepted_days` (0 to 14) that a payment may come after a
    step's last day, and `short_accepted_minor` (0 to 10000 minor units) that it may lack. Raises InvalidInvoice.
    """

    steps: tuple[DiscountStep, ...]
    late_accepted_days: int = 0
    short_accepted_minor: int = 0

    def __post_init__(self) -> None:
        check_range("terms.early_payment.late_accepted_days", self.late_accepted_days, 0, MAX_LATE_ACCEPTED_DAYS)
        check_range("terms.early_payment.short_accepted_minor", self.short_accepted_minor, 0, MAX_SHORT_ACCEPTED_MINOR)
        if len(self.steps) > MAX_STEPS:
            raise InvalidInvoice("terms.early_payment.steps", f"must be at most {MAX_STEPS}")
        for sooner, later in zip(self.steps, self.steps[1:], strict=False):
            if sooner.days >= later.days or sooner.discount_bps <= later.discount_bps:
                raise InvalidInvoice(
                    "terms.early_payment.steps",
                    "must go from soon to late, each with less discount than the one before",
                )


@dataclass(frozen=True, slots=True)
class Sufficient:
    """What settles an invoice in full on a day: `asked` is `total - discount`, and `accepted` is what is let pass
    for it. `last_day` is the printed one of the step, None where there is no discount that day.
    """

    asked: Money
    accepted: Money
    discount: Money
    discount_bps: int
    last_day: date | None

    def settles(self, paid: Money) -> bool:
        """Whether that much, paid that day, closes the invoice. Raises CurrencyMismatch."""
        return paid >= self.accepted


def sufficient_at(
    early: EarlyPayment, total: Money, *, issue_date: date, paid_on: date, business_days: BusinessDays | None
) -> Sufficient:
    """What suffices on that day. The discount is rounded once, HALF_UP, and is taken off the total with its tax.

    Without a discount nothing less than the total suffices: the tolerance is one for discounts.
    """
    late_accepted = timedelta(days=early.late_accepted_days)
    for step, last_day in deadlines(early, issue_date=issue_date, business_days=business_days):
        if paid_on <= last_day + late_accepted:
            # Never down to nothing: an invoice is not settled by no payment at all.
            least = min(total, Money(1, total.currency))
            discount = min(percent(total, step.discount_bps), total - least)
            asked = total - discount
            accepted = max(asked - Money(early.short_accepted_minor, total.currency), least)
            return Sufficient(asked, accepted, discount, step.discount_bps, last_day)
    return Sufficient(total, total, Money.zero(total.currency), 0, None)


def deadlines(
    early: EarlyPayment, *, issue_date: date, business_days: BusinessDays | None
) -> Sequence[tuple[DiscountStep, date]]:
    """Each step and its last day, which moves off a day that is no business day as the due date does."""
    days = [(step, issue_date + timedelta(days=step.days)) for step in early.steps]
    if business_days is None:
        return days
    return [(step, adjust(day, business_days, not_before=issue_date)) for step, day in days]
