"""The verbs of routing rules and policies: draft, lint, put in force now or at a time, bring back, compare."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import asyncpg

from orchestrator import clock_port, outbox
from orchestrator.access import audit
from orchestrator.access.audit import Action
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.gateways import accounts
from orchestrator.gateways import store as gateway_store
from orchestrator.ids import new_id
from orchestrator.outbox import Later
from orchestrator.payments import route_settings
from routing import linter, store
from routing.differences import Difference, differences
from routing.linter import Finding
from routing.rules import RuleSet, parse_rule_set
from routing.store import PolicyVersion, RuleSetState, RuleSetVersion

TOPIC = "routing.activate"  # a draft's time has come
_AT_ONCE = "Another version was made at the same moment. Try again."


async def draft(merchant_id: str, document: dict[str, Any]) -> RuleSetVersion:
    """Store rules as the next version. Nothing changes before it is put in force. Raises RuleSetInvalid, Conflict."""
    try:
        async with transaction():
            made = await store.insert_rule_set(new_id("rs"), merchant_id, document, clock_port.now())
    except asyncpg.UniqueViolationError:
        raise Conflict(_AT_ONCE) from None
    return await get(merchant_id, made.id)


async def lint(merchant_id: str, document: dict[str, Any]) -> list[Finding]:
    """What is wrong with rules though they can be read, for the merchant's accounts. Raises RuleSetInvalid."""
    return await _lint(merchant_id, parse_rule_set(document))


async def _lint(merchant_id: str, rules: RuleSet) -> list[Finding]:
    candidates = [accounts.candidate(row) for row in await gateway_store.accounts_of(merchant_id)]
    return await asyncio.to_thread(linter.lint, rules, candidates)


async def get(merchant_id: str, rule_set_id: str) -> RuleSetVersion:
    """Raises NotFound, also for another merchant's."""
    found = await store.rule_set_version(rule_set_id)
    if found is None or found.merchant_id != merchant_id:
        raise NotFound("rule set", rule_set_id)
    return found


async def activate(merchant_id: str, rule_set_id: str) -> RuleSetVersion:
    """Put a draft in force from now on, and retire the version before. Raises RuleSetNotDraft."""
    async with transaction():
        await _put_in_force(merchant_id, rule_set_id)
        await outbox.dismiss(TOPIC, rule_set_id)
    route_settings.forget(merchant_id)
    return await get(merchant_id, rule_set_id)


async def schedule(merchant_id: str, rule_set_id: str, at: datetime | None) -> RuleSetVersion:
    """Have a draft come in force at a time; None: not by itself any more. Raises RuleSetNotDraft, InvalidField."""
    if at is not None and at <= clock_port.now():
        raise InvalidField("activate_at", "is over; leave it out to activate now")
    async with transaction():
        await store.schedule(merchant_id, rule_set_id, at)
        if at is None:
            await outbox.dismiss(TOPIC, rule_set_id)
        else:
            await outbox.postpone(TOPIC, rule_set_id, at)
        said = {"activate_at": at.isoformat() if at else None}
        await audit.record(merchant_id, Action.RULE_SET_SCHEDULED, rule_set_id, clock_port.now(), after=said)
    return await get(merchant_id, rule_set_id)


async def come_into_force(rule_set_id: str) -> Later | None:
    """The clock's bell for a draft: put it in force if its time has come and nothing was changed since."""
    found = await store.rule_set_version(rule_set_id)
    if found is None:
        return None
    async with transaction():
        await store.lock_versions(found.merchant_id)  # an operator may be about to say otherwise
        found = await store.rule_set_version(rule_set_id)
        if found is None or found.state is not RuleSetState.DRAFT or found.activate_at is None:
            return None
        if found.activate_at > clock_port.now():
            return Later(found.activate_at)
        await _put_in_force(found.merchant_id, rule_set_id)
    route_settings.forget(found.merchant_id)
    return None


async def restore(merchant_id: str, rule_set_id: str) -> RuleSetVersion:
    """Roll back: the document of an earlier version comes in force again, as the newest version.

    Raises NotFound; Conflict for a draft, which was never in force, and for the version in force.
    """
    earlier, now = await get(merchant_id, rule_set_id), clock_port.now()
    if earlier.state is not RuleSetState.RETIRED:
        raise Conflict(f"The version is {earlier.state.value}: only one that was in force before can be brought back.")
    try:
        async with transaction():
            made = await store.insert_rule_set(
                new_id("rs"), merchant_id, earlier.document, now, restores=earlier.version
            )
            await _put_in_force(merchant_id, made.id, restores=earlier.version)
    except asyncpg.UniqueViolationError:
        raise Conflict(_AT_ONCE) from None
    route_settings.forget(merchant_id)
    return await get(merchant_id, made.id)


async def _put_in_force(merchant_id: str, rule_set_id: str, **said: object) -> None:
    now = clock_port.now()
    await store.activate(merchant_id, rule_set_id, now)
    await audit.record(merchant_id, Action.RULE_SET_ACTIVATED, rule_set_id, now, after=said or None)


async def compare(merchant_id: str, rule_set_id: str, other_id: str) -> list[Difference]:
    """What the version changes against the other one. Raises NotFound."""
    later, earlier = await get(merchant_id, rule_set_id), await get(merchant_id, other_id)
    return differences(earlier.document, later.document)


async def set_policy(merchant_id: str, document: dict[str, Any]) -> PolicyVersion:
    """Put a policy in force. Raises PolicyInvalid, Conflict."""
    now, before = clock_port.now(), await store.policy_of(merchant_id)
    try:
        async with transaction():
            made = await store.insert_policy(new_id("rp"), merchant_id, document, now)
            await audit.record(
                merchant_id,
                Action.ROUTING_POLICY_CHANGED,
                merchant_id,
                now,
                before=before.document,
                after=made.document,
            )
    except asyncpg.UniqueViolationError:
        raise Conflict(_AT_ONCE) from None
    route_settings.forget(merchant_id)
    return made
