"""Past payments through other rules: who would have got them, at what cost, with how many approvals. Nothing is sent.

Accounts, fees and the record of approvals are those of today; nobody's breaker is open and nobody is in maintenance.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator import clock_port
from orchestrator.gateways import accounts
from orchestrator.payments import route_store, routes
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.routes import Survey
from routing.candidates import Candidate
from routing.decision import RoutePlan
from routing.facts import PaymentFacts
from routing.rules import RuleSet
from routing.segments import approval_ppm

PAYMENTS_MAX = 5_000
NOBODY = ""  # in place of an account: no one could have taken the payment


@dataclass(slots=True)
class Share:
    """What an account got, or would get, in one currency. Approvals are expected ones, in millionths of a payment.

    `cost_minor` sums what is known: of `cost_unknown` payments an exchange rate is missing.
    """

    payments: int = 0
    volume_minor: int = 0
    cost_minor: int = 0
    cost_unknown: int = 0
    approvals_ppm: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """Shares by (account id, currency), moves by (account before, account after), and how often each rule fired."""

    payments: int
    gateways: dict[str, str]
    before: dict[tuple[str, str], Share] = field(default_factory=dict)
    after: dict[tuple[str, str], Share] = field(default_factory=dict)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)


async def replay(merchant_id: str, rules: RuleSet, since: datetime, until: datetime, limit: int) -> Replay:
    """The newest `limit` payments of the time, each as it was planned then and as the rules would plan it."""
    payments = await route_store.routed_payments(merchant_id, since, until, min(limit, PAYMENTS_MAX))
    today = await routes.survey(merchant_id, clock_port.now(), other_rules=True)
    plain = replace(today, candidates=[accounts.candidate(row) for row in today.rows])
    return await asyncio.to_thread(_replayed, payments, plain, rules)


def _replayed(payments: Sequence[PaymentRow], known: Survey, rules: RuleSet) -> Replay:
    found = Replay(len(payments), {row.id: row.gateway for row in known.rows})
    candidates = {candidate.account_id: candidate for candidate in known.candidates}
    for payment in payments:
        facts = routes.facts_of_payment(payment, known.settings.merchant_category)
        assert facts is not None
        facts = replace(facts, rates=known.rates)
        assert payment.plan is not None
        planned = RoutePlan.from_json(payment.plan)
        would = _plan(payment, facts, known, rules)
        before, after = _first(planned), _first(would)
        _add(found.before, before, facts, candidates, known)
        _add(found.after, after, facts, candidates, known)
        found.moves[before, after] += 1
        found.rules[would.rule] += 1
    return found


def _plan(payment: PaymentRow, facts: PaymentFacts, known: Survey, rules: RuleSet) -> RoutePlan:
    assert payment.instrument is not None
    obstacles = {row.id: routes.obstacle_of(row, payment.instrument, payment.usage) for row in known.rows}
    plan = known.decide(facts, {}, payment.created_at, rules)
    return routes.without(plan, {account_id: why for account_id, why in obstacles.items() if why})


def _first(plan: RoutePlan) -> str:
    return plan.steps[0].account_id if plan.steps else NOBODY


def _add(
    shares: dict[tuple[str, str], Share],
    account_id: str,
    facts: PaymentFacts,
    candidates: dict[str, Candidate],
    known: Survey,
) -> None:
    share = shares.setdefault((account_id, facts.amount.currency), Share())
    share.payments += 1
    share.volume_minor += facts.amount.minor
    candidate = candidates.get(account_id)
    if candidate is None:
        return
    cost = candidate.fees.expected(facts)
    if cost is None:
        share.cost_unknown += 1
    else:
        share.cost_minor += cost.minor
    share.approvals_ppm += approval_ppm(account_id, facts, known.record)
