"""Whether a payment is to be authenticated (3-D Secure), or exempted and why: policy as data, one pure decision.

The rules are those of the regulatory technical standards on strong customer authentication, Delegated Regulation (EU)
2018/389, articles 13 to 18 and annex: https://eur-lex.europa.eu/eli/reg_del/2018/389/oj
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import msgspec

from currency.money import Money
from routing.facts import REGION_COUNTRIES, Region


class Wanted(StrEnum):
    """How much authentication is wanted, from least to most."""

    EXEMPT = "exempt"  # none: an exemption is asked for, or the payment is out of scope
    PREFERRED = "preferred"  # as law, issuer and the gateway's own rules have it
    REQUIRED = "required"  # always; an issuer that is content without a challenge is heard
    CHALLENGE = "challenge"  # always, and the cardholder is to be seen


STRICTNESS = tuple(Wanted)


class Exemption(StrEnum):
    """Why no authentication is needed. The last two are no exemptions but out of scope: nothing is asked for."""

    LOW_VALUE = "low_value"  # article 16
    TRANSACTION_RISK_ANALYSIS = "transaction_risk_analysis"  # article 18
    TRUSTED_BENEFICIARY = "trusted_beneficiary"  # article 13: the customer has told the issuer so
    SECURE_CORPORATE = "secure_corporate"  # article 17
    RECURRING = "recurring"  # article 14: same amount, same payee, after a first that was authenticated
    MERCHANT_INITIATED = "merchant_initiated"
    OUT_OF_SCOPE = "out_of_scope"  # one leg out: the card is issued elsewhere


ASKABLE = tuple(Exemption)[:5]
LOW_VALUE_MAX = Money(30_00, "EUR")
# Annex, remote card payments: the highest fraud rate of the acquirer, in hundredths of a percent, up to which amount.
RISK_ANALYSIS_MAX: tuple[tuple[int, Money], ...] = (
    (1, Money(500_00, "EUR")),
    (6, Money(250_00, "EUR")),
    (13, Money(100_00, "EUR")),
)
IN_SCOPE = REGION_COUNTRIES[Region.EEA] | REGION_COUNTRIES[Region.UK]


class AuthenticationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant wants of its payments, as JSON.

    `exemptions` are tried in their order where `mode` is exempt. `fraud_rate_bps` is the acquirer's, of several the
    highest, in hundredths of a percent; without it nothing is exempted by risk analysis.
    """

    mode: Wanted = Wanted.PREFERRED
    exemptions: tuple[Exemption, ...] = (Exemption.LOW_VALUE, Exemption.TRANSACTION_RISK_ANALYSIS)
    fraud_rate_bps: int | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationFacts:
    """What the decision looks at. None means not known, and what is not known exempts nobody.

    `amount_eur` is the amount by the rate of the day, None without one. `rule_requires`: a rule set's `require_3ds`;
    `suspected`: the defence against card testing asks for a challenge; `asked` and `asked_exemption`: the API's own.
    `founds_agreement`: later charges without the customer will rest on this payment. `under_agreement`: one of a series
    of equal amounts whose first was authenticated. `referenced`: the network knows that first payment.
    """

    amount_eur: Money | None
    issuer_country: str | None = None
    merchant_initiated: bool = False
    referenced: bool = False
    founds_agreement: bool = False
    under_agreement: bool = False
    rule_requires: bool = False
    suspected: bool = False
    asked: Wanted | None = None
    asked_exemption: Exemption | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationPlan:
    """What is wanted, under which exemption, and why in one line."""

    wanted: Wanted
    exemption: Exemption | None
    reason: str


def authentication_plan(facts: AuthenticationFacts, policy: AuthenticationPolicy) -> AuthenticationPlan:
    """The strictest of rules, defence, merchant and API wins; only where none demands anything is there an exemption.

    Without the customer nobody can be asked, whoever demands it.
    """
    if facts.merchant_initiated:
        known = Exemption.MERCHANT_INITIATED if facts.referenced else None
        return AuthenticationPlan(Wanted.EXEMPT, known, "the customer is not there")
    demands = _demands(facts, policy)
    if demands:
        return max(demands, key=lambda demand: STRICTNESS.index(demand.wanted))
    if _is_elsewhere(facts.issuer_country):
        why = f"one leg out: the card is issued in {facts.issuer_country}"
        return AuthenticationPlan(Wanted.EXEMPT, Exemption.OUT_OF_SCOPE, why)
    return _exempted(facts, policy)


