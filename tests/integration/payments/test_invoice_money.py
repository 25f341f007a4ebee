"""What gateways give back or lose of an invoice's payment is owed again, once; the books stay sound meanwhile."""

from __future__ import annotations

import pytest
from kept_shop import only
from late_shop import balance, hear, operation
from msgspec import structs
from payment_shop import Shop
from test_surplus import DRAFT

from currency.money import Money
from invoicing import service as invoicing
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, NetDays
from orchestrator import clock_port
from orchestrator.billing import applying, credit_notes, paying, receipts, settling
from orchestrator.billing import service as billing
from orchestrator.db import transaction
from orchestrator.disputes.tables import Dispute
from orchestrator.errors import Conflict
from orchestrator.gateways.base import OperationKind
from orchestrator.ledger import rules, verification
from orchestrator.ledger.checks import CHECKS
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind, post
from orchestrator.notifications import store as events
from orchestrator.outbox import Outbox
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow
from orchestrator.refunds import service as refunds
from routing.outcomes import OutcomeKind

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def open_invoice(shop: Shop) -> InvoiceRecord:
    await only(shop, "stripe")
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    return await billing.finalize(shop.merchant_id, draft.id, send_mail=False)


async def paid_invoice(shop: Shop) -> tuple[InvoiceRecord, PaymentRow]:
    invoice = await open_invoice(shop)
    asked = await paying.payment_for(invoice)
    payment = await service.pay(asked.public_token, await shop.card())
    await applying.apply_payment(payment.id)
    return await now(invoice), payment


async def now(invoice: InvoiceRecord) -> InvoiceRecord:
    return await invoicing.get(invoice.merchant_id, invoice.id)


async def findings() -> list[str]:
    names = ("receivable", "customer_credit", "settled", "journals", "operations", "disputes")
    found = await verification.run([], checks=[check for check in CHECKS if check.name in names])
    return [f"{one.check}: {one.detail}: {one.expected} / {one.actual}" for one in found.findings]


