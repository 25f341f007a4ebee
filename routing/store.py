"""Every query of routing: versions of rule sets and the breakers' state. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from routing.breaker import BreakerPhase, HealthState
from routing.rules import RuleSet, parse_rule_set
from routing.tables import BreakerStateRow, RuleSetRow


class RuleSetState(StrEnum):
    """A draft may become active, an active one retired. Nothing goes back."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class RuleSetNotDraft(ValueError):
    """The rule set is not there, is another merchant's, or is no draft any more."""


async def active_rule_set(merchant_id: str) -> RuleSet | None:
    """The merchant's rules in force, None without any. Raises RuleSetInvalid for a stored document that is none."""
    # Written out, as the breakers' below: every payment asks, and Piccolo takes longer to put it together.
    rows = await RuleSetRow.raw(
        "SELECT id, version, document FROM rule_set WHERE merchant_id = {} AND state = 'active'", merchant_id
    )
    return _parsed(rows[0]["document"], rows[0]["id"], rows[0]["version"]) if rows else None


@lru_cache(maxsize=256)
def _parsed(document: str, rule_set_id: str, version: int) -> RuleSet:
    return parse_rule_set(msgspec.json.decode(document), rule_set_id=rule_set_id, version=version)


async def insert_rule_set(rule_set_id: str, merchant_id: str, document: object, now: datetime) -> RuleSet:
    """Store a document as the merchant's next version, a draft.

    Raises RuleSetInvalid before anything is written. Two callers at once: one gets asyncpg.UniqueViolationError.
    """
    parse_rule_set(document)
    last = (
        await RuleSetRow.select(RuleSetRow.version)
        .where(RuleSetRow.merchant_id == merchant_id)
        .order_by(RuleSetRow.version, ascending=False)
        .first()
    )
    version = 1 if last is None else last["version"] + 1
    await RuleSetRow.insert(
        RuleSetRow(
            id=rule_set_id,
            merchant_id=merchant_id,
            version=version,
            state=RuleSetState.DRAFT.value,
            document=msgspec.json.encode(document).decode(),
            created_at=now,
        )
    )
    return parse_rule_set(document, rule_set_id=rule_set_id, version=version)


async def activate(merchant_id: str, rule_set_id: str, now: datetime) -> None:
    """Put a draft in force and retire the one before. Call it inside a transaction. Raises RuleSetNotDraft."""
    # All of the merchant's versions are locked first, so that two activations at once cannot leave two in force.
    locked = await (
        RuleSetRow.select(RuleSetRow.id, RuleSetRow.state)
        .where(RuleSetRow.merchant_id == merchant_id)
        .order_by(RuleSetRow.version)
        .lock_rows("UPDATE")
    )
    if {"id": rule_set_id, "state": RuleSetState.DRAFT.value} not in locked:
        raise RuleSetNotDraft(f"{rule_set_id} is no draft of {merchant_id}")
    await RuleSetRow.update({RuleSetRow.state: RuleSetState.RETIRED.value}).where(
        RuleSetRow.merchant_id == merchant_id, RuleSetRow.state == RuleSetState.ACTIVE.value
    )
    await RuleSetRow.update({RuleSetRow.state: RuleSetState.ACTIVE.value, RuleSetRow.activated_at: now}).where(
        RuleSetRow.id == rule_set_id, RuleSetRow.state == RuleSetState.DRAFT.value
    )


async def load_breakers(account_ids: Sequence[str]) -> dict[str, HealthState]:
    """The stored states by account id; accounts without one are healthy and missing here."""
    if not account_ids:
        return {}
    rows = await BreakerStateRow.raw(
        "SELECT account_id, state, failures, opened_at, updated_at FROM breaker_state WHERE account_id = ANY({})",
        list(account_ids),
    )
    return {
        row["account_id"]: HealthState(BreakerPhase(row["state"]), row["failures"], row["opened_at"], row["updated_at"])
        for row in rows
    }


async def save_breaker(account_id: str, state: HealthState, previous: HealthState | None, now: datetime) -> bool:
    """Store `state` in place of `previous`, the one it was computed from (None where nothing was stored).

    False if another was quicker, and nothing is written then: load again, record again, save again.
    """
    insert = BreakerStateRow.insert(
        BreakerStateRow(
            account_id=account_id,
            state=state.phase.value,
            failures=state.failures,
            opened_at=state.opened_at,
            updated_at=state.updated_at or now,
        )
    )
    if previous is None or previous.updated_at is None:  # never stored: a stored state always has a time
        first = insert.on_conflict(BreakerStateRow.account_id, "DO NOTHING")
        return bool(await first.returning(BreakerStateRow.account_id))
    unchanged = (
        (BreakerStateRow.state == previous.phase.value)
        & (BreakerStateRow.failures == previous.failures)
        & (BreakerStateRow.updated_at == previous.updated_at)
    )
    changed = [BreakerStateRow.state, BreakerStateRow.failures, BreakerStateRow.opened_at, BreakerStateRow.updated_at]
    replaced = insert.on_conflict(BreakerStateRow.account_id, "DO UPDATE", values=changed, where=unchanged)
    return bool(await replaced.returning(BreakerStateRow.account_id))
