"""Rule sets and breakers in PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.db import transaction
from routing.breaker import BreakerPhase, HealthState, record
from routing.outcomes import OutcomeKind
from routing.rules import RuleSetInvalid
from routing.store import (
    RuleSetNotDraft,
    activate,
    active_rule_set,
    insert_rule_set,
    load_breakers,
    save_breaker,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("database")]

NOW = datetime(2026, 10, 1, tzinfo=UTC)
DOCUMENT = {"rules": [{"name": "euros", "when": {"currency": ["EUR"]}, "then": {"accounts": ["adyen"]}}]}
FAILING = HealthState(BreakerPhase.CLOSED, 1, None, NOW)


async def put_in_force(rule_set_id: str, merchant_id: str = "mer_1") -> None:
    async with transaction():
        await insert_rule_set(rule_set_id, merchant_id, DOCUMENT, NOW)
        await activate(merchant_id, rule_set_id, NOW)


async def test_a_draft_is_not_in_force() -> None:
    await insert_rule_set("rs_1", "mer_1", DOCUMENT, NOW)
    assert await active_rule_set("mer_1") is None


async def test_the_last_activated_version_is_in_force_for_its_merchant_only() -> None:
    await put_in_force("rs_1")
    await put_in_force("rs_2")
    active = await active_rule_set("mer_1")
    assert active is not None
    assert (active.id, active.version, active.rules[0].name) == ("rs_2", 2, "euros")
    assert await active_rule_set("mer_2") is None


async def test_a_retired_version_does_not_come_back() -> None:
    await put_in_force("rs_1")
    await put_in_force("rs_2")
    with pytest.raises(RuleSetNotDraft):
        async with transaction():
            await activate("mer_1", "rs_1", NOW)


async def test_another_merchants_draft_cannot_be_activated() -> None:
    await insert_rule_set("rs_1", "mer_1", DOCUMENT, NOW)
    with pytest.raises(RuleSetNotDraft):
        async with transaction():
            await activate("mer_2", "rs_1", NOW)


async def test_a_document_that_is_no_rule_set_is_not_stored() -> None:
    with pytest.raises(RuleSetInvalid):
        await insert_rule_set("rs_1", "mer_1", {"rules": 1}, NOW)


async def test_a_breaker_is_read_back_as_it_was_saved() -> None:
    opened = HealthState(BreakerPhase.OPEN, 5, NOW, NOW + timedelta(microseconds=1))
    assert await save_breaker("ga_1", FAILING, None, NOW)
    assert await save_breaker("ga_1", opened, FAILING, NOW)
    assert await load_breakers(["ga_1", "ga_2"]) == {"ga_1": opened}


async def test_of_two_results_counted_from_the_same_state_only_one_is_saved() -> None:
    await save_breaker("ga_1", FAILING, None, NOW)
    first, second = (record(FAILING, OutcomeKind.UNKNOWN, NOW + timedelta(seconds=n)) for n in (1, 2))
    assert await save_breaker("ga_1", first, FAILING, NOW)
    assert not await save_breaker("ga_1", second, FAILING, NOW)
    assert not await save_breaker("ga_1", FAILING, None, NOW)
    assert await load_breakers(["ga_1"]) == {"ga_1": first}
