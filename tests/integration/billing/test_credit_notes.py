from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from billing_desk import SKONTO, Desk, eur

from invoicing import service as invoicing
from invoicing.credit import CreditPart
from invoicing.documents import DocumentType
from invoicing.errors import InvalidInvoice, InvoiceNotFound, WrongState
from invoicing.lifecycle import InvoiceState
from orchestrator.billing import credit_notes, customer_credit, service, settling


async def test_a_credit_of_everything_leaves_nothing_on_any_account(desk: Desk) -> None:
    invoice = await desk.issue("33.33", "10.01")
    note = await credit_notes.issue(desk.merchant_id, invoice.id)
    assert (note.kind, note.total, note.number) == (DocumentType.CREDIT_NOTE, invoice.total, "CN-2026-00001")
    assert note.document is not None
    assert [one.number for one in note.document.content.preceding] == [invoice.number]
    after = await desk.now(invoice)
    assert (after.state, after.owed) == (InvoiceState.CREDITED, eur(0))
    assert await desk.balances() == {}


async def test_parts_credit_an_invoice_to_the_last_cent_and_no_further(desk: Desk) -> None:
    invoice = await desk.issue("0.05", "0.05", "0.05")
    for item in (0, 1):
        await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=item)])
    with pytest.raises(InvalidInvoice):
        await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0, amount=Decimal("0.01"))])
    await credit_notes.issue(desk.merchant_id, invoice.id)
    assert await desk.balances() == {}
    with pytest.raises(InvalidInvoice, match="nothing left"):
        await credit_notes.issue(desk.merchant_id, invoice.id)


async def test_two_credits_at_once_never_credit_more_than_there_is(desk: Desk) -> None:
    invoice = await desk.issue("100")
    both = [credit_notes.issue(desk.merchant_id, invoice.id) for _ in range(4)]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in done) == 1
    assert all(isinstance(one, InvalidInvoice) for one in done if isinstance(one, BaseException))


async def test_a_credit_of_a_paid_invoice_is_the_customers(desk: Desk) -> None:
    invoice = await desk.issue("100")
    await desk.receive(11900)
    await credit_notes.issue(desk.merchant_id, invoice.id)
    assert (await desk.now(invoice)).state is InvoiceState.CREDITED
    assert await desk.balances() == {"bank": 11900, "customer_credit": -11900}


async def test_a_credit_settles_what_is_owed_before_it_becomes_the_customers(desk: Desk) -> None:
    invoice = await desk.issue("100")
    await desk.receive(10000)
    await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0, amount=Decimal("50"))])
    after = await desk.now(invoice)
    assert (after.state, after.owed, after.standing.credited) == (InvoiceState.PAID, eur(0), 1900)
    assert (await desk.balances())["customer_credit"] == -4050


async def test_a_discount_that_was_taken_is_not_given_back_twice(desk: Desk) -> None:
    invoice = await desk.issue("100", terms=SKONTO)
    await desk.receive(11662)
    assert (await desk.now(invoice)).standing.discount == 238
    await credit_notes.issue(desk.merchant_id, invoice.id, [CreditPart(item=0, amount=Decimal("50"))])
    assert (await desk.now(invoice)).standing.discount == 119
    await credit_notes.issue(desk.merchant_id, invoice.id)
    assert await desk.balances() == {"bank": 11662, "customer_credit": -11662}


async def test_a_credit_of_what_was_written_off_gives_the_customer_nothing(desk: Desk) -> None:
    invoice = await desk.issue("100")
    await settling.mark_uncollectible(desk.merchant_id, invoice.id)
    await credit_notes.issue(desk.merchant_id, invoice.id)
    assert await desk.balances() == {}


async def test_a_draft_is_deleted_and_not_credited_and_what_was_issued_is_not_deleted(desk: Desk) -> None:
    draft, issued = await desk.draft(), await desk.issue()
    with pytest.raises(WrongState):
        await credit_notes.issue(desk.merchant_id, draft.id)
    with pytest.raises(WrongState):
        await service.delete_draft(desk.merchant_id, issued.id)
    await service.delete_draft(desk.merchant_id, draft.id)
    with pytest.raises(InvoiceNotFound):
        await desk.now(draft)


async def test_a_credit_note_is_no_invoice_and_takes_no_money(desk: Desk) -> None:
    invoice = await desk.issue()
    note = await credit_notes.issue(desk.merchant_id, invoice.id)
    with pytest.raises(InvoiceNotFound):
        await credit_notes.issue(desk.merchant_id, note.id)
    assert [one.id for one in await invoicing.list_invoices(desk.merchant_id, limit=10)] == [invoice.id]
    assert await invoicing.find_public(note.public_token) is None


async def test_reissuing_credits_the_invoice_and_drafts_it_anew(desk: Desk) -> None:
    invoice = await desk.issue("100")
    draft = await credit_notes.reissue(desk.merchant_id, invoice.id)
    assert (draft.state, draft.origin_id, draft.total) == (InvoiceState.DRAFT, invoice.id, invoice.total)
    assert (await desk.now(invoice)).state is InvoiceState.CREDITED


async def test_a_credit_is_spent_once_however_many_ask(desk: Desk) -> None:
    first = await desk.issue("100")
    await desk.receive(11900)
    await credit_notes.issue(desk.merchant_id, first.id)
    others = [await desk.issue("80") for _ in range(4)]
    await asyncio.gather(
        *(settling.spend_credit(desk.merchant_id, invoice.id) for invoice in others), return_exceptions=True
    )
    left = await customer_credit.balance(desk.merchant_id, desk.customer_id, "EUR")
    settled = sum([(await desk.now(invoice)).paid.minor for invoice in others])
    assert (left, settled) == (eur(0), 11900)
