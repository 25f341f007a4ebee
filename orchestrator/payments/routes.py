"""Asks routing for a payment's plan: the facts, the merchant's rules, its accounts and their health."""

from __future__ import annotations

from datetime import datetime

from currency.money import Money
from orchestrator.gateways import accounts, health
from orchestrator.gateways import store as gateway_store
from orchestrator.payments.records import Card
from routing import store as routing_store
from routing.candidates import PaymentFacts
from routing.decision import RoutePlan, decide


async def plan_for(
    merchant_id: str, amount: Money, card: Card, country: str | None, metadata: dict[str, str], now: datetime
) -> RoutePlan:
    """The plan with its reasons; without steps when no account can take the payment."""
    rows = await gateway_store.accounts_of(merchant_id)
    candidates = [accounts.candidate(row) for row in rows]
    facts = PaymentFacts(
        amount=amount,
        country=country,
        issuer_country=card.issuer_country or None,
        brand=card.brand or None,
        bin=card.bin or None,
        method="card",
        channel="web",
        customer_present=True,
        metadata=metadata,
    )
    rules = await routing_store.active_rule_set(merchant_id)
    return decide(facts, rules, candidates, await health.of([row.id for row in rows]), now)
