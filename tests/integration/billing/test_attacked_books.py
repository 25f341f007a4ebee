"""Every kind of invoice in any order, in several currencies and for several customers at once: no cent is lost or made.

Whatever is refused is refused in words, and changes nothing; the desk's fixture runs the ledger's own checks after it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from billing_desk import REDUCED, SKONTO, VAT, Desk, draft_of, findings

from currency.money import Money, to_major
from currency.rates import Rate
from invoicing import series_service
from invoicing.allocation import Part
from invoicing.calculation import round_for_cash
from invoicing.credit import CreditPart, creditable_items
from invoicing.credit_note_service import credited_so_far
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.errors import InvoicingError
from invoicing.lifecycle import InvoiceState
from invoicing.lines import Adjustment, DocumentAdjustment, SalesTax
from invoicing.rounding import RoundingPolicy
from invoicing.series_store import SeriesKind
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, Instalment, NetDays
from orchestrator import clock_port
from orchestrator.billing import (
    credit_notes,
    credit_payouts,
    customer_credit,
    paying,
    reports,
    reversing,
    service,
    settling,
)
from orchestrator.billing.bookings import BANK, credit_of
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError
from orchestrator.fx import service as fx
from orchestrator.http.invoice_schemas import invoice_body
from orchestrator.ledger import service as ledger
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind

STEPS = 40
DAYS_BACK = (5, 15, 40)
COUNTRIES = {"EUR": "DE", "CHF": "CH", "JPY": "JP", "KWD": "KW", "USD": "US", "GBP": "DE"}
CURRENCIES = tuple(COUNTRIES)
CONSUMPTION = tuple(TaxTreatment(TaxKind.CONSUMPTION_TAX, bps) for bps in (1000, 800))
PARTS = AgreedTerms(
    instalments=tuple(Instalment(due=NetDays(days), share_bps=bps) for days, bps in ((7, 3333), (30, 6667)))
)
STEPWISE = AgreedTerms(
    due=NetDays(30),
    early_payment=EarlyPayment(steps=(DiscountStep(0, 5000), DiscountStep(20, 100)), short_accepted_minor=3),
)
SALES_TAX = TaxTreatment(TaxKind.SALES_TAX)


class Clerk:
    """Does what comes to mind, several things at once; what is refused changes nothing."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desks = [desk, Desk(desk.merchant_id, "cus_2")]
        self.merchant_id, self.random = desk.merchant_id, random.Random(seed)
        self.invoices: list[InvoiceRecord] = []
        self.received: dict[str, int] = {}  # less what was taken back and paid out
        self.receipts: list[tuple[str, Money]] = []
        self.reversed: set[str] = set()
        self.refused: list[str] = []

    async def work(self) -> None:
        verbs = [self.issue, self.issue, self.receive, self.receive, self.credit, self.credit, self.settle]
        verbs += [self.reissue, self.take_back, self.pay_out]
        await self._open_accounts()
        for days in DAYS_BACK:
            async with transaction():
                await series_service.change_series(
                    f"ser_{days}",
                    merchant_id=self.merchant_id,
                    series=f"back-{days}",
                    kind=SeriesKind.INVOICE,
                    pattern=f"B{days}-{{seq:05}}",
                )
        # a German seller states the tax of pounds in euros, too
        await fx.enter(self.merchant_id, "GBP", "EUR", Decimal("1.1537"), clock_port.now().date() - timedelta(days=60))
        await fx.enter(self.merchant_id, "GBP", "EUR", Decimal("1.1537"), clock_port.now().date())
        while len(self.invoices) < 4:
            await self._try(self.issue)
        for _ in range(STEPS):
            wanted = self.random.choices(verbs, k=self.random.choice([1, 1, 2, 4]))
            await asyncio.gather(*(self._try(verb) for verb in wanted))

    async def _open_accounts(self) -> None:
        """As they are once a merchant has been at work for a while: two that open the same ones crosswise are refused
        one of them, which is tried again."""
        kinds = ("customer_receivable", "sales", "tax", "discount", "write_off", "cash_rounding", "fx_position")
        others = [AccountKey(AccountKind(kind)) for kind in (*kinds, "fx_difference")]
        others += [credit_of(one.customer_id) for one in self.desks]
        for currency in CURRENCIES:
            cent = Money(1, currency)
            entries = [Entry(*sides, cent) for it in others for sides in ((BANK, it), (it, BANK))]
            async with transaction():
                kind, key = JournalKind.RECEIPT, f"{self.merchant_id}:{currency}"
                await ledger.post(key, entries, merchant_id=self.merchant_id, kind=kind, at=clock_port.now())

    async def _try(self, verb: Callable[[], Awaitable[None]]) -> None:
        try:
            await verb()
        except (InvoicingError, ClearwayError) as refused:
            self.refused.append(str(refused))

    def _amount(self, currency: str, most: int = 30_000) -> Decimal:
        return to_major(Money(self.random.randint(1, most), currency))

    def _line(self, currency: str) -> Line:
        r = self.random
        quantity = Decimal(r.choice(["1", "2", "3", "0.333", "-1", "7"]))
        price = self._amount(currency) / (1 if quantity > 0 else 4)
        if r.random() < 0.2:
            price = price / 7
        price = Decimal(f"{price:.6f}")
        if currency == "USD":
            taxes = [
                SalesTax(
                    jurisdiction=place, amount=to_major(Money(r.randint(0, 300), currency)), percent=Decimal("1.25")
                )
                for place in ("NY", "NYC")
            ]
            return Line("Work", abs(quantity), price, SALES_TAX, sales_taxes=tuple(taxes))
        line = Line("Work", quantity, price, r.choice(CONSUMPTION if currency == "JPY" else (VAT, REDUCED)))
        if r.random() < 0.3:
            line = msgspec.structs.replace(line, discounts=(Adjustment(reason="d", percent=Decimal("12.5")),))
        if r.random() < 0.2:
            line = msgspec.structs.replace(line, charges=(Adjustment(reason="c", amount=self._amount(currency, 99)),))
        return line

    def _draft(self, currency: str) -> DraftInvoice:
        r = self.random
        party = Party(name="P", country=COUNTRIES[currency])
        draft = msgspec.structs.replace(
            draft_of("1", currency=currency),
            seller=party,
            buyer=party,
            lines=tuple(self._line(currency) for _ in range(r.randint(1, 4))),
            terms=r.choice([NetDays(30), SKONTO, STEPWISE, PARTS]),
        )
        if currency != "USD":
            changes: dict[str, Any] = {
                "prices_include_tax": r.random() < 0.4,
                "rounding_policy": r.choice([None, *RoundingPolicy]),
            }
            if r.random() < 0.3:
                changes["discounts"] = (DocumentAdjustment(reason="d", percent=Decimal("3.3")),)
            if r.random() < 0.3:
                changes["charges"] = (
                    DocumentAdjustment(reason="c", amount=self._amount(currency, 500), tax=draft.lines[0].tax),
                )
            draft = msgspec.structs.replace(draft, **changes)
        return draft

    async def issue(self) -> None:
        r, desk = self.random, self.random.choice(self.desks)
        currency = r.choice(CURRENCIES)
        draft = self._draft(currency)
        if r.random() < 0.4:
            credit = await customer_credit.balance(self.merchant_id, desk.customer_id, currency)
            wanted = min(r.randint(1, 20_000), max(0, credit.minor) + r.choice([0, 0, 1]))
            draft = msgspec.structs.replace(draft, prepaid=to_major(Money(wanted, currency)))
        if r.random() < 0.7:
            draft = round_for_cash(draft)
        made = await service.create_draft(self.merchant_id, desk.customer_id, draft)
        days = r.choice([0, 0, *DAYS_BACK])
        on = clock_port.now().date() - timedelta(days=days)
        series = f"back-{days}" if days else None  # numbers of a series go by date
        issued = await service.finalize(self.merchant_id, made.id, issue_date=on, send_mail=False, series=series)
        self.invoices.append(issued)

    async def receive(self) -> None:
        r, invoice = self.random, await self._any()
        desk = next(one for one in self.desks if one.customer_id == invoice.customer_id)
        currency, more = invoice.total.currency, {}
        suffices = paying.due_now(invoice, clock_port.now().date()).minor
        minor = r.choice([r.randint(1, 60_000), invoice.owed.minor, suffices, suffices + 1, max(1, suffices - 1)]) or 7
        how = r.random()
        if how < 0.3 and invoice.owed.minor:
            part = min(minor, invoice.owed.minor)
            more["parts"] = (Part(invoice.id, Money(part, currency), takes_discount=r.random() < 0.5),)
        elif how < 0.5:
            more["remittance"] = invoice.number
        came = currency
        if r.random() < 0.15 and currency != "USD":
            came = "USD"
            today = clock_port.now().date()
            more |= {
                "rate": Rate("USD", currency, Decimal(1), Decimal("0.87"), today, "agreed"),
                "booked_rate": Rate(currency, "USD", Decimal(1), Decimal("1.13"), today, "agreed"),
                "invoice_currency": currency,
            }
        done = await desk.receive(minor, f"r{r.random()}", currency=came, **more)
        self._bank(done.receipt.amount)
        self.receipts.append((done.receipt.id, done.receipt.amount))

    def _bank(self, amount: Money) -> None:
        self.received[amount.currency] = self.received.get(amount.currency, 0) + amount.minor

    async def take_back(self) -> None:
        """Now and then one that was taken back before."""
        receipt_id, amount = self.random.choice(self.receipts or [("rct_none", Money(1, "EUR"))])
        await reversing.reverse(self.merchant_id, receipt_id, "bounced", clock_port.now().date())
        if receipt_id not in self.reversed:
            self.reversed.add(receipt_id)
            self._bank(-amount)

    async def pay_out(self) -> None:
        currency, desk = self.random.choice(CURRENCIES), self.random.choice(self.desks)
        amount = Money(self.random.randint(1, 3_000), currency)
        new = NewPayout(desk.customer_id, amount, f"p{self.random.random()}", clock_port.now().date())
        await credit_payouts.pay_out(self.merchant_id, new)
        self._bank(-amount)

    async def credit(self) -> None:
        invoice, r = self.random.choice(self.invoices), self.random
        item = r.randint(0, 4)
        amount = self._amount(invoice.total.currency, 9_000)
        parts = r.choice(
            [
                None,
                [CreditPart(item=item)],
                [CreditPart(item=item, amount=amount)],
                [CreditPart(item=item, amount=-amount)],
                [CreditPart(item=item, quantity=Decimal("0.5"))],
                [CreditPart(item=item), CreditPart(item=0, quantity=Decimal(1))],
            ]
        )
        await credit_notes.issue(self.merchant_id, invoice.id, parts, send_mail=False)

    async def settle(self) -> None:
        invoice, r = await self._any(), self.random
        verb = r.choice([settling.spend_credit, settling.spend_credit, settling.write_off, settling.mark_uncollectible])
        if verb is not settling.mark_uncollectible and r.random() < 0.5:
            amount = Money(r.randint(1, 500), invoice.total.currency)
            await verb(self.merchant_id, invoice.id, amount)
        else:
            await verb(self.merchant_id, invoice.id)

    async def reissue(self) -> None:
        anew = await credit_notes.reissue(self.merchant_id, self.random.choice(self.invoices).id)
        self.invoices.append(await service.finalize(self.merchant_id, anew.id, send_mail=False))

    async def _any(self) -> InvoiceRecord:
        return await self.desks[0].now(self.random.choice(self.invoices))


