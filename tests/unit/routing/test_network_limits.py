"""How often a declined card may be tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from currency.money import Money
from routing.network_limits import CardTry, ceiling, counts
from routing.outcomes import OutcomeKind
from routing.reasons import CLASS_OF

NOW = datetime(2026, 10, 30, 12, tzinfo=UTC)
AMOUNT = Money(1999, "EUR")


def declined(ago: timedelta, reason: str = "do_not_honor", amount: Money = AMOUNT, advice: str = "") -> CardTry:
    return CardTry(NOW - ago, OutcomeKind.DECLINED, amount, reason, advice)


def every(count: int, step: timedelta, **more: object) -> list[CardTry]:
    return [declined(step * (number + 1), **more) for number in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("brand", "tries", "until"),
    [
        ("visa", every(14, timedelta(days=2)), None),
        ("visa", every(15, timedelta(hours=40)), NOW + timedelta(days=5)),
        ("visa", every(40, timedelta(days=3)), None),
        ("mastercard", every(9, timedelta(hours=1)), None),
        ("mastercard", every(10, timedelta(hours=1)), NOW + timedelta(hours=14)),
        ("mastercard", every(35, timedelta(hours=20)), NOW + timedelta(hours=20)),
        ("amex", every(60, timedelta(hours=1)), None),
        (None, every(15, timedelta(hours=40)), NOW + timedelta(days=5)),
    ],
)
def test_a_card_is_not_tried_beyond_its_networks_limit(
    brand: str | None, tries: list[CardTry], until: datetime | None
) -> None:
    found = ceiling(brand, tries, AMOUNT, NOW)
    assert (found.until if found else None) == until


def test_mastercards_monthly_limit_is_of_one_amount() -> None:
    others = every(40, timedelta(hours=17), amount=Money(1, "EUR"))
    assert ceiling("mastercard", others, AMOUNT, NOW) is None


def test_an_approval_ends_the_counting() -> None:
    tries = [
        *every(14, timedelta(hours=1)),
        CardTry(NOW - timedelta(hours=6, minutes=30), OutcomeKind.APPROVED, AMOUNT),
    ]
    assert ceiling("mastercard", tries, AMOUNT, NOW) is None


@pytest.mark.parametrize("reason", ["stolen_card", "invalid_account", "stop_payment_order", "do_not_try_again"])
def test_what_was_never_to_be_tried_again_is_not(reason: str) -> None:
    found = ceiling("visa", [declined(timedelta(days=20), reason)], AMOUNT, NOW)
    assert found is not None
    assert found.until is None


@pytest.mark.parametrize(("advice", "blocked"), [("03", True), ("21", True), ("01", False), ("", False)])
def test_mastercards_advice_not_to_try_again_is_followed(advice: str, blocked: bool) -> None:
    found = ceiling("mastercard", [declined(timedelta(days=3), advice=advice)], AMOUNT, NOW)
    assert (found is not None and found.until is None) is blocked
    assert ceiling("visa", [declined(timedelta(days=3), advice=advice)], AMOUNT, NOW) is None


def test_an_advised_wait_is_kept() -> None:
    tries = [declined(timedelta(hours=3), "insufficient_funds", advice="25")]
    found = ceiling("mastercard", tries, AMOUNT, NOW)
    assert found is not None
    assert found.until == NOW + timedelta(hours=21)
    assert ceiling("mastercard", tries, AMOUNT, NOW + timedelta(hours=22)) is None


@pytest.mark.parametrize("reason", sorted(CLASS_OF))
def test_what_no_network_saw_does_not_count(reason: str) -> None:
    unseen = {
        "gateway_unavailable", "not_submitted", "rate_limited", "fraud_gateway", "authentication_failed",
        "authentication_technical", "customer_canceled", "retry_limit_exceeded", "token_invalid",
        "currency_not_supported", "card_type_not_supported", "payer_account_problem", "merchant_config",
        "invalid_request", "invalid_state", "test_card",
    }  # fmt: skip
    assert counts(declined(timedelta(0), reason)) is (reason not in unseen)


def test_an_unknown_outcome_counts_and_a_closed_door_does_not() -> None:
    assert counts(CardTry(NOW, OutcomeKind.UNKNOWN, AMOUNT))
    assert not counts(CardTry(NOW, OutcomeKind.NOT_REACHED, AMOUNT))
    assert not counts(CardTry(NOW, OutcomeKind.APPROVED, AMOUNT))
