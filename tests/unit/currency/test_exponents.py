"""Amounts as each gateway writes them. Cases from the gateways' own currency pages."""

import pytest

from currency.exponents import (
    AmountNotRepresentable,
    UnknownEncoding,
    currencies_of,
    from_gateway_decimal,
    from_gateway_minor,
    require_representable,
    to_gateway_decimal,
    to_gateway_minor,
)
from currency.money import Money

MINOR_CASES = [
    ("stripe", Money(1999, "EUR"), 1999),
    ("stripe", Money(500, "JPY"), 500),
    ("stripe", Money(5, "ISK"), 500),
    ("stripe", Money(7, "UGX"), 700),
    ("stripe", Money(300, "MGA"), 3),
    ("stripe", Money(5120, "KWD"), 5120),
    ("stripe", Money(1050, "HUF"), 1050),
    ("adyen", Money(5, "ISK"), 500),
    ("adyen", Money(5, "CLP"), 500),
    ("adyen", Money(500, "CVE"), 5),
    ("adyen", Money(150000, "IDR"), 1500),
    ("adyen", Money(7, "UGX"), 7),
    ("adyen", Money(5124, "KWD"), 5124),
    ("paypal_stl", Money(100, "JPY"), 10000),
    ("paypal_stl", Money(10000, "USD"), 10000),
    ("paypal_stl", Money(12340, "KWD"), 1234),
]

DECIMAL_CASES = [
    ("paypal", Money(1999, "EUR"), "19.99"),
    ("paypal", Money(5, "EUR"), "0.05"),
    ("paypal", Money(500, "JPY"), "500"),
    ("paypal", Money(120000, "HUF"), "1200"),
    ("stripe_report", Money(-1999, "EUR"), "-19.99"),
    ("stripe_report", Money(-5, "EUR"), "-0.05"),
    ("adyen_report", Money(5124, "KWD"), "5.124"),
]


@pytest.mark.parametrize(("gateway", "money", "value"), MINOR_CASES)
def test_an_amount_in_the_gateways_minor_units(gateway: str, money: Money, value: int) -> None:
    assert to_gateway_minor(money, gateway) == value
    assert from_gateway_minor(value, money.currency, gateway) == money


@pytest.mark.parametrize(("gateway", "money", "text"), DECIMAL_CASES)
def test_an_amount_as_the_gateways_decimal(gateway: str, money: Money, text: str) -> None:
    assert to_gateway_decimal(money, gateway) == text
    assert from_gateway_decimal(text, money.currency, gateway) == money


@pytest.mark.parametrize(
    ("gateway", "money", "reason"),
    [
        ("stripe", Money(5124, "KWD"), "multiples of 10 "),
        ("stripe", Money(1000, "IQD"), "does not carry IQD"),
        ("stripe", Money(150, "MGA"), "no decimals"),
        ("adyen", Money(150, "IDR"), "no decimals"),
        ("adyen", Money(150, "BIF"), "does not carry BIF"),
        ("paypal", Money(12345, "HUF"), "no decimals"),
        ("paypal", Money(12345, "TWD"), "no decimals"),
        ("paypal", Money(1000, "KWD"), "does not carry KWD"),
        ("paypal_stl", Money(1, "KWD"), "2 decimals"),
    ],
)
def test_what_the_gateway_cannot_state_is_refused_with_the_reason(gateway: str, money: Money, reason: str) -> None:
    with pytest.raises(AmountNotRepresentable, match=reason):
        require_representable(money, gateway)


@pytest.mark.parametrize(("value", "currency", "gateway"), [(150, "ISK", "stripe"), (10050, "JPY", "paypal_stl")])
def test_half_a_unit_from_a_gateway_is_refused_not_rounded(value: int, currency: str, gateway: str) -> None:
    with pytest.raises(AmountNotRepresentable):
        from_gateway_minor(value, currency, gateway)


@pytest.mark.parametrize(("text", "currency"), [("1.5", "JPY"), ("1,50", "EUR"), ("", "EUR")])
def test_a_decimal_that_is_no_amount_of_the_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(AmountNotRepresentable):
        from_gateway_decimal(text, currency, "paypal")


def test_an_amount_is_not_stated_in_the_other_notation() -> None:
    with pytest.raises(UnknownEncoding):
        to_gateway_minor(Money(100, "EUR"), "paypal")
    with pytest.raises(UnknownEncoding):
        to_gateway_decimal(Money(100, "EUR"), "stripe")


def test_the_currencies_of_a_gateway_are_those_it_does_not_refuse() -> None:
    assert "KWD" not in currencies_of("paypal")
    assert "IQD" not in currencies_of("stripe")
    assert {"EUR", "KWD", "ISK"} <= currencies_of("stripe")
