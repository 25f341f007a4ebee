"""Payments by gateways that an invoice gets and loses: discounts, days, and what cannot go back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import test_invoice_disputes_abroad as abroad
from billing_desk import Desk
from kept_shop import only
from late_shop import balance, hear, operation
from msgspec import structs
from payment_shop import Shop
from test_invoice_money import _lose, _win, findings, now, open_invoice
from test_surplus import DRAFT

from currency.money import Money
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, NetDays
from orchestrator import clock_port
from orchestrator.billing import applying, credit_payouts, paying, reversing, settling
from orchestrator.billing import service as billing
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.gateways.base import OperationKind
from orchestrator.notifications import store as events
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow
from orchestrator.refunds import service as refunds
from routing.outcomes import OutcomeKind

EARLY = AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),)))


async def paid_early(shop: Shop) -> tuple[InvoiceRecord, PaymentRow]:
    """119 euros, paid with 116.62."""
    await only(shop, "stripe")
    draft = await billing.create_draft(shop.merchant_id, "cus_1", structs.replace(DRAFT, terms=EARLY))
    invoice = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    asked = await paying.payment_for(invoice)
    payment = await service.pay(asked.public_token, await shop.card())
    await applying.apply_payment(payment.id)
    return await now(invoice), payment


async def test_a_dispute_that_is_won_gives_the_discount_again(shop: Shop) -> None:
    invoice, payment = await paid_early(shop)
    await _lose(shop, payment)
    await applying.look_at_dispute("dsp_1")
    assert (await now(invoice)).owed == invoice.total
    await _win(shop, payment)
    for _ in range(2):
        await applying.look_at_dispute("dsp_1")
    after = await now(invoice)
    assert (after.state, after.owed.minor, after.standing.discount) == (InvoiceState.PAID, 0, 238)
    assert (await balance(shop, "tax"), await balance(shop, "discount")) == (-1900 + 38, 200)
    assert await findings() == []


async def test_a_refund_that_failed_after_all_gives_the_discount_again(shop: Shop) -> None:
    invoice, payment = await paid_early(shop)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    refund = await operation(payment, OperationKind.REFUND)
    await hear(payment, refund.id, OutcomeKind.DECLINED)
    await applying.apply_payment(payment.id)
    assert (await now(invoice)).state is InvoiceState.PAID
    assert await findings() == []


async def test_who_paid_on_the_last_day_has_the_discount_whenever_the_money_is_heard_of(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await only(shop, "stripe")
    early = AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(0, 200),)))
    draft = await billing.create_draft(shop.merchant_id, "cus_1", structs.replace(DRAFT, terms=early))
    invoice = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    payment = await service.pay((await paying.payment_for(invoice)).public_token, await shop.card())
    real = clock_port.now
    monkeypatch.setattr(clock_port, "now", lambda: real() + timedelta(days=3))
    await applying.apply_payment(payment.id)
    after = await now(invoice)
    assert (after.state, after.paid.minor, after.standing.discount) == (InvoiceState.PAID, 11662, 238)


async def test_a_part_of_a_refund_that_failed_gives_no_discount(shop: Shop) -> None:
    """What is there again is less than what suffices for it."""
    invoice, payment = await paid_early(shop)
    await refunds.create(shop.merchant_id, payment.id, 100, "")
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    refund = await operation(payment, OperationKind.REFUND)
    await hear(payment, refund.id, OutcomeKind.DECLINED)
    await applying.apply_payment(payment.id)
    after = await now(invoice)
    assert after.standing.discount == (238 if after.paid.minor == 11662 else 0)
    assert after.paid.minor in (100, 11562)
    assert await findings() == []


async def surplus(shop: Shop, *, paid_out: bool = False) -> tuple[InvoiceRecord, InvoiceRecord, PaymentRow]:
    """A payment that came beside a receipt, so that it was the customer's credit, and paid another invoice or was paid
    out; then the receipt bounced: the payment's own invoice is owed again, and has nothing to give."""
    invoice = await open_invoice(shop)
    begun = await paying.payment_for(invoice)
    receipt = (await Desk(shop.merchant_id, "cus_1").receive(11900)).receipt
    payment = await service.pay(begun.public_token, await shop.card())
    await applying.apply_payment(payment.id)
    other, today = await open_invoice(shop), clock_port.now().date()
    if paid_out:
        await credit_payouts.pay_out(shop.merchant_id, NewPayout("cus_1", Money(11900, "EUR"), "p1", today))
    else:
        await settling.spend_credit(shop.merchant_id, other.id)
    await reversing.reverse(shop.merchant_id, receipt.id, "bounced", today)
    assert await owed(invoice, other) == [11900, 11900 if paid_out else 0]
    return invoice, other, payment


