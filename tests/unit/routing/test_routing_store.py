"""Rule sets and breakers in PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.db import transaction
from routing.account_store import (
    Forced,
    MaintenanceWindow,
    Override,
    clear_override,
    insert_window,
    load_breakers,
    override_of,
    save_breaker,
    set_override,
    window,
)
from routing.breaker import BreakerPhase, HealthState, record
from routing.outcomes import OutcomeKind
from routing.policy_reader import PolicyInvalid
from routing.rules import RuleSetInvalid
from routing.store import (
    RuleSetNotDraft,
    activate,
    active_rule_set,
    insert_policy,
    insert_rule_set,
    policy_of,
    rule_set_version,
    schedule,
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


async def test_a_draft_remembers_when_it_is_to_come_in_force_until_it_is() -> None:
    await insert_rule_set("rs_1", "mer_1", DOCUMENT, NOW, restores=7)
    await schedule("mer_1", "rs_1", NOW + timedelta(days=1))
    draft = await rule_set_version("rs_1")
    assert draft is not None
    assert (draft.activate_at, draft.restores, draft.document) == (NOW + timedelta(days=1), 7, DOCUMENT)
    async with transaction():
        await activate("mer_1", "rs_1", NOW)
    active = await rule_set_version("rs_1")
    assert active is not None
    assert active.activate_at is None


async def test_only_a_draft_of_the_merchant_is_scheduled() -> None:
    await put_in_force("rs_1")
    await insert_rule_set("rs_2", "mer_1", DOCUMENT, NOW)
    for merchant_id, rule_set_id in (("mer_1", "rs_1"), ("mer_2", "rs_2")):
        with pytest.raises(RuleSetNotDraft):
            await schedule(merchant_id, rule_set_id, NOW)


async def test_the_newest_policy_is_in_force_for_its_merchant_only() -> None:
    await insert_policy("rp_1", "mer_1", {"max_attempts": 1}, NOW)
    await insert_policy("rp_2", "mer_1", {"max_attempts": 2}, NOW)
    found, none = await policy_of("mer_1"), await policy_of("mer_2")
    assert (found.version, found.document) == (2, {"max_attempts": 2})
    assert (none.version, none.document) == (0, {})


async def test_a_document_that_is_no_policy_is_not_stored() -> None:
    with pytest.raises(PolicyInvalid):
        await insert_policy("rp_1", "mer_1", {"max_attempts": 0}, NOW)
    assert (await policy_of("mer_1")).version == 0


async def test_a_breaker_is_read_back_as_it_was_saved() -> None:
    opened = HealthState(BreakerPhase.OPEN, 5, NOW, NOW + timedelta(microseconds=1))
    assert await save_breaker("ga_1", "card", FAILING, None, NOW)
    assert await save_breaker("ga_1", "card", opened, FAILING, NOW)
    assert await load_breakers(["ga_1", "ga_2"], ["card"]) == {("ga_1", "card"): opened}


async def test_each_method_of_an_account_has_a_breaker_of_its_own() -> None:
    other = HealthState(BreakerPhase.OPEN, 5, NOW, NOW)
    assert await save_breaker("ga_1", "card", FAILING, None, NOW)
    assert await save_breaker("ga_1", "", other, None, NOW)
    assert await load_breakers(["ga_1"], ["card", "", "ideal"]) == {("ga_1", "card"): FAILING, ("ga_1", ""): other}


async def test_of_two_results_counted_from_the_same_state_only_one_is_saved() -> None:
    await save_breaker("ga_1", "card", FAILING, None, NOW)
    first, second = (record(FAILING, OutcomeKind.UNKNOWN, NOW + timedelta(seconds=n)) for n in (1, 2))
    assert await save_breaker("ga_1", "card", first, FAILING, NOW)
    assert not await save_breaker("ga_1", "card", second, FAILING, NOW)
    assert not await save_breaker("ga_1", "card", FAILING, None, NOW)
    assert await load_breakers(["ga_1"], ["card"]) == {("ga_1", "card"): first}


async def test_an_operators_word_replaces_the_one_before_and_is_taken_back() -> None:
    for forced in (Forced.ON, Forced.OFF):
        await set_override(Override("ga_1", forced, "because", "user usr_1", NOW, NOW))
    found = await override_of("ga_1")
    assert found is not None
    assert (found.forced, found.until) == (Forced.OFF, NOW)
    assert await clear_override("ga_1")
    assert not await clear_override("ga_1")


async def test_a_window_is_read_back_for_its_account_only() -> None:
    planned = MaintenanceWindow("mw_1", "ga_1", NOW, NOW + timedelta(hours=1), "move", "user usr_1", NOW)
    await insert_window(planned)
    assert await window("ga_1", "mw_1") == planned
    assert await window("ga_2", "mw_1") is None
