"""Payment links: addresses at which one may pay as often as the merchant allows, and not once more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from checkout_driving import Time, answer_bells
from http_driving import Api
from payment_shop import NO_FUNDS, Shop
from web_driving import Visitor

from orchestrator.payments import service as payments
from routing.authentication import Exemption, Wanted

FIXED: dict[str, Any] = {"amount": {"amount": 2500, "currency": "EUR"}, "description": "Concert ticket"}
CHOSEN: dict[str, Any] = {"chosen_amount": {"currency": "EUR", "min": 500, "max": 10_000}, "description": "Donation"}


async def made(api: Api, body: dict[str, Any], **changed: Any) -> dict[str, Any]:
    answer = await api.post("/v1/payment-links", {**body, **changed})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def now(api: Api, link: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.get(f"/v1/payment-links/{link['id']}")).json())


def path_of(link: dict[str, Any]) -> str:
    return "/l/" + str(link["url"]).rsplit("/", 1)[1]


def checkout_of(answer: httpx.Response) -> str:
    """The token of the checkout that a visitor was sent to."""
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/pay/")


async def test_a_visitor_pays_a_fixed_amount_and_the_next_one_too(api: Api, visitor: Visitor, shop: Shop) -> None:
    link = await made(api, FIXED)
    page = await visitor.open(path_of(link))
    assert "Concert ticket" in page.text
    assert "€25.00" in page.text
    for _ in range(2):
        token = checkout_of(await visitor.submit(path_of(link), path_of(link)))
        assert (await visitor.pay(token, await shop.card())).json()["status"] == "succeeded"
    assert (await now(api, link))["uses"] == 2
    listed = (await api.get("/v1/checkout-sessions", params={"payment_link_id": link["id"]})).json()["data"]
    assert [(one["status"], one["amount"]["amount"]) for one in listed] == [("completed", 2500)] * 2
    assert len({one["payment_id"] for one in listed}) == 2


async def test_what_a_link_asks_of_authentication_counts_for_each_that_pays_by_it(api: Api, visitor: Visitor) -> None:
    link = await made(api, FIXED, authentication={"mode": "exempt", "exemption": "secure_corporate"})
    paid = await payments.by_token(checkout_of(await visitor.submit(path_of(link), path_of(link))))
    assert paid.authentication is not None
    assert (paid.authentication.asked, paid.authentication.asked_exemption) == (
        Wanted.EXEMPT,
        Exemption.SECURE_CORPORATE,
    )
    wrong = {**FIXED, "authentication": {"mode": "required", "exemption": "low_value"}}
    refused = await api.post("/v1/payment-links", wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "authentication.exemption")


@pytest.mark.parametrize(
    ("language", "typed", "minor"),
    [("en", "12.50", 1250), ("de", "12,50", 1250), ("de", "1.00", None), ("en", "5", 500)],
)
async def test_the_payer_chooses_an_amount_as_their_language_writes_it(
    api: Api, visitor: Visitor, language: str, typed: str, minor: int | None
) -> None:
    link = await made(api, CHOSEN)
    await visitor.open(f"{path_of(link)}?locale={language}")
    answer = await visitor.submit(path_of(link), path_of(link), amount=typed)
    if minor is None:
        assert answer.status_code == 422
        return
    checkout_of(answer)
    [session] = (await api.get("/v1/checkout-sessions")).json()["data"]
    assert (session["amount"]["amount"], session["locale"]) == (minor, language)


@pytest.mark.parametrize("typed", ["4.99", "100.01", "", "ten", "-10", "1e3", "10.001", "٣"])
async def test_an_amount_that_is_not_allowed_is_asked_for_again(api: Api, visitor: Visitor, typed: str) -> None:
    link = await made(api, CHOSEN)
    answer = await visitor.submit(path_of(link), path_of(link), amount=typed)
    assert answer.status_code == 422
    assert "€5.00" in answer.text
    assert "€100.00" in answer.text
    assert (await api.get("/v1/checkout-sessions")).json()["data"] == []


async def test_a_fixed_amount_is_not_the_visitors_to_change(api: Api, visitor: Visitor) -> None:
    link = await made(api, FIXED)
    checkout_of(await visitor.submit(path_of(link), path_of(link), amount="0.01"))
    [session] = (await api.get("/v1/checkout-sessions")).json()["data"]
    assert session["amount"]["amount"] == 2500


async def test_many_at_once_never_use_a_link_more_often_than_it_may_be(api: Api, visitor: Visitor, shop: Shop) -> None:
    link = await made(api, FIXED, max_uses=3)
    token, path = await visitor.token_on(path_of(link)), path_of(link)
    answers = await asyncio.gather(*(visitor.client.post(path, data={"_csrf_token": token}) for _ in range(12)))
    let_in = [answer for answer in answers if answer.status_code == 303]
    assert len(let_in) == 3
    assert {answer.status_code for answer in answers} == {303, 503}
    cards = [await shop.card() for _ in let_in]
    await asyncio.gather(*(visitor.pay(checkout_of(answer), card) for answer, card in zip(let_in, cards, strict=True)))
    found = await now(api, link)
    assert (found["uses"], found["uses_open"]) == (3, 0)
    assert (await visitor.open(path)).status_code == 409
    payments = (await api.get("/v1/payments", params={"status": "captured"})).json()["data"]
    assert len(payments) == 3


async def test_a_visitor_who_leaves_gives_the_use_back_after_half_an_hour(
    api: Api, visitor: Visitor, shop: Shop, time: Time
) -> None:
    link = await made(api, FIXED, max_uses=1)
    left = checkout_of(await visitor.submit(path_of(link), path_of(link)))
    assert (await visitor.open(path_of(link))).status_code == 503
    time.forward(minutes=30, seconds=1)
    await answer_bells("payment.moved")
    again = checkout_of(await visitor.submit(path_of(link), path_of(link)))
    assert (await visitor.pay(left, await shop.card())).json()["status"] == "expired"
    assert (await visitor.pay(again, await shop.card())).json()["status"] == "succeeded"
    assert (await now(api, link))["uses"] == 1


async def test_a_declined_card_uses_nothing_up(api: Api, visitor: Visitor, shop: Shop) -> None:
    link = await made(api, FIXED, max_uses=1)
    token = checkout_of(await visitor.submit(path_of(link), path_of(link)))
    await visitor.pay(token, await shop.card(NO_FUNDS))
    assert (await now(api, link))["uses"] == 0
    await visitor.pay(token, await shop.card())
    assert (await now(api, link))["uses"] == 1


async def test_a_link_taken_out_of_use_lets_nobody_in_but_who_is_paying_may_finish(
    api: Api, visitor: Visitor, shop: Shop
) -> None:
    link = await made(api, FIXED)
    token, form = checkout_of(await visitor.submit(path_of(link), path_of(link))), await visitor.token_on(path_of(link))
    changed = await api.client.patch(f"/v1/payment-links/{link['id']}", json={"active": False}, headers=api.headers())
    assert (changed.status_code, changed.json()["active"]) == (200, False)
    assert (await visitor.open(path_of(link))).status_code == 409
    assert (await visitor.client.post(path_of(link), data={"_csrf_token": form})).status_code == 409
    assert (await visitor.pay(token, await shop.card())).json()["status"] == "succeeded"


async def test_a_link_past_its_time_lets_nobody_in(api: Api, visitor: Visitor, time: Time) -> None:
    link = await made(api, FIXED, expires_at=(time.now() + timedelta(hours=2)).isoformat())
    assert (await visitor.open(path_of(link))).status_code == 200
    time.forward(hours=2, seconds=1)
    assert (await visitor.open(path_of(link))).status_code == 409


async def test_what_is_not_given_stays_and_null_takes_a_bound_away(api: Api) -> None:
    link = await made(api, FIXED, max_uses=3)
    address = f"/v1/payment-links/{link['id']}"
    one = (await api.client.patch(address, json={"description": "Seat"}, headers=api.headers())).json()
    two = (await api.client.patch(address, json={"max_uses": None}, headers=api.headers())).json()
    assert (one["description"], one["max_uses"]) == ("Seat", 3)
    assert (two["description"], two["max_uses"]) == ("Seat", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "amount"),
        ({**FIXED, **CHOSEN}, "amount"),
        ({"chosen_amount": {"currency": "EUR", "min": 500, "max": 499}}, "chosen_amount.max"),
        ({"chosen_amount": {"currency": "XXX", "min": 1, "max": 2}}, "chosen_amount.currency"),
        ({**FIXED, "max_uses": 0}, "max_uses"),
        ({**FIXED, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_what_makes_no_link_is_refused_by_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/payment-links", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_form_from_another_site_begins_nothing(api: Api, visitor: Visitor) -> None:
    link = await made(api, FIXED)
    answer = await visitor.client.post(path_of(link), data={"_csrf_token": "forged"})
    assert answer.status_code == 403
    assert (await api.get("/v1/checkout-sessions")).json()["data"] == []


async def test_an_unknown_link_is_a_page_in_words(visitor: Visitor) -> None:
    answer = await visitor.open("/l/nothing", **{"accept-language": "de"})
    assert answer.status_code == 404
    assert "Nicht gefunden" in answer.text


async def test_another_merchants_link_is_not_found(api: Api, other: Api) -> None:
    link = await made(api, FIXED)
    address = f"/v1/payment-links/{link['id']}"
    assert (await other.get(address)).status_code == 404
    assert (await other.client.patch(address, json={"active": False}, headers=other.headers())).status_code == 404
    assert (await other.get("/v1/payment-links")).json()["data"] == []


async def test_a_link_shows_what_it_asks_of_authentication(api: Api) -> None:
    asked = {"mode": "exempt", "exemption": "secure_corporate"}
    link = await made(api, FIXED, authentication=asked)
    assert link["authentication"] == asked
    assert (await api.get(f"/v1/payment-links/{link['id']}")).json()["authentication"] == asked
    assert (await made(api, FIXED))["authentication"] is None
