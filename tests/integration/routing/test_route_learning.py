"""What routing learns from attempts, and what it tells of them: tallies, reports, replays, facts."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from http_driving import Api
from payment_shop import NO_FUNDS, Shop, euros

from currency.money import Money
from orchestrator import clock_port, db
from orchestrator.payments import card_tries, route_records, route_settings, route_store, routes, service
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from routing.decision import RoutePlan
from routing.segments import PRIOR_PPM, Segment

LARGE = {"amount": {"currency": "EUR", "min": 5000}}
DRAFT = {"rules": [{"name": "large", "when": LARGE, "then": {"accounts": ["paypal"]}}]}


async def pay(shop: Shop, minor: int = 1999, number: str = "4242424242424242", **more: Any) -> PaymentRow:
    return await service.create(NewPayment(shop.merchant_id, euros(minor), instrument=await shop.card(number), **more))


async def declined(shop: Shop, gateway: str, reason: str) -> None:
    await shop.tell("/scenarios", gateway=gateway, operation="confirm", behaviour="decline", reason=reason)


async def record_of(shop: Shop, gateway: str) -> tuple[int, int, bool]:
    record = await route_settings.record_of([shop.accounts[gateway]])
    tally = record.get((shop.accounts[gateway], Segment()))
    return (tally.tried, tally.approved, tally.latency_ms is not None) if tally else (0, 0, False)


async def test_approvals_and_declines_that_say_something_of_the_gateway_are_counted(shop: Shop) -> None:
    await pay(shop)
    await pay(shop, number=NO_FUNDS)
    await declined(shop, "stripe", "do_not_honor")
    await pay(shop)
    assert await record_of(shop, "stripe") == (0, 0, False)
    await route_records.tally(clock_port.now())
    assert await record_of(shop, "stripe") == (2, 1, True)
    assert await record_of(shop, "adyen") == (1, 1, True)


async def test_counting_again_counts_nothing_twice(shop: Shop) -> None:
    await pay(shop)
    for _ in range(3):
        await route_records.tally(clock_port.now())
    assert (await record_of(shop, "stripe"))[:2] == (1, 1)


async def test_hours_that_were_missed_are_counted_and_old_ones_forgotten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay(shop)
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(hours=5))
    await pay(shop)
    await route_records.tally(clock_port.now())
    assert (await record_of(shop, "stripe"))[:2] == (2, 2)
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(hours=26))
    route_settings.forget_records()
    assert (await record_of(shop, "stripe"))[:2] == (1, 1)
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(days=8))
    await route_records.tally(clock_port.now())
    assert await route_store.last_tallied_hour() is None


async def test_the_account_that_approves_more_goes_first_where_that_is_the_strategy(api: Api, shop: Shop) -> None:
    for _ in range(3):
        await declined(shop, "stripe", "do_not_honor")
        await pay(shop)
    await route_records.tally(clock_port.now())
    await api.client.put("/v1/routing/policy", json={"strategy": "success_rate"}, headers=api.headers())
    plan = RoutePlan.from_json((await pay(shop)).plan)
    assert plan.steps[0].gateway == "adyen"
    chances = {reason.gateway: reason.score.approval_ppm for reason in plan.reasons if reason.score}
    assert (chances["adyen"] or 0) > (chances["paypal"] or 0) == PRIOR_PPM > (chances["stripe"] or 0)


async def test_a_report_tells_approvals_cost_and_latency_by_group(api: Api, shop: Shop) -> None:
    for minor in (1000, 3000):
        await pay(shop, minor, country="DE")
    await pay(shop, 1000, number=NO_FUNDS, country="FR")
    rows = (await api.get("/v1/routing/reports")).json()["data"]
    (stripe,) = [row for row in rows if row["gateway"] == "stripe"]
    assert (stripe["attempts"], stripe["approved"], stripe["declined"]) == (3, 2, 1)
    assert stripe["approval_rate"] == 0.666666
    assert (stripe["approved_amount"], stripe["cost"], stripe["currency"]) == (4000, 60, "EUR")  # 1.5 %
    assert 0 < stripe["latency_p50_ms"] <= stripe["latency_p95_ms"]
    answer = await api.get("/v1/routing/reports?group_by[]=country&group_by[]=reason&interval=day")
    assert answer.status_code == 200, answer.text
    by_country = answer.json()["data"]
    assert {(row["country"], row["reason"], row["attempts"]) for row in by_country} == {
        ("DE", "", 2),
        ("FR", "insufficient_funds", 1),
    }
    assert all(row["start"] and row["gateway"] is None for row in by_country)


async def test_a_report_as_csv_says_the_same(api: Api, shop: Shop) -> None:
    await pay(shop)
    answer = await api.get("/v1/routing/reports.csv?group_by[]=method")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert answer.headers["content-type"].startswith("text/csv")
    assert (row["method"], row["approved"], row["cost"]) == ("card", "1", "30")


async def test_the_price_list_counts_by_brand_and_for_declines(api: Api, shop: Shop) -> None:
    fees = {
        "bps": 100,
        "rules": [{"bps": 200, "fixed_minor": {"EUR": 10}, "brands": ["visa"]}],
        "declined_minor": {"EUR": 5},
    }
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}"
    changed = await api.client.patch(address, json={"fees": fees, "verify": False}, headers=api.headers())
    assert changed.status_code == 200, changed.text
    await pay(shop, 1000)
    await pay(shop, 2000)
    await pay(shop, 1000, number=NO_FUNDS)
    rows = (await api.get("/v1/routing/reports")).json()["data"]
    assert [row["cost"] for row in rows] == [60 + 2 * 10 + 5]


async def test_another_merchants_report_is_empty(api: Api, shop: Shop) -> None:
    from http_driving import merchant_api

    await pay(shop)
    other = await merchant_api(api.client, "Other Ltd")
    assert (await other.get("/v1/routing/reports")).json()["data"] == []


async def test_a_report_of_no_time_at_all_is_refused(api: Api) -> None:
    answer = await api.get("/v1/routing/reports?created_from=2026-02-01T00:00:00Z&created_to=2026-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "created_from")


async def everything(shop: Shop) -> list[Any]:
    return [
        await db.fetch(f"SELECT * FROM {table} ORDER BY id")
        for table in ("payment", "attempt", "operation", "event", "rule_set", "route_tally")
    ]


async def test_a_replay_moves_payments_by_other_rules_and_touches_nothing(api: Api, shop: Shop) -> None:
    for minor in (1000, 6000, 8000):
        await pay(shop, minor)
    before = await everything(shop)
    told = (await api.post("/v1/routing/replay", {"rule_set": DRAFT})).json()
    assert await everything(shop) == before
    assert (told["payments"], told["moved"], told["rules"]) == (3, 2, {"default": 1, "large": 2})
    rows = {row["gateway"]: row for row in told["rows"]}
    assert (rows["stripe"]["before"]["volume"], rows["stripe"]["after"]["volume"]) == (15_000, 1_000)
    assert (rows["paypal"]["after"]["payments"], rows["paypal"]["after"]["cost"]) == (2, 210)
    assert rows["paypal"]["after"]["approvals"] == pytest.approx(1.7)
    assert sum(told["chart"]["series"][1]["payments"]) == 3
    move = {"from_account_id": shop.accounts["stripe"], "to_account_id": shop.accounts["paypal"], "payments": 2}
    assert told["moves"] == [move]


async def test_a_replay_through_a_stored_version_is_a_table_too(api: Api, shop: Shop) -> None:
    await pay(shop, 6000)
    draft = (await api.post("/v1/rule-sets", DRAFT)).json()["id"]
    answer = await api.get(f"/v1/rule-sets/{draft}/replay.csv")
    rows = {row["gateway"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert (rows["stripe"]["payments_before"], rows["paypal"]["payments_after"]) == ("1", "1")
    assert (await api.post("/v1/routing/replay", {})).status_code == 422


async def test_the_rules_in_force_replayed_move_nothing(api: Api, shop: Shop) -> None:
    split = [{"account": gateway, "weight": 50} for gateway in ("stripe", "paypal")]
    made = (await api.post("/v1/rule-sets", {"rules": [], "default": {"split": split}})).json()["id"]
    await api.post(f"/v1/rule-sets/{made}/activate")
    for _ in range(6):
        await pay(shop)
    told = (await api.post("/v1/routing/replay", {"rule_set_id": made})).json()
    assert (told["payments"], told["moved"]) == (6, 0)


async def test_rules_may_look_at_every_fact_of_a_payment(api: Api, shop: Shop) -> None:
    facts = [
        {"funding": ["debit"]},
        {"risk_score": {"min": 70}},
        {"channel": ["api"]},
        {"customer_present": True},
        {"merchant_category": ["5411"]},
        {"issuer_country": ["US"]},
        {"bin": ["424242"]},
        {"metadata": {"key": "shop", "in": ["north"]}},
        {"time": {"from": "00:00", "to": "23:59", "zone": "UTC"}},
        {"amount": {"currency": "EUR", "max": 2000}},
    ]
    await db.fetch("UPDATE merchant SET profile = $1 WHERE id = $2", '{"merchant_category": "5411"}', shop.merchant_id)
    document = {"rules": [{"name": "each", "when": {"all": facts}, "then": {"accounts": ["paypal"]}}]}
    made = (await api.post("/v1/rule-sets", document)).json()["id"]
    await api.post(f"/v1/rule-sets/{made}/activate")
    token = (await shop.card()).vault_token
    card = {"type": "card", "vault_token": token, "brand": "visa", "last4": "4242", "expiry_month": 12}
    card |= {"expiry_year": 2030, "bin": "424242", "issuer_country": "US", "funding": "debit"}
    body = {"amount": {"amount": 1999, "currency": "EUR"}, "payment_method": card, "metadata": {"shop": "north"}}
    for score, rule in ((80, "each"), (10, "default"), (None, "default")):
        paid = await api.post("/v1/payments", {**body, "risk_score": score})
        assert paid.json()["route"]["rule"] == rule, paid.text


async def test_a_simulation_takes_every_fact_and_another_version(api: Api, shop: Shop) -> None:
    parts = [
        {"time": {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin"}},
        {"risk_score": {"min": 70}},
        {"merchant_initiated": True},
        {"funding": ["prepaid"]},
    ]
    rules = [{"name": "nights", "when": {"all": parts}, "then": {"accounts": ["paypal"]}}]
    draft = (await api.post("/v1/rule-sets", {"rules": rules})).json()["id"]
    facts = {
        "amount": {"amount": 1000, "currency": "EUR"},
        "at": "2026-10-02T23:30:00+02:00",
        "risk_score": 80,
        "initiator": "merchant",
        "funding": "prepaid",
        "rule_set_id": draft,
    }
    told = (await api.post("/v1/routing/simulate", facts)).json()
    assert (told["rule"], told["steps"]) == ("nights", [shop.accounts["paypal"]])
    by_day = await api.post("/v1/routing/simulate", {**facts, "at": "2026-10-02T13:30:00+02:00"})
    assert by_day.json()["rule"] == "default"


async def test_a_simulation_asks_for_the_way_to_pay(api: Api, shop: Shop) -> None:
    facts = {"amount": {"amount": 1000, "currency": "EUR"}, "method": "sepa_debit"}
    told = (await api.post("/v1/routing/simulate", facts)).json()
    assert shop.accounts["paypal"] not in told["steps"]
    (left_out,) = [reason for reason in told["reasons"] if reason["gateway"] == "paypal"]
    assert left_out["why"].startswith("paypal takes no sepa_debit")


async def test_an_amount_in_another_currency_is_compared_by_the_rate_of_the_day(shop: Shop, api: Api) -> None:
    entered = await api.post("/v1/rates", {"base": "USD", "quote": "EUR", "rate": "0.5"})
    assert entered.status_code == 201, entered.text
    made = (await api.post("/v1/rule-sets", DRAFT)).json()["id"]
    await api.post(f"/v1/rule-sets/{made}/activate")
    small, large = [
        (await api.post("/v1/routing/simulate", {"amount": {"amount": minor, "currency": "USD"}})).json()["rule"]
        for minor in (9_000, 11_000)
    ]
    assert (small, large) == ("default", "large")


async def test_planning_a_payment_asks_three_things_of_the_database(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts, breakers, the card's refused tries; all else was read a moment ago."""
    asked: list[str] = []
    real = asyncpg.Connection.fetch

    async def noted(connection: asyncpg.Connection, query: str, *given: Any, **more: Any) -> Any:
        asked.append(query)
        return await real(connection, query, *given, **more)

    card, now = await shop.card(), clock_port.now()
    monkeypatch.setattr(route_settings, "SETTINGS_KNOWN_FOR_S", 60.0)
    await routes.plan_for(shop.merchant_id, Money(100, "EUR"), card, None, {}, now)
    monkeypatch.setattr(asyncpg.Connection, "fetch", noted)
    await routes.plan_for(shop.merchant_id, Money(100, "EUR"), card, None, {}, now)
    await card_tries.begin(shop.merchant_id, card, now)
    assert len(asked) == 3, asked


