"""The policy by table: what is wanted, under which exemption, and which demand wins."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from currency.money import Money
from routing.authentication import (
    AuthenticationFacts,
    AuthenticationPolicy,
    Exemption,
    Wanted,
    authentication_plan,
    risk_analysis_max,
)

DEFAULT = AuthenticationPolicy()
SMALL, GERMAN = Money(30_00, "EUR"), "DE"
FACTS = AuthenticationFacts(SMALL, GERMAN)
EXEMPTING = AuthenticationPolicy(Wanted.EXEMPT, fraud_rate_bps=6)


def planned(policy: AuthenticationPolicy = DEFAULT, **changed: object) -> tuple[Wanted, Exemption | None]:
    plan = authentication_plan(replace(FACTS, **changed), policy)  # type: ignore[arg-type]
    return plan.wanted, plan.exemption


def test_by_default_the_issuer_and_the_gateway_decide() -> None:
    assert planned() == (Wanted.PREFERRED, None)


@pytest.mark.parametrize(
    ("amount", "issued", "expected"),
    [
        (Money(30_00, "EUR"), "DE", Exemption.LOW_VALUE),
        (Money(30_01, "EUR"), "DE", Exemption.TRANSACTION_RISK_ANALYSIS),
        (Money(250_00, "EUR"), "GB", Exemption.TRANSACTION_RISK_ANALYSIS),
        (Money(250_01, "EUR"), "DE", None),
        (Money(10_00, "USD"), "DE", None),  # not converted: its number says nothing of euros
        (None, "DE", None),
        (Money(10_00, "EUR"), None, Exemption.LOW_VALUE),
        (Money(9_999_00, "EUR"), "US", Exemption.OUT_OF_SCOPE),
        (Money(9_999_00, "EUR"), "CH", Exemption.OUT_OF_SCOPE),
        (Money(9_999_00, "EUR"), None, None),  # where it was issued is not known: in scope
    ],
)
def test_exemptions_by_amount_and_issuer(amount: Money | None, issued: str | None, expected: Exemption | None) -> None:
    wanted = Wanted.EXEMPT if expected else Wanted.PREFERRED
    assert planned(EXEMPTING, amount_eur=amount, issuer_country=issued) == (wanted, expected)


@pytest.mark.parametrize(
    ("bps", "limit_minor"), [(0, 500_00), (1, 500_00), (2, 250_00), (6, 250_00), (7, 100_00), (13, 100_00)]
)
def test_a_lower_fraud_rate_exempts_larger_amounts(bps: int, limit_minor: int) -> None:
    assert risk_analysis_max(bps) == Money(limit_minor, "EUR")


@pytest.mark.parametrize("bps", [14, 1000, -1, None])
def test_an_acquirer_with_much_or_unknown_fraud_exempts_nothing_by_analysis(bps: int | None) -> None:
    assert risk_analysis_max(bps) is None
    policy = AuthenticationPolicy(Wanted.EXEMPT, (Exemption.TRANSACTION_RISK_ANALYSIS,), bps)
    assert planned(policy, amount_eur=Money(1, "EUR")) == (Wanted.PREFERRED, None)


@pytest.mark.parametrize("named", [Exemption.TRUSTED_BENEFICIARY, Exemption.SECURE_CORPORATE])
def test_what_the_merchant_vouches_for_is_asked_for_at_any_amount(named: Exemption) -> None:
    given = {"asked": Wanted.EXEMPT, "asked_exemption": named, "amount_eur": Money(9_999_00, "EUR")}
    assert planned(**given) == (Wanted.EXEMPT, named)


def test_recurring_needs_an_agreement_on_equal_amounts() -> None:
    asked = {"asked": Wanted.EXEMPT, "asked_exemption": Exemption.RECURRING}
    assert planned(**asked) == (Wanted.PREFERRED, None)
    assert planned(**asked, under_agreement=True) == (Wanted.EXEMPT, Exemption.RECURRING)


@pytest.mark.parametrize("named", [Exemption.MERCHANT_INITIATED, Exemption.OUT_OF_SCOPE])
def test_what_is_out_of_scope_is_found_and_not_claimed(named: Exemption) -> None:
    assert planned(asked=Wanted.EXEMPT, asked_exemption=named) == (Wanted.PREFERRED, None)


def test_asked_with_the_payment_goes_before_a_policy_that_has_no_opinion() -> None:
    assert planned(asked=Wanted.EXEMPT) == (Wanted.EXEMPT, Exemption.LOW_VALUE)
    assert planned(EXEMPTING, asked=Wanted.PREFERRED) == (Wanted.PREFERRED, None)


@pytest.mark.parametrize(
    ("policy", "changed", "wanted"),
    [
        (EXEMPTING, {"rule_requires": True}, Wanted.REQUIRED),
        (EXEMPTING, {"asked": Wanted.REQUIRED}, Wanted.REQUIRED),
        (AuthenticationPolicy(Wanted.REQUIRED), {"asked": Wanted.EXEMPT}, Wanted.REQUIRED),
        (EXEMPTING, {"suspected": True}, Wanted.CHALLENGE),
        (DEFAULT, {"suspected": True, "rule_requires": True, "asked": Wanted.REQUIRED}, Wanted.CHALLENGE),
        (DEFAULT, {"rule_requires": True, "issuer_country": "US"}, Wanted.REQUIRED),
        (DEFAULT, {"founds_agreement": True}, Wanted.REQUIRED),
        (EXEMPTING, {"founds_agreement": True, "issuer_country": None}, Wanted.PREFERRED),
    ],
)
def test_the_strictest_wins_and_takes_no_exemption(
    policy: AuthenticationPolicy, changed: dict[str, object], wanted: Wanted
) -> None:
    assert planned(policy, **changed) == (wanted, None)


@pytest.mark.parametrize(("referenced", "named"), [(True, Exemption.MERCHANT_INITIATED), (False, None)])
def test_without_the_customer_nobody_is_asked_whoever_demands_it(referenced: bool, named: Exemption | None) -> None:
    changed = {"merchant_initiated": True, "referenced": referenced, "rule_requires": True, "suspected": True}
    assert planned(AuthenticationPolicy(Wanted.REQUIRED), **changed) == (Wanted.EXEMPT, named)


def test_the_reason_names_the_obstacle() -> None:
    facts = replace(FACTS, amount_eur=Money(50_00, "EUR"), asked=Wanted.EXEMPT)
    reason = authentication_plan(facts, DEFAULT).reason
    assert "low_value: above" in reason
    assert "fraud rate" in reason


def test_a_policy_is_read_from_json_and_unknown_fields_are_refused() -> None:
    kept = {"mode": "exempt", "exemptions": ["secure_corporate"], "fraud_rate_bps": 6}
    read = msgspec.convert(kept, AuthenticationPolicy)
    assert read == AuthenticationPolicy(Wanted.EXEMPT, (Exemption.SECURE_CORPORATE,), 6)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"mode": "never"}, AuthenticationPolicy)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"mod": "exempt"}, AuthenticationPolicy)
