"""Deposits, cash, receipts and their reversals, credit notes, write-offs and payouts in any order: the books stay
sound, and no cent is lost.

The desk's fixture runs the ledger's own checks after each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from decimal import Decimal

import msgspec
import pytest
from billing_desk import SKONTO, Desk, draft_of, findings

from currency.money import Money, to_major
from invoicing.calculation import round_for_cash
from invoicing.credit import CreditPart
from invoicing.documents import Party
from invoicing.errors import InvoicingError
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import credit_notes, credit_payouts, customer_credit, reports, reversing, service, settling
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.billing.receipts import ReceiptView
from orchestrator.errors import ClearwayError
from orchestrator.ledger import service as ledger

STEPS = 45
CURRENCY = "CHF"
SWISS = Party(name="P", country="CH")


class Clerk:
    """Does what comes to mind; what is refused changes nothing."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.invoices: list[InvoiceRecord] = []
        self.received = self.paid_out = 0
        self.receipts: list[ReceiptView] = []

    async def issue(self) -> None:
        prices = [f"{self.random.randint(1, 30_000)}E-2" for _ in range(self.random.randint(1, 3))]
        draft = msgspec.structs.replace(draft_of(*prices, currency=CURRENCY), seller=SWISS, buyer=SWISS)
        if self.random.random() < 0.3:
            draft = msgspec.structs.replace(draft, terms=SKONTO)
        if self.random.random() < 0.6:
            credit = await customer_credit.balance(self.desk.merchant_id, self.desk.customer_id, CURRENCY)
            wanted = min(self.random.randint(1, 20_000), max(0, credit.minor) + 10)  # now and then more than there is
            draft = msgspec.structs.replace(draft, prepaid=to_major(Money(wanted, CURRENCY)))
        if self.random.random() < 0.7:
            draft = round_for_cash(draft)
        made = await service.create_draft(self.desk.merchant_id, self.desk.customer_id, draft)
        self.invoices.append(await service.finalize(self.desk.merchant_id, made.id, send_mail=False))

    async def receive(self) -> None:
        minor = self.random.choice([self.random.randint(1, 60_000), *(one.total.minor for one in self.invoices[-3:])])
        text = self.random.choice(["", "", "thanks", *(one.number or "" for one in self.invoices)])
        by_oldest = self.random.random() < 0.5
        done = await self.desk.receive(
            minor, f"r{self.random.random()}", currency=CURRENCY, remittance=text, is_oldest_first=not text or by_oldest
        )
        self.received += done.receipt.amount.minor
        self.receipts.append(done)

    async def reverse(self) -> None:
        if not self.receipts:
            return
        receipt = self.random.choice(self.receipts).receipt
        today = clock_port.now().date()
        back = await reversing.reverse(self.desk.merchant_id, receipt.id, f"returned, {self.random.random()}", today)
        assert back.reversal is not None
        self.received -= receipt.amount.minor

    async def pay_out(self) -> None:
        amount = Money(self.random.randint(1, 15_000), CURRENCY)
        today = clock_port.now().date()
        new = NewPayout(self.desk.customer_id, amount, f"p{self.random.random()}", today)
        await credit_payouts.pay_out(self.desk.merchant_id, new)
        self.paid_out += amount.minor

    async def credit(self) -> None:
        invoice = self.random.choice(self.invoices)
        amount = Decimal(self.random.randint(1, 20_000)).scaleb(-2)
        parts = self.random.choice([None, [CreditPart(item=0)], [CreditPart(item=0, amount=amount)]])
        await credit_notes.issue(self.desk.merchant_id, invoice.id, parts, send_mail=False)

    async def settle(self) -> None:
        invoice = self.random.choice(self.invoices)
        verb = self.random.choice([settling.spend_credit, settling.write_off, settling.mark_uncollectible])
        await verb(self.desk.merchant_id, invoice.id)

    async def reissue(self) -> None:
        anew = await credit_notes.reissue(self.desk.merchant_id, self.random.choice(self.invoices).id)
        self.invoices.append(await service.finalize(self.desk.merchant_id, anew.id, send_mail=False))

    async def work(self) -> None:
        verbs = [self.issue, self.issue, self.receive, self.receive, self.credit, self.settle, self.reissue]
        verbs += [self.reverse, self.pay_out]
        for _ in range(STEPS):
            with contextlib.suppress(InvoicingError, ClearwayError):
                await (self.random.choice(verbs) if self.invoices else self.issue)()


@pytest.mark.parametrize("seed", range(8))
async def test_the_books_are_sound_whatever_the_clerk_does(desk: Desk, seed: int) -> None:
    clerk = Clerk(desk, seed)
    await clerk.work()
    assert len(clerk.invoices) > 3  # not everything is refused
    assert clerk.receipts
    await assert_sound(desk, clerk.invoices, clerk.received - clerk.paid_out)


@pytest.mark.parametrize("seed", range(4))
async def test_so_they_are_whatever_several_do_at_once(desk: Desk, seed: int) -> None:
    clerks = [Clerk(desk, 100 * seed + place) for place in range(4)]
    for clerk in clerks[1:]:
        clerk.invoices, clerk.receipts = clerks[0].invoices, clerks[0].receipts
    await asyncio.wait_for(asyncio.gather(*(clerk.work() for clerk in clerks)), 120)
    await assert_sound(desk, clerks[0].invoices, sum(clerk.received - clerk.paid_out for clerk in clerks))


async def assert_sound(desk: Desk, invoices: list[InvoiceRecord], taken: int) -> None:
    assert await findings() == []
    kept = [await desk.now(invoice) for invoice in invoices]
    owed = sum(invoice.owed.minor for invoice in kept)
    books = await desk.balances(CURRENCY)
    assert (books.get("customer_receivable", 0), books.get("bank", 0)) == (owed, taken)
    assert sum(row.balance_minor for row in await ledger.balances(desk.merchant_id)) == 0
    aged = await reports.aged_receivables(desk.merchant_id, clock_port.now().date())
    assert sum(row.total.minor for row in aged) == owed
    credit = await customer_credit.balance(desk.merchant_id, desk.customer_id, CURRENCY)
    today = clock_port.now().date()
    statements = await reports.statements(desk.merchant_id, desk.customer_id, today, today)
    assert sum(one.closing.minor for one in statements) == owed - credit.minor
    assert credit.minor >= 0
    for invoice in kept:
        assert (invoice.owed.minor > 0) == (invoice.state in (InvoiceState.OPEN, InvoiceState.PARTLY_PAID))