async def test_another_process_sees_a_change_within_a_second(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, now = await shop.card(), clock_port.now()
    monkeypatch.setattr(route_settings, "forget", lambda _: None)  # as where the change was not made
    await routes.plan_for(shop.merchant_id, Money(100, "EUR"), card, None, {}, now)
    made = (await api.post("/v1/rule-sets", {"rules": [], "default": {"accounts": ["paypal"]}})).json()["id"]
    await api.post(f"/v1/rule-sets/{made}/activate")
    await asyncio.sleep(route_settings.SETTINGS_KNOWN_FOR_S)
    plan = await routes.plan_for(shop.merchant_id, Money(100, "EUR"), card, None, {}, now)
    assert (plan.rule_set_id, plan.steps[0].gateway) == (made, "paypal")


async def test_a_plan_shows_the_score_and_its_parts(api: Api, shop: Shop) -> None:
    await api.client.put("/v1/routing/policy", json={"strategy": "expected_value"}, headers=api.headers())
    facts = {"amount": {"amount": 1000, "currency": "EUR"}}
    told = (await api.post("/v1/routing/simulate", facts)).json()
    score = told["reasons"][0]["score"]
    assert (score["approval_rate"], score["cost"]) == (0.85, {"amount": 15, "currency": "EUR"})
    assert score["value"] == 850_000 * (200 - 15)
