"""Money that comes when nobody waits for it any more: recorded, given back by itself, and told as an incident."""

from __future__ import annotations

import pytest
from kept_shop import only
from late_shop import balance, hear, operation, paid, refused_beside, told
from payment_shop import Shop, euros, story_of

from currency.money import Money
from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.gateways.base import CaptureMode, OperationKind
from orchestrator.gateways.credentials import Mandate
from orchestrator.ids import new_id
from orchestrator.payments import service, store
from orchestrator.payments.instruments import SepaDebit, sepa_debit
from orchestrator.payments.records import AttemptStatus, Cause, PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.payments.tables import Operation
from routing.outcomes import OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_late_capture_of_a_canceled_payment_goes_back_though_its_source_was_paid_again(shop: Shop) -> None:
    """Its status must stay canceled: two payments that count for one source are refused by the database."""
    await only(shop, "stripe")
    source = f"inv_{new_id('x')}/0"
    new = NewPayment(
        shop.merchant_id, euros(1999), instrument=await shop.card(), capture_method="manual", source=source
    )
    first = await service.create(new)
    captured = await service.capture(shop.merchant_id, first.id, None)
    assert captured.status is PaymentStatus.CAPTURED
    capture = await operation(first, OperationKind.CAPTURE)
    # as it was told at the time: refused, so that the merchant canceled
    async with transaction():
        await Operation.update({Operation.outcome: "not_reached"}).where(Operation.id == capture.id)
        await store.update_payment(first.id, {"status": PaymentStatus.CANCELED}, clock_port.now())
    again = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), source=source))
    assert again.status is PaymentStatus.CAPTURED
    late = await hear(first, capture.id, OutcomeKind.APPROVED)
    assert (late.status, late.amount_captured_minor, late.amount_refunded_minor) == (PaymentStatus.CANCELED, 1999, 1999)
    refunds = [op for op in (await story_of(first)).operations if op.kind is OperationKind.REFUND]
    assert [(op.cause, op.target_operation_id) for op in refunds] == [(Cause.SURPLUS, capture.id)]
    assert "incident.late_success" in await told(first)


async def as_debit(shop: Shop) -> tuple[PaymentRow, str]:
    """A direct debit that the gateway has and that nobody knows the end of."""
    await only(shop, "stripe")
    debit: SepaDebit = sepa_debit(
        "DE89370400440532013000",
        "Ada Example",
        "ada@shop.example",
        Mandate("M-1", clock_port.now(), "203.0.113.7", "t"),
    )
    payment = await service.create(NewPayment(shop.merchant_id, euros(1999), instrument=debit))
    confirm = await operation(payment, OperationKind.CONFIRM)
    assert (payment.status, confirm.captures) == (PaymentStatus.PROCESSING, True)
    return payment, confirm.id


async def test_a_debit_is_in_processing_until_the_bank_has_paid_and_is_then_captured_once(shop: Shop) -> None:
    payment, confirm_id = await as_debit(shop)
    paid = await hear(payment, confirm_id, OutcomeKind.APPROVED)
    again = await hear(payment, confirm_id, OutcomeKind.APPROVED)
    assert (paid.status, again.amount_captured_minor) == (PaymentStatus.CAPTURED, 1999)
    (attempt,) = (await story_of(payment)).attempts
    assert (attempt.status, attempt.capture_mode) == (AttemptStatus.CAPTURED, CaptureMode.AUTOMATIC)
    assert (await balance(shop, "gateway_clearing"), await balance(shop, "sales")) == (1999, -1999)


async def test_a_debit_that_the_bank_takes_back_is_no_income_and_the_payment_fails(shop: Shop) -> None:
    payment, confirm_id = await as_debit(shop)
    await hear(payment, confirm_id, OutcomeKind.APPROVED)
    returned = await hear(payment, confirm_id, OutcomeKind.DECLINED)
    late = await hear(payment, confirm_id, OutcomeKind.APPROVED)  # the older message, overtaken by the newer
    assert (returned.status, returned.failure_reason) == (PaymentStatus.FAILED, "taken_back")
    assert (late.status, late.amount_captured_minor) == (PaymentStatus.FAILED, 0)
    assert (await balance(shop, "gateway_clearing"), await balance(shop, "sales")) == (0, 0)
    assert "payment.capture_failed" in await told(payment)


async def test_a_debit_that_is_paid_after_the_payment_was_canceled_is_refunded(shop: Shop) -> None:
    payment, confirm_id = await as_debit(shop)
    canceled = await service.cancel(shop.merchant_id, payment.id)
    late = await hear(payment, confirm_id, OutcomeKind.APPROVED)
    assert late.amount_captured_minor == 1999
    refund = await operation(payment, OperationKind.REFUND)
    assert (canceled.status, refund.cause, refund.amount_minor) == (PaymentStatus.CANCELED, Cause.SURPLUS, 1999)
    assert "incident.late_success" in await told(payment)


async def test_a_second_success_beside_a_captured_payment_is_given_back_and_the_first_one_stays(shop: Shop) -> None:
    """The late one is of a way to pay that takes the money at once, so there is nothing to void."""
    await only(shop, "stripe")
    payment = await paid(shop)
    late_id = await refused_beside(shop, payment)
    found = await hear(payment, late_id, OutcomeKind.APPROVED)
    assert (found.status, found.amount_captured_minor) == (PaymentStatus.CAPTURED, 3998)
    refund = await operation(payment, OperationKind.REFUND)
    assert (refund.target_operation_id, refund.cause, refund.amount) == (late_id, Cause.SURPLUS, Money(1999, "EUR"))
