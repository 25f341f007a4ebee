"""What holds of every payment: no exemption above its limit, no demand dropped, nobody asked who is not there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from currency.money import Money
from routing.authentication import (
    LOW_VALUE_MAX,
    STRICTNESS,
    AuthenticationFacts,
    AuthenticationPolicy,
    Exemption,
    Wanted,
    authentication_plan,
    risk_analysis_max,
)

amounts = st.none() | st.builds(Money, st.integers(1, 600_00), st.sampled_from(["EUR", "USD", "JPY"]))
facts_of_any = st.builds(
    AuthenticationFacts,
    amount_eur=amounts,
    issuer_country=st.sampled_from([None, "DE", "NO", "GB", "US", "CH"]),
    merchant_initiated=st.booleans(),
    referenced=st.booleans(),
    founds_agreement=st.booleans(),
    under_agreement=st.booleans(),
    rule_requires=st.booleans(),
    suspected=st.booleans(),
    asked=st.none() | st.sampled_from(Wanted),
    asked_exemption=st.none() | st.sampled_from(Exemption),
)
policies = st.builds(
    AuthenticationPolicy,
    st.sampled_from(Wanted),
    st.lists(st.sampled_from(Exemption), unique=True).map(tuple),
    st.none() | st.integers(-1, 20),
)


@given(facts_of_any, policies)
def test_no_exemption_is_taken_above_its_limit(facts: AuthenticationFacts, policy: AuthenticationPolicy) -> None:
    exemption = authentication_plan(facts, policy).exemption
    limits = {
        Exemption.LOW_VALUE: LOW_VALUE_MAX,
        Exemption.TRANSACTION_RISK_ANALYSIS: risk_analysis_max(policy.fraud_rate_bps),
    }
    if exemption in limits:
        limit = limits[exemption]
        assert limit is not None
        assert facts.amount_eur is not None
        assert facts.amount_eur.currency == "EUR"
        assert facts.amount_eur.minor <= limit.minor


@given(facts_of_any, policies)
def test_what_is_required_is_never_dropped_while_the_customer_is_there(
    facts: AuthenticationFacts, policy: AuthenticationPolicy
) -> None:
    demands = [Wanted.REQUIRED] * facts.rule_requires + [Wanted.CHALLENGE] * facts.suspected
    demands += [mode for mode in (facts.asked, policy.mode) if mode in (Wanted.REQUIRED, Wanted.CHALLENGE)]
    plan = authentication_plan(facts, policy)
    if demands and not facts.merchant_initiated:
        assert STRICTNESS.index(plan.wanted) >= max(map(STRICTNESS.index, demands))
        assert plan.exemption is None


@given(facts_of_any, policies)
def test_a_charge_without_the_customer_is_never_challenged(
    facts: AuthenticationFacts, policy: AuthenticationPolicy
) -> None:
    if facts.merchant_initiated:
        assert authentication_plan(facts, policy).wanted is Wanted.EXEMPT


@given(facts_of_any, policies)
def test_an_exemption_always_has_the_word_for_it_and_a_reason(
    facts: AuthenticationFacts, policy: AuthenticationPolicy
) -> None:
    plan = authentication_plan(facts, policy)
    assert plan.exemption is None or plan.wanted is Wanted.EXEMPT
    assert plan.reason


@given(facts_of_any, policies)
def test_a_payment_on_which_later_charges_rest_is_exempted_by_nothing_but_its_issuers_place(
    facts: AuthenticationFacts, policy: AuthenticationPolicy
) -> None:
    plan = authentication_plan(facts, policy)
    if facts.founds_agreement and not facts.merchant_initiated:
        assert plan.exemption in (None, Exemption.OUT_OF_SCOPE)
