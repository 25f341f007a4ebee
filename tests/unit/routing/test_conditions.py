"""What rules may ask about a payment, and what they get for a fact that is not known."""

import pytest

from currency.money import Money
from routing.conditions import Truth, evaluate
from routing.facts import PaymentFacts
from routing.rules import parse_rule_set

FACTS = PaymentFacts(
    amount=Money(5000, "EUR"), country="DE", issuer_country="NO", brand="visa", bin="424242", metadata={"plan": "gold"}
)
NOTHING_KNOWN = PaymentFacts(amount=Money(5000, "EUR"))


def truth_of(condition: object, facts: PaymentFacts) -> Truth:
    [rule] = parse_rule_set({"rules": [{"name": "r", "when": condition, "then": {}}]}).rules
    return evaluate(rule.when, facts)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"currency": ["EUR", "USD"]}, Truth.TRUE),
        ({"country": ["FR"]}, Truth.FALSE),
        ({"issuer_country": ["NO"]}, Truth.TRUE),
        ({"brand": ["visa"]}, Truth.TRUE),
        ({"method": ["card"]}, Truth.TRUE),
        ({"region": ["EU", "LATAM"]}, Truth.TRUE),
        ({"region": ["UK"]}, Truth.FALSE),
        ({"amount": {"currency": "EUR", "min": 5000}}, Truth.TRUE),
        ({"amount": {"currency": "EUR", "max": 5000}}, Truth.TRUE),
        ({"amount": {"currency": "EUR", "min": 5001}}, Truth.FALSE),
        ({"amount": {"currency": "EUR", "max": 4999}}, Truth.FALSE),
        ({"bin": ["51", "4242"]}, Truth.TRUE),
        ({"bin": ["51"]}, Truth.FALSE),
        ({"bin": ["510000-559999", "420000-430000"]}, Truth.TRUE),
        ({"bin": ["424243-424300"]}, Truth.FALSE),
        ({"bin": ["42424200-42424299"]}, Truth.TRUE),  # whatever the two digits are that are not known
        ({"bin": ["42424200-42424298"]}, Truth.UNKNOWN),
        ({"bin": ["424242-424242"]}, Truth.TRUE),
        ({"bin": ["00000000-99999999"]}, Truth.TRUE),
        ({"customer_present": True}, Truth.TRUE),
        ({"customer_present": False}, Truth.FALSE),
        ({"metadata": {"key": "plan", "in": ["gold"]}}, Truth.TRUE),
        ({"not": {"metadata": {"key": "plan", "in": ["gold"]}}}, Truth.FALSE),
        ({"all": [{"country": ["DE"]}, {"brand": ["amex"]}]}, Truth.FALSE),
        ({"any": [{"country": ["DE"]}, {"brand": ["amex"]}]}, Truth.TRUE),
    ],
)
def test_a_condition_on_known_facts_is_true_or_false(condition: object, expected: Truth) -> None:
    assert truth_of(condition, FACTS) is expected


@pytest.mark.parametrize(
    "condition",
    [
        {"country": ["DE"]},
        {"not": {"country": ["DE"]}},
        {"region": ["EU"]},
        {"issuer_country": ["DE"]},
        {"brand": ["visa"]},
        {"channel": ["web"]},
        {"bin": ["42"]},
        {"metadata": {"key": "plan", "in": ["gold"]}},
        {"not": {"metadata": {"key": "plan", "in": ["gold"]}}},
        {"all": [{"currency": ["EUR"]}, {"country": ["DE"]}]},
        {"any": [{"currency": ["USD"]}, {"country": ["DE"]}]},
    ],
)
def test_a_condition_on_a_missing_fact_is_unknown_and_so_is_its_negation(condition: object) -> None:
    assert truth_of(condition, NOTHING_KNOWN) is Truth.UNKNOWN


def test_an_amount_in_another_currency_is_not_compared() -> None:
    assert truth_of({"amount": {"currency": "USD", "min": 1}}, FACTS) is Truth.UNKNOWN


def test_six_known_digits_do_not_settle_a_prefix_of_eight() -> None:
    assert truth_of({"bin": ["42424242"]}, FACTS) is Truth.UNKNOWN
    assert truth_of({"bin": ["42424342"]}, FACTS) is Truth.FALSE


def test_a_false_part_settles_all_and_a_true_part_settles_any_whatever_is_missing() -> None:
    assert truth_of({"all": [{"country": ["DE"]}, {"currency": ["USD"]}]}, NOTHING_KNOWN) is Truth.FALSE
    assert truth_of({"any": [{"country": ["DE"]}, {"currency": ["EUR"]}]}, NOTHING_KNOWN) is Truth.TRUE


def test_a_merchant_initiated_payment_has_no_customer_present() -> None:
    with pytest.raises(ValueError, match="no customer present"):
        PaymentFacts(amount=Money(1, "EUR"), customer_present=True, merchant_initiated=True)
