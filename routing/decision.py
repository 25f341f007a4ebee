"""Which gateway accounts a payment may go to, in what order, and why each was kept or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from currency.exponents import ENCODINGS, AmountNotRepresentable, require_representable
from routing.breaker import DEFAULT_POLICY, HEALTHY, BreakerPolicy, HealthState, allows
from routing.candidates import Candidate, PaymentFacts
from routing.rules import Action, RuleSet


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One account to try; `position` counts from 1."""

    account_id: str
    gateway: str
    position: int


@dataclass(frozen=True, slots=True)
class CandidateReason:
    """Why an account is in the plan or not. `gateway` is empty where a rule names an account that does not exist."""

    account_id: str
    gateway: str
    kept: bool
    why: str


@dataclass(frozen=True, slots=True)
class RoutePlan:
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
) -> RoutePlan:
    """The plan for a payment.

    The first rule that holds selects and orders the accounts, otherwise their priority does. Accounts that cannot take
    this payment are left out; those whose breaker holds traffic back go last: a bad chance is better than none. Equal
    input gives an equal plan. An account without an entry in `health` is healthy.
    """
    rules = rule_set or RuleSet()
    rule, action = rules.action_for(facts)
    ordered, reasons = _select(rule, action, candidates)
    able: list[Candidate] = []
    for candidate in ordered:
        obstacle = _obstacle(rule, action, candidate, facts)
        if obstacle is None:
            able.append(candidate)
        else:
            reasons.append(CandidateReason(candidate.account_id, candidate.gateway, False, obstacle))
    resting = {c.account_id for c in able if not allows(health.get(c.account_id, HEALTHY), now, breaker_policy)}
    in_order = sorted(
        able, key=lambda candidate: candidate.account_id in resting
    )  # stable: order stays within each half
    kept = [_kept(rule, action, candidate, candidate.account_id in resting) for candidate in in_order]
    return RoutePlan(
        steps=tuple(PlanStep(c.account_id, c.gateway, position) for position, c in enumerate(in_order, start=1)),
        reasons=(*kept, *reasons),
        rule=rule,
        rule_set_id=rules.id,
        rule_set_version=rules.version,
        require_3ds=action.require_3ds,
        max_attempts=action.max_attempts,
    )


def _select(
    rule: str, action: Action, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], list[CandidateReason]]:
    """The candidates that the rule names, in its order (all, by priority, if it names none), and why others are out."""
    by_priority = sorted(candidates, key=lambda candidate: (candidate.priority, candidate.account_id))
    if not action.accounts:
        return by_priority, []
    reasons: list[CandidateReason] = []
    named: dict[str, Candidate] = {}
    for name in action.accounts:
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
    if candidate.account_id in action.exclude or candidate.gateway in action.exclude:
        return f"rule {rule!r} excludes it"
    for what, value, capable in (
        ("currency", facts.amount.currency, candidate.currencies),
        ("country", facts.country, candidate.countries),
        ("brand", facts.brand, candidate.brands),
        ("method", facts.method, candidate.methods),
    ):
        if capable and value is not None and value not in capable:
            return f"the account does not take {what} {value}"
    return _amount_obstacle(candidate, facts)


def _amount_obstacle(candidate: Candidate, facts: PaymentFacts) -> str | None:
    if candidate.gateway not in ENCODINGS:  # a gateway without a table of its own answers for itself in its adapter
        return None
    try:
        require_representable(facts.amount, candidate.gateway)
    except AmountNotRepresentable as refusal:
        return str(refusal)
    return None


def _kept(rule: str, action: Action, candidate: Candidate, resting: bool) -> CandidateReason:
    why = f"rule {rule!r} names it" if action.accounts else f"priority {candidate.priority}"
    if resting:
        why += "; last resort: its circuit breaker is open after repeated technical failures"
    return CandidateReason(candidate.account_id, candidate.gateway, True, why)