def strictest(one: Wanted, other: Wanted) -> Wanted:
    """The one that asks for more."""
    return max(one, other, key=STRICTNESS.index)


def risk_analysis_max(fraud_rate_bps: int | None) -> Money | None:
    """Up to which amount an acquirer with this fraud rate may exempt; None where it may not at all."""
    if fraud_rate_bps is None or fraud_rate_bps < 0:
        return None
    return next((limit for rate, limit in RISK_ANALYSIS_MAX if fraud_rate_bps <= rate), None)


def _demands(facts: AuthenticationFacts, policy: AuthenticationPolicy) -> list[AuthenticationPlan]:
    found: list[AuthenticationPlan] = []

    def demand(wanted: Wanted, why: str) -> None:
        found.append(AuthenticationPlan(wanted, None, why))

    if facts.suspected:
        demand(Wanted.CHALLENGE, "the defence against card testing asks for it")
    if facts.rule_requires:
        demand(Wanted.REQUIRED, "the rule set requires it")
    for wanted, who in ((facts.asked, "asked for with the payment"), (policy.mode, "the merchant's policy")):
        if wanted in (Wanted.REQUIRED, Wanted.CHALLENGE):
            demand(wanted, who)
    if facts.founds_agreement and facts.issuer_country in IN_SCOPE:
        demand(Wanted.REQUIRED, "later charges without the customer rest on it")
    return found


def _is_elsewhere(issuer_country: str | None) -> bool:
    return issuer_country is not None and issuer_country not in IN_SCOPE


def _exempted(facts: AuthenticationFacts, policy: AuthenticationPolicy) -> AuthenticationPlan:
    if facts.founds_agreement:
        return AuthenticationPlan(Wanted.PREFERRED, None, "no exemption: later charges without the customer rest on it")
    if facts.asked_exemption is not None and facts.asked in (None, Wanted.EXEMPT):
        tried: tuple[Exemption, ...] = (facts.asked_exemption,)
    elif facts.asked is Wanted.EXEMPT or (facts.asked is None and policy.mode is Wanted.EXEMPT):
        tried = policy.exemptions
    else:
        return AuthenticationPlan(Wanted.PREFERRED, None, "the issuer and the gateway decide")
    obstacles = []
    for exemption in tried:
        obstacle = _obstacle(exemption, facts, policy)
        if not obstacle:
            return AuthenticationPlan(Wanted.EXEMPT, exemption, exemption.value.replace("_", " "))
        obstacles.append(f"{exemption.value}: {obstacle}")
    return AuthenticationPlan(Wanted.PREFERRED, None, "no exemption: " + ("; ".join(obstacles) or "none is listed"))


def _obstacle(exemption: Exemption, facts: AuthenticationFacts, policy: AuthenticationPolicy) -> str:
    """Why the exemption is not to be asked for; `` where it may be."""
    match exemption:
        case Exemption.LOW_VALUE:
            return _above(facts.amount_eur, LOW_VALUE_MAX)
        case Exemption.TRANSACTION_RISK_ANALYSIS:
            limit = risk_analysis_max(policy.fraud_rate_bps)
            return _above(facts.amount_eur, limit) if limit else "the acquirer's fraud rate is too high, or not known"
        case Exemption.TRUSTED_BENEFICIARY | Exemption.SECURE_CORPORATE:
            return "" if exemption in (facts.asked_exemption, *policy.exemptions) else "nobody vouches for it"
        case Exemption.RECURRING:
            return "" if facts.under_agreement else "there is no agreement on equal amounts"
        case Exemption.MERCHANT_INITIATED:
            return "the customer is there"
        case Exemption.OUT_OF_SCOPE:
            return "the card is issued within the EEA or UK, or its country is not known"
        case _:
            assert_never(exemption)


def _above(amount: Money | None, limit: Money) -> str:
    if amount is None or amount.currency != limit.currency:
        return "no rate converts the amount to EUR"
    return "" if amount.minor <= limit.minor else f"above {limit}"
