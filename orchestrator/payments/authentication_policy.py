"""Decides on the authentication of a payment: the merchant's policy, its rules, the defence and what was asked."""

from __future__ import annotations

import msgspec
from msgspec import structs

from currency.money import Money
from orchestrator.access import store as access
from orchestrator.gateways.credentials import Agreement
from orchestrator.payments.authentication_records import PaymentAuthentication
from orchestrator.payments.instruments import Card, Instrument, KeptMethod, Usage
from orchestrator.payments.routes import facts_of
from routing.authentication import (
    AuthenticationFacts,
    AuthenticationPolicy,
    authentication_plan,
)
from routing.decision import RoutePlan

_PROFILE_KEY = "authentication"  # of the merchant's profile: an AuthenticationPolicy as JSON
_SERIES = (Agreement.SUBSCRIPTION, Agreement.UNSCHEDULED)


async def decided(
    merchant_id: str,
    amount: Money,
    instrument: Instrument,
    usage: Usage,
    plan: RoutePlan,
    asked: PaymentAuthentication | None,
    *,
    suspected: bool = False,
) -> PaymentAuthentication:
    """What is wanted for this instrument, and why; with what had been asked.."""
    known = asked or PaymentAuthentication()
    facts = AuthenticationFacts(
        amount_eur=facts_of(amount, instrument, None, {}, usage).amount_in("EUR"),
        issuer_country=instrument.issuer_country or None if isinstance(instrument, Card) else None,
        merchant_initiated=usage.by_merchant,
        referenced=bool(usage.network_transaction_id) or _knows_first(instrument),
        founds_agreement=usage.saving is not None and usage.saving.agreement in _SERIES,
        under_agreement=isinstance(instrument, KeptMethod) and usage.agreement is Agreement.SUBSCRIPTION,
        rule_requires=plan.require_3ds,
        suspected=suspected,
        asked=known.asked,
        asked_exemption=known.asked_exemption,
    )
    plan_of_it = authentication_plan(facts, await policy_of(merchant_id))
    return structs.replace(known, wanted=plan_of_it.wanted, exemption=plan_of_it.exemption, reason=plan_of_it.reason)


async def policy_of(merchant_id: str) -> AuthenticationPolicy:
    """The merchant's, from its profile; the default where it has none. Raises msgspec.ValidationError."""
    merchant = await access.merchant(merchant_id)
    kept = merchant.profile.get(_PROFILE_KEY) if merchant else None
    return msgspec.convert(kept, AuthenticationPolicy) if kept else AuthenticationPolicy()


def _knows_first(instrument: Instrument) -> bool:
    return isinstance(instrument, KeptMethod) and any(token.first for token in instrument.tokens.values())
