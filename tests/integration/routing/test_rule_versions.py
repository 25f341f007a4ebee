"""Versions of the routing rules through the API: drafts, activation now and at a time, rolling back, comparing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from http_driving import Api
from payment_shop import Shop, euros

from orchestrator import clock_port, outbox
from orchestrator.payments import rule_versions, service
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from routing.decision import RoutePlan


def rules(account: str, name: str = "all") -> dict[str, Any]:
    return {"rules": [{"name": name, "when": {"currency": ["EUR"]}, "then": {"accounts": [account]}}]}


async def drafted(api: Api, document: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post("/v1/rule-sets", document)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def activated(api: Api, document: dict[str, Any]) -> dict[str, Any]:
    made = await drafted(api, document)
    answer = await api.post(f"/v1/rule-sets/{made['id']}/activate")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def pay(shop: Shop, **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), **more))


def plan_of(payment: PaymentRow) -> RoutePlan:
    return RoutePlan.from_json(payment.plan)


async def test_a_version_that_is_activated_routes_the_next_payment_and_is_named_by_it(api: Api, shop: Shop) -> None:
    before = plan_of(await pay(shop))
    made = await activated(api, rules("adyen"))
    after = plan_of(await pay(shop))
    assert (before.steps[0].gateway, before.rule_set_version) == ("stripe", 0)
    assert ([step.gateway for step in after.steps], after.rule_set_id) == (["adyen"], made["id"])


async def test_a_draft_changes_nothing_before_its_time_and_routes_from_then_on(
    api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, at = await drafted(api, rules("adyen")), clock_port.now() + timedelta(hours=1)
    answer = await api.post(f"/v1/rule-sets/{made['id']}/activate", {"activate_at": at.isoformat()})
    assert (answer.status_code, answer.json()["state"]) == (200, "draft")
    await rule_versions.come_into_force(made["id"])
    assert plan_of(await pay(shop)).steps[0].gateway == "stripe"
    moved = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: moved() + timedelta(hours=1, seconds=1))
    due = [bell for bell in await outbox.take_due(clock_port.now()) if bell.topic == rule_versions.TOPIC]
    assert [bell.subject for bell in due] == [made["id"]]
    await rule_versions.come_into_force(made["id"])
    assert (await api.get("/v1/rule-sets/active")).json()["id"] == made["id"]
    assert plan_of(await pay(shop)).steps[0].gateway == "adyen"


async def test_a_draft_that_is_unscheduled_stays_one(api: Api) -> None:
    made, at = await drafted(api, rules("adyen")), clock_port.now() + timedelta(hours=1)
    await api.post(f"/v1/rule-sets/{made['id']}/activate", {"activate_at": at.isoformat()})
    answer = await api.post(f"/v1/rule-sets/{made['id']}/unschedule")
    assert answer.json()["activate_at"] is None
    await rule_versions.come_into_force(made["id"])
    assert (await api.get(f"/v1/rule-sets/{made['id']}")).json()["state"] == "draft"


async def test_a_time_that_is_over_is_refused(api: Api) -> None:
    made = await drafted(api, rules("adyen"))
    answer = await api.post(f"/v1/rule-sets/{made['id']}/activate", {"activate_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "activate_at")


async def test_rolling_back_makes_the_earlier_document_the_newest_version(api: Api, shop: Shop) -> None:
    first, second = await activated(api, rules("adyen")), await activated(api, rules("paypal"))
    restored = (await api.post(f"/v1/rule-sets/{first['id']}/restore")).json()
    assert (restored["version"], restored["restores"], restored["state"]) == (3, 1, "active")
    assert restored["document"] == first["document"]
    assert plan_of(await pay(shop)).steps[0].gateway == "adyen"
    listed = (await api.get("/v1/rule-sets")).json()["data"]
    assert [(one["version"], one["state"]) for one in listed] == [(3, "active"), (2, "retired"), (1, "retired")]
    assert (await api.get(f"/v1/rule-sets/{second['id']}")).json()["state"] == "retired"


async def test_only_a_version_that_was_in_force_before_is_brought_back(api: Api) -> None:
    draft, active = await drafted(api, rules("adyen")), await activated(api, rules("paypal"))
    for one in (draft, active):
        assert (await api.post(f"/v1/rule-sets/{one['id']}/restore")).status_code == 409


async def test_two_versions_are_compared_rule_by_rule(api: Api) -> None:
    one, two, three = (
        {"name": name, "when": {"currency": [currency]}, "then": {}}
        for name, currency in (("one", "EUR"), ("two", "USD"), ("three", "GBP"))
    )
    first = await drafted(api, {"rules": [one, two]})
    second = await drafted(api, {"rules": [three, {**two, "then": {"max_attempts": 1}}], "default": {"exclude": ["x"]}})
    answer = await api.get(f"/v1/rule-sets/{second['id']}/diff", params={"against": first["id"]})
    told = [(found["rule"], found["change"]) for found in answer.json()["differences"]]
    assert told == [("three", "added"), ("two", "changed"), ("one", "removed"), ("default", "changed")]


async def test_rules_that_change_places_are_moved(api: Api) -> None:
    one, two = ({"name": name, "when": {"currency": ["EUR"]}, "then": {}} for name in ("one", "two"))
    first, second = await drafted(api, {"rules": [one, two]}), await drafted(api, {"rules": [two, one]})
    answer = await api.get(f"/v1/rule-sets/{second['id']}/diff", params={"against": first["id"]})
    assert {found["change"] for found in answer.json()["differences"]} == {"moved"}


async def test_the_linter_speaks_when_rules_are_made_and_when_it_is_asked(api: Api) -> None:
    document = rules("stripe")
    document["rules"].append({"name": "late", "when": {"currency": ["EUR"]}, "then": {"accounts": ["nobody"]}})
    made, linted = await drafted(api, document), await api.post("/v1/routing/lint", document)
    kinds = {(found["kind"], found["rule"]) for found in made["findings"]}
    assert kinds == {("unreachable", "late"), ("unknown_account", "late")}
    assert linted.json()["findings"] == made["findings"]


async def test_a_policy_bounds_attempts_and_orders_accounts(api: Api, shop: Shop) -> None:
    assert (await api.get("/v1/routing/policy")).json()["version"] == 0
    document = {"max_attempts": 1, "strategy": "least_cost"}
    answer = await api.client.put("/v1/routing/policy", json=document, headers=api.headers())
    assert (answer.status_code, answer.json()["policy"]) == (200, document)
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="decline", reason="do_not_honor")
    payment = await pay(shop)
    assert (payment.failure_reason, len((await service.story(payment)).attempts)) == ("do_not_honor", 1)
    assert "least cost" in plan_of(payment).reasons[0].why


async def test_a_policy_names_declines_after_which_nothing_else_is_tried(api: Api, shop: Shop) -> None:
    await api.client.put("/v1/routing/policy", json={"not_after": ["do_not_honor"]}, headers=api.headers())
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="decline", reason="do_not_honor")
    payment = await pay(shop)
    assert len((await service.story(payment)).attempts) == 1


async def test_a_policy_that_cannot_be_read_is_refused_with_every_problem(api: Api) -> None:
    document = {"max_attempts": 0, "not_after": ["sunshine"]}
    answer = await api.client.put("/v1/routing/policy", json=document, headers=api.headers())
    assert (answer.status_code, answer.json()["code"]) == (422, "routing_policy_invalid")
    assert {found["field"] for found in answer.json()["errors"]} == {"max_attempts", "not_after[0]"}


async def test_another_merchants_versions_are_not_found(api: Api) -> None:
    from http_driving import merchant_api

    made = await activated(api, rules("adyen"))
    other = await merchant_api(api.client, "Other Ltd")
    assert (await other.get(f"/v1/rule-sets/{made['id']}")).status_code == 404
    assert (await other.post(f"/v1/rule-sets/{made['id']}/restore")).status_code == 404
    replay = await other.post("/v1/routing/replay", {"rule_set_id": made["id"]})
    assert replay.status_code == 404


async def test_of_many_activations_and_rollbacks_at_once_one_version_is_in_force(api: Api) -> None:
    retired = await activated(api, rules("adyen"))
    await activated(api, rules("stripe"))
    drafts = [await drafted(api, rules("paypal", f"r{number}")) for number in range(4)]
    answers = await asyncio.gather(
        *(api.post(f"/v1/rule-sets/{made['id']}/activate") for made in [*drafts, *drafts]),
        *(api.post(f"/v1/rule-sets/{retired['id']}/restore") for _ in range(4)),
    )
    assert {answer.status_code for answer in answers} <= {200, 201, 404, 409}, [answer.text for answer in answers]
    assert sum(answer.status_code == 200 for answer in answers) == len(drafts)
    assert any(answer.status_code == 201 for answer in answers)
    versions = (await api.get("/v1/rule-sets?limit=50")).json()["data"]
    (active,) = [one for one in versions if one["state"] == "active"]
    assert (await api.get("/v1/rule-sets/active")).json()["id"] == active["id"]
    assert [one["version"] for one in versions] == list(range(len(versions), 0, -1))
    assert not [one for one in versions if one["state"] == "draft"]


async def test_a_draft_that_is_unscheduled_in_the_very_moment_is_not_put_in_force(
    api: Api, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, at = await drafted(api, rules("adyen")), clock_port.now() + timedelta(hours=1)
    await api.post(f"/v1/rule-sets/{made['id']}/activate", {"activate_at": at.isoformat()})
    moved = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: moved() + timedelta(hours=2))
    operator, other = await asyncpg.connect(database), await asyncpg.connect(database)
    try:
        async with operator.transaction():  # quicker by a hair: the bell reads the draft as it was, and waits for it
            await operator.execute("UPDATE rule_set SET activate_at = NULL WHERE id = $1", made["id"])
            bell = asyncio.create_task(rule_versions.come_into_force(made["id"]))
            while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
        assert await bell is None
    finally:
        await operator.close()
        await other.close()
    assert (await api.get(f"/v1/rule-sets/{made['id']}")).json()["state"] == "draft"