@pytest.mark.parametrize("seed", range(8))
async def test_no_cent_is_lost_or_made_whatever_is_done_at_once(desk: Desk, seed: int) -> None:
    clerk = Clerk(desk, seed)
    await clerk.work()
    assert await findings() == []
    kept = [await desk.now(invoice) for invoice in clerk.invoices]
    today = clock_port.now().date()
    aged = await reports.aged_receivables(desk.merchant_id, today)
    journal = await reports.sales_journal(desk.merchant_id, date(2020, 1, 1), today)
    for currency in CURRENCIES:
        books = await desk.balances(currency)
        owed = sum(one.owed.minor for one in kept if one.total.currency == currency)
        assert books.get("customer_receivable", 0) == owed
        assert sum(books.values()) == 0
        assert books.get("bank", 0) == clerk.received.get(currency, 0)
        assert sum(row.total.minor for row in aged if row.currency == currency) == owed
        base = sum(line.base.minor for line in journal if line.base.currency == currency)
        tax = sum(line.tax.minor for line in journal if line.base.currency == currency)
        assert (base, tax) == (-books.get("sales", 0) - books.get("discount", 0), -books.get("tax", 0))
    for one in clerk.desks:
        await _account_is_sound(one, kept, today)
    for invoice in kept:
        _document_is_sound(invoice, today)
        await _credit_notes_are_sound(invoice)


