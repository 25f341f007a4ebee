"""What a reminder policy may say; every refusal names the field and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from currency.money import Money
from invoicing.errors import InvalidInvoice
from invoicing.reminders import DEFAULT_POLICY, Policy, ReminderStep

EUR_5, USD_5 = Money(500, "EUR"), Money(500, "USD")


def step(offset_days: int, level: int, deadline_days: int = 7, **more: Any) -> ReminderStep:
    return ReminderStep(offset_days=offset_days, level=level, deadline_days=deadline_days if level else 0, **more)


def test_the_default_is_a_notice_and_three_letters_without_fees() -> None:
    assert [(one.offset_days, one.level) for one in DEFAULT_POLICY.steps] == [(-3, 0), (3, 1), (14, 2), (28, 3)]
    assert not any(one.fees or one.with_late_charge for one in DEFAULT_POLICY.steps)


def test_a_fee_is_that_of_the_invoices_currency() -> None:
    letter = step(3, 1, fees=(EUR_5, USD_5))
    assert letter.fee_in("USD") == USD_5
    assert letter.fee_in("JPY") == Money(0, "JPY")


def test_a_policy_without_steps_reminds_nobody() -> None:
    assert Policy(steps=()).steps == ()


@pytest.mark.parametrize(
    ("steps", "field", "remedy"),
    [
        ([step(3, 0)], "steps[0].level", "must be 1 or more after the due date"),
        ([step(0, 1)], "steps[0].offset_days", "must be at least 1"),
        ([step(-90, 0)], "steps[0].offset_days", "between -60 and 730"),
        ([step(3, 1, 0)], "steps[0].deadline_days", "between 1 and 90"),
        ([ReminderStep(offset_days=-3, level=0, deadline_days=4)], "steps[0].deadline_days", "must be 0 at level 0"),
        ([step(-3, 0, fees=(EUR_5,))], "steps[0].fees", "leave it out"),
        ([step(-3, 0, with_late_charge=True)], "steps[0].with_late_charge", "leave it out"),
        ([step(3, 1, fees=(Money(0, "EUR"),))], "steps[0].fees[0]", "must be positive"),
        ([step(3, 1, fees=(EUR_5, EUR_5))], "steps[0].fees[1]", "leave one of them out"),
        ([step(3, 1, note="x" * 501)], "steps[0].note", "at most 500"),
        ([step(3, 2), step(20, 2)], "steps[1].level", "must be above 2"),
        ([step(3, 1), step(10, 2)], "steps[1].offset_days", "must be at least 11"),
        ([step(-1, 0), step(1, 1)], "steps[1].offset_days", "must be at least 2"),
        ([step(30 * number, number) for number in range(1, 12)], "steps", "at most 10"),
    ],
)
def test_what_cannot_be_names_the_field_and_the_remedy(steps: list[ReminderStep], field: str, remedy: str) -> None:
    with pytest.raises(InvalidInvoice) as refused:
        Policy(steps=tuple(steps))
    assert refused.value.field == field
    assert remedy in refused.value.message


def test_letters_are_at_least_a_day_apart() -> None:
    with pytest.raises(InvalidInvoice, match="min_days_between"):
        Policy(steps=(), min_days_between=0)
