"""Payments at the simulators: one charge whatever happens, and failover only where it is safe."""

from __future__ import annotations

import asyncio

import pytest
from payment_shop import CHALLENGED, NO_FUNDS, STOLEN, Shop, driven, euros, story_of

from currency.money import Money
from orchestrator.errors import Conflict, InvalidField
from orchestrator.ledger import service as ledger
from orchestrator.payments import service
from orchestrator.payments.records import OperationState, PaymentRow, PaymentStatus, SettledBy
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus


async def pay(shop: Shop, amount: Money | None = None, number: str = "4242424242424242", **more: str) -> PaymentRow:
    card = await shop.card(number)
    return await service.create(NewPayment(shop.merchant_id, amount or euros(1999), instrument=card, **more))


async def clearing(shop: Shop, gateway: str, currency: str = "EUR") -> int:
    rows = await ledger.balances(shop.merchant_id)
    return sum(
        row.balance_minor
        for row in rows
        if (row.kind, row.gateway_account_id, row.currency) == ("gateway_clearing", shop.accounts[gateway], currency)
    )


async def test_a_card_is_authorised_and_captured_at_the_first_account(shop: Shop) -> None:
    payment = await pay(shop)
    assert payment.status is PaymentStatus.CAPTURED
    assert payment.amount_captured_minor == 1999
    (kept,) = await shop.kept(payment)
    assert (kept["gateway"], kept["captured_minor"]) == ("stripe", 1999)
    assert await clearing(shop, "stripe") == 1999


async def test_a_refused_connection_fails_over_and_the_same_card_is_charged_once(shop: Shop) -> None:
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await pay(shop)
    story = await story_of(payment)
    assert [attempt.gateway for attempt in story.attempts] == ["stripe", "adyen"]
    assert payment.status is PaymentStatus.AUTHORISED  # Adyen tells of the capture by webhook
    assert [charge["gateway"] for charge in await shop.kept(payment)] == ["adyen"]


async def test_a_connection_refused_behind_the_vault_fails_over(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="http_429")
    await shop.tell("/outage", gateway="adyen", on=True)
    payment = await pay(shop)
    story = await story_of(payment)
    assert [(a.gateway, a.status.value) for a in story.attempts] == [
        ("stripe", "not_reached"),
        ("adyen", "not_reached"),
        ("paypal", "captured"),
    ]
    assert [charge["gateway"] for charge in await shop.kept(payment)] == ["paypal"]
    assert await clearing(shop, "paypal") == 1999


async def test_a_soft_decline_goes_to_the_next_gateway(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="decline", reason="do_not_honor")
    payment = await pay(shop)
    story = await story_of(payment)
    assert [attempt.status.value for attempt in story.attempts] == ["declined", "authorised"]
    assert len(await shop.kept(payment)) == 1


@pytest.mark.parametrize(("number", "reason"), [(STOLEN, "stolen_card"), (NO_FUNDS, "insufficient_funds")])
async def test_a_decline_that_another_gateway_would_not_change_is_not_tried_again(
    shop: Shop, number: str, reason: str
) -> None:
    payment = await pay(shop, number=number)
    assert (payment.status, payment.failure_reason) == (PaymentStatus.FAILED, reason)
    assert len((await story_of(payment)).attempts) == 1
    assert await shop.kept(payment) == []


async def test_a_lost_reply_is_unknown_and_is_settled_by_asking_not_by_charging_again(shop: Shop) -> None:
    await shop.tell("/scenarios", gateway="stripe", operation="confirm", behaviour="lose_reply")
    card = await shop.card()
    creating = asyncio.create_task(service.create(NewPayment(shop.merchant_id, euros(4200), instrument=card)))
    payment = None
    async with asyncio.timeout(90):  # until the lost reply is seen as unknown
        while payment is None:
            await asyncio.sleep(0.02)
            found = await _latest(shop)
            if found and any(op.state is OperationState.UNKNOWN for op in (await story_of(found)).operations):
                payment = found
    await driven(payment, creating)
    payment = await creating
    assert payment.status is PaymentStatus.CAPTURED
    story = await story_of(payment)
    assert len(story.attempts) == 1
    assert SettledBy.LOOK_UP in {op.settled_by for op in story.operations}
    assert len(await shop.kept(payment)) == 1


async def _latest(shop: Shop) -> PaymentRow | None:
    from orchestrator.payments import store

    rows = await store.payments_of(shop.merchant_id, limit=1)
    return rows[0] if rows else None


async def test_manual_capture_takes_part_and_a_second_capture_is_refused(shop: Shop) -> None:
    payment = await pay(shop, capture_method="manual")
    assert payment.status is PaymentStatus.AUTHORISED
    payment = await service.capture(shop.merchant_id, payment.id, 500)
    assert (payment.status, payment.amount_captured_minor) == (PaymentStatus.PARTIALLY_CAPTURED, 500)
    with pytest.raises(Conflict):
        await service.capture(shop.merchant_id, payment.id, 500)


async def test_two_captures_at_once_take_the_money_once(shop: Shop) -> None:
    payment = await pay(shop, capture_method="manual")
    results = await asyncio.gather(
        *(service.capture(shop.merchant_id, payment.id, None) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, PaymentRow) for result in results) == 1
    (kept,) = await shop.kept(payment)
    assert kept["captured_minor"] == 1999
    assert await clearing(shop, "stripe") == 1999


async def test_a_canceled_authorisation_is_voided_at_the_gateway(shop: Shop) -> None:
    payment = await pay(shop, capture_method="manual")
    payment = await service.cancel(shop.merchant_id, payment.id)
    assert payment.status is PaymentStatus.CANCELED
    assert all(charge["voided"] for charge in await shop.charges(payment))


async def test_refunds_at_once_never_give_back_more_than_was_taken(shop: Shop) -> None:
    payment = await pay(shop)
    results = await asyncio.gather(
        *(refunds.create(shop.merchant_id, payment.id, 900, "") for _ in range(4)), return_exceptions=True
    )
    given = [result for result in results if isinstance(result, refunds.RefundView)]
    assert len(given) == 2
    assert all(view.status is RefundStatus.SUCCEEDED for view in given)
    assert all(isinstance(r, refunds.RefundView | InvalidField) for r in results)
    (charge,) = await shop.charges(payment)
    assert charge["refunded_minor"] == 1800
    assert await clearing(shop, "stripe") == 199


async def test_a_challenge_waits_for_the_shopper_and_is_completed(shop: Shop) -> None:
    payment = await pay(shop, number=CHALLENGED)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.next_action is not None
    url = attempt.next_action["url"]
    assert await shop.kept(payment) == []
    answer = await shop.world.post(url, data={"password": "password"})
    assert answer.status_code == 303
    payment = await service.complete(payment.id, {})
    assert payment.status is PaymentStatus.CAPTURED
    assert len(await shop.kept(payment)) == 1


async def test_kuwaiti_dinars_go_where_they_can_be_stated(shop: Shop) -> None:
    payment = await pay(shop, Money(12345, "KWD"))  # Stripe takes three decimals only with a last digit of 0
    assert [charge["gateway"] for charge in await shop.kept(payment)] == ["adyen"]


async def test_no_account_for_the_currency_fails_with_reasons(shop: Shop) -> None:
    from orchestrator.gateways import accounts

    for account_id in shop.accounts.values():
        await accounts.switch(shop.merchant_id, account_id, enabled=False)
    payment = await pay(shop)
    assert (payment.status, payment.failure_reason) == (PaymentStatus.FAILED, "no_gateway")
    assert payment.plan is not None
    assert all(not reason["kept"] for reason in payment.plan["reasons"])
