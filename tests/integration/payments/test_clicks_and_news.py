"""Double clicks over HTTP, with one key and with several, and a webhook against a reply, over and over."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from kept_shop import only
from late_shop import balance
from payment_shop import CHALLENGED, Shop, euros, story_of
from raw_webhooks import Receiver, deliver

from orchestrator.access import service as access
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from tests.built_application import application

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLICKS = 5
ROUNDS = 12


@pytest_asyncio.fixture(loop_scope="session")
async def api(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    secret = await access.create_api_key(shop.merchant_id, "test", access.ALL_SCOPES)
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test", headers=headers) as opened:
        yield opened


async def clicked(api: httpx.AsyncClient, path: str, body: dict[str, int], *keys: str) -> list[int]:
    """The same request several times at once: the status of each answer."""
    asked = [api.post(path, json=body, headers={"Idempotency-Key": key}) for key in keys]
    return [answer.status_code for answer in await asyncio.gather(*asked)]


async def authorised(shop: Shop) -> PaymentRow:
    await only(shop, "stripe")
    new = NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), capture_method="manual")
    payment = await service.create(new)
    assert payment.status is PaymentStatus.AUTHORISED
    return payment


def one_key() -> list[str]:
    return [str(uuid.uuid4())] * CLICKS


def many_keys() -> list[str]:
    return [str(uuid.uuid4()) for _ in range(CLICKS)]


@pytest.mark.parametrize("keys", [one_key, many_keys])
async def test_a_capture_clicked_many_times_takes_its_amount_once(
    shop: Shop, api: httpx.AsyncClient, keys: Callable[[], list[str]]
) -> None:
    payment = await authorised(shop)
    answers = await clicked(api, f"/v1/payments/{payment.id}/capture", {"amount": 1200}, *keys())
    (charge,) = await shop.charges(payment)
    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert (charge["captured_minor"], await balance(shop, "gateway_clearing")) == (1200, 1200)


@pytest.mark.parametrize("keys", [one_key, many_keys])
async def test_a_refund_of_all_clicked_many_times_gives_it_back_once(
    shop: Shop, api: httpx.AsyncClient, keys: Callable[[], list[str]]
) -> None:
    payment = await authorised(shop)
    await service.capture(shop.merchant_id, payment.id, None)
    answers = Counter(await clicked(api, f"/v1/payments/{payment.id}/refunds", {"amount": 1999}, *keys()))
    (charge,) = await shop.charges(payment)
    assert charge["refunded_minor"] == 1999
    assert set(answers) <= {201, 409, 422}
    assert answers[201] >= 1
    assert await balance(shop, "gateway_clearing") == 0


async def test_a_part_refunded_with_the_same_key_again_and_again_is_refunded_once(
    shop: Shop, api: httpx.AsyncClient
) -> None:
    payment = await authorised(shop)
    await service.capture(shop.merchant_id, payment.id, None)
    path, key = f"/v1/payments/{payment.id}/refunds", str(uuid.uuid4())
    for _ in range(2):
        await clicked(api, path, {"amount": 100}, *[key] * CLICKS)
    (charge,) = await shop.charges(payment)
    assert charge["refunded_minor"] == 100


async def test_a_card_clicked_twice_on_the_page_is_charged_once(shop: Shop) -> None:
    await only(shop, "stripe")
    hosted, card = await service.create(NewPayment(shop.merchant_id, euros(1999))), await shop.card()
    clicks = [service.pay(hosted.public_token, card) for _ in range(CLICKS)]
    results = await asyncio.gather(*clicks, return_exceptions=True)
    assert len([result for result in results if isinstance(result, PaymentRow)]) == 1
    assert (len(await shop.charges(hosted)), await balance(shop, "gateway_clearing")) == (1, 1999)


async def test_the_webhook_and_the_reply_at_once_have_one_effect_however_they_fall(shop: Shop) -> None:
    """The shopper comes back while the webhook of their success is worked on, at another moment in each round."""
    await only(shop, "stripe")
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "stripe")
    for round_ in range(ROUNDS):
        card = await shop.card(CHALLENGED)
        payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=card))
        (attempt,) = (await story_of(payment)).attempts
        assert attempt.next_action is not None
        await shop.world.post(attempt.next_action["url"], data={"password": "password"})
        raw = await receiver.told(payment, "payment_intent.amount_capturable_updated")

        async def comes_back(payment: PaymentRow = payment, after_s: float = round_ % 4 * 0.004) -> PaymentRow:
            await asyncio.sleep(after_s)
            return await service.complete(payment.id, {})

        await asyncio.gather(comes_back(), deliver(shop, raw), deliver(shop, raw), comes_back())
        found = await service.get(shop.merchant_id, payment.id)
        assert (found.status, found.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)
        captures = [op for op in (await story_of(payment)).operations if op.kind.value == "capture"]
        assert (len(captures), len(await shop.kept(payment))) == (1, 1)
        assert await balance(shop, "gateway_clearing") == 1999 * (round_ + 1)
    server.close()
