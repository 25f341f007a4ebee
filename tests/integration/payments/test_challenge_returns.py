"""Whoever comes to the return page without a result (a prefetch, a link preview) ends no challenge."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from payment_shop import CHALLENGED, Shop, euros, story_of

from orchestrator.gateways import accounts
from orchestrator.payments import service
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.service import NewPayment


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_a_stray_return_leaves_the_challenge_open_and_it_can_still_be_passed(shop: Shop, gateway: str) -> None:
    for name, account_id in shop.accounts.items():
        if name != gateway:
            await accounts.switch(shop.merchant_id, account_id, enabled=False)
    card = await shop.card(CHALLENGED)
    payment = await service.create(NewPayment(shop.merchant_id, euros(2500), instrument=card))
    assert payment.status is PaymentStatus.REQUIRES_ACTION

    payment = await service.complete(payment.id, {"utm_source": "preview"})
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    payment = await service.complete(payment.id, {"redirectResult": "made-up"})
    assert payment.status is PaymentStatus.REQUIRES_ACTION

    action = (await story_of(payment)).attempts[-1].next_action
    assert action is not None
    back = await shop.world.post(action["url"], data={"password": "password"})
    brought = dict(parse_qsl(urlsplit(back.headers["location"]).query))
    payment = await service.complete(payment.id, brought)
    assert payment.status in (PaymentStatus.CAPTURED, PaymentStatus.AUTHORISED)  # Adyen tells of captures by webhook
    assert len(await shop.kept(payment)) == 1
