"""Everything at once on one invoice, and a page left open: what is settled otherwise is not taken once more."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from billing_desk import Desk
from kept_shop import only
from late_shop import balance
from payment_shop import Shop
from test_invoice_money import _lose, _win, findings, now, open_invoice

from currency.money import Money
from invoicing.credit import CreditPart
from invoicing.errors import InvoicingError
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import (
    applying,
    credit_notes,
    credit_payouts,
    customer_credit,
    paying,
    reports,
    reversing,
    settling,
)
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.errors import ClearwayError
from orchestrator.jobs.bells import HANDLERS
from orchestrator.outbox import Outbox
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.refunds import service as refunds

ROUNDS = 8


async def _received(shop: Shop, invoice: InvoiceRecord) -> None:
    await Desk(shop.merchant_id, "cus_1").receive(11900)


async def _credited(shop: Shop, invoice: InvoiceRecord) -> None:
    await credit_notes.issue(shop.merchant_id, invoice.id, send_mail=False)


async def _partly_given_up(shop: Shop, invoice: InvoiceRecord) -> None:
    await settling.write_off(shop.merchant_id, invoice.id, Money(500, "EUR"))


@pytest.mark.parametrize("settle", [_received, _credited, _partly_given_up])
async def test_a_page_left_open_takes_nothing_that_was_settled_otherwise(
    shop: Shop, settle: Callable[[Shop, InvoiceRecord], Awaitable[None]]
) -> None:
    invoice = await open_invoice(shop)
    left_open = await paying.payment_for(invoice)
    await settle(shop, invoice)
    assert await Outbox.exists().where(Outbox.topic == paying.OUTDATED, Outbox.subject == invoice.id)
    await HANDLERS[paying.OUTDATED](invoice.id)
    with pytest.raises(ClearwayError):
        await service.pay(left_open.public_token, await shop.card())
    assert (await service.get(shop.merchant_id, left_open.id)).status is PaymentStatus.CANCELED


async def test_a_payment_that_asks_for_no_more_than_is_owed_stays(shop: Shop) -> None:
    await only(shop, "stripe")
    invoice = await open_invoice(shop)
    await settling.write_off(shop.merchant_id, invoice.id, Money(500, "EUR"))
    left_open = await paying.payment_for(await now(invoice))
    await HANDLERS[paying.OUTDATED](invoice.id)
    assert (await paying.payment_for(await now(invoice))).id == left_open.id


class Crowd:
    """Buyers, clerks and workers around the invoices of one customer, who wait for nobody."""

    def __init__(self, shop: Shop, seed: int, invoices: list[InvoiceRecord]) -> None:
        self.shop, self.random, self.invoices = shop, random.Random(seed), invoices
        self.payments: list[PaymentRow] = []
        self.receipts: list[str] = []
        self.disputed: list[PaymentRow] = []  # twice once it is won

    async def pay(self) -> None:
        asked = await paying.payment_for(await now(self.random.choice(self.invoices)))
        self.payments.append(asked)
        await service.pay(asked.public_token, await self.shop.card())
        await asyncio.gather(*(applying.apply_payment(asked.id) for _ in range(2)))

    async def give_back(self) -> None:
        payment = self.random.choice(self.payments)
        await refunds.create(self.shop.merchant_id, payment.id, self.random.choice([None, 1900, 100]), "")
        await asyncio.gather(*(applying.apply_payment(payment.id) for _ in range(2)))

    async def overpay(self) -> None:
        """Pays on a page that was left open while a receipt came: it makes credit, which another invoice is paid with.
        Now and then the receipt bounces at once, and the money goes back."""
        left_open = await paying.payment_for(await now(self.random.choice(self.invoices)))
        await self.receive()
        self.payments.append(left_open)
        await service.pay(left_open.public_token, await self.shop.card())
        await applying.apply_payment(left_open.id)
        self.invoices.append(await open_invoice(self.shop))
        await settling.spend_credit(self.shop.merchant_id, self.invoices[-1].id)
        ends: list[Awaitable[Any]] = [refunds.create(self.shop.merchant_id, left_open.id, None, ""), self.bounce()]
        await asyncio.gather(*(_try(end) for end in self.random.sample(ends, 2)))
        await asyncio.gather(*(applying.apply_payment(left_open.id) for _ in range(2)))

    async def lose(self) -> None:
        payment = await service.get(self.shop.merchant_id, self.random.choice(self.payments).id)
        if payment.status is PaymentStatus.CAPTURED and not self.disputed:
            self.disputed.append(payment)
            await _lose(self.shop, payment)
            await applying.look_at_dispute("dsp_1")

    async def win(self) -> None:
        if len(self.disputed) == 1:
            self.disputed.append(self.disputed[0])
            await _win(self.shop, self.disputed[0])
            await asyncio.gather(*(applying.look_at_dispute("dsp_1") for _ in range(2)))

    async def receive(self) -> None:
        minor, reference = self.random.choice([11900, 5000]), f"r{self.random.randint(1, 6)}"
        done = await Desk(self.shop.merchant_id, "cus_1").receive(minor, reference)  # or one that was told before
        self.receipts.append(done.receipt.id)

    async def bounce(self) -> None:
        today = clock_port.now().date()
        await reversing.reverse(self.shop.merchant_id, self.random.choice(self.receipts), "bounced", today)

    async def pay_out(self) -> None:
        amount = Money(self.random.randint(1, 8000), "EUR")
        new = NewPayout("cus_1", amount, f"p{self.random.random()}", clock_port.now().date())
        await credit_payouts.pay_out(self.shop.merchant_id, new)

    async def settle(self) -> None:
        invoice_id = self.random.choice(self.invoices).id
        if self.random.random() < 0.6:
            await settling.spend_credit(self.shop.merchant_id, invoice_id)
        else:
            await settling.write_off(self.shop.merchant_id, invoice_id, Money(500, "EUR"))

    async def credit(self) -> None:
        parts = self.random.choice([None, [CreditPart(item=0, quantity=Decimal(30))]])
        invoice_id = self.random.choice(self.invoices).id
        await credit_notes.issue(self.shop.merchant_id, invoice_id, parts, send_mail=False)

    async def withdraw(self) -> None:
        await paying.withdraw_outdated(self.random.choice(self.invoices).id)

    async def work(self) -> None:
        verbs = [self.pay, self.pay, self.give_back, self.give_back, self.receive, self.settle, self.credit]
        verbs += [self.withdraw, self.pay_out, self.lose, self.win, self.overpay]
        await self.overpay()
        for _ in range(ROUNDS):
            more = [self.bounce] if self.receipts else []
            chosen = self.random.sample([*verbs, *more], 3)
            await asyncio.gather(*(_try(verb()) for verb in chosen))


async def _try(work: Awaitable[Any]) -> None:
    with contextlib.suppress(InvoicingError, ClearwayError):  # refused, and nothing has changed
        await work


@pytest.mark.parametrize("seed", range(12))
async def test_everything_at_once_keeps_every_cent_and_looks_come_to_the_same(shop: Shop, seed: int) -> None:
    crowd = Crowd(shop, seed, [await open_invoice(shop)])
    await crowd.work()
    assert crowd.payments
    for payment in crowd.payments:
        await applying.apply_payment(payment.id)
    before = [(await now(invoice)).standing for invoice in crowd.invoices]
    books = [await balance(shop, account) for account in ("customer_credit", "write_off")]
    for payment in reversed(crowd.payments):
        await applying.apply_payment(payment.id)
    assert [(await now(invoice)).standing for invoice in crowd.invoices] == before
    assert [await balance(shop, account) for account in ("customer_credit", "write_off")] == books
    assert await findings() == []
    credit = (await customer_credit.balance(shop.merchant_id, "cus_1", "EUR")).minor
    assert credit >= 0
    for account in ("refunds", "chargebacks"):  # all that went back was taken off invoices, or given up
        assert await balance(shop, account) == 0
    today = clock_port.now().date()
    closing = [one.closing.minor for one in await reports.statements(shop.merchant_id, "cus_1", today, today)]
    assert sum(closing) == sum([(await now(invoice)).owed.minor for invoice in crowd.invoices]) - credit
    for invoice in [await now(invoice) for invoice in crowd.invoices]:
        assert (invoice.owed.minor > 0) == (invoice.state in (InvoiceState.OPEN, InvoiceState.PARTLY_PAID))
