"""Every query on rule sets and policies. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from routing.policy_reader import parse_policy
from routing.rules import RuleSet, parse_rule_set
from routing.tables import PolicyRow, RuleSetRow


class RuleSetState(StrEnum):
    """A draft may become active, an active one retired. Nothing goes back: what is wanted again is a new version."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class RuleSetNotDraft(ValueError):
    """The rule set is not there, is another merchant's, or is no draft any more."""


@dataclass(frozen=True, slots=True)
class RuleSetVersion:
    """A stored version. `activate_at`: when a draft comes in force by itself; `restores`: whose document it repeats."""

    id: str
    merchant_id: str
    version: int
    state: RuleSetState
    document: dict[str, Any]
    created_at: datetime
    activated_at: datetime | None
    activate_at: datetime | None
    restores: int | None

    def rule_set(self) -> RuleSet:
        """Its rules, ready to decide."""
        return parse_rule_set(self.document, rule_set_id=self.id, version=self.version)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A stored policy; version 0 with an empty document where the merchant has said nothing."""

    version: int
    document: dict[str, Any]
    created_at: datetime | None


async def active_rule_set(merchant_id: str) -> RuleSet | None:
    """The merchant's rules in force, None without any. Raises RuleSetInvalid for a stored document that is none."""
    rows = await RuleSetRow.raw(
        "SELECT id, version, document FROM rule_set WHERE merchant_id = {} AND state = 'active'", merchant_id
    )
    return parsed_rules(rows[0]["document"], rows[0]["id"], rows[0]["version"]) if rows else None


@lru_cache(maxsize=256)
def parsed_rules(document: str, rule_set_id: str, version: int) -> RuleSet:
    """A stored document as rules; the same one is read once."""
    return parse_rule_set(msgspec.json.decode(document), rule_set_id=rule_set_id, version=version)


async def insert_rule_set(
    rule_set_id: str, merchant_id: str, document: object, now: datetime, *, restores: int | None = None
) -> RuleSet:
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
            restores=restores,
        )
    )
    return parse_rule_set(document, rule_set_id=rule_set_id, version=version)


async def lock_versions(merchant_id: str) -> dict[str, RuleSetState]:
    """The merchant's versions, which nobody else changes before the caller's transaction ends."""
    locked = await (
        RuleSetRow.select(RuleSetRow.id, RuleSetRow.state)
        .where(RuleSetRow.merchant_id == merchant_id)
        .order_by(RuleSetRow.version)
        .lock_rows("UPDATE")
    )
    return {row["id"]: RuleSetState(row["state"]) for row in locked}


async def activate(merchant_id: str, rule_set_id: str, now: datetime) -> None:
    """Put a draft in force and retire the one before. Call it inside a transaction. Raises RuleSetNotDraft."""
    # All are locked first, so that two activations at once cannot leave two in force.
    if (await lock_versions(merchant_id)).get(rule_set_id) is not RuleSetState.DRAFT:
        raise RuleSetNotDraft(f"{rule_set_id} is no draft of {merchant_id}")
    await RuleSetRow.update({RuleSetRow.state: RuleSetState.RETIRED.value}).where(
        RuleSetRow.merchant_id == merchant_id, RuleSetRow.state == RuleSetState.ACTIVE.value
    )
    in_force: dict[Any, Any] = {
        RuleSetRow.state: RuleSetState.ACTIVE.value,
        RuleSetRow.activated_at: now,
        RuleSetRow.activate_at: None,
    }
    await RuleSetRow.update(in_force).where(RuleSetRow.id == rule_set_id, RuleSetRow.state == RuleSetState.DRAFT.value)


async def schedule(merchant_id: str, rule_set_id: str, at: datetime | None) -> None:
    """Say when a draft is to come in force; None: not by itself. Raises RuleSetNotDraft."""
    values: dict[Any, Any] = {RuleSetRow.activate_at: at}
    changed = (
        await RuleSetRow.update(values)
        .where(
            RuleSetRow.id == rule_set_id,
            RuleSetRow.merchant_id == merchant_id,
            RuleSetRow.state == RuleSetState.DRAFT.value,
        )
        .returning(RuleSetRow.id)
    )
    if not changed:
        raise RuleSetNotDraft(f"{rule_set_id} is no draft of {merchant_id}")


async def rule_set_version(rule_set_id: str) -> RuleSetVersion | None:
    """One version, of whichever merchant."""
    rows = await RuleSetRow.select().where(RuleSetRow.id == rule_set_id)
    return _version(rows[0]) if rows else None


async def rule_set_versions(
    merchant_id: str, *, limit: int, before_id: str | None = None, state: RuleSetState | None = None
) -> Sequence[RuleSetVersion]:
    """The merchant's versions, newest first; `before_id` continues a page (ids sort by time)."""
    query = RuleSetRow.select().where(RuleSetRow.merchant_id == merchant_id)
    if before_id:
        query = query.where(RuleSetRow.id < before_id)
    if state:
        query = query.where(RuleSetRow.state == state.value)
    return [_version(row) for row in await query.order_by(RuleSetRow.id, ascending=False).limit(limit)]


def _version(row: dict[str, Any]) -> RuleSetVersion:
    read = {**row, "state": RuleSetState(row["state"]), "document": msgspec.json.decode(row["document"])}
    return RuleSetVersion(**read)


async def policy_of(merchant_id: str) -> PolicyVersion:
    """The policy in force."""
    rows = await PolicyRow.raw(
        "SELECT version, document, created_at FROM routing_policy WHERE merchant_id = {} ORDER BY version DESC LIMIT 1",
        merchant_id,
    )
    if not rows:
        return PolicyVersion(0, {}, None)
    return PolicyVersion(rows[0]["version"], msgspec.json.decode(rows[0]["document"]), rows[0]["created_at"])


async def insert_policy(policy_id: str, merchant_id: str, document: object, now: datetime) -> PolicyVersion:
    """Store a document as the merchant's policy from now on.

    Raises PolicyInvalid before anything is written. Two callers at once: one gets asyncpg.UniqueViolationError.
    """
    parse_policy(document)
    version = (await policy_of(merchant_id)).version + 1
    stored = msgspec.json.encode(document).decode()
    await PolicyRow.insert(
        PolicyRow(id=policy_id, merchant_id=merchant_id, version=version, document=stored, created_at=now)
    )
    return PolicyVersion(version, msgspec.json.decode(stored), now)
