"""Which gateway accounts a payment may go to, in what order, and why each was kept or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from currency.exponents import ENCODINGS, AmountNotRepresentable, require_representable
from routing.breaker import DEFAULT_POLICY, BreakerPolicy, HealthState, allows
from routing.candidates import Candidate
from routing.facts import PaymentFacts
from routing.rules import Action, RuleSet
from routing.scoring import PLAIN, Ordering, Score, Scored, arrange, split
from routing.segments import Record


class PlanStep(msgspec.Struct, frozen=True):
    """One account to try; `position` counts from 1."""

    account_id: str
    gateway: str
    position: int


class CandidateReason(msgspec.Struct, frozen=True):
    """Why an account is in the plan or not. `gateway` is empty where a rule names an account that does not exist.

    `score` is what its place rests on, where a strategy has ordered the accounts.
    """

    account_id: str
    gateway: str
    kept: bool
    why: str
    score: Score | None = None


class RoutePlan(msgspec.Struct, frozen=True):
    """The ordered accounts for a payment and the reasons; stored with the payment. No steps: nobody can take it.

    `rule` is the name of the rule that fired (`default` for none); `max_attempts` the rule's limit, None without one.
    """

    steps: tuple[PlanStep, ...]
    reasons: tuple[CandidateReason, ...]
    rule: str
    rule_set_id: str = ""
    rule_set_version: int = 0
    require_3ds: bool = False
    max_attempts: int | None = None

    def to_json(self) -> dict[str, object]:
        """Plain dicts, lists, texts, ints and bools, for a JSON column."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_json(cls, document: object) -> RoutePlan:
        """Read back what `to_json` gave. Raises msgspec.ValidationError for anything else."""
        return msgspec.convert(document, cls)


def decide(
    facts: PaymentFacts,
    rule_set: RuleSet | None,
    candidates: Sequence[Candidate],
    health: Mapping[str, HealthState],
    now: datetime,
    breaker_policy: BreakerPolicy = DEFAULT_POLICY,
    *,
    record: Record | None = None,
    ordering: Ordering = PLAIN,
) -> RoutePlan:
    """The plan for a payment.

    The first rule that holds selects the accounts. They go in the rule's own order or by its split, by its strategy,
    else by `ordering`, the merchant's strategy, over what `record` knows of them. Accounts that cannot take this
    payment are left out; those whose breaker holds traffic back go last: a bad chance is better than none. Equal input
    gives an equal plan: what is left to chance is drawn from the payment's seed. An account without an entry in
    `health` (of the payment's method) is healthy.
    """
    rules = rule_set or RuleSet()
    rule, action = rules.action_for(facts)
    ordered, reasons = _select(rule, action, candidates, facts)
    able: list[Candidate] = []
    unstated = _not_stated(facts, candidates)
    for candidate in ordered:
        obstacle = _obstacle(rule, action, candidate, facts) or unstated[candidate.gateway]
        if obstacle is None:
            able.append(candidate)
        else:
            reasons.append(CandidateReason(candidate.account_id, candidate.gateway, False, obstacle))
    chosen = action.ordering or (PLAIN if action.accounts or action.split else ordering)
    scored = arrange(able, facts, chosen, record or {})
    resting = {c.account_id for c in able if _rests(c, health, now, breaker_policy)}
    # stable: the order stays within each half
    in_order = sorted(scored, key=lambda it: it.candidate.account_id in resting) if resting else scored
    kept = [_kept(rule, action, chosen, it, it.candidate.account_id in resting) for it in in_order]
    return RoutePlan(
        steps=tuple(
            PlanStep(it.candidate.account_id, it.candidate.gateway, place) for place, it in enumerate(in_order, start=1)
        ),
        reasons=(*kept, *reasons),
        rule=rule,
        rule_set_id=rules.id,
        rule_set_version=rules.version,
        require_3ds=action.require_3ds,
        max_attempts=action.max_attempts,
    )


