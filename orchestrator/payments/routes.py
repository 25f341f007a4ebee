"""Asks routing for a payment's plan: the facts, the merchant's rules, its accounts and their health."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from currency.money import Money
from orchestrator.gateways import accounts, health
from orchestrator.gateways import store as gateway_store
from orchestrator.gateways.capabilities import Capabilities, Missing, Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.registry import KINDS
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.payments.instruments import Card, Instrument, KeptMethod, NetworkToken, Usage, method_behind
from orchestrator.recipients import service as recipients
from orchestrator.recipients.records import Part
from routing import store as routing_store
from routing.decision import CandidateReason, PlanStep, RoutePlan, decide
from routing.facts import PaymentFacts

_ONE_TIME = Usage()


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
) -> RoutePlan:
    """The plan with its reasons; without steps when no account can take the payment."""
    rows = await gateway_store.accounts_of(merchant_id)
    candidates = [accounts.candidate(row) for row in rows]
    rules = await routing_store.active_rule_set(merchant_id)
    facts = facts_of(amount, instrument, country, metadata, usage)
    plan = decide(facts, rules, candidates, await health.of([row.id for row in rows]), now)
    obstacles = {row.id: obstacle_of(row, instrument, usage) for row in rows}
    if splits:
        obstacles |= await recipients.obstacles([part.recipient_id for part in splits], rows)
    return without(plan, {account_id: why for account_id, why in obstacles.items() if why})


def facts_of(
    amount: Money, instrument: Instrument, country: str | None, metadata: dict[str, str], usage: Usage
) -> PaymentFacts:
    """What rules may look at."""
    card = instrument if isinstance(instrument, Card) else None
    shown = instrument if isinstance(instrument, Card | NetworkToken | KeptMethod) else None
    return PaymentFacts(
        amount=amount,
        country=country,
        issuer_country=card.issuer_country or None if card else None,
        brand=shown.brand or None if shown else None,
        bin=card.bin or None if card else None,
        method=method_behind(instrument).value,
        channel="web",
        customer_present=not usage.by_merchant,
        merchant_initiated=usage.by_merchant,
        metadata=metadata,
    )


def obstacle_of(row: GatewayAccountRow, instrument: Instrument, usage: Usage) -> str:
    """Why the account's gateway cannot take this instrument so used; `` where it can."""
    kind = KINDS.get(row.gateway)
    if kind is None:
        return f"there is no gateway {row.gateway} in this installation"
    method = method_behind(instrument)
    said = kind.capabilities.methods[method]
    if isinstance(said, Missing):
        return f"{row.gateway} takes no {method.value}: {said.reason}"
    return _obstacle_of_kept(row, kind.capabilities, instrument, usage) if isinstance(instrument, KeptMethod) else ""


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
