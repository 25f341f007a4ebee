"""What was paid before the issue, and what cash leaves off: on the invoice, in its standing and in the books."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest
from billing_desk import SKONTO, Desk, draft_of, eur

from currency.money import Money
from invoicing.calculation import round_for_cash
from invoicing.credit import CreditPart
from invoicing.documents import DraftInvoice, Party
from invoicing.errors import InvalidInvoice
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedTerms, Instalment, NetDays, deposit
from orchestrator import clock_port
from orchestrator.billing import credit_notes, paying, receipts, reports, service

SWISS = Party(name="P", country="CH")


async def issued(desk: Desk, draft: DraftInvoice) -> InvoiceRecord:
    made = await service.create_draft(desk.merchant_id, desk.customer_id, draft)
    return await service.finalize(desk.merchant_id, made.id, send_mail=False)


def with_deposit(prepaid: str, *prices: str, receipt_ids: tuple[str, ...] = ()) -> DraftInvoice:
    draft = draft_of(*(prices or ("100",)))
    return msgspec.structs.replace(draft, prepaid=Decimal(prepaid), prepaid_receipts=receipt_ids)


def in_cash(*prices: str) -> DraftInvoice:
    """A Swiss invoice whose total no coins make up."""
    draft = msgspec.structs.replace(draft_of(*prices, currency="CHF"), seller=SWISS, buyer=SWISS)
    return round_for_cash(draft)


async def test_a_deposit_pays_at_the_issue_out_of_the_customers_credit(desk: Desk) -> None:
    await desk.receive(5000, "deposit")
    invoice = await issued(desk, with_deposit("50"))
    assert invoice.document is not None
    assert (invoice.state, invoice.paid, invoice.owed) == (InvoiceState.PARTLY_PAID, eur(5000), eur(6900))
    assert invoice.document.totals.payable == invoice.owed == paying.due_now(invoice, clock_port.now().date())
    assert await desk.balances() == {"bank": 5000, "customer_receivable": 6900, "sales": -10000, "tax": -1900}
    assert (await desk.told(invoice.id))[::-1] == ["invoice.issued", "invoice.payment_applied"]


async def test_a_deposit_that_nobody_paid_is_refused_and_takes_no_number(desk: Desk) -> None:
    await desk.receive(4999, "deposit")
    with pytest.raises(InvalidInvoice, match="4999") as refused:
        await issued(desk, with_deposit("50"))
    assert refused.value.field == "prepaid"
    assert (await desk.issue("1")).number == f"INV-{clock_port.now().year}-00001"


async def test_a_deposit_needs_a_customer_whose_credit_it_is(desk: Desk) -> None:
    made = await service.create_draft(desk.merchant_id, "", with_deposit("50"))
    with pytest.raises(InvalidInvoice, match="customer_id"):
        await service.finalize(desk.merchant_id, made.id, send_mail=False)


async def test_a_deposit_is_used_once_however_many_invoices_say_it(desk: Desk) -> None:
    await desk.receive(5000, "deposit")
    drafts = [await service.create_draft(desk.merchant_id, desk.customer_id, with_deposit("50")) for _ in range(4)]
    done = await asyncio.gather(
        *(service.finalize(desk.merchant_id, one.id, send_mail=False) for one in drafts), return_exceptions=True
    )
    assert sum(isinstance(one, InvoiceRecord) for one in done) == 1
    assert all(isinstance(one, InvalidInvoice) for one in done if isinstance(one, BaseException))


async def test_a_deposit_that_covers_all_of_it_pays_the_invoice_at_once(desk: Desk) -> None:
    await desk.receive(11900, "deposit")
    invoice = await issued(desk, with_deposit("119"))
    assert (invoice.state, invoice.owed) == (InvoiceState.PAID, eur(0))
    assert "invoice.paid" in await desk.told(invoice.id)
    assert await desk.balances() == {"bank": 11900, "sales": -10000, "tax": -1900}


async def test_a_deposit_names_the_receipts_of_whose_rest_it_is(desk: Desk) -> None:
    first = (await desk.receive(3000, "d1")).receipt
    second = (await desk.receive(4000, "d2")).receipt
    invoice = await issued(desk, with_deposit("50", receipt_ids=(first.id, second.id)))
    assert invoice.owed == eur(6900)
    [spent] = (await receipts.get(desk.merchant_id, second.id)).applications
    assert (spent.kind, spent.invoice_id, spent.applied) == (ApplicationKind.CREDIT, invoice.id, eur(2000))
    with pytest.raises(InvalidInvoice, match="left of the receipts"):
        await issued(desk, with_deposit("10", receipt_ids=(first.id,)))
    assert (await issued(desk, with_deposit("20", receipt_ids=(first.id, second.id)))).paid == eur(2000)


async def test_a_receipt_of_somebody_else_is_nobodys_deposit(desk: Desk) -> None:
    theirs = (await Desk(desk.merchant_id, "cus_2").receive(5000, "theirs")).receipt
    await desk.receive(5000, "ours")
    for receipt_id in (theirs.id, "rct_none"):
        with pytest.raises(InvalidInvoice) as refused:
            await issued(desk, with_deposit("50", receipt_ids=(receipt_id,)))
        assert refused.value.field == "prepaid_receipts[0]"


async def test_a_discount_for_paying_early_is_of_what_was_payable(desk: Desk) -> None:
    await desk.receive(6900, "deposit")
    draft = msgspec.structs.replace(with_deposit("69"), terms=SKONTO)
    invoice = await issued(desk, draft)
    assert paying.due_now(invoice, clock_port.now().date()) == eur(4900)
    await desk.receive(4900, "rest")
    after = await desk.now(invoice)
    assert (after.state, after.standing.discount) == (InvoiceState.PAID, 100)


async def test_instalments_are_parts_of_what_is_payable(desk: Desk) -> None:
    await desk.receive(1900, "deposit")
    parts = AgreedTerms(instalments=(*deposit(Money(60_00, "EUR"), NetDays(30)),))
    await issued(desk, msgspec.structs.replace(with_deposit("19"), terms=parts))
    too_much = AgreedTerms(instalments=(Instalment(due=NetDays(1), amount=Money(119_00, "EUR")),))
    await desk.receive(1900, "another")
    with pytest.raises(InvalidInvoice):
        await issued(desk, msgspec.structs.replace(with_deposit("19"), terms=too_much))


async def test_a_credit_of_a_prepaid_invoice_gives_the_deposit_back_as_credit(desk: Desk) -> None:
    await desk.receive(5000, "deposit")
    invoice = await issued(desk, with_deposit("50"))
    await credit_notes.issue(desk.merchant_id, invoice.id)
    assert (await desk.now(invoice)).state is InvoiceState.CREDITED
    assert await desk.balances() == {"bank": 5000, "customer_credit": -5000}


async def test_a_reissued_invoice_has_its_deposit_again_and_a_duplicate_none(desk: Desk) -> None:
    deposit_receipt = (await desk.receive(5000, "deposit")).receipt
    invoice = await issued(desk, with_deposit("50", receipt_ids=(deposit_receipt.id,)))
    copy = await credit_notes.duplicate(desk.merchant_id, invoice.id)
    assert copy.draft.prepaid == 0
    anew = await credit_notes.reissue(desk.merchant_id, invoice.id)
    again = await service.finalize(desk.merchant_id, anew.id, send_mail=False)
    assert (again.paid, again.owed) == (eur(5000), eur(6900))


@pytest.mark.parametrize(("price", "rounding", "asked"), [("9.27", 2, 1105), ("9.26", -2, 1100), ("8.40", 0, 1000)])
async def test_what_cash_rounds_is_owed_booked_and_credited_to_the_cent(
    desk: Desk, price: str, rounding: int, asked: int
) -> None:
    invoice = await issued(desk, in_cash(price))
    assert (invoice.rounding.minor, invoice.owed.minor) == (rounding, asked)
    balances = await desk.balances("CHF")
    assert (balances["customer_receivable"], balances.get("cash_rounding", 0)) == (asked, -rounding)
    [aged] = await reports.aged_receivables(desk.merchant_id, clock_port.now().date())
    assert aged.total.minor == asked
    today = clock_port.now().date()
    [statement] = await reports.statements(desk.merchant_id, desk.customer_id, today, today)
    assert statement.closing.minor == asked
    await credit_notes.issue(desk.merchant_id, invoice.id)
    assert await desk.balances("CHF") == {}
    assert (await desk.now(invoice)).state is InvoiceState.CREDITED


async def test_a_rounded_invoice_is_paid_with_coins(desk: Desk) -> None:
    invoice = await issued(desk, in_cash("9.26"))
    done = await desk.receive(1100, "till", currency="CHF", source="cash")
    assert (done.receipt.credited.minor, (await desk.now(invoice)).state) == (0, InvoiceState.PAID)


async def test_parts_of_a_rounded_invoice_credit_no_more_than_was_asked(desk: Desk) -> None:
    invoice = await issued(desk, in_cash("9.24", "0.02"))
    assert (invoice.total.minor, invoice.owed.minor) == (1102, 1100)
    first = await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0)])
    rest = await credit_notes.issue(desk.merchant_id, invoice.id)
    assert (first.standing.total, rest.standing.total) == (1100, 0)
    assert await desk.balances("CHF") == {}
    assert (await desk.now(invoice)).state is InvoiceState.CREDITED


async def test_a_deposit_and_a_rounding_leave_what_coins_can_pay(desk: Desk) -> None:
    await desk.receive(333, "deposit", currency="CHF")
    draft = msgspec.structs.replace(in_cash("9.27"), prepaid=Decimal("3.33"), rounding=Decimal(0))
    invoice = await issued(desk, round_for_cash(draft))
    assert invoice.document is not None
    assert (invoice.document.totals.payable.minor, invoice.owed.minor) == (770, 770)
