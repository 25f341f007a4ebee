"""Every way to pay at every gateway that can do it: approved, declined, at a page, pending; sent nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kept_shop import debit, home, network_token, only, pay
from payment_shop import VISA, Shop, euros, story_of
from raw_webhooks import Receiver, adyen_says, deliver
from shopper_pages_async import PAYS, REFUSES, visit

from currency.money import Money
from orchestrator.errors import InvalidField
from orchestrator.gateways.capabilities import Missing
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.registry import KINDS
from orchestrator.payments import driver, service, store
from orchestrator.payments.instruments import Ideal, Instrument, PayPalWallet
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Payment
from orchestrator.refunds import service as refunds
from orchestrator.refunds.service import RefundStatus
from orchestrator.settings import get_settings

pytestmark = pytest.mark.asyncio(loop_scope="session")
GATEWAYS = ("stripe", "adyen", "paypal")
DONE = (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)  # Adyen tells of captures by webhook
PAGES: dict[Method, Instrument] = {Method.PAYPAL: PayPalWallet(), Method.IDEAL: Ideal("Ada Example")}


def taking(*methods: Method) -> list[Any]:
    return [
        (gateway, method)
        for gateway in GATEWAYS
        for method in methods
        if not isinstance(KINDS[gateway].capabilities.methods[method], Missing)
    ]


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await receiver.start()
    await receiver.listen_to(shop, "stripe", "adyen")
    yield receiver
    server.close()


async def action_of(payment: PaymentRow) -> str:
    assert payment.status is PaymentStatus.REQUIRES_ACTION, payment
    action = (await story_of(payment)).attempts[-1].next_action
    assert action is not None
    return str(action["url"])


async def now(payment: PaymentRow) -> PaymentRow:
    found = await store.payment(payment.id)
    assert found is not None
    return found


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_network_token_is_charged(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    payment = await pay(shop, await network_token(shop, VISA))
    assert payment.status in DONE, payment
    assert [charge["gateway"] for charge in await shop.kept(payment)] == [gateway]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_network_token_of_a_stolen_card_is_declined(shop: Shop, gateway: str) -> None:
    await only(shop, gateway)
    await shop.tell("/scenarios", gateway=gateway, operation="confirm", behaviour="decline", reason="stolen_card")
    payment = await pay(shop, await network_token(shop, VISA))
    # Adyen has one code for several of these: https://docs.adyen.com/development-resources/refusal-reasons
    assert payment.status is PaymentStatus.FAILED
    assert payment.failure_reason in ("stolen_card", "restricted_card")
    assert await shop.kept(payment) == []


async def test_network_token_fails_over_like_a_card(shop: Shop) -> None:
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await pay(shop, await network_token(shop, VISA))
    await shop.tell("/outage", gateway="stripe", on=False)
    assert [charge["gateway"] for charge in await shop.kept(payment)] == ["adyen"]


@pytest.mark.parametrize(("gateway", "method"), taking(Method.PAYPAL, Method.IDEAL))
async def test_shopper_approves_at_the_page_and_is_charged_once(shop: Shop, gateway: str, method: Method) -> None:
    await only(shop, gateway)
    payment = await pay(shop, PAGES[method])
    brought = await visit(await action_of(payment), home(), press=PAYS[gateway])
    payment = await service.complete(payment.id, brought)
    assert payment.status in DONE, payment
    (kept,) = await shop.kept(payment)
    assert (kept["gateway"], kept["captured_minor"]) == (gateway, 1999)


@pytest.mark.parametrize(("gateway", "method"), taking(Method.PAYPAL, Method.IDEAL))
async def test_shopper_who_turns_back_at_the_page_has_paid_nothing(shop: Shop, gateway: str, method: Method) -> None:
    await only(shop, gateway)
    payment = await pay(shop, PAGES[method])
    brought = await visit(await action_of(payment), home(), press=REFUSES[gateway])
    payment = await service.complete(payment.id, brought)
    assert payment.status in (PaymentStatus.FAILED, PaymentStatus.REQUIRES_ACTION)  # PayPal's page can be gone to again
    assert await shop.kept(payment) == []


@pytest.mark.parametrize("method", [Method.PAYPAL, Method.IDEAL])
async def test_page_that_was_refused_is_not_followed_by_another_gateways(shop: Shop, method: Method) -> None:
    payment = await pay(shop, PAGES[method])  # Stripe's page; Adyen and PayPal could take it too
    brought = await visit(await action_of(payment), home(), press=REFUSES["stripe"])
    payment = await service.complete(payment.id, brought)
    assert payment.status is PaymentStatus.FAILED
    assert [attempt.gateway for attempt in (await story_of(payment)).attempts] == ["stripe"]
    assert payment.failure_message is not None
    assert "choose again" in payment.failure_message


@pytest.mark.parametrize("method", [Method.PAYPAL, Method.IDEAL])
async def test_gateway_that_is_down_before_the_page_is_failed_over(shop: Shop, method: Method) -> None:
    await shop.tell("/outage", gateway="stripe", on=True)
    payment = await pay(shop, PAGES[method])
    await shop.tell("/outage", gateway="stripe", on=False)
    story = await story_of(payment)
    assert [(a.gateway, a.status) for a in story.attempts] == [
        ("stripe", AttemptStatus.NOT_REACHED),
        ("adyen", AttemptStatus.ACTION_REQUIRED),
    ]


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_bank_debit_is_pending_and_never_tried_elsewhere(shop: Shop, gateway: str) -> None:
    others = [name for name in ("stripe", "adyen") if name != gateway]
    await only(shop, gateway)
    async with asyncio.timeout(get_settings().limits.payment_deadline_s - 5):  # nobody waits for days
        payment = await pay(shop, debit())
    assert payment.status is PaymentStatus.PROCESSING
    await only(shop, gateway, *others)
    await driver.drive(payment.id)
    assert [a.status for a in (await story_of(payment)).attempts] == [AttemptStatus.PENDING]


async def test_bank_debit_that_adyen_approves_by_webhook_is_captured(shop: Shop, receiver: Receiver) -> None:
    await only(shop, "adyen")
    payment = await pay(shop, debit())
    (attempt,) = (await story_of(payment)).attempts
    told = await receiver.told(await pay(shop, await shop.card()), "AUTHORISATION")
    ids = {"pspReference": attempt.gateway_payment_id, "merchantReference": attempt.id}
    await deliver(shop, adyen_says(told, **ids, paymentMethod="sepadirectdebit"))
    payment = await now(payment)
    assert (payment.status, payment.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)
    refund = await refunds.create(shop.merchant_id, payment.id, 500, "")
    assert refund.status in (RefundStatus.SUCCEEDED, RefundStatus.PENDING)


async def test_ideal_payment_of_a_shopper_who_never_comes_back_is_taken_note_of(shop: Shop, receiver: Receiver) -> None:
    await only(shop, "stripe")
    payment = await pay(shop, Ideal("Ada Example"))
    await visit(await action_of(payment), home(), press=PAYS["stripe"])  # and the window is closed
    await deliver(shop, await receiver.told(payment, "payment_intent.succeeded"))
    payment = await now(payment)
    assert (payment.status, payment.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)


async def test_iban_is_nowhere_in_the_database_in_clear(shop: Shop) -> None:
    await only(shop, "stripe")
    payment = await pay(shop, debit())
    rows = await Payment.raw(
        "SELECT row_to_json(p)::text || coalesce((SELECT string_agg(row_to_json(o)::text, '') FROM operation o "
        "WHERE o.payment_id = p.id), '') AS all FROM payment p WHERE id = {}",
        payment.id,
    )
    assert "DE89 •••• 3000" in rows[0]["all"] or "\\u2022" in rows[0]["all"]
    assert debit().sealed_iban[:6] in rows[0]["all"]
    assert "DE89370400440532013000" not in rows[0]["all"]


async def test_gateway_that_cannot_take_it_is_left_out_with_the_reason(shop: Shop) -> None:
    payment = await pay(shop, debit())
    assert payment.plan is not None
    why = {reason["account_id"]: reason["why"] for reason in payment.plan["reasons"] if not reason["kept"]}
    assert why.keys() == {shop.accounts["paypal"]}
    assert "sepa_debit" in why[shop.accounts["paypal"]]


@pytest.mark.parametrize("instrument", [debit, Ideal])
async def test_bank_accounts_move_euros_at_once_only(shop: Shop, instrument: Any) -> None:
    with pytest.raises(InvalidField, match=r"amount\.currency"):
        await service.create(NewPayment(shop.merchant_id, Money(1000, "USD"), instrument=instrument()))
    with pytest.raises(InvalidField, match="capture_method"):
        await service.create(
            NewPayment(shop.merchant_id, euros(1000), instrument=instrument(), capture_method="manual")
        )