_RANK = attrgetter("priority", "account_id")


def _rests(
    candidate: Candidate, health: Mapping[str, HealthState], now: datetime, breaker_policy: BreakerPolicy
) -> bool:
    if candidate.breaker_off or candidate.account_id not in health:
        return False
    return not allows(health[candidate.account_id], now, breaker_policy)


def _select(
    rule: str, action: Action, candidates: Sequence[Candidate], facts: PaymentFacts
) -> tuple[list[Candidate], list[CandidateReason]]:
    """The candidates that the rule names, in its order (all, by priority, if it names none), and why others are out."""
    by_priority = sorted(candidates, key=_RANK)
    names: Sequence[str] = action.accounts
    if action.split:
        drawn = split(action.split, facts.seed, rule)
        names = [*drawn, *(name for name, weight in action.split if not weight)]  # a weight of 0: as a last resort
    if not names:
        return by_priority, []
    reasons: list[CandidateReason] = []
    named: dict[str, Candidate] = {}
    for name in names:
        matching = [candidate for candidate in by_priority if name in (candidate.account_id, candidate.gateway)]
        for candidate in matching:
            named.setdefault(candidate.account_id, candidate)
        if not matching:
            reasons.append(CandidateReason(name, "", False, f"rule {rule!r} names it, but there is no such account"))
    for candidate in by_priority:
        if candidate.account_id not in named:
            why = f"rule {rule!r} does not name it"
            reasons.append(CandidateReason(candidate.account_id, candidate.gateway, False, why))
    return list(named.values()), reasons


def _obstacle(rule: str, action: Action, candidate: Candidate, facts: PaymentFacts) -> str | None:
    """The first thing that keeps the account from taking the payment. A fact that is not known keeps nobody out."""
    if not candidate.enabled:
        return "the account is switched off"
    if candidate.held_back:
        return f"the account is held back: {candidate.held_back}"
    if action.exclude and (candidate.account_id in action.exclude or candidate.gateway in action.exclude):
        return f"rule {rule!r} excludes it"
    if candidate.currencies and facts.amount.currency not in candidate.currencies:
        return f"the account does not take currency {facts.amount.currency}"
    if candidate.methods and facts.method not in candidate.methods:
        return f"the account does not take method {facts.method}"
    if candidate.countries and facts.country is not None and facts.country not in candidate.countries:
        return f"the account does not take country {facts.country}"
    if candidate.brands and facts.brand is not None and facts.brand not in candidate.brands:
        return f"the account does not take brand {facts.brand}"
    return None


def _not_stated(facts: PaymentFacts, candidates: Sequence[Candidate]) -> dict[str, str | None]:
    """By gateway, why it cannot state the amount; None where it can.

    A gateway without a table of its own answers for itself in its adapter.
    """
    found: dict[str, str | None] = {}
    for candidate in candidates:
        if candidate.gateway in found:
            continue
        found[candidate.gateway] = None
        if candidate.gateway in ENCODINGS:
            try:
                require_representable(facts.amount, candidate.gateway)
            except AmountNotRepresentable as refusal:
                found[candidate.gateway] = str(refusal)
    return found


def _kept(rule: str, action: Action, ordering: Ordering, scored: Scored, resting: bool) -> CandidateReason:
    candidate, score = scored.candidate, None
    if action.split:
        why = f"rule {rule!r} splits traffic"
    elif action.accounts:
        why = f"rule {rule!r} names it"
    else:
        why = f"priority {candidate.priority}"
    if ordering is not PLAIN:
        score = scored.score
        why = f"{ordering.strategy.value.replace('_', ' ')}: {score}"
    if scored.explored:
        why += "; tried first to learn of it"
    if resting:
        why += "; last resort: its circuit breaker is open after repeated technical failures"
    return CandidateReason(candidate.account_id, candidate.gateway, True, why, score)
