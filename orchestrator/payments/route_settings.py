"""What a merchant has set up for routing, and how its accounts have fared, as payments ask for it: kept for a moment.

Each process reads it again after a second (the record after ten), so a change is in force everywhere within that; in
the process that made it at once (`forget`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.access import store as access
from orchestrator.db import transaction
from orchestrator.payments import route_store
from orchestrator.settings import get_settings
from routing.account_store import Forced, MaintenanceWindow, Override
from routing.candidates import Candidate
from routing.failover import FailoverPolicy
from routing.policy_reader import RoutingPolicy, parse_policy
from routing.rules import RuleSet
from routing.scoring import Strategy
from routing.segments import Record, widened
from routing.store import parsed_rules

SETTINGS_KNOWN_FOR_S = 1.0
RECORD_KNOWN_FOR_S = 10.0
MERCHANTS_MAX = 1_000  # remembered at once
WINDOW = timedelta(hours=24)  # of which the chance of approval is learned
LATENCY_WINDOW = timedelta(hours=2)  # of which speed is: what was slow this morning is not slow for ever


_CATEGORY = "merchant_category"

# Words of a document that may ask for a rate; one that is only somebody's name does no harm.
_EXCHANGING = ('"amount"', Strategy.LEAST_COST.value, Strategy.EXPECTED_VALUE.value)


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """The merchant's rules in force, its policy, what operators said of its accounts, and what it sells."""

    rules: RuleSet | None
    policy: RoutingPolicy
    merchant_category: str | None
    overrides: dict[str, Override]
    windows: tuple[MaintenanceWindow, ...]
    exchanges: bool  # whether a decision may compare amounts of different currencies

    def applied(self, candidate: Candidate, now: datetime) -> Candidate:
        """The account with an operator's word and its maintenance taken into account."""
        word = self.overrides.get(candidate.account_id)
        if word is not None and word.holds(now):
            if word.forced is Forced.OFF:
                return replace(candidate, held_back=f"forced off by {word.actor}: {word.reason}")
            candidate = replace(candidate, breaker_off=True)
        for window in self.windows:
            if window.account_id == candidate.account_id and window.holds(now):
                until = f"maintenance until {window.ends_at:%Y-%m-%d %H:%M} UTC"
                return replace(candidate, held_back=f"{until}: {window.note}" if window.note else until)
        return candidate


_settings: dict[str, tuple[RouteSettings, float]] = {}
_records: dict[tuple[str, ...], tuple[Record, float]] = {}


async def of(merchant_id: str) -> RouteSettings:
    """As they were at most SETTINGS_KNOWN_FOR_S ago. Raises RuleSetInvalid, PolicyInvalid for what is stored wrong."""
    known = _settings.get(merchant_id)
    if known is not None and time.monotonic() - known[1] < SETTINGS_KNOWN_FOR_S:
        return known[0]
    read_at = time.monotonic()
    stored = await route_store.settings_of(merchant_id, clock_port.now())
    rules, most = stored.rules, {"max_attempts": get_settings().limits.attempts_max}
    texts = (rules["document"] if rules else "", stored.policy or "")
    found = RouteSettings(
        rules=parsed_rules(rules["document"], rules["id"], rules["version"]) if rules else None,
        policy=parse_policy(most | msgspec.json.decode(stored.policy or "{}")),
        merchant_category=stored.category,
        overrides={word.account_id: word for word in stored.overrides},
        windows=tuple(stored.windows),
        exchanges=any(word in text for text in texts for word in _EXCHANGING),
    )
    if len(_settings) >= MERCHANTS_MAX:
        _settings.clear()
    _settings[merchant_id] = (found, read_at)
    return found


async def category_of(merchant_id: str) -> str | None:
    """What the merchant sells (ISO 18245); None where it has not said."""
    return (await route_store.settings_of(merchant_id, clock_port.now())).category


async def set_category(merchant_id: str, category: str | None) -> None:
    """Say what the merchant sells, for payments from now on; None: it is not known."""
    async with transaction():
        was = await access.put_in_profile(merchant_id, _CATEGORY, category)
        before, after = {_CATEGORY: was}, {_CATEGORY: category}
        kind, now = audit.Action.SETTING_CHANGED, clock_port.now()
        await audit.record(merchant_id, kind, merchant_id, now, before=before, after=after)
    forget(merchant_id)


async def failover_policy(merchant_id: str) -> FailoverPolicy:
    """How far the merchant's payments may fail over, within what the installation allows."""
    policy = (await of(merchant_id)).policy.failover
    return replace(policy, max_attempts=min(policy.max_attempts, get_settings().limits.attempts_max))


async def record_of(account_ids: Sequence[str]) -> Record:
    """How the accounts have fared, as it was known at most RECORD_KNOWN_FOR_S ago."""
    key = tuple(account_ids)
    known = _records.get(key)
    if known is not None and time.monotonic() - known[1] < RECORD_KNOWN_FOR_S:
        return known[0]
    read_at, now = time.monotonic(), clock_port.now()
    record = widened(await route_store.tallies(key, now - WINDOW, now - LATENCY_WINDOW))
    if len(_records) >= MERCHANTS_MAX:
        _records.clear()
    _records[key] = (record, read_at)
    return record


def forget(merchant_id: str) -> None:
    """Something was changed: the next payment here reads it."""
    _settings.pop(merchant_id, None)


def forget_records() -> None:
    """The accounts' record was counted anew."""
    _records.clear()
