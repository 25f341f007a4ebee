"""A discount for paying early stands as long as the money that earns it, be that one payment or several."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from billing_desk import SKONTO, Desk, findings
from kept_shop import only
from payment_shop import Shop
from test_invoice_money import _lose

from currency.money import Money
from invoicing.credit import CreditPart
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import (
    applying,
    credit_notes,
    customer_credit,
    paying,
    payment_changes,
    reversing,
    spent_credit,
)
from orchestrator.billing.payment_changes import Change
from orchestrator.billing.receipts import ReceiptView
from orchestrator.payments import service

REFUND, CHARGEBACK = ApplicationKind.REFUND, ApplicationKind.CHARGEBACK


def days_ago(days: int) -> date:
    return clock_port.now().date() - timedelta(days=days)


async def bounce(desk: Desk, view: ReceiptView) -> None:
    await reversing.reverse(desk.merchant_id, view.receipt.id, "returned", clock_port.now().date())


async def moved(desk: Desk, invoice: InvoiceRecord, kind: ApplicationKind, view: ReceiptView, minor: int) -> None:
    """Money of it went back by a gateway, or came again. The books take any id for that of a payment."""
    change = Change(kind, view.receipt.id, view.receipt.id, Money(minor, "EUR"))

    async def work(locked: spent_credit.Locked) -> None:
        await payment_changes.book(locked, invoice.id, change)

    await spent_credit.under_locks(desk.merchant_id, invoice.id, work)


async def standing(desk: Desk, invoice: InvoiceRecord) -> tuple[InvoiceState, int, int, int]:
    """State, paid, discount, owed."""
    now = await desk.now(invoice)
    return now.state, now.standing.paid, now.standing.discount, now.standing.owed


async def credit(desk: Desk) -> int:
    return (await customer_credit.balance(desk.merchant_id, desk.customer_id, "EUR")).minor


@pytest.mark.parametrize("bounced", [0, 1])
async def test_of_two_receipts_that_earned_it_together_neither_bounces_without_it(desk: Desk, bounced: int) -> None:
    invoice = await desk.issue("100", terms=SKONTO)
    both = [await desk.receive(6000), await desk.receive(5662, "r2")]
    assert await standing(desk, invoice) == (InvoiceState.PAID, 11662, 238, 0)
    await bounce(desk, both[bounced])
    left = (5662, 6000)[bounced]
    assert await standing(desk, invoice) == (InvoiceState.PARTLY_PAID, left, 0, 11900 - left)
    await desk.receive(11662 - left, "r3")
    assert await standing(desk, invoice) == (InvoiceState.PAID, 11662, 238, 0)


@pytest.mark.parametrize(("is_late", "discount"), [(False, 238), (True, 0)])
async def test_it_stands_where_another_payment_in_time_earns_it_still(shop: Shop, is_late: bool, discount: int) -> None:
    """The page was left open while the receipt came, and what is paid there is beyond what is owed."""
    await only(shop, "stripe")
    desk = Desk(shop.merchant_id, "cus_1")
    invoice = await desk.issue("100", terms=SKONTO, on=days_ago(20 if is_late else 0))
    left_open = await paying.payment_for(invoice)
    first = await desk.receive(11662, received_on=days_ago(15 if is_late else 0))
    assert await standing(desk, invoice) == (InvoiceState.PAID, 11662, 238, 0)
    await service.pay(left_open.public_token, await shop.card())
    await applying.apply_payment(left_open.id)
    assert await credit(desk) == left_open.amount.minor
    await bounce(desk, first)
    assert (await standing(desk, invoice), await credit(desk)) == (
        (InvoiceState.PAID, 11900 - discount, discount, 0),
        left_open.amount.minor - 11900 + discount,
    )
    assert await findings() == []


@pytest.mark.parametrize("kind", [REFUND, CHARGEBACK])
async def test_it_goes_with_a_part_of_the_money_and_comes_again_with_it(desk: Desk, kind: ApplicationKind) -> None:
    invoice = await desk.issue("100", terms=SKONTO)
    paid = await desk.receive(11662)
    await moved(desk, invoice, kind, paid, -5000)
    assert await standing(desk, invoice) == (InvoiceState.PARTLY_PAID, 6662, 0, 5238)
    assert "invoice.reopened" in await desk.told(invoice.id)
    await moved(desk, invoice, kind, paid, 5000)
    assert await standing(desk, invoice) == (InvoiceState.PAID, 11662, 238, 0)


@pytest.mark.parametrize("refund_first", [True, False])
async def test_a_refund_and_its_credit_note_leave_it_whichever_is_first(desk: Desk, refund_first: bool) -> None:
    """10.00 less 2 % go back; of the rest the discount was earned."""
    invoice = await desk.issue("100", terms=SKONTO)
    paid = await desk.receive(11662)
    if refund_first:
        await moved(desk, invoice, REFUND, paid, -1166)
        assert await standing(desk, invoice) == (InvoiceState.PARTLY_PAID, 10496, 0, 1404)
    await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0, amount=Decimal(10))], send_mail=False)
    if not refund_first:
        assert await credit(desk) == 1166
        await moved(desk, invoice, REFUND, paid, -1166)
    state, _, discount, owed = await standing(desk, invoice)
    assert (state, discount, owed, await credit(desk)) == (InvoiceState.PAID, 214, 0, 0)


async def test_a_credit_note_gives_none_back_that_late_money_does_not_earn(desk: Desk) -> None:
    invoice = await desk.issue("100", terms=SKONTO, on=days_ago(20))
    first = await desk.receive(11662, received_on=days_ago(15))
    await bounce(desk, first)
    await desk.receive(11662, "r2")
    assert await standing(desk, invoice) == (InvoiceState.PARTLY_PAID, 11662, 0, 238)
    await credit_notes.issue(
        desk.merchant_id, invoice.id, [CreditPart(item=0, amount=Decimal("0.01"))], send_mail=False
    )
    assert await standing(desk, invoice) == (InvoiceState.PARTLY_PAID, 11662, 0, 237)


async def test_a_dispute_of_what_was_paid_too_much_leaves_it_beside_a_credit_note(shop: Shop) -> None:
    """Of what the first payment was too much after the credit note, nothing is missing for the discount."""
    await only(shop, "stripe")
    desk = Desk(shop.merchant_id, "cus_1")
    invoice = await desk.issue("100", terms=SKONTO)
    left_open = await paying.payment_for(invoice)
    await desk.receive(11662)
    await service.pay(left_open.public_token, await shop.card())
    await applying.apply_payment(left_open.id)
    await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0, amount=Decimal(10))], send_mail=False)
    before = await standing(desk, invoice)
    assert before == (InvoiceState.PAID, 11662, 214, 0)
    await _lose(shop, left_open)
    await applying.look_at_dispute("dsp_1")
    assert (await standing(desk, invoice), await credit(desk)) == (before, 1166)
    assert await findings() == []
