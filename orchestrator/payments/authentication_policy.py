"""Decides on the authentication of a payment: the merchant's policy, its rules, the defence and what was asked."""

from __future__ import annotations

import time

import msgspec
from msgspec import structs

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access import store as access
from orchestrator.db import transaction
from orchestrator.errors import InvalidField
from orchestrator.events import EventType
from orchestrator.gateways.credentials import Agreement
from orchestrator.log import logger
from orchestrator.notifications.service import record
from orchestrator.payments.authentication_records import PaymentAuthentication
from orchestrator.payments.instruments import Card, Instrument, KeptMethod, Usage
from orchestrator.payments.route_settings import MERCHANTS_MAX, SETTINGS_KNOWN_FOR_S
from orchestrator.payments.routes import facts_of
from routing.authentication import (
    AuthenticationFacts,
    AuthenticationPolicy,
    Wanted,
    authentication_plan,
)
from routing.decision import RoutePlan

_PROFILE_KEY = "authentication"  # of the merchant's profile: an AuthenticationPolicy as JSON
# Where the stored one cannot be read: it never asks for less than the merchant may have wanted.
SAFE = AuthenticationPolicy(Wanted.REQUIRED, ())
FRAUD_RATE_MAX_BPS = 10_000
TOLD_EVERY_S = 3600.0

_log = logger(__name__)
_told_at: dict[str, float] = {}
_policies: dict[str, tuple[AuthenticationPolicy, float]] = {}  # by merchant, and when each was read
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
        issuer_country=instrument.issuer_country or None if isinstance(instrument, Card | KeptMethod) else None,
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
    """The merchant's, from its profile, as it was at most SETTINGS_KNOWN_FOR_S ago; the default where it has none, SAFE
    and an alarm where it cannot be read."""
    known = _policies.get(merchant_id)
    if known is not None and time.monotonic() - known[1] < SETTINGS_KNOWN_FOR_S:
        return known[0]
    read_at = time.monotonic()
    found = await stored_policy(merchant_id)
    if found is None:
        await _alarm(merchant_id)
        return SAFE
    if len(_policies) >= MERCHANTS_MAX:
        _policies.clear()
    _policies[merchant_id] = (found, read_at)
    return found


async def stored_policy(merchant_id: str) -> AuthenticationPolicy | None:
    """The merchant's, or the default; None where what is stored cannot be read."""
    merchant = await access.merchant(merchant_id)
    kept = merchant.profile.get(_PROFILE_KEY) if merchant else None
    if kept is None:
        return AuthenticationPolicy()
    try:
        return msgspec.convert(kept, AuthenticationPolicy)
    except msgspec.ValidationError as error:
        _log.error("authentication.policy_invalid", merchant=merchant_id, error=str(error))
        return None


async def set_policy(merchant_id: str, policy: AuthenticationPolicy) -> None:
    """For payments from now on. Raises InvalidField."""
    if len(set(policy.exemptions)) != len(policy.exemptions):
        raise InvalidField("exemptions", "names one twice: name each once, in the order in which they are tried")
    if policy.fraud_rate_bps is not None and not 0 <= policy.fraud_rate_bps <= FRAUD_RATE_MAX_BPS:
        raise InvalidField("fraud_rate_bps", f"must be between 0 and {FRAUD_RATE_MAX_BPS} basis points")
    said, now = msgspec.to_builtins(policy), clock_port.now()
    async with transaction():
        was = await access.put_in_profile(merchant_id, _PROFILE_KEY, said)
        before, after = {_PROFILE_KEY: was}, {_PROFILE_KEY: said}
        await audit.record(merchant_id, audit.Action.SETTING_CHANGED, merchant_id, now, before=before, after=after)
    _told_at.pop(merchant_id, None)
    _policies.pop(merchant_id, None)


async def _alarm(merchant_id: str) -> None:
    """Once an hour by each process: every payment comes here until somebody mends it."""
    told_at = _told_at.get(merchant_id)
    if told_at is not None and time.monotonic() - told_at < TOLD_EVERY_S:
        return
    _told_at[merchant_id] = time.monotonic()
    kind, now = EventType.AUTHENTICATION_POLICY_INVALID, clock_port.now()
    data = {"mode": SAFE.mode.value, "remedy": "PUT /v1/merchant/authentication-policy"}
    async with transaction():
        await record(kind, merchant_id, merchant_id, data, now)


def _knows_first(instrument: Instrument) -> bool:
    return isinstance(instrument, KeptMethod) and any(token.first for token in instrument.tokens.values())
