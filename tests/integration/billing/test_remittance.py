"""A bank transfer pays the invoice that its text names, by the reference as printed or by the number."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
import zxingcpp
from billing_desk import SKONTO, Desk, draft_of, eur
from PIL import Image

from invoicing.documents import BankAccount, IssuedInvoice
from invoicing.errors import PaymentMismatch
from invoicing.lifecycle import InvoiceState
from invoicing.numbering import Reset
from invoicing.rendering.payment_codes import epc_code, rf_reference
from invoicing.series_service import change_series
from invoicing.series_store import SeriesKind
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import service, settling
from orchestrator.db import transaction
from orchestrator.ids import new_id


async def two_invoices(desk: Desk) -> tuple[InvoiceRecord, InvoiceRecord]:
    """The older one would be paid first, were none named."""
    today = clock_port.now().date()
    return await desk.issue("100", on=today - timedelta(days=40)), await desk.issue("100", on=today)


def document_of(invoice: InvoiceRecord) -> IssuedInvoice:
    assert invoice.document is not None
    return invoice.document


@pytest.mark.parametrize(
    "written",
    ["{rf}", "/RFB/{rf}", "thanks {spaced} Beta GmbH", "Invoice {number}", "inv {loose} of November", "{rf}EREF123"],
)
async def test_the_named_invoice_is_paid_and_not_the_oldest(desk: Desk, written: str) -> None:
    older, named = await two_invoices(desk)
    number = document_of(named).number
    rf = rf_reference(number) or ""
    spaced = " ".join(rf[at : at + 4] for at in range(0, len(rf), 4))
    text = written.format(rf=rf, spaced=spaced, number=number, loose=number.removeprefix("INV-").replace("-", "/"))
    done = await desk.receive(11900, remittance=text)
    assert [row.invoice_id for row in done.applications] == [named.id]
    assert ((await desk.now(named)).state, (await desk.now(older)).state) == (InvoiceState.PAID, InvoiceState.OPEN)


async def test_the_named_invoice_says_who_paid(desk: Desk) -> None:
    _, named = await two_invoices(desk)
    done = await Desk(desk.merchant_id, "").receive(12000, remittance=f"{named.number}")
    assert (done.receipt.customer_id, done.receipt.credited) == (desk.customer_id, eur(100))
    again = await Desk(desk.merchant_id, "").receive(12000, remittance=f"{named.number}")
    assert again.receipt == done.receipt


async def test_the_reference_in_the_code_of_a_transfer_is_the_one_that_is_found(desk: Desk) -> None:
    _, named = await two_invoices(desk)
    bank = BankAccount(holder="P", iban="DE89370400440532013000")
    code = epc_code(bank, named.owed, document_of(named).number)
    assert code is not None
    png = BytesIO()
    code.save(png, kind="png", scale=6, border=4)
    [read] = zxingcpp.read_barcodes(Image.open(png))
    done = await desk.receive(11900, remittance=read.text.splitlines()[9])
    assert [row.invoice_id for row in done.applications] == [named.id]


@pytest.mark.parametrize(("is_oldest_first", "credited"), [(False, 11900), (True, 0)])
async def test_a_text_that_names_nothing_is_credit_unless_the_oldest_is_wanted(
    desk: Desk, is_oldest_first: bool, credited: int
) -> None:
    await two_invoices(desk)
    done = await desk.receive(11900, remittance="with thanks", is_oldest_first=is_oldest_first)
    assert done.receipt.credited == eur(credited)


async def test_a_text_that_names_nothing_needs_somebody_who_paid(desk: Desk) -> None:
    with pytest.raises(PaymentMismatch, match="customer_id"):
        await Desk(desk.merchant_id, "").receive(100, remittance="with thanks", is_oldest_first=False)


async def test_several_named_invoices_are_paid_where_the_amount_is_their_sum(desk: Desk) -> None:
    first, second = await two_invoices(desk)
    text = f"{first.number} and {second.number}"
    with pytest.raises(PaymentMismatch) as refused:
        await desk.receive(15000, remittance=text)
    assert {str(first.number), str(second.number)} <= set(refused.value.message.replace(",", "").split())
    done = await desk.receive(23800, remittance=text)
    assert {row.invoice_id for row in done.applications} == {first.id, second.id}


async def test_a_number_that_may_be_two_is_refused_with_both(desk: Desk) -> None:
    async with transaction():
        for series, pattern in (("a", "A-{seq:05}"), ("b", "A{seq:05}")):
            await change_series(
                new_id("ser"), merchant_id=desk.merchant_id, series=series, kind=SeriesKind.INVOICE, pattern=pattern,
                reset=Reset.NEVER,
            )  # fmt: skip
    for series in ("a", "b"):
        made = await desk.draft("100")
        await service.finalize(desk.merchant_id, made.id, send_mail=False, series=series)
    with pytest.raises(PaymentMismatch, match="A-00001, A00001"):
        await desk.receive(11900, remittance="A00001")


async def test_another_customers_invoice_is_not_paid_by_naming_it(desk: Desk) -> None:
    theirs = await Desk(desk.merchant_id, "cus_2").issue("100")
    with pytest.raises(PaymentMismatch, match=f"customer of {theirs.number}"):
        await desk.receive(11900, remittance=f"{theirs.number}")


async def test_another_merchants_invoice_is_not_found(desk: Desk) -> None:
    from orchestrator.access import service as access

    elsewhere = await access.create_merchant("Elsewhere", {})
    named = await Desk(elsewhere.id, "cus_1").issue("100")
    done = await desk.receive(11900, remittance=f"{named.number}", is_oldest_first=False)
    assert (done.applications, done.receipt.credited) == ((), eur(11900))


async def test_a_named_invoice_takes_its_discount_and_its_tolerance(desk: Desk) -> None:
    named = await desk.issue("100", terms=SKONTO)
    await desk.receive(11662 - 3, remittance=f"{named.number}")
    after = await desk.now(named)
    assert (after.state, after.standing.discount, after.standing.written_off) == (InvoiceState.PAID, 238, 3)


async def test_a_named_invoice_that_was_given_up_is_recovered(desk: Desk) -> None:
    named = await desk.issue("100")
    await settling.mark_uncollectible(desk.merchant_id, named.id)
    await desk.receive(11900, remittance=f"{named.number}")
    after = await desk.now(named)
    assert (after.state, after.standing.written_off) == (InvoiceState.PAID, 0)
    assert await desk.balances() == {"bank": 11900, "sales": -10000, "tax": -1900}


async def test_money_for_an_invoice_that_is_paid_is_the_customers(desk: Desk) -> None:
    older, named = await two_invoices(desk)
    await desk.receive(11900, remittance=f"{named.number}")
    again = await desk.receive(11900, "r2", remittance=f"{named.number}")
    assert again.receipt.credited == eur(11900)
    assert (await desk.now(older)).state is InvoiceState.OPEN


async def test_a_draft_has_no_number_to_be_named_by(desk: Desk) -> None:
    draft = await service.create_draft(desk.merchant_id, desk.customer_id, draft_of("100"))
    done = await desk.receive(11900, remittance=draft.id, is_oldest_first=False)
    assert done.receipt.credited == eur(11900)