async def test_a_refund_opens_the_invoice_again_once(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await refunds.create(shop.merchant_id, payment.id, 1900, "")
    assert await Outbox.exists().where(Outbox.topic == applying.PAYMENT_CAPTURED, Outbox.subject == payment.id)
    for _ in range(2):
        await applying.apply_payment(payment.id)
    after = await now(invoice)
    assert (after.state, after.owed.minor, after.paid_at) == (InvoiceState.PARTLY_PAID, 1900, None)
    assert (await balance(shop, "customer_receivable"), await balance(shop, "refunds")) == (1900, 0)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    assert ((await now(invoice)).state, (await now(invoice)).owed) == (InvoiceState.OPEN, invoice.total)
    assert await findings() == []


async def test_what_was_refunded_can_be_paid_by_another_payment(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await refunds.create(shop.merchant_id, payment.id, 1900, "")
    await applying.apply_payment(payment.id)
    again = await paying.payment_for(await now(invoice))
    assert (again.id != payment.id, again.amount.minor) == (True, 1900)
    second = await service.pay(again.public_token, await shop.card())
    await applying.apply_payment(second.id)
    assert (await now(invoice)).state is InvoiceState.PAID
    assert await findings() == []


async def test_a_refund_after_a_credit_note_takes_the_credit_and_opens_nothing(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await credit_notes.issue(shop.merchant_id, invoice.id)
    assert await balance(shop, "customer_credit") == -11900
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    assert (await now(invoice)).state is InvoiceState.CREDITED
    for account in ("customer_receivable", "customer_credit", "refunds", "sales", "tax"):
        assert await balance(shop, account) == 0, account
    assert await findings() == []


async def test_credit_that_was_spent_elsewhere_is_owed_again_when_its_payment_goes_back(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await credit_notes.issue(shop.merchant_id, invoice.id)
    other = await open_invoice(shop)
    await settling.spend_credit(shop.merchant_id, other.id)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    assert ((await now(invoice)).owed.minor, (await now(other)).owed.minor) == (11900, 0)
    assert await findings() == []


async def test_a_refund_that_the_gateway_takes_back_pays_the_invoice_again(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    refund = await operation(payment, OperationKind.REFUND)
    await hear(payment, refund.id, OutcomeKind.DECLINED)
    await applying.apply_payment(payment.id)
    assert (await now(invoice)).state is InvoiceState.PAID
    assert await findings() == []


async def test_a_capture_that_the_gateway_takes_back_opens_the_invoice(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    capture = await operation(payment, OperationKind.CAPTURE)
    await hear(payment, capture.id, OutcomeKind.DECLINED)
    assert await findings() == []  # before anybody has looked, too
    for _ in range(2):
        await applying.apply_payment(payment.id)
    assert (await now(invoice)).state is InvoiceState.OPEN
    told = [event.type for event in await events.events_of(shop.merchant_id, limit=50, object_id=invoice.id)]
    assert told.count("incident.invoice_payment_taken_back") == told.count("invoice.reopened") == 1
    assert await findings() == []


async def test_a_lost_dispute_opens_the_invoice_and_one_that_is_won_after_all_pays_it(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    await _lose(shop, payment)
    for _ in range(2):
        await applying.look_at_dispute("dsp_1")
    assert (await now(invoice)).state is InvoiceState.OPEN
    assert (await balance(shop, "customer_receivable"), await balance(shop, "chargebacks")) == (11900, 0)
    assert await findings() == []
    await _win(shop, payment)
    await applying.look_at_dispute("dsp_1")
    assert (await now(invoice)).state is InvoiceState.PAID
    assert (await balance(shop, "customer_receivable"), await balance(shop, "chargebacks")) == (0, 0)
    assert await findings() == []


async def test_a_payment_recovers_an_invoice_that_was_given_up(shop: Shop) -> None:
    invoice = await open_invoice(shop)
    payment = await paying.payment_for(invoice)
    await settling.mark_uncollectible(shop.merchant_id, invoice.id)
    assert ((await now(invoice)).state, await balance(shop, "write_off")) == (InvoiceState.UNCOLLECTIBLE, 11900)
    assert await findings() == []
    done = await service.pay(payment.public_token, await shop.card())
    await applying.apply_payment(done.id)
    assert (await now(invoice)).state is InvoiceState.PAID
    assert (await balance(shop, "write_off"), await balance(shop, "customer_receivable")) == (0, 0)
    assert await findings() == []


async def test_a_payment_that_nobody_began_gives_way_when_less_is_owed(shop: Shop) -> None:
    invoice = await open_invoice(shop)
    before = await paying.payment_for(invoice)
    await settling.write_off(shop.merchant_id, invoice.id, Money(900, "EUR"))
    after = await paying.payment_for(await now(invoice))
    assert (after.id != before.id, after.amount.minor) == (True, 11900 - 900)
    assert (await service.get(shop.merchant_id, before.id)).status.value == "canceled"


async def test_who_pays_early_by_the_link_is_asked_for_less_and_owes_nothing(shop: Shop) -> None:
    await only(shop, "stripe")
    early = AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),)))
    draft = await billing.create_draft(shop.merchant_id, "cus_1", structs.replace(DRAFT, terms=early))
    invoice = await billing.finalize(shop.merchant_id, draft.id, send_mail=False)
    asked = await paying.payment_for(invoice)
    assert asked.amount.minor == 11662
    payment = await service.pay(asked.public_token, await shop.card())
    await applying.apply_payment(payment.id)
    after = await now(invoice)
    assert (after.state, after.standing.discount) == (InvoiceState.PAID, 238)
    assert (await balance(shop, "tax"), await balance(shop, "discount")) == (-1900 + 38, 200)
    await refunds.create(shop.merchant_id, payment.id, None, "")
    await applying.apply_payment(payment.id)
    assert ((await now(invoice)).owed, await balance(shop, "tax")) == (invoice.total, -1900)
    assert await findings() == []


async def test_a_payment_has_one_numbered_receipt(shop: Shop) -> None:
    invoice, payment = await paid_invoice(shop)
    made = [await receipts.receipt_of_payment(shop.merchant_id, payment.id) for _ in range(2)]
    assert len({one.receipt.id for one in made}) == 1
    assert (made[0].receipt.amount, made[0].receipt.number[:4]) == (invoice.total, "RCT-")
    assert [row.invoice_id for row in made[0].applications] == [invoice.id]
    assert await findings() == []  # it says what came in; it books nothing
    open_one = await paying.payment_for(await open_invoice(shop))
    with pytest.raises(Conflict):
        await receipts.receipt_of_payment(shop.merchant_id, open_one.id)


async def _lose(shop: Shop, payment: PaymentRow) -> None:
    at, account_id = clock_port.now(), shop.accounts["stripe"]
    await Dispute.insert(
        Dispute(
            id="dsp_1", merchant_id=shop.merchant_id, gateway_account_id=account_id, gateway="stripe",
            gateway_dispute_id="du_1", payment_id=payment.id, kind="chargeback", status="lost",
            amount_minor=payment.amount_minor, currency="EUR", reason="fraud", withdrawn_minor=payment.amount_minor,
            written_off_minor=payment.amount_minor, withdrawals=1, postings=2, version=1, created_at=at, updated_at=at,
        )
    )  # fmt: skip
    held, lost = AccountKey(AccountKind.DISPUTES, account_id), AccountKey(AccountKind.CHARGEBACKS)
    await _post(shop, 1, JournalKind.DISPUTE, Entry(held, rules.clearing(account_id), payment.amount))
    await _post(shop, 2, JournalKind.DISPUTE_LOSS, Entry(lost, held, payment.amount))


async def _win(shop: Shop, payment: PaymentRow) -> None:
    account_id = shop.accounts["stripe"]
    held, lost = AccountKey(AccountKind.DISPUTES, account_id), AccountKey(AccountKind.CHARGEBACKS)
    await Dispute.update({Dispute.written_off_minor: 0, Dispute.withdrawn_minor: 0, Dispute.postings: 4}).where(
        Dispute.id == "dsp_1"
    )
    await _post(shop, 3, JournalKind.DISPUTE_LOSS, Entry(held, lost, payment.amount))
    await _post(shop, 4, JournalKind.DISPUTE_REVERSAL, Entry(rules.clearing(account_id), held, payment.amount))


async def _post(shop: Shop, number: int, kind: JournalKind, entry: Entry) -> None:
    async with transaction():
        key = f"dispute:dsp_1:{number}:x"
        await post(key, [entry], merchant_id=shop.merchant_id, kind=kind, at=clock_port.now())
