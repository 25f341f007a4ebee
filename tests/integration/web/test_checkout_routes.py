"""The hosted checkout over HTTP: languages, forged and malformed requests, and what the shopper is told."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from payment_shop import CHALLENGED, NO_FUNDS, Shop, euros
from web_driving import Visitor, body_of

from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment


async def owed(shop: Shop, **more: Any) -> PaymentRow:
    return await payments.create(NewPayment(shop.merchant_id, euros(1999), description="Order 7", **more))


async def now(payment: PaymentRow) -> PaymentRow:
    return await payments.by_token(payment.public_token)


async def test_the_page_speaks_the_browsers_language_unless_another_is_asked_for(shop: Shop, visitor: Visitor) -> None:
    path = f"/pay/{(await owed(shop)).public_token}"
    assert 'lang="de"' in (await visitor.open(path, **{"accept-language": "de-CH"})).text
    assert 'dir="rtl"' in (await visitor.open(f"{path}?locale=ar", **{"accept-language": "de-CH"})).text


async def test_a_language_that_was_chosen_is_kept(shop: Shop, visitor: Visitor) -> None:
    path = f"/pay/{(await owed(shop)).public_token}"
    await visitor.open(f"{path}?locale=ja")
    assert 'lang="ja"' in (await visitor.open(path, **{"accept-language": "de"})).text


async def test_the_page_may_frame_the_vault_and_be_framed_by_nobody(
    shop: Shop, visitor: Visitor, simulator_urls: dict[str, str]
) -> None:
    answer = await visitor.open(f"/pay/{(await owed(shop)).public_token}")
    policy = answer.headers["content-security-policy"]
    assert f"frame-src {simulator_urls['vault']};" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "httponly" in answer.headers["set-cookie"].lower()


async def test_an_unknown_link_is_a_page_in_words(visitor: Visitor, shop: Shop) -> None:
    answer = await visitor.open("/pay/nothing", **{"accept-language": "de"})
    assert answer.status_code == 404
    assert "Nicht gefunden" in answer.text


async def test_a_card_is_paid_and_a_second_try_is_told_that_it_is_paid(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop)
    first = await visitor.pay(payment.public_token, await shop.card())
    again = await visitor.pay(payment.public_token, await shop.card())
    assert (first.status_code, first.json()) == (200, {"status": "succeeded"})
    assert (again.status_code, again.json()) == (409, {"status": "already_paid"})
    assert len(await shop.kept(payment)) == 1


async def test_a_post_from_another_site_is_refused_before_anything_is_tried(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop)
    await visitor.open(f"/pay/{payment.public_token}")
    body = body_of(await shop.card())
    for headers in ({}, {"x-csrftoken": "0" * 32 + "." + "0" * 64}):
        answer = await visitor.client.post(f"/pay/{payment.public_token}/attempt", json=body, headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"status": "refused"})
    assert (await now(payment)).status is PaymentStatus.REQUIRES_PAYMENT_METHOD


@pytest.mark.parametrize(
    "changed",
    [
        {"holder": "4242 4242 4242 4242"},
        {"expiry_month": "12"},
        {"expiry_month": 13},
        {"token": "tok_a.number tok_b"},
        {"bin": "4242424242"},
        {"surprise": 1},
        {"holder": "Ada\x00"},
    ],
)
async def test_what_the_script_would_never_send_is_refused(
    shop: Shop, visitor: Visitor, changed: dict[str, Any]
) -> None:
    payment = await owed(shop)
    answer = await visitor.pay(payment.public_token, await shop.card(), **changed)
    assert (answer.status_code, answer.json()) == (422, {"status": "refused"})
    assert (await now(payment)).instrument is None


async def test_a_decline_is_told_in_the_shoppers_language_and_leaves_the_page_open(
    shop: Shop, visitor: Visitor
) -> None:
    payment = await owed(shop)
    await visitor.open(f"/pay/{payment.public_token}?locale=de")
    answer = (await visitor.pay(payment.public_token, await shop.card(NO_FUNDS))).json()
    assert answer["status"] == "failed"
    assert "Guthaben" in answer["message"]
    assert "final" not in answer
    page = (await visitor.open(f"/pay/{payment.public_token}")).text
    assert 'data-state="open"' in page
    assert "Guthaben" in page


async def test_a_decline_can_be_followed_by_another_card(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop)
    await visitor.pay(payment.public_token, await shop.card(NO_FUNDS))
    assert (await visitor.pay(payment.public_token, await shop.card())).json() == {"status": "succeeded"}


async def test_an_outage_is_not_noticed_by_the_shopper(shop: Shop, visitor: Visitor) -> None:
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await owed(shop)
    assert (await visitor.pay(payment.public_token, await shop.card())).json() == {"status": "succeeded"}
    assert [charge["gateway"] for charge in await shop.kept(payment)] == ["paypal"]


async def test_no_gateway_at_all_is_not_blamed_on_the_card(shop: Shop, visitor: Visitor) -> None:
    for gateway in ("stripe", "paypal"):
        await shop.tell("/outage", gateway=gateway, on=True)
    answer = (await visitor.pay((await owed(shop)).public_token, await shop.card())).json()
    assert "try again in a moment" in answer["message"]


async def test_the_bank_asks_and_the_way_back_leads_to_the_merchant(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop, return_url="https://shop.example/thanks?order=7")
    answer = (await visitor.pay(payment.public_token, await shop.card(CHALLENGED))).json()
    assert answer["status"] == "requires_action"
    assert (await visitor.open(f"/pay/{payment.public_token}/status")).json() == answer

    sent_back = await shop.world.post(answer["url"], data={"password": "password"})
    place = urlsplit(sent_back.headers["location"])
    back = await visitor.open(f"{place.path}?{place.query}")

    assert back.status_code == 303
    assert back.headers["location"] == (f"https://shop.example/thanks?order=7&payment_id={payment.id}&status=captured")
    assert len(await shop.kept(payment)) == 1


async def test_a_failed_challenge_leads_back_to_our_page_with_a_reason(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop, return_url="https://shop.example/thanks")
    answer = (await visitor.pay(payment.public_token, await shop.card(CHALLENGED))).json()
    sent_back = await shop.world.post(answer["url"], data={"password": "wrong"})
    place = urlsplit(sent_back.headers["location"])
    back = await visitor.client.post(place.path, data=dict(item.split("=") for item in place.query.split("&")))
    assert (back.status_code, back.headers["location"]) == (303, f"/pay/{payment.public_token}")
    page = (await visitor.open(back.headers["location"])).text
    assert 'data-state="open"' in page
    assert "could not confirm that it is you" in page


async def test_opening_the_bare_way_back_changes_nothing(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop)
    back = await visitor.open(f"/pay/{payment.public_token}/return")
    assert (back.status_code, back.headers["location"]) == (303, f"/pay/{payment.public_token}")
    assert (await now(payment)).status is PaymentStatus.REQUIRES_PAYMENT_METHOD


async def test_two_tabs_that_pay_at_once_pay_once(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop)
    token = await visitor.token_on(f"/pay/{payment.public_token}")
    bodies = [body_of(await shop.card()) for _ in range(3)]
    path, headers = f"/pay/{payment.public_token}/attempt", {"x-csrftoken": token}
    answers = await asyncio.gather(*(visitor.client.post(path, json=body, headers=headers) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(await shop.charges(payment)) == 1


async def test_a_link_with_a_nul_character_is_not_found(shop: Shop, visitor: Visitor) -> None:
    assert (await visitor.open("/pay/a%00b")).status_code == 404


async def test_a_canceled_payment_takes_no_card(shop: Shop, visitor: Visitor) -> None:
    payment = await owed(shop)
    await payments.cancel(shop.merchant_id, payment.id)
    answer = await visitor.pay(payment.public_token, await shop.card())
    assert (answer.status_code, answer.json()) == (409, {"status": "withdrawn"})
    assert "This payment was withdrawn" in (await visitor.open(f"/pay/{payment.public_token}")).text
