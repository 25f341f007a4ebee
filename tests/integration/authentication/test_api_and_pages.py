"""What the API takes and shows of strong authentication, and what becomes of the browser's facts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from authentication_shop import ON_REQUEST, REQUIRED, Shop, attempts_of, card_of, only, pass_challenge, shown
from http_driving import Api
from payment_shop import VISA, euros, story_of
from web_driving import Visitor, body_of

from orchestrator.gateways.credentials import Browser
from orchestrator.payments import service
from orchestrator.payments.calls import call_for
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.web.checkout import AttemptBody
from routing.authentication import Wanted


@pytest_asyncio.fixture(loop_scope="session")
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    from orchestrator.app import create_app

    transport = httpx.ASGITransport(create_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(client: httpx.AsyncClient, shop: Shop) -> Api:
    from orchestrator.access import service as access

    return Api(client, shop.merchant_id, await access.create_api_key(shop.merchant_id, "test"))


async def pay_on_page(visitor: Visitor, public_token: str, card: Card, **changed: Any) -> httpx.Response:
    """What checkout.js posts."""
    body = {name: value for name, value in body_of(card, **changed).items() if name in AttemptBody.__struct_fields__}
    headers = {"x-csrftoken": await visitor.token_on(f"/pay/{public_token}")}
    return await visitor.client.post(f"/pay/{public_token}/attempt", json=body, headers=headers)


def asked(card: Card, **authentication: Any) -> dict[str, Any]:
    shown_of = {name: getattr(card, name) for name in card.__struct_fields__}
    body: dict[str, Any] = {"amount": {"amount": 2500, "currency": "EUR"}, "authentication": authentication}
    return body | {"payment_method": {"type": "card", **shown_of}}


async def test_the_mode_of_the_api_is_heard_and_each_attempt_tells_what_came_of_it(shop: Shop, api: Api) -> None:
    await only(shop, "adyen")
    made = (await api.post("/v1/payments", asked(await card_of(shop, ON_REQUEST), mode="required"))).json()
    assert made["status"] == "requires_action", made
    assert made["attempts"][0]["authentication"]["wanted"] == "required"
    await pass_challenge(await service.get(shop.merchant_id, made["id"]))
    read = await api.get(f"/v1/payments/{made['id']}")
    [attempt] = read.json()["attempts"]
    came_of = attempt["authentication"]
    assert (came_of["result"], came_of["liability_shifted"], came_of["eci"]) == ("authenticated", True, "05")
    timeline = await api.get(f"/v1/payments/{made['id']}/timeline")
    assert timeline.json()["payment"]["attempts"][0]["authentication"] == came_of
    for told in (read.text, timeline.text):
        assert "sealed" not in told
        assert '"cavv":"[removed]"' in told or "cavv" not in told


@pytest.mark.parametrize(
    "authentication",
    [
        {"mode": "never"},
        {"mode": "required", "exemption": "low_value"},
        {"mode": "exempt", "exemption": "merchant_initiated"},
        {"exemption": "low_value"},
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(shop: Shop, api: Api, authentication: dict[str, str]) -> None:
    answer = await api.post("/v1/payments", asked(await shop.card(VISA), **authentication))
    assert answer.status_code in (400, 422)
    assert "authentication" in answer.text


async def test_a_policy_in_the_merchants_profile_counts(shop: Shop) -> None:
    from orchestrator import db

    profile = msgspec.json.encode({"authentication": {"mode": "required"}}).decode()
    await db.fetch("UPDATE merchant SET profile = $2 WHERE id = $1", shop.merchant_id, profile)
    card = await card_of(shop, ON_REQUEST)
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500), instrument=card))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert (await shown(payment))[0].reason == "the merchant's policy"


async def test_the_browsers_facts_reach_the_gateway_and_are_forgotten_with_the_payment(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    await only(shop, "adyen")
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500), authentication=REQUIRED))
    client.headers["user-agent"] = "Mozilla/5.0 (test)"
    visitor = Visitor(client)
    answer = await pay_on_page(visitor, payment.public_token, await card_of(shop, ON_REQUEST))
    assert answer.status_code == 200, answer.text
    story = await story_of(await service.get(shop.merchant_id, payment.id))
    call = call_for(story, story.attempts[0], story.operations[0])
    assert call.shopper.ip == "127.0.0.1"
    browser = call.shopper.browser
    assert browser == Browser(
        accept_header=browser.accept_header if browser else "",
        user_agent="Mozilla/5.0 (test)",
        language="en",
        color_depth=24,
        screen_height=844,
        screen_width=390,
        timezone_offset_min=-60,
    )
    done = await pass_challenge(await service.get(shop.merchant_id, payment.id))
    assert done.status is PaymentStatus.AUTHORISED
    kept = (await service.get(shop.merchant_id, payment.id)).usage.shopper
    assert (kept.browser, kept.ip) == (None, "")


async def test_browser_facts_that_no_browser_tells_are_refused(shop: Shop, client: httpx.AsyncClient) -> None:
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500)))
    visitor, card = Visitor(client), await shop.card(VISA)
    told = body_of(card)["browser"]
    for wrong in ({"color_depth": -1}, {"screen_width": 10**9}, {"time_zone_offset_minutes": 99_999}):
        answer = await pay_on_page(visitor, payment.public_token, card, browser=told | wrong)
        assert answer.status_code == 422, answer.text
    assert (await service.get(shop.merchant_id, payment.id)).status is PaymentStatus.REQUIRES_PAYMENT_METHOD


async def test_a_visitor_whom_the_defence_suspects_is_sent_to_the_bank(
    shop: Shop, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of one try a minute: the second is challenged, at a card whose bank does not ask by itself."""
    monkeypatch.setenv("CLEARWAY_ABUSE__RULES", '{"ip_tries": {"challenge_at": 1, "block_at": 100}}')
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500)))
    answer = await pay_on_page(Visitor(client), payment.public_token, await card_of(shop, ON_REQUEST))
    assert answer.status_code == 200, answer.text
    paid = await service.get(shop.merchant_id, payment.id)
    assert paid.status is PaymentStatus.REQUIRES_ACTION
    assert (await attempts_of(paid))[0].authentication is not None
    assert (await shown(paid))[0].wanted is Wanted.CHALLENGE
