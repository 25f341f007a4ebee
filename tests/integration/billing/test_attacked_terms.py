"""Invoices with discounts for paying early, instalments and deposits, paid by card, by transfer and by credit, with
refunds, disputes lost and won and receipts that bounce, several at a time: the books stay sound, and whoever has a
discount has paid for it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from billing_desk import NET_30, SKONTO, Desk, draft_of
from kept_shop import only
from late_shop import balance
from payment_shop import Shop
from test_invoice_money import _lose, _win, findings

from currency.money import Money, to_major
from invoicing import application_store
from invoicing.credit import CreditPart
from invoicing.errors import InvoicingError
from invoicing.lifecycle import InvoiceState
from invoicing.settling import CREDIT_NOTES_ROUNDING, discountable
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, deposit, discount_at
from orchestrator import clock_port
from orchestrator.billing import (
    applying,
    credit_notes,
    credit_payouts,
    customer_credit,
    paying,
    reports,
    reversing,
    service,
    settling,
)
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.errors import ClearwayError
from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.refunds import service as refunds

ROUNDS = 9
SHORT = AgreedTerms(due=NET_30, early_payment=EarlyPayment(steps=(DiscountStep(5, 300),), short_accepted_minor=40))
HALVES = AgreedTerms(instalments=deposit(5000, NET_30))
CUSTOMERS = ("cus_1", "cus_2")


class Office:
    """Buyers and clerks of two customers; what is refused changes nothing."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.random = shop, random.Random(seed)
        self.desks = {one: Desk(shop.merchant_id, one) for one in CUSTOMERS}
        self.invoices: list[InvoiceRecord] = []
        self.payments: list[PaymentRow] = []
        self.receipts: list[str] = []
        self.disputed: list[PaymentRow] = []  # twice once it is won
        self.done = 0

    def any_desk(self) -> Desk:
        return self.random.choice(list(self.desks.values()))

    async def any_invoice(self) -> InvoiceRecord:
        return await self.any_desk().now(self.random.choice(self.invoices))

    async def issue(self) -> None:
        desk, r = self.any_desk(), self.random
        prices = [f"{r.randint(500, 20_000)}E-2" for _ in range(r.randint(1, 2))]
        draft = draft_of(*prices, terms=r.choice([SKONTO, SKONTO, SHORT, HALVES, NET_30]))
        if r.random() < 0.3:
            credit = await customer_credit.balance(desk.merchant_id, desk.customer_id, "EUR")
            draft = msgspec.structs.replace(draft, prepaid=to_major(Money(max(0, credit.minor) // 2, "EUR")))
        made = await service.create_draft(desk.merchant_id, desk.customer_id, draft)
        self.invoices.append(await service.finalize(desk.merchant_id, made.id, send_mail=False))

    async def pay(self, *between: Callable[[], Awaitable[Any]]) -> None:
        """On the page; what comes in between makes it the customer's credit."""
        invoice = await self.any_invoice()
        asked = await paying.payment_for(invoice, in_full=self.random.random() < 0.7)
        for one in between:
            await _try(one())
        self.payments.append(asked)
        await payments.pay(asked.public_token, await self.shop.card())
        await asyncio.gather(*(applying.apply_payment(asked.id) for _ in range(2)))

    async def pay_late(self) -> None:
        await self.pay(self.receive, self.credit)

    async def refund(self) -> None:
        payment, r = self.random.choice(self.payments), self.random
        minor = r.choice([None, 1, r.randint(1, payment.amount_minor)])
        await refunds.create(self.shop.merchant_id, payment.id, minor, "")
        await asyncio.gather(*(applying.apply_payment(payment.id) for _ in range(2)))

    async def lose(self) -> None:
        payment = await payments.get(self.shop.merchant_id, self.random.choice(self.payments).id)
        if payment.status is PaymentStatus.CAPTURED and not self.disputed:
            self.disputed.append(payment)
            await _lose(self.shop, payment)
            await asyncio.gather(*(applying.look_at_dispute("dsp_1") for _ in range(2)))

    async def win(self) -> None:
        if len(self.disputed) == 1:
            self.disputed.append(self.disputed[0])
            await _win(self.shop, self.disputed[0])
            await applying.look_at_dispute("dsp_1")

    async def receive(self) -> None:
        invoice, r = await self.any_invoice(), self.random
        suffices = paying.due_now(invoice, clock_port.now().date()).minor
        minor = r.choice([suffices, suffices, suffices // 2, suffices - 30, invoice.owed.minor + 500, 3000])
        text = r.choice(["", invoice.number or "", "thanks"])
        desk = self.desks[invoice.customer_id]
        view = await desk.receive(max(1, minor), f"r{r.random()}", remittance=text, is_oldest_first=not text)
        self.receipts.append(view.receipt.id)

    async def bounce(self) -> None:
        today = clock_port.now().date()
        receipt = self.random.choice(self.receipts or ["rct_none"])
        await reversing.reverse(self.shop.merchant_id, receipt, "bounced", today)

    async def credit(self) -> None:
        amount = Decimal(self.random.randint(1, 9_000)).scaleb(-2)
        parts = self.random.choice([None, [CreditPart(item=0, amount=amount)], [CreditPart(item=0, amount=amount)]])
        invoice = await self.any_invoice()
        await credit_notes.issue(self.shop.merchant_id, invoice.id, parts, send_mail=False)

    async def settle(self) -> None:
        verbs = [settling.spend_credit, settling.spend_credit, settling.write_off, settling.mark_uncollectible]
        await self.random.choice(verbs)(self.shop.merchant_id, (await self.any_invoice()).id)

    async def pay_out(self) -> None:
        desk, amount = self.any_desk(), Money(self.random.randint(1, 6000), "EUR")
        new = NewPayout(desk.customer_id, amount, f"p{self.random.random()}", clock_port.now().date())
        await credit_payouts.pay_out(self.shop.merchant_id, new)

    async def reissue(self) -> None:
        invoice = await self.any_invoice()
        anew = await credit_notes.reissue(self.shop.merchant_id, invoice.id)
        self.invoices.append(await service.finalize(self.shop.merchant_id, anew.id, send_mail=False))

    async def work(self) -> None:
        for _ in range(3):
            await self.issue()
        await self.pay()
        verbs = [self.issue, self.pay, self.pay, self.pay_late, self.refund, self.refund, self.lose, self.win]
        verbs += [self.receive, self.receive, self.receive, self.bounce, self.bounce, self.credit, self.settle]
        verbs += [self.settle, self.pay_out, self.reissue]
        for _ in range(ROUNDS):
            chosen = self.random.choices(verbs, k=self.random.choice([1, 2, 3]))
            self.done += sum(await asyncio.gather(*(_try(verb()) for verb in chosen)))


async def _try(work: Awaitable[Any]) -> bool:
    """Whether it was done; what is refused has changed nothing."""
    with contextlib.suppress(InvoicingError, ClearwayError):
        await work
        return True
    return False


@pytest.mark.parametrize("seed", [5, 9, 36])
async def test_who_has_a_discount_has_paid_for_it_and_every_cent_is_somewhere(shop: Shop, seed: int) -> None:
    await only(shop, "stripe")
    office = Office(shop, seed)
    await asyncio.wait_for(office.work(), 300)
    assert office.done > ROUNDS // 2
    for payment in office.payments:
        await applying.apply_payment(payment.id)
    kept = [await office.any_desk().now(invoice) for invoice in office.invoices]
    for payment in reversed(office.payments):
        await applying.apply_payment(payment.id)
    assert [(await office.any_desk().now(one)).standing for one in kept] == [one.standing for one in kept]
    assert await findings() == []
    for account in ("refunds", "chargebacks"):  # all that went back was taken off invoices, or given up
        assert await balance(shop, account) == 0
    assert await balance(shop, "customer_receivable") == sum(one.owed.minor for one in kept)
    for customer in CUSTOMERS:
        await assert_account_sound(shop, customer, [one for one in kept if one.customer_id == customer])
    for invoice in kept:
        await assert_invoice_sound(invoice)


async def assert_account_sound(shop: Shop, customer: str, kept: list[InvoiceRecord]) -> None:
    credit = (await customer_credit.balance(shop.merchant_id, customer, "EUR")).minor
    assert credit >= 0
    today = clock_port.now().date()
    closing = [one.closing.minor for one in await reports.statements(shop.merchant_id, customer, today, today)]
    assert sum(closing) == sum(one.owed.minor for one in kept) - credit


async def assert_invoice_sound(invoice: InvoiceRecord) -> None:
    standing, document = invoice.standing, invoice.document
    assert document is not None
    parts = (standing.paid, standing.credited, standing.discount, standing.written_off, standing.owed)
    assert min(parts) >= 0, standing
    assert (standing.owed > 0) == (invoice.state in (InvoiceState.OPEN, InvoiceState.PARTLY_PAID))
    rows = await application_store.applications_of(invoice.id)
    assert sum(row.applied.minor for row in rows) == standing.total - standing.owed
    if standing.discount:
        asked = discountable(standing, document)
        enough = discount_at(document.content.terms, asked, document.issue_date, document.issue_date)
        # What is paid suffices: with what the terms let pass, and the rounding of credit notes in proportion.
        assert standing.discount + standing.owed <= (asked - enough.accepted).minor + CREDIT_NOTES_ROUNDING
