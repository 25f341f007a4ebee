"""What keeps an account out of routing or in it: its breaker by method, an operator's word, maintenance."""

from __future__ import annotations

from datetime import timedelta

import pytest
from http_driving import Api, merchant_api
from payment_shop import Shop, euros

from orchestrator import clock_port
from orchestrator.gateways import health
from orchestrator.payments import routes
from routing import account_store
from routing.breaker import BreakerPhase
from routing.decision import RoutePlan
from routing.outcomes import OutcomeKind


async def planned(shop: Shop) -> RoutePlan:
    return await routes.plan_for(shop.merchant_id, euros(1999), await shop.card(), "DE", {}, clock_port.now())


async def order(shop: Shop) -> list[str]:
    return [step.gateway for step in (await planned(shop)).steps]


async def trip(shop: Shop, gateway: str, method: str) -> None:
    for _ in range(5):
        await health.note(shop.accounts[gateway], OutcomeKind.UNKNOWN, clock_port.now(), method)


async def force(api: Api, account_id: str, **word: object) -> int:
    address = f"/v1/gateway-accounts/{account_id}/override"
    return (await api.client.put(address, json={"reason": "told so", **word}, headers=api.headers())).status_code


async def test_a_breaker_that_is_open_for_one_method_leaves_the_others_alone(shop: Shop) -> None:
    await trip(shop, "stripe", "sepa_debit")
    assert (await order(shop))[0] == "stripe"
    await trip(shop, "stripe", "card")
    assert (await order(shop))[0] == "adyen"


async def test_calls_of_no_method_that_fail_hold_back_every_method(shop: Shop) -> None:
    await trip(shop, "stripe", "")
    assert (await order(shop))[0] == "adyen"
    await health.note(shop.accounts["stripe"], OutcomeKind.APPROVED, clock_port.now(), "card")
    assert (await order(shop))[0] == "stripe"


async def test_when_the_cool_down_is_over_one_payment_tries_and_the_others_wait_for_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trip(shop, "stripe", "card")
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(minutes=1))
    assert [(await order(shop))[0] for _ in range(3)] == ["stripe", "adyen", "adyen"]
    stored = await account_store.load_breakers([shop.accounts["stripe"]], ["card"])
    assert stored[shop.accounts["stripe"], "card"].phase is BreakerPhase.HALF_OPEN


async def test_a_simulation_takes_no_probe(api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await trip(shop, "stripe", "card")
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(minutes=1))
    await api.post("/v1/routing/simulate", {"amount": {"amount": 100, "currency": "EUR"}})
    stored = await account_store.load_breakers([shop.accounts["stripe"]], ["card"])
    assert stored[shop.accounts["stripe"], "card"].phase is BreakerPhase.OPEN


async def test_an_account_that_is_forced_off_takes_nothing_until_it_is_released(api: Api, shop: Shop) -> None:
    assert await force(api, shop.accounts["stripe"], forced="off") == 200
    plan = await planned(shop)
    assert [step.gateway for step in plan.steps] == ["adyen", "paypal"]
    why = next(reason.why for reason in plan.reasons if reason.gateway == "stripe")
    assert why.startswith("the account is held back: forced off by key ")
    assert why.endswith(": told so")
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}/override"
    assert (await api.client.delete(address, headers=api.headers())).status_code == 204
    assert (await order(shop))[0] == "stripe"
    assert (await api.get(address)).status_code == 404


async def test_an_account_that_is_forced_on_is_tried_though_its_breaker_is_open(api: Api, shop: Shop) -> None:
    await trip(shop, "stripe", "card")
    assert (await order(shop))[0] == "adyen"
    await force(api, shop.accounts["stripe"], forced="on")
    assert (await order(shop))[0] == "stripe"


async def test_a_word_with_an_end_holds_until_then(api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    until = clock_port.now() + timedelta(hours=1)
    await force(api, shop.accounts["stripe"], forced="off", until=until.isoformat())
    assert (await order(shop))[0] == "adyen"
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(hours=2))
    assert (await order(shop))[0] == "stripe"
    assert await force(api, shop.accounts["stripe"], forced="off", until=until.isoformat()) == 422


async def test_an_account_is_left_out_while_it_is_maintained(
    api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts_at = clock_port.now() + timedelta(hours=1)
    body = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=1)).isoformat(), "note": "move"}
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}/maintenance-windows"
    window = (await api.post(address, body)).json()
    firsts, real = [], clock_port.now
    for hours in (0, 1.5, 3):
        monkeypatch.setattr(clock_port, "now", lambda hours=hours: real() + timedelta(hours=hours))
        firsts.append((await order(shop))[0])
    assert firsts == ["stripe", "adyen", "stripe"]
    assert [one["id"] for one in (await api.get(address)).json()["data"]] == [window["id"]]


async def test_a_window_that_is_canceled_holds_nothing_back(api: Api, shop: Shop) -> None:
    now = clock_port.now()
    body = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat()}
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}/maintenance-windows"
    window = (await api.post(address, body)).json()
    assert (await order(shop))[0] == "adyen"
    assert (await api.client.delete(f"{address}/{window['id']}", headers=api.headers())).status_code == 204
    assert (await order(shop))[0] == "stripe"


async def test_a_window_that_ends_before_it_begins_is_refused(api: Api, shop: Shop) -> None:
    now = clock_port.now().isoformat()
    address = f"/v1/gateway-accounts/{shop.accounts['stripe']}/maintenance-windows"
    answer = await api.post(address, {"starts_at": now, "ends_at": now})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ends_at")


async def test_another_merchant_says_nothing_of_our_accounts(api: Api, shop: Shop) -> None:
    other = await merchant_api(api.client, "Other Ltd")
    assert await force(other, shop.accounts["stripe"], forced="off") == 404
    now = clock_port.now()
    body = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat()}
    answer = await other.post(f"/v1/gateway-accounts/{shop.accounts['stripe']}/maintenance-windows", body)
    assert answer.status_code == 404
    assert (await order(shop))[0] == "stripe"