async def _account_is_sound(desk: Desk, kept: list[InvoiceRecord], today: date) -> None:
    """A statement closes with what is owed less what is to spend, over any span of days."""
    for since in (date(2020, 1, 1), today):
        for statement in await reports.statements(desk.merchant_id, desk.customer_id, since, today):
            currency = statement.currency
            credit = await customer_credit.balance(desk.merchant_id, desk.customer_id, currency)
            theirs = [one for one in kept if (one.customer_id, one.total.currency) == (desk.customer_id, currency)]
            owed = sum(one.owed.minor for one in theirs)
            assert statement.closing.minor == owed - credit.minor
            assert (
                statement.opening + Money(sum(m.amount.minor for m in statement.movements), currency)
                == statement.closing
            )
            assert credit.minor >= 0


def _document_is_sound(invoice: InvoiceRecord, today: date) -> None:
    body = invoice_body(invoice)
    is_open = invoice.state in (InvoiceState.OPEN, InvoiceState.PARTLY_PAID)
    assert (invoice.owed.minor > 0) == is_open
    settled = body.paid.amount + body.credited.amount + body.discount.amount + body.written_off.amount
    assert body.total.amount + body.rounding.amount - settled == body.owed.amount == invoice.owed.minor
    assert body.net.amount + body.tax.amount == body.total.amount
    assert body.total.amount + body.rounding.amount - body.prepaid.amount == body.payable.amount
    asked = paying.asked(invoice, today)
    assert asked.suffices + asked.discount == asked.owed == invoice.owed
    if asked.parts:
        assert sum(amount.minor for _, amount in asked.parts) == invoice.owed.minor, (asked, invoice.standing)
        assert asked.now <= asked.suffices


async def _credit_notes_are_sound(invoice: InvoiceRecord) -> None:
    """Together they come to no more than the invoice; and to all of it, each tax to the cent, where it is credited."""
    assert invoice.document is not None
    notes = [one.totals for one in await credited_so_far(invoice)]
    whole = invoice.document.totals
    assert sum(one.asked.minor for one in notes) == invoice.standing.credit_notes <= whole.asked.minor
    if any(item.left.minor for item in creditable_items(invoice.document, await credited_so_far(invoice))):
        return
    for row in whole.taxes:
        same = [one for note in notes for one in note.taxes if one.treatment == row.treatment]
        assert sum(one.base.minor for one in same) == row.base.minor
        assert sum(one.tax.minor for one in same) == row.tax.minor
    if whole.tax_in_tax_currency is not None:
        assert sum(one.tax_in_tax_currency.minor for one in notes if one.tax_in_tax_currency) == (
            whole.tax_in_tax_currency.minor
        )
