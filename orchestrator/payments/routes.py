"""Asks routing for a payment's plan: the facts, the merchant's rules, its accounts and their health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import structs

from currency.money import Money
from currency.rates import RateSource
from orchestrator.fx import books
from orchestrator.gateways import accounts, health
from orchestrator.gateways import store as gateway_store
from orchestrator.gateways.capabilities import Capabilities, Missing, Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.registry import KINDS
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.payments import route_settings
from orchestrator.payments.instruments import Card, Instrument, KeptMethod, NetworkToken, Usage, method_behind
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.route_settings import RouteSettings
from orchestrator.recipients import service as recipients
from orchestrator.recipients.records import Part
from routing.breaker import HealthState
from routing.candidates import Candidate
from routing.decision import CandidateReason, PlanStep, RoutePlan, decide
from routing.facts import PaymentFacts
from routing.rules import RuleSet
from routing.segments import Record

_ONE_TIME = Usage()
PAGE, PROGRAM = "web", "api"  # channels: our hosted page, the merchant's program


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a decision needs beside the payment's own facts, as it is at one moment."""

    settings: RouteSettings
    rows: list[GatewayAccountRow]
    candidates: list[Candidate]
    record: Record
    rates: RateSource | None = None

    def decide(
        self,
        facts: PaymentFacts,
        health_by_account: Mapping[str, HealthState],
        now: datetime,
        rules: RuleSet | None = None,
    ) -> RoutePlan:
        """The plan by the rules in force, or by others."""
        return decide(
            replace(facts, rates=self.rates),
            rules or self.settings.rules,
            self.candidates,
            health_by_account,
            now,
            record=self.record,
            ordering=self.settings.policy.ordering,
        )


async def survey(merchant_id: str, now: datetime, *, other_rules: bool = False) -> Survey:
    """The merchant's settings and accounts; of what changes rarely, as it was a moment ago.

    Exchange rates come along where the rules in force ask for one, or where others than those are to decide.
    """
    rows = await gateway_store.accounts_of(merchant_id)
    settings = await route_settings.of(merchant_id)
    candidates = [settings.applied(accounts.candidate(row), now) for row in rows]
    record = await route_settings.record_of([row.id for row in rows])
    exchanges = settings.exchanges or other_rules
    return Survey(settings, rows, candidates, record, await books.book_for(merchant_id) if exchanges else None)


async def plan_for(
    merchant_id: str,
    amount: Money,
    instrument: Instrument,
    country: str | None,
    metadata: dict[str, str],
    now: datetime,
    *,
    usage: Usage = _ONE_TIME,
    splits: Sequence[Part] | None = None,
    payment_id: str = "",
    risk_score: int | None = None,
    channel: str = PROGRAM,
) -> RoutePlan:
    """The plan with its reasons; without steps when no account can take the payment.

    `payment_id` settles what is left to chance, so that the decision can be made again.
    """
    known = await survey(merchant_id, now)
    facts = facts_of(
        amount,
        instrument,
        country,
        metadata,
        usage,
        at=now,
        seed=payment_id,
        risk_score=risk_score,
        channel=channel,
        merchant_category=known.settings.merchant_category,
    )
    states = await health.of([row.id for row in known.rows], facts.method)
    plan = await _probing(known, facts, states, now)
    obstacles = {row.id: obstacle_of(row, instrument, usage) for row in known.rows}
    if splits:
        obstacles |= await recipients.obstacles([part.recipient_id for part in splits], known.rows)
    return without(plan, {account_id: why for account_id, why in obstacles.items() if why})


async def simulated(merchant_id: str, facts: PaymentFacts, now: datetime, rules: RuleSet | None = None) -> RoutePlan:
    """The plan that a payment with these facts would get now, by other rules where they are given.

    The merchant's category is added where none is given. Nobody's breaker is probed by it.
    """
    known = await survey(merchant_id, now, other_rules=rules is not None)
    facts = replace(facts, merchant_category=facts.merchant_category or known.settings.merchant_category)
    states = await health.of([row.id for row in known.rows], facts.method)
    plan = known.decide(facts, states, now, rules)
    obstacles = {row.id: obstacle_of_method(row, Method(facts.method)) for row in known.rows}
    return without(plan, {account_id: why for account_id, why in obstacles.items() if why})


async def _probing(known: Survey, facts: PaymentFacts, states: dict[str, HealthState], now: datetime) -> RoutePlan:
    """The plan, where an account whose breaker has cooled down is tried by one payment at a time."""
    plan = known.decide(facts, states, now)
    forced_on = {candidate.account_id for candidate in known.candidates if candidate.breaker_off}
    while plan.steps:
        first = plan.steps[0].account_id
        if first not in states or first in forced_on:
            break
        taken = await health.take_probe(first, facts.method, states[first], now)
        if taken is None or taken == states[first]:
            break
        states = states | {first: taken}
        plan = known.decide(facts, states, now)
        if plan.steps[0].account_id == first:  # there is no other
            break
    return plan


