"""What money was booked as: a payment's quote before the day's rate, in proportion; nothing where neither says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from currency.money import Money
from currency.rates import PairTable, Rate
from orchestrator.fx.store import QuoteRow
from orchestrator.fx.worth import Booked

DAY = date(2026, 11, 2)
RATE = Rate("EUR", "USD", Decimal(1), Decimal("1.25"), DAY, "manual")
AT = datetime(2026, 11, 2, tzinfo=UTC)
QUOTE = QuoteRow("fxq_1", "mer_1", 10_000, "EUR", 12_750, "USD", RATE.with_markup(200).freeze(), AT, AT)
BOOKED = Booked(PairTable("manual", [RATE]), {"pay_1": QUOTE})


def worth(minor: int, payment: str = "pay_1", *, currency: str = "USD", into: str = "EUR") -> Money | None:
    return BOOKED.worth(Money(minor, currency), into, payment, DAY)


@pytest.mark.parametrize(("paid", "booked"), [(12_750, 10_000), (6_375, 5_000), (-12_750, -10_000), (1, 1), (0, 0)])
def test_money_of_a_quoted_payment_is_worth_what_was_quoted(paid: int, booked: int) -> None:
    assert worth(paid) == Money(booked, "EUR")


def test_other_payments_are_worth_the_days_rate() -> None:
    assert worth(12_500, "pay_2") == Money(10_000, "EUR")


def test_a_quote_says_nothing_of_a_third_currency() -> None:
    assert worth(12_750, into="GBP") is None
    assert worth(100, "pay_1", currency="EUR", into="USD") == Money(125, "USD")


def test_without_any_rate_nothing_is_claimed() -> None:
    assert worth(100, "pay_2", currency="JPY") is None
