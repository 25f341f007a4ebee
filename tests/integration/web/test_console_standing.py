"""The console's word on a gateway account: forced on or off, and maintenance windows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from console_people import signed_in
from payment_shop import Shop, euros

from orchestrator import clock_port
from orchestrator.access.scopes import Role
from orchestrator.db import fetch
from orchestrator.payments import service
from orchestrator.payments.service import NewPayment
from routing import account_store
from routing.account_store import Forced
from routing.breaker import BreakerPhase, HealthState
from routing.decision import RoutePlan

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def first_gateway(shop: Shop) -> str:
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    return RoutePlan.from_json(payment.plan).steps[0].gateway


async def test_an_account_is_forced_off_and_released(shop: Shop) -> None:
    page = f"/console/gateways/{shop.accounts['stripe']}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        assert await first_gateway(shop) == "stripe"
        answer = await operator.submits(f"{page}/override", page, forced="off", reason="Cards <time> out", until="")
        assert answer.headers["location"] == f"{page}?done=forced"
        shown = await operator.opens(page)
        assert "Forced off" in shown
        assert "Cards &lt;time&gt; out" in shown
        assert await first_gateway(shop) == "paypal"
        answer = await operator.submits(f"{page}/release", page)
        assert answer.headers["location"] == f"{page}?done=released"
        assert "Forced off" not in await operator.opens(page)
        assert await first_gateway(shop) == "stripe"
    rows = await fetch("SELECT actor_id FROM audit_entry WHERE action = 'gateway_account.forced'")
    assert {row["actor_id"] for row in rows} == {operator.user_id}


async def test_an_account_that_is_forced_on_is_tried_though_its_breaker_is_open(shop: Shop) -> None:
    account_id, now = shop.accounts["stripe"], clock_port.now()
    held = HealthState(BreakerPhase.OPEN, failures=5, opened_at=now, updated_at=now)
    await account_store.save_breaker(account_id, "card", held, None, now)
    page = f"/console/gateways/{account_id}"
    until = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        assert await first_gateway(shop) == "paypal"
        await operator.submits(f"{page}/override", page, forced="on", reason="They say it works", until=until)
        assert "Forced on" in await operator.opens(page)
    assert await first_gateway(shop) == "stripe"


async def test_of_two_operators_the_later_word_counts(shop: Shop) -> None:
    account_id = shop.accounts["stripe"]
    page = f"/console/gateways/{account_id}"
    async with (
        signed_in(shop.merchant_id, Role.OPERATOR, "ann@acme.example") as ann,
        signed_in(shop.merchant_id, Role.OPERATOR, "bob@acme.example") as bob,
    ):
        await ann.submits(f"{page}/override", page, forced="off", reason="Ann", until="")
        await bob.submits(f"{page}/override", page, forced="on", reason="Bob", until="")
        word = await account_store.override_of(account_id)
        assert word is not None
        assert (word.forced, word.reason, word.actor) == (Forced.ON, "Bob", f"user {bob.user_id}")
        assert (await ann.submits(f"{page}/release", page)).status_code == 303
        gone = await bob.submits(f"{page}/release", page)
        assert gone.status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"forced": "maybe", "reason": "x", "until": ""},
        {"forced": "off", "reason": " ", "until": ""},
        {"forced": "off", "reason": "x", "until": "2020-01-01T00:00"},
        {"forced": "off", "reason": "x", "until": "soon"},
    ],
)
async def test_a_word_that_cannot_be_is_refused_on_the_page(shop: Shop, wrong: dict[str, str]) -> None:
    page = f"/console/gateways/{shop.accounts['stripe']}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        answer = await operator.submits(f"{page}/override", page, **wrong)
    assert answer.status_code in (400, 422)
    assert 'class="notice notice-bad"' in answer.text
    assert await account_store.override_of(shop.accounts["stripe"]) is None


async def test_maintenance_is_planned_and_canceled(shop: Shop) -> None:
    page = f"/console/gateways/{shop.accounts['stripe']}"
    now = clock_port.now()
    start, end = ((now + timedelta(hours=it)).strftime("%Y-%m-%dT%H:%M") for it in (-1, 1))
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        refused = await operator.submits(f"{page}/maintenance", page, starts_at=end, ends_at=start, note="")
        assert refused.status_code == 422
        await operator.submits(f"{page}/maintenance", page, starts_at=start, ends_at=end, note="New terminal")
        shown = await operator.opens(page)
        assert "New terminal" in shown
        assert await first_gateway(shop) == "paypal"
        [window_id] = set(re.findall(r"/maintenance/(mw_[0-9a-f]+)/cancel", shown))
        await operator.submits(f"{page}/maintenance/{window_id}/cancel", page)
        assert "New terminal" not in await operator.opens(page)
    assert await first_gateway(shop) == "stripe"


async def test_who_may_only_look_sees_the_word_and_cannot_say_one(shop: Shop) -> None:
    page = f"/console/gateways/{shop.accounts['stripe']}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        await operator.submits(f"{page}/override", page, forced="off", reason="Outage", until="")
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        shown = await viewer.opens(page)
        assert "Outage" in shown
        assert "/override" not in shown
        assert (await viewer.submits(f"{page}/release", page)).status_code == 403