async def look(payment: PaymentRow) -> None:
    for _ in range(2):
        await applying.apply_payment(payment.id)


async def owed(*invoices: InvoiceRecord) -> list[int]:
    return [(await now(one)).owed.minor for one in invoices]


async def told(shop: Shop, invoice: InvoiceRecord) -> list[dict[str, object]]:
    found = await events.events_of(shop.merchant_id, limit=50, object_id=invoice.id)
    return [event.data for event in found if event.type == "incident.invoice_payment_taken_back"]


async def test_a_refund_opens_the_invoice_that_the_payments_surplus_paid(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop)
    await refunds.create(shop.merchant_id, payment.id, 1900, "")
    await look(payment)
    assert await owed(invoice, other) == [11900, 1900]
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await look(payment)
    assert (await owed(invoice, other), (await now(other)).state) == ([11900, 11900], InvoiceState.OPEN)
    assert (await balance(shop, "refunds"), await balance(shop, "customer_credit")) == (0, 0)
    assert await told(shop, invoice) == []  # it is all owed again
    reopened = await events.events_of(shop.merchant_id, limit=50, object_id=other.id)
    assert [event.type for event in reopened].count("invoice.reopened") == 1
    assert await findings() == []


async def test_what_is_paid_later_is_not_taken_for_it(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await look(payment)
    again = await service.pay((await paying.payment_for(await now(invoice))).public_token, await shop.card())
    await look(again)
    await look(payment)
    assert await owed(invoice, other) == [0, 11900]
    assert await findings() == []


async def test_credit_that_the_customer_has_goes_before_what_other_credit_paid(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop)
    await Desk(shop.merchant_id, "cus_1").receive(11900 + 2000, "r2")
    third = await open_invoice(shop)
    await refunds.create(shop.merchant_id, payment.id, 5000, "")
    assert await balance(shop, "customer_credit") == -2000
    # the receipt paid the payment's own invoice again: it can give all, and nothing else changes
    await look(payment)
    assert await owed(invoice, other, third) == [3000, 0, 11900]
    assert (await balance(shop, "customer_credit"), await findings()) == (0, [])


async def test_a_lost_dispute_opens_the_other_invoice_and_one_that_is_won_pays_it_again(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop)
    await _lose(shop, payment)
    await look(payment)
    assert (await owed(invoice, other), await balance(shop, "chargebacks")) == ([11900, 11900], 0)
    assert await findings() == []
    await _win(shop, payment)
    await look(payment)
    assert (await owed(invoice, other), (await now(other)).state) == ([11900, 0], InvoiceState.PAID)
    assert [await balance(shop, one) for one in ("chargebacks", "customer_credit")] == [0, 0]
    assert await findings() == []


async def test_what_was_paid_otherwise_meanwhile_makes_a_won_dispute_credit(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop)
    await _lose(shop, payment)
    await look(payment)
    await settling.write_off(shop.merchant_id, other.id, Money(11000, "EUR"))
    await _win(shop, payment)
    await look(payment)
    assert await owed(invoice, other) == [11900 - 11000, 0]
    assert await findings() == []


async def test_a_refund_of_credit_that_was_paid_out_is_a_loss_and_told_once(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop, paid_out=True)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await look(payment)
    assert await owed(invoice, other) == [11900, 11900]
    assert (await balance(shop, "refunds"), await balance(shop, "write_off")) == (0, 11900)
    assert [one["given_up_minor"] for one in await told(shop, invoice)] == [11900]
    later = await service.pay((await paying.payment_for(await now(invoice))).public_token, await shop.card())
    await look(later)
    await look(payment)
    assert await owed(invoice, other) == [0, 11900]
    assert (len(await told(shop, invoice)), await findings()) == (1, [])


async def test_a_refund_of_credit_that_was_paid_out_and_fails_after_all_is_no_loss(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop, paid_out=True)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await look(payment)
    refund = await operation(payment, OperationKind.REFUND)
    await hear(payment, refund.id, OutcomeKind.DECLINED)
    await look(payment)
    assert await owed(invoice, other) == [11900, 11900]
    assert [await balance(shop, one) for one in ("refunds", "write_off", "customer_credit")] == [0, 0, 0]
    assert await findings() == []


async def test_refunds_and_receipts_that_bounce_at_once_wait_for_each_other(shop: Shop) -> None:
    """Each takes the locks of both invoices."""
    invoice, other, payment = await surplus(shop)
    desk = Desk(shop.merchant_id, "cus_1")
    more = [(await desk.receive(11900, f"r{place}")).receipt for place in range(2, 5)]
    for _ in range(2):
        await settling.spend_credit(shop.merchant_id, (await open_invoice(shop)).id)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    today = clock_port.now().date()
    bounced = [reversing.reverse(shop.merchant_id, one.id, "bounced", today) for one in more]
    await asyncio.wait_for(asyncio.gather(*(applying.apply_payment(payment.id) for _ in range(3)), *bounced), 60)
    await look(payment)
    assert await owed(invoice, other) == [11900, 11900]
    assert (await balance(shop, "customer_receivable"), await balance(shop, "customer_credit")) == (4 * 11900, 0)
    assert await findings() == []


async def test_a_dispute_in_another_currency_opens_and_pays_the_other_invoice_too(shop: Shop) -> None:
    invoice, other, payment = await surplus(shop)
    await abroad.euro_is_worth(shop, "1.1000")
    await abroad.lose(shop, payment, abroad.usd(13_200))
    await look(payment)
    assert await owed(invoice, other) == [11900, 11900]
    assert await findings() == []
    await abroad.win(shop, abroad.usd(13_200))
    await look(payment)
    assert await owed(invoice, other) == [11900, 0]
    assert (await abroad.in_dollars(shop), await balance(shop, "fx_position"), await findings()) == ({}, 0, [])


async def test_a_dispute_in_another_currency_of_credit_that_was_paid_out_is_a_loss_until_it_is_won(shop: Shop) -> None:
    invoice, _, payment = await surplus(shop, paid_out=True)
    await abroad.euro_is_worth(shop, "1.1000")
    await abroad.lose(shop, payment, abroad.usd(13_200))
    await look(payment)
    assert (await balance(shop, "write_off"), len(await told(shop, invoice))) == (11900, 1)
    assert "chargebacks" not in await abroad.in_dollars(shop)
    await abroad.win(shop, abroad.usd(13_200))
    await look(payment)
    assert [await balance(shop, one) for one in ("write_off", "customer_credit", "fx_position")] == [0, 0, 0]
    assert await findings() == []


@pytest.mark.parametrize("looked_before", [True, False])
async def test_a_refund_of_a_capture_that_is_none_after_all_is_owed_whenever_one_looks(
    shop: Shop, looked_before: bool
) -> None:
    invoice, other, _ = await surplus(shop)
    begun = await paying.payment_for(await now(invoice))
    await service.pay(begun.public_token, await shop.card())
    capture = await operation(begun, OperationKind.CAPTURE)
    await refunds.create(shop.merchant_id, begun.id, None, "")
    if looked_before:
        await look(begun)
    await hear(begun, capture.id, OutcomeKind.DECLINED)
    await look(begun)
    assert await owed(invoice, other) == [11900, 11900]
    assert (await balance(shop, "refunds"), await findings()) == (0, [])
