"""Webhooks in: late, twice, reversed, forged; once in effect, and nothing forgotten where a process dies."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from payment_shop import CHALLENGED, SIMULATOR_ACCOUNT, Shop, euros, story_of
from raw_webhooks import Raw, Receiver, adyen_says, apply_all, deliver

from invoicing import service as invoicing
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.lifecycle import InvoiceState
from invoicing.tax import TaxKind, TaxTreatment
from orchestrator.billing import applying, paying
from orchestrator.billing import service as billing
from orchestrator.db import transaction
from orchestrator.gateways import accounts
from orchestrator.ledger import service as ledger
from orchestrator.ledger import store as ledger_store
from orchestrator.notifications import store as events
from orchestrator.outbox import Outbox
from orchestrator.payments import driver, service, store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import store as webhook_store

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """Everything that Stripe and Adyen tell is caught, and goes nowhere by itself."""
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "stripe", "adyen")
    yield receiver
    server.close()


async def pay_at(shop: Shop, gateway: str, **more: str) -> PaymentRow:
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name == gateway)
    number = more.pop("number", "4242424242424242")
    return await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(number), **more))


async def clearing(shop: Shop) -> int:
    rows = await ledger.balances(shop.merchant_id)
    return sum(row.balance_minor for row in rows if row.kind == "gateway_clearing")


async def now(payment: PaymentRow) -> PaymentRow:
    found = await store.payment(payment.id)
    assert found is not None
    return found


async def test_adyens_capture_is_believed_when_its_signed_webhook_says_so(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    assert (payment.status, await clearing(shop)) == (PaymentStatus.AUTHORISED, 0)
    await deliver(shop, await receiver.told(payment, "CAPTURE"))
    assert ((await now(payment)).status, await clearing(shop)) == (PaymentStatus.CAPTURED, 1999)


async def test_a_webhook_delivered_twice_has_its_effect_once(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    captured = await receiver.told(payment, "CAPTURE")
    assert [await deliver(shop, captured) for _ in range(3)] == [1, 0, 0]
    assert await clearing(shop) == 1999


async def test_webhooks_in_reverse_order_end_in_the_same_state(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    raws = [await receiver.told(payment, event) for event in ("AUTHORISATION", "CAPTURE")]
    for raw in reversed(raws):
        await deliver(shop, raw)
    assert ((await now(payment)).status, await clearing(shop)) == (PaymentStatus.CAPTURED, 1999)


async def test_a_forged_webhook_is_turned_away_and_changes_nothing(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    real = await receiver.told(payment, "CAPTURE")
    with pytest.raises(webhooks.Rejected):
        await deliver(shop, Raw("adyen", real.headers, real.body.replace(b"1999", b"9999")))
    assert (await now(payment)).status is PaymentStatus.AUTHORISED
    counts = await webhook_store.counts([shop.accounts["adyen"]])
    assert (counts.received, counts.rejected) == (0, 1)


async def test_a_forgery_by_the_simulator_itself_is_turned_away(shop: Shop, receiver: Receiver) -> None:
    for gateway in ("stripe", "adyen"):
        await shop.tell("/webhooks/forge", gateway=gateway, account=SIMULATOR_ACCOUNT[gateway])
        forged = next(raw for raw in reversed(receiver.requests) if raw.gateway == gateway)
        with pytest.raises(webhooks.Rejected):
            await deliver(shop, forged)


async def test_a_capture_that_failed_after_all_leaves_no_money_in_the_books(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    captured = await receiver.told(payment, "CAPTURE")
    await deliver(shop, captured)
    await deliver(shop, adyen_says(captured, eventCode="CAPTURE_FAILED"))
    after = await now(payment)
    assert (after.status, after.amount_captured_minor) == (PaymentStatus.NEEDS_REVIEW, 0)
    assert await clearing(shop) == 0
    assert await ledger_store.gateway_movements(shop.merchant_id) == []


async def test_a_failed_capture_told_before_its_success_stays_failed(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    captured = await receiver.told(payment, "CAPTURE")
    await deliver(shop, adyen_says(captured, eventCode="CAPTURE_FAILED"))
    await deliver(shop, captured)
    after = await now(payment)
    assert (after.status, after.amount_captured_minor, await clearing(shop)) == (PaymentStatus.NEEDS_REVIEW, 0, 0)


async def test_a_refund_that_failed_after_all_can_be_given_again(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    await deliver(shop, await receiver.told(payment, "CAPTURE"))
    view = await refunds.create(shop.merchant_id, payment.id, None, "")
    assert view.status is RefundStatus.PENDING
    refunded = await receiver.told(payment, "REFUND")
    await deliver(shop, refunded)
    assert (await refunds.view(view.refund)).status is RefundStatus.SUCCEEDED
    assert (await clearing(shop), (await now(payment)).amount_refunded_minor) == (0, 1999)
    await deliver(shop, adyen_says(refunded, eventCode="REFUND_FAILED"))
    assert (await refunds.view(view.refund)).status is RefundStatus.FAILED
    assert (await clearing(shop), (await now(payment)).amount_refunded_minor) == (1999, 0)


async def test_a_capture_made_by_hand_is_not_taken_for_ours(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    ours = await receiver.told(payment, "CAPTURE")
    by_hand = adyen_says(ours, merchantReference="op_" + "0" * 32, pspReference="BYHAND0000000001")
    await deliver(shop, by_hand)
    assert ((await now(payment)).status, await clearing(shop)) == (PaymentStatus.AUTHORISED, 0)


async def test_a_process_that_dies_after_settling_leaves_the_payment_right(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await pay_at(shop, "adyen")
    captured = await receiver.told(payment, "CAPTURE")

    async def dies(*args: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as broken:
        broken.setattr(driver, "drive", dies)
        try:
            await deliver(shop, captured)
        except ConnectionError:
            await apply_all(shop, "adyen")  # the bell rings again
    after = await now(payment)
    assert (after.status, after.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)


async def test_stripe_tells_of_a_challenge_passed_though_the_shopper_never_came_back(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await pay_at(shop, "stripe", number=CHALLENGED)
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.next_action is not None
    await shop.world.post(attempt.next_action["url"], data={"password": "password"})
    await deliver(shop, await receiver.told(payment, "payment_intent.amount_capturable_updated"))
    assert (await now(payment)).status is PaymentStatus.CAPTURED
    again = await service.complete(payment.id, {})  # and now they do come back
    assert (again.status, len(await shop.kept(payment)), await clearing(shop)) == (PaymentStatus.CAPTURED, 1, 1999)


async def test_stripe_tells_of_a_challenge_failed_though_the_shopper_never_came_back(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await pay_at(shop, "stripe", number=CHALLENGED)
    (attempt,) = (await story_of(payment)).attempts
    assert attempt.next_action is not None
    await shop.world.post(attempt.next_action["url"], data={"password": "wrong"})
    await deliver(shop, await receiver.told(payment, "payment_intent.payment_failed"))
    assert (await now(payment)).status is PaymentStatus.FAILED


async def test_what_the_merchant_canceled_cannot_be_approved_at_the_gateway(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "stripe", number=CHALLENGED)
    (attempt,) = (await story_of(payment)).attempts
    canceled = await service.cancel(shop.merchant_id, payment.id)
    assert canceled.status is PaymentStatus.CANCELED
    assert attempt.next_action is not None
    await shop.world.post(attempt.next_action["url"], data={"password": "password"})
    await deliver(shop, await receiver.told(payment, "payment_intent.canceled"))
    assert (await now(payment)).status is PaymentStatus.CANCELED
    assert await shop.charges(payment) == []


async def test_a_reply_that_is_still_due_is_waited_for(shop: Shop, receiver: Receiver) -> None:
    """The unsigned reason of a refusal would stop a failover that the reply allows."""
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name != "stripe")
    await shop.tell("/scenarios", gateway="adyen", operation="confirm", behaviour="decline", reason="do_not_honor")
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card()))
    await deliver(shop, await receiver.told(payment, "AUTHORISATION"))
    assert [(a.gateway, a.status.value) for a in (await story_of(payment)).attempts] == [
        ("adyen", "declined"),
        ("paypal", "captured"),
    ]


async def test_a_payment_at_rest_has_nothing_left_in_the_outbox(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    waiting = await Outbox.count().where(Outbox.topic == driver.TOPIC, Outbox.subject == payment.id)
    assert waiting == 1  # the capture is pending: should its webhook be lost, somebody looks
    await deliver(shop, await receiver.told(payment, "CAPTURE"))
    assert not await Outbox.count().where(Outbox.topic == driver.TOPIC, Outbox.subject == payment.id)


async def test_the_headers_kept_with_a_webhook_hold_no_password(shop: Shop, receiver: Receiver) -> None:
    from orchestrator.webhooks.tables import WebhookDelivery

    payment = await pay_at(shop, "adyen")
    raw = await receiver.told(payment, "CAPTURE")
    await deliver(shop, Raw("adyen", raw.headers | {"Authorization": "Basic c2VjcmV0"}, raw.body))
    (row,) = await WebhookDelivery.select(WebhookDelivery.headers)
    assert "c2VjcmV0" not in str(row["headers"])


async def test_a_capture_taken_back_from_a_paid_invoice_is_told_once(shop: Shop, receiver: Receiver) -> None:
    seller, buyer = Party(name="Shop", country="DE"), Party(name="Buyer", country="DE")
    line = Line("A chair", Decimal(1), Decimal("19.99"), TaxTreatment(TaxKind.ZERO))
    draft = DraftInvoice(seller=seller, buyer=buyer, currency="EUR", lines=(line,))
    invoice = await billing.create_draft(shop.merchant_id, "cus_buyer", draft)
    invoice = await billing.finalize(shop.merchant_id, invoice.id, send_mail=False)
    for name, account_id in shop.accounts.items():
        await accounts.switch(shop.merchant_id, account_id, enabled=name == "adyen")
    payment = await paying.payment_for(invoice)
    payment = await service.pay(payment.public_token, await shop.card())
    captured = await receiver.told(payment, "CAPTURE")
    await deliver(shop, captured)
    await applying.apply_payment(payment.id)
    assert (await invoicing.get(shop.merchant_id, invoice.id)).state is InvoiceState.PAID

    await deliver(shop, adyen_says(captured, eventCode="CAPTURE_FAILED"))
    rows = await Outbox.select(Outbox.subject).where(Outbox.topic == applying.PAYMENT_CAPTURED)
    assert [row["subject"] for row in rows] == [payment.id], "the invoice's side is not told"
    for _ in range(2):
        await applying.apply_payment(payment.id)
    told = await events.events_of(shop.merchant_id, limit=50, object_id=invoice.id)
    assert [event.type for event in told].count("incident.invoice_payment_taken_back") == 1


async def test_a_capture_taken_back_after_its_refund_is_applied_and_not_parked(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    captured = await receiver.told(payment, "CAPTURE")
    await deliver(shop, captured)
    await refunds.create(shop.merchant_id, payment.id, 500, "")
    await deliver(shop, await receiver.told(payment, "REFUND"))
    await deliver(shop, adyen_says(captured, eventCode="CAPTURE_FAILED"))
    after = await now(payment)
    assert (after.status, after.amount_captured_minor) == (PaymentStatus.NEEDS_REVIEW, 0)
    assert (after.amount_refunded_minor, await clearing(shop)) == (500, -500)


async def test_a_message_that_changes_nothing_needs_no_worker(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "stripe")
    raw = await receiver.told(payment, "payment_intent.created")
    assert await webhooks.receive(shop.accounts["stripe"], raw.headers, raw.body) == 1
    (row,) = await webhook_store.latest([shop.accounts["stripe"]], 10)
    assert (row.state, row.event_type) == ("ignored", "payment_intent.created")
    assert await Outbox.count().where(Outbox.topic == webhooks.TOPIC) == 0


async def test_a_message_of_what_is_known_does_not_wait_for_whoever_has_the_payment(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await pay_at(shop, "stripe")
    raw = await receiver.told(payment, "payment_intent.succeeded")
    await webhooks.receive(shop.accounts["stripe"], raw.headers, raw.body)
    async with transaction():
        await store.lock_payment(payment.id)
        worker = asyncio.create_task(asyncio.wait_for(apply_all(shop, "stripe"), 60), context=contextvars.Context())
        await worker
    (row,) = await webhook_store.messages_of(payment.id)
    assert (row.state, row.note) == ("applied", "known already")


async def test_an_event_that_comes_twice_in_one_delivery_is_kept_once(shop: Shop, receiver: Receiver) -> None:
    payment = await pay_at(shop, "adyen")
    raw = await receiver.told(payment, "CAPTURE")
    envelope = json.loads(raw.body)
    envelope["notificationItems"] *= 2
    assert await deliver(shop, Raw("adyen", raw.headers, json.dumps(envelope).encode())) == 1
    assert await clearing(shop) == 1999
