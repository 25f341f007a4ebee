"""Receipts and credit notes at their edges: what was given up, many invoices, tolerances, less tax than none."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
from billing_desk import REDUCED, VAT, Desk, draft_of, eur

from invoicing.calculation import round_for_cash
from invoicing.credit import CreditPart
from invoicing.documents import Line, Party
from invoicing.lifecycle import InvoiceState
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, NetDays
from orchestrator import clock_port
from orchestrator.billing import credit_notes, documents, service, settling

SWISS = Party(name="P", country="CH")


async def test_what_was_given_up_and_comes_within_the_tolerance_is_recovered(desk: Desk) -> None:
    invoice = await desk.issue("100")
    await settling.mark_uncollectible(desk.merchant_id, invoice.id)
    await desk.receive(11897, remittance=invoice.number or "")
    after = await desk.now(invoice)
    assert (after.owed, after.paid, after.standing.written_off) == (eur(0), eur(11897), 3)
    assert await desk.balances() == {"bank": 11897, "sales": -10000, "tax": -1900, "write_off": 3}


async def test_the_oldest_of_more_than_a_hundred_open_invoices_is_paid_first(desk: Desk) -> None:
    today = clock_port.now().date()
    oldest = await desk.issue("1", on=today - timedelta(days=60))
    for _ in range(101):
        await desk.issue("1")
    await desk.receive(119)
    assert (await desk.now(oldest)).state is InvoiceState.PAID


async def test_a_discount_never_reaches_beyond_the_total_that_is_taxed(desk: Desk) -> None:
    """11.03 francs are 11.05 in cash, and the merchant lets anything pass for the discounted amount."""
    early = EarlyPayment(steps=(DiscountStep(10, 200),), short_accepted_minor=10_000)
    terms = AgreedTerms(due=NetDays(30), early_payment=early)
    draft = msgspec.structs.replace(draft_of("9.27", currency="CHF"), seller=SWISS, buyer=SWISS, terms=terms)
    made = await service.create_draft(desk.merchant_id, desk.customer_id, round_for_cash(draft))
    invoice = await service.finalize(desk.merchant_id, made.id, send_mail=False)
    await desk.receive(1, "r1", currency="CHF")
    await desk.receive(1, "r2", currency="CHF")
    after = await desk.now(invoice)
    assert (after.state, after.paid.minor, after.standing.discount) == (InvoiceState.PAID, 2, 1103)


async def test_the_rest_of_a_credit_may_hold_less_tax_than_none(desk: Desk) -> None:
    """Of what is left the goods at 7 % are more than what came back at 19 %, and the tax is less."""
    lines = (
        Line("Goods", Decimal(1), Decimal(80), VAT),
        Line("Books", Decimal(1), Decimal(150), REDUCED),
        Line("Came back", Decimal(-1), Decimal(80), VAT),
    )
    made = await service.create_draft(
        desk.merchant_id, desk.customer_id, msgspec.structs.replace(draft_of("1"), lines=lines)
    )
    invoice = await service.finalize(desk.merchant_id, made.id, send_mail=False)
    await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0)], send_mail=False)
    rest = await credit_notes.issue(desk.merchant_id, invoice.id, send_mail=False)
    assert (rest.net, rest.tax, rest.total) == (eur(7000), eur(-470), eur(6530))
    assert (await desk.now(invoice)).state is InvoiceState.CREDITED
    assert await desk.balances() == {}
    assert (await documents.pdf_of(desk.merchant_id, rest.id)).startswith(b"%PDF")
