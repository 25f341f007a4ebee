"""What a merchant does about invoices that are not paid: which letters, when, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from currency.money import Money
from invoicing.checks import check_length
from invoicing.errors import InvalidInvoice
from invoicing.terms.due_rules import check_range

MAX_STEPS = 10
MAX_LEVEL = 20
MAX_NOTE = 500
OFFSET_DAYS = (-60, 730)
DEADLINE_DAYS = (1, 90)
DAYS_BETWEEN = (1, 60)


class ReminderStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A letter `offset_days` after the due date. Level 0 is a friendly notice before or on that day and asks for
    nothing more; a later level gives `deadline_days` more, and may ask for a fee (one of the invoice's currency) and
    for what the terms or the law grant for the delay. `note` is printed as it is, whatever the language."""

    offset_days: int
    level: int
    deadline_days: int = 0
    fees: tuple[Money, ...] = ()
    with_late_charge: bool = False
    note: str = ""

    @property
    def is_notice(self) -> bool:
        return self.level == 0

    def fee_in(self, currency: str) -> Money:
        """The fee for an invoice of that currency; nothing where none is set for it."""
        return next((fee for fee in self.fees if fee.currency == currency), Money.zero(currency))


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The letters in their order; without any, nobody is reminded. Between two letters of an invoice, and between its
    issue and the first, are at least `min_days_between` days. With `on_business_days` letters go out, and their
    deadlines end, on business days of the seller's country.

    Raises InvalidInvoice naming the step and the remedy.
    """

    steps: tuple[ReminderStep, ...]
    min_days_between: int = 3
    on_business_days: bool = False

    def __post_init__(self) -> None:
        check_range("min_days_between", self.min_days_between, *DAYS_BETWEEN)
        if len(self.steps) > MAX_STEPS:
            raise InvalidInvoice("steps", f"must be at most {MAX_STEPS}; leave some out")
        for index, step in enumerate(self.steps):
            _check_step(step, f"steps[{index}]")
        _check_order(self.steps, self.min_days_between)


def _check_step(step: ReminderStep, path: str) -> None:
    check_range(f"{path}.offset_days", step.offset_days, *OFFSET_DAYS)
    check_range(f"{path}.level", step.level, 0, MAX_LEVEL)
    check_length(step.note, f"{path}.note", MAX_NOTE)
    if step.is_notice:
        _check_notice(step, path)
        return
    if step.offset_days < 1:
        raise InvalidInvoice(f"{path}.offset_days", "must be at least 1 from level 1 on: before that it is no delay")
    check_range(f"{path}.deadline_days", step.deadline_days, *DEADLINE_DAYS)
    currencies = [fee.currency for fee in step.fees]
    for index, fee in enumerate(step.fees):
        if fee.minor <= 0:
            raise InvalidInvoice(f"{path}.fees[{index}]", "must be positive, or left out")
        if currencies.index(fee.currency) != index:
            raise InvalidInvoice(f"{path}.fees[{index}]", f"is the second one in {fee.currency}; leave one of them out")


def _check_notice(step: ReminderStep, path: str) -> None:
    if step.offset_days > 0:
        raise InvalidInvoice(
            f"{path}.level", "must be 1 or more after the due date; level 0 is the notice before or on that day"
        )
    if step.deadline_days:
        raise InvalidInvoice(f"{path}.deadline_days", "must be 0 at level 0: the due date is the deadline")
    if step.fees or step.with_late_charge:
        field = "fees" if step.fees else "with_late_charge"
        raise InvalidInvoice(f"{path}.{field}", "cannot be asked for at level 0: nobody is late yet; leave it out")


def _check_order(steps: Sequence[ReminderStep], min_days_between: int) -> None:
    for index, (before, step) in enumerate(pairwise(steps), 1):
        if step.level <= before.level:
            raise InvalidInvoice(f"steps[{index}].level", f"must be above {before.level}, the level of the step before")
        deadline = 0 if before.is_notice else before.offset_days + before.deadline_days
        least = max(before.offset_days + min_days_between, deadline + 1)
        if step.offset_days < least:
            raise InvalidInvoice(
                f"steps[{index}].offset_days",
                f"must be at least {least}: the step before gives time until day {deadline}, and letters are"
                f" {min_days_between} days apart; make it later, or steps[{index - 1}].deadline_days shorter",
            )


DEFAULT_POLICY = Policy(
    steps=(
        ReminderStep(offset_days=-3, level=0),
        ReminderStep(offset_days=3, level=1, deadline_days=7),
        ReminderStep(offset_days=14, level=2, deadline_days=7),
        ReminderStep(offset_days=28, level=3, deadline_days=10),
    )
)
"""Where a merchant has set none: a notice, three letters, no fees and no interest."""
