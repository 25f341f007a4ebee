"""Checkout sessions: a hosted page for one payment, that ends paid or expired and never both."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from checkout_driving import Time, answer_bells
from http_driving import Api
from payment_shop import CHALLENGED, NO_FUNDS, Shop
from web_driving import Visitor

BASKET: dict[str, Any] = {
    "amount": {"amount": 4200, "currency": "EUR"},
    "line_items": [
        {"name": "Wool socks", "quantity": 2, "amount": 3000},
        {"name": "Shipping", "amount": 1200},
    ],
    "success_url": "https://shop.example/thanks?basket=7",
    "cancel_url": "https://shop.example/basket",
    "reference": "basket-7",
    "metadata": {"channel": "web"},
}


async def opened(api: Api, **changed: Any) -> dict[str, Any]:
    answer = await api.post("/v1/checkout-sessions", {**BASKET, **changed})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def now(api: Api, session: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.get(f"/v1/checkout-sessions/{session['id']}")).json())


async def payments(api: Api) -> list[dict[str, Any]]:
    return list((await api.get("/v1/payments")).json()["data"])


async def events(api: Api, session: dict[str, Any]) -> list[str]:
    listed = await api.get("/v1/events", params={"object_id": session["id"]})
    return [event["type"] for event in listed.json()["data"]]


def token_of(session: dict[str, Any]) -> str:
    return str(session["url"]).rsplit("/", 1)[1]


async def test_a_session_has_a_page_with_its_items(api: Api, visitor: Visitor) -> None:
    session = await opened(api)
    page = await visitor.open(f"/pay/{token_of(session)}")
    assert (session["status"], session["payment_status"]) == ("open", "requires_payment_method")
    assert page.status_code == 200
    for text in ("Wool socks", "× 2", "€30.00", "Shipping", "€12.00", "€42.00", "https://shop.example/basket"):
        assert text in page.text


async def test_a_paid_session_is_completed_and_told(api: Api, visitor: Visitor, shop: Shop) -> None:
    session = await opened(api)
    paid = await visitor.pay(token_of(session), await shop.card())
    assert paid.json()["status"] == "succeeded"
    assert paid.json()["url"].startswith("https://shop.example/thanks?basket=7&payment_id=pay_")
    assert f"checkout_session_id={session['id']}" in paid.json()["url"]
    found = await now(api, session)
    assert (found["status"], found["payment_status"]) == ("completed", "captured")
    assert await events(api, session) == ["checkout_session.completed"]
    await answer_bells()
    assert await events(api, session) == ["checkout_session.completed"]


async def test_a_session_paid_behind_the_browsers_back_is_completed_by_a_bell(api: Api, shop: Shop) -> None:
    from orchestrator.payments import service

    session = await opened(api)
    await service.pay(token_of(session), await shop.card())
    assert (await now(api, session))["status"] == "open"
    assert "payment.moved" in await answer_bells("payment.moved")
    assert (await now(api, session))["status"] == "completed"


async def test_two_tabs_pay_once(api: Api, visitor: Visitor, shop: Shop) -> None:
    session = await opened(api)
    cards = [await shop.card() for _ in range(4)]
    answers = await asyncio.gather(*(visitor.pay(token_of(session), card) for card in cards))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    [payment] = await payments(api)
    books = (await shop.world.get("/charges")).json()
    assert len([one for one in books if one["payment_reference"] == payment["id"] and one["captured_minor"]]) == 1


async def test_a_declined_card_leaves_the_session_open_for_another(api: Api, visitor: Visitor, shop: Shop) -> None:
    session = await opened(api)
    await visitor.pay(token_of(session), await shop.card(NO_FUNDS))
    assert (await now(api, session))["status"] == "open"
    await visitor.pay(token_of(session), await shop.card())
    assert (await now(api, session))["status"] == "completed"


async def test_a_session_past_its_time_takes_no_card_though_its_bell_is_late(
    api: Api, visitor: Visitor, shop: Shop, time: Time
) -> None:
    session = await opened(api)
    card, csrf_page = await shop.card(), f"/pay/{token_of(session)}"
    await visitor.token_on(csrf_page)
    time.forward(hours=24, seconds=1)
    answer = await visitor.pay(token_of(session), card)
    assert (answer.status_code, answer.json()["status"]) == (409, "expired")
    assert answer.json()["url"].startswith("https://shop.example/basket?payment_id=")
    found = await now(api, session)
    assert (found["status"], found["payment_status"]) == ("expired", "canceled")
    assert (await shop.world.get("/charges")).json() == [] or not await _charged(shop, found["payment_id"])


async def _charged(shop: Shop, payment_id: str) -> list[Any]:
    return [one for one in (await shop.world.get("/charges")).json() if one["payment_reference"] == payment_id]


async def test_an_unpaid_session_expires_by_its_bell_and_says_so(api: Api, visitor: Visitor, time: Time) -> None:
    session = await opened(api)
    time.forward(hours=23)
    await answer_bells()
    assert (await now(api, session))["status"] == "open"
    time.forward(hours=1, seconds=1)
    await answer_bells()
    assert (await now(api, session))["status"] == "expired"
    assert await events(api, session) == ["checkout_session.expired"]
    page = await visitor.open(f"/pay/{token_of(session)}")
    assert 'data-state="expired"' in page.text
    assert "data-fields" not in page.text


async def test_a_payment_under_way_at_expiry_may_finish(api: Api, visitor: Visitor, shop: Shop, time: Time) -> None:
    session = await opened(api)
    started = await visitor.pay(token_of(session), await shop.card(CHALLENGED))
    assert started.json()["status"] == "requires_action"
    time.forward(hours=24, minutes=1)
    await answer_bells("payment.moved")
    assert (await now(api, session))["status"] == "open"
    assert (await api.post(f"/v1/checkout-sessions/{session['id']}/expire")).json()["code"] == "conflict"
    back = await shop.world.post(started.json()["url"], data={"password": "password"})
    returned = await visitor.open(back.headers["location"].removeprefix("http://clearway.test"))
    assert returned.headers["location"].startswith("https://shop.example/thanks")
    assert (await now(api, session))["status"] == "completed"


async def test_a_shopper_who_stays_at_the_bank_is_given_an_hour(
    api: Api, visitor: Visitor, shop: Shop, time: Time
) -> None:
    session = await opened(api)
    await visitor.pay(token_of(session), await shop.card(CHALLENGED))
    time.forward(hours=25, seconds=1)
    await answer_bells("payment.moved")
    found = await now(api, session)
    assert (found["status"], found["payment_status"]) == ("expired", "canceled")


async def test_expiring_and_paying_at_once_end_in_one_of_the_two(api: Api, visitor: Visitor, shop: Shop) -> None:
    for _ in range(4):
        session = await opened(api)
        card = await shop.card()
        await asyncio.gather(
            visitor.pay(token_of(session), card), api.post(f"/v1/checkout-sessions/{session['id']}/expire")
        )
        await answer_bells("payment.moved")
        found = await now(api, session)
        pairs = {("expired", "canceled"), ("completed", "captured")}
        assert (found["status"], found["payment_status"]) in pairs
        kept = [one for one in await _charged(shop, found["payment_id"]) if one["captured_minor"]]
        assert bool(kept) is (found["status"] == "completed")


async def test_an_expired_session_is_expired_once(api: Api) -> None:
    session = await opened(api)
    first = await api.post(f"/v1/checkout-sessions/{session['id']}/expire", key="k1")
    again = await api.post(f"/v1/checkout-sessions/{session['id']}/expire", key="k1")
    other_key = await api.post(f"/v1/checkout-sessions/{session['id']}/expire")
    assert (first.json()["status"], again.content) == ("expired", first.content)
    assert (other_key.status_code, other_key.json()["code"]) == (409, "conflict")


async def test_a_canceled_payment_ends_its_session(api: Api) -> None:
    session = await opened(api)
    await api.post(f"/v1/payments/{session['payment_id']}/cancel")
    await answer_bells("payment.moved")
    assert (await now(api, session))["status"] == "expired"


async def test_a_session_for_manual_capture_is_completed_when_it_is_authorised(
    api: Api, visitor: Visitor, shop: Shop
) -> None:
    session = await opened(api, capture_method="manual")
    await visitor.pay(token_of(session), await shop.card())
    found = await now(api, session)
    assert (found["status"], found["payment_status"]) == ("completed", "authorised")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"line_items": [{"name": "a", "amount": 4199}]}, "line_items"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"methods": ["cash"]}, "methods[0]"),
        ({"methods": []}, "methods"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"amount": {"amount": 4200, "currency": "XXX"}}, "amount.currency"),
    ],
)
async def test_what_makes_no_session_is_refused_by_field_and_makes_no_payment(
    api: Api, changed: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/checkout-sessions", {**BASKET, **changed})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert await payments(api) == []


async def test_sessions_are_listed_by_status_and_cursor(api: Api) -> None:
    made = [(await opened(api))["id"] for _ in range(3)]
    await api.post(f"/v1/checkout-sessions/{made[1]}/expire")
    is_open = (await api.get("/v1/checkout-sessions", params={"status": "open", "limit": 1})).json()
    rest = await api.get("/v1/checkout-sessions", params={"status": "open", "starting_after": is_open["next_cursor"]})
    assert [found["id"] for found in (*is_open["data"], *rest.json()["data"])] == [made[2], made[0]]
    assert (is_open["has_more"], rest.json()["has_more"]) == (True, False)


async def test_a_repeated_request_makes_one_session(api: Api) -> None:
    answers = [await api.post("/v1/checkout-sessions", BASKET, key="k1") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(await payments(api)) == 1


async def test_a_refused_idempotency_claim_leaves_neither_session_nor_payment(api: Api) -> None:
    """Both are made in one transaction: where binding the key fails, there is nothing."""
    from currency.money import Money
    from orchestrator.access.store import ClaimLost
    from orchestrator.checkouts import service
    from orchestrator.checkouts.service import NewSession
    from orchestrator.payments.service import NewPayment

    new = NewSession(NewPayment(api.merchant_id, Money(100, "EUR")))
    with pytest.raises(ClaimLost):
        await service.create(new, "no-such-claim")
    assert await payments(api) == []
    assert (await api.get("/v1/checkout-sessions")).json()["data"] == []


async def test_a_session_lasts_a_day_unless_told_otherwise(api: Api, time: Time) -> None:
    from datetime import datetime

    session = await opened(api)
    lasts = datetime.fromisoformat(session["expires_at"]) - datetime.fromisoformat(session["created_at"])
    assert lasts == timedelta(hours=24)


async def test_a_session_shows_what_it_asks_of_authentication(api: Api) -> None:
    session = await opened(api, authentication={"mode": "required"})
    assert session["authentication"] == {"mode": "required", "exemption": None}
    assert (await now(api, session))["authentication"] == session["authentication"]
    assert (await opened(api))["authentication"] is None