def facts_of(
    amount: Money,
    instrument: Instrument,
    country: str | None,
    metadata: dict[str, str],
    usage: Usage,
    *,
    at: datetime | None = None,
    seed: str = "",
    risk_score: int | None = None,
    channel: str | None = None,
    merchant_category: str | None = None,
) -> PaymentFacts:
    """What rules may look at."""
    card = instrument if isinstance(instrument, Card | KeptMethod) else None
    shown = instrument if isinstance(instrument, Card | NetworkToken | KeptMethod) else None
    return PaymentFacts(
        amount=amount,
        country=country,
        issuer_country=card.issuer_country or None if card else None,
        brand=shown.brand or None if shown else None,
        bin=card.bin or None if card else None,
        funding=card.funding or None if card else None,
        method=method_behind(instrument).value,
        channel=channel,
        customer_present=not usage.by_merchant,
        merchant_initiated=usage.by_merchant,
        merchant_category=merchant_category,
        risk_score=risk_score,
        at=at,
        metadata=metadata,
        seed=seed,
    )


def facts_of_payment(payment: PaymentRow, merchant_category: str | None) -> PaymentFacts | None:
    """The facts of a payment that was made; None where it has no instrument yet."""
    if payment.instrument is None:
        return None
    return facts_of(
        payment.amount,
        payment.instrument,
        payment.country,
        payment.metadata,
        payment.usage,
        at=payment.created_at,
        seed=payment.id,
        risk_score=payment.risk_score,
        channel=PAGE if payment.hosted else PROGRAM,
        merchant_category=merchant_category,
    )


def obstacle_of(row: GatewayAccountRow, instrument: Instrument, usage: Usage) -> str:
    """Why the account's gateway cannot take this instrument so used; `` where it can."""
    why = obstacle_of_method(row, method_behind(instrument))
    if why or not isinstance(instrument, KeptMethod):
        return why
    return _obstacle_of_kept(row, KINDS[row.gateway].capabilities, instrument, usage)


def obstacle_of_method(row: GatewayAccountRow, method: Method) -> str:
    """Why the account's gateway cannot take this way to pay; `` where it can."""
    kind = KINDS.get(row.gateway)
    if kind is None:
        return f"there is no gateway {row.gateway} in this installation"
    said = kind.capabilities.methods[method]
    return f"{row.gateway} takes no {method.value}: {said.reason}" if isinstance(said, Missing) else ""


def _obstacle_of_kept(row: GatewayAccountRow, capabilities: Capabilities, instrument: KeptMethod, usage: Usage) -> str:
    token = instrument.tokens.get(row.id)
    if token is None:
        return "it keeps no token of this payment method: mirror the method to have one there"
    verb = capabilities.verbs[Verb.CHARGE_SAVED_BY_MERCHANT if usage.by_merchant else Verb.CHARGE_SAVED]
    if isinstance(verb, Missing):
        return f"{row.gateway} charges no kept payment method so: {verb.reason}"
    if is_unreferenced(instrument, row.id, usage):
        return "the network's id of the first payment is not known, and another gateway took that one"
    return ""


def is_unreferenced(instrument: KeptMethod, account_id: str, usage: Usage) -> bool:
    """Whether a merchant-initiated charge there would lack its reference to the first payment.

    A gateway that took the card itself knows it (https://docs.stripe.com/payments/cits-and-mits); to one that got the
    card from another it must be told. Only the card networks have such an id.
    """
    first = account_id in instrument.tokens and instrument.tokens[account_id].first
    known = first or bool(usage.network_transaction_id)
    return usage.by_merchant and instrument.method is Method.CARD and not known


def without(plan: RoutePlan, obstacles: dict[str, str]) -> RoutePlan:
    """The plan less the accounts that have an obstacle, each with it as its reason."""
    kept = [step for step in plan.steps if step.account_id not in obstacles]
    if len(kept) == len(plan.steps):
        return plan
    dropped = {step.account_id for step in plan.steps} - {step.account_id for step in kept}
    reasons = [reason for reason in plan.reasons if reason.account_id not in dropped]
    told = [
        CandidateReason(reason.account_id, reason.gateway, False, obstacles[reason.account_id])
        for reason in plan.reasons
        if reason.account_id in dropped
    ]
    steps = tuple(PlanStep(step.account_id, step.gateway, place) for place, step in enumerate(kept, start=1))
    return structs.replace(plan, steps=steps, reasons=(*reasons, *told))
