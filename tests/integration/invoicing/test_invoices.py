from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import pytest
import pytest_asyncio

from currency.money import Money
from invoicing import application_service as applications
from invoicing import service
from invoicing.constraints import CONSTRAINTS
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.errors import (
    InvalidInvoice,
    InvoiceNotFound,
    OutsideTransaction,
    PaymentMismatch,
    SeriesNotFound,
    SeriesTaken,
    WrongState,
)
from invoicing.events import InvoiceEventKind
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays
from orchestrator.db import transaction
from orchestrator.ids import new_id

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
TODAY = date(2026, 11, 1)
MERCHANT = "mer_1"


@pytest_asyncio.fixture(autouse=True)
async def series(database: str) -> None:
    # Re-runnable by promise: the migration may have executed them already.
    for statement in (*CONSTRAINTS, *CONSTRAINTS):
        async with transaction() as connection:
            await connection.execute(statement)
    await service.open_series("ser_1", merchant_id=MERCHANT)


def hundred_euros(price: str = "100") -> DraftInvoice:
    party = Party(name="P", country="DE")
    line = Line("Work", Decimal(1), Decimal(price), TaxTreatment(TaxKind.VAT, 1900))
    return DraftInvoice(seller=party, buyer=party, currency="EUR", lines=(line,), terms=NetDays(30))


async def a_draft(price: str = "100", merchant_id: str = MERCHANT) -> InvoiceRecord:
    async with transaction():
        created = await service.create_draft(
            new_id("inv"),
            merchant_id=merchant_id,
            customer_id="cus_1",
            draft=hundred_euros(price),
            public_token=service.new_public_token(),
            now=NOW,
        )
    return created.invoice


async def finalized(invoice: InvoiceRecord) -> service.Changed:
    async with transaction():
        return await service.finalize(invoice.id, merchant_id=invoice.merchant_id, issue_date=TODAY, now=NOW)


async def an_open_invoice() -> InvoiceRecord:
    return (await finalized(await a_draft())).invoice


async def paid(
    invoice: InvoiceRecord, payment_id: str, minor: int, currency: str = "EUR"
) -> applications.PaymentRecorded:
    async with transaction():
        return await applications.record_payment(
            lambda: new_id("iap"),
            merchant_id=invoice.merchant_id,
            invoice_id=invoice.id,
            payment_id=payment_id,
            amount=Money(minor, currency),
            now=NOW,
        )


async def test_a_draft_has_its_sums_and_no_number() -> None:
    invoice = await a_draft()
    assert (invoice.state, invoice.number, invoice.total) == (InvoiceState.DRAFT, None, Money(11900, "EUR"))


async def test_finalizing_gives_number_dates_and_document() -> None:
    changed = await finalized(await a_draft())
    invoice = changed.invoice
    assert (invoice.state, invoice.number, invoice.due_date) == (InvoiceState.OPEN, "INV-2026-00001", date(2026, 12, 1))
    assert invoice.document is not None
    assert invoice.document.totals.total == invoice.total
    assert [event.kind for event in changed.events] == [InvoiceEventKind.ISSUED]


async def test_an_invoice_over_nothing_is_paid_when_issued() -> None:
    changed = await finalized(await a_draft("0"))
    assert changed.invoice.state is InvoiceState.PAID
    assert [event.kind for event in changed.events] == [InvoiceEventKind.ISSUED, InvoiceEventKind.PAID]


@pytest.mark.parametrize("day", [date(1, 1, 1), date(2025, 10, 1), date(2027, 12, 1), date.max])
async def test_an_invoice_is_not_dated_years_away(day: date) -> None:
    invoice = await a_draft()
    with pytest.raises(InvalidInvoice, match="issue_date"):
        async with transaction():
            await service.finalize(invoice.id, merchant_id=MERCHANT, issue_date=day, now=NOW)


async def test_an_invoice_is_issued_once() -> None:
    invoice = await an_open_invoice()
    with pytest.raises(WrongState):
        await finalized(invoice)
    assert (await finalized(await a_draft())).invoice.number == "INV-2026-00002"


async def test_numbers_have_no_gaps_and_no_doubles_when_many_finalize_at_once_and_some_fail() -> None:
    drafts = [await a_draft() for _ in range(20)]

    class Refused(Exception):
        pass

    async def finalize_or_roll_back(position: int, invoice: InvoiceRecord) -> str | None:
        try:
            async with transaction():
                changed = await service.finalize(invoice.id, merchant_id=MERCHANT, issue_date=TODAY, now=NOW)
                await asyncio.sleep(0)
                if position % 3 == 0:
                    raise Refused
                return changed.invoice.number
        except Refused:
            return None

    numbers = await asyncio.gather(*(finalize_or_roll_back(n, invoice) for n, invoice in enumerate(drafts)))
    assert sorted(number for number in numbers if number) == [f"INV-2026-{n:05}" for n in range(1, 14)]


async def test_no_number_is_taken_outside_a_transaction() -> None:
    invoice = await a_draft()
    with pytest.raises(OutsideTransaction):
        await service.finalize(invoice.id, merchant_id=MERCHANT, issue_date=TODAY, now=NOW)


async def test_a_merchant_without_the_series_cannot_finalize() -> None:
    invoice = await a_draft(merchant_id="mer_2")
    await service.open_series("ser_9", merchant_id=MERCHANT, series="second", pattern="X{seq}")
    with pytest.raises(SeriesNotFound):
        async with transaction():
            await service.finalize(invoice.id, merchant_id="mer_2", issue_date=TODAY, now=NOW, series="second")


async def test_a_series_is_opened_once_and_its_pattern_stays() -> None:
    await service.open_series("ser_2", merchant_id=MERCHANT)
    with pytest.raises(SeriesTaken):
        await service.open_series("ser_3", merchant_id=MERCHANT, pattern="X{seq}")
    with pytest.raises(SeriesTaken):
        await service.open_series("ser_4", merchant_id=MERCHANT, series="other")


async def test_a_payment_told_twice_counts_once() -> None:
    invoice = await an_open_invoice()
    first, second = await paid(invoice, "pay_1", 12000), await paid(invoice, "pay_1", 12000)
    assert (first.first_time, second.first_time) == (True, False)
    assert first.surplus == second.surplus == Money(100, "EUR")
    assert second.events == ()
    assert len(await service.list_payments(MERCHANT, invoice.id)) == 1


async def test_a_payment_told_at_the_same_time_by_many_counts_once() -> None:
    invoice = await an_open_invoice()
    results = await asyncio.gather(*(paid(invoice, "pay_1", 5000) for _ in range(8)))
    assert [result.first_time for result in results].count(True) == 1
    assert (await service.get(MERCHANT, invoice.id)).paid == Money(5000, "EUR")


async def test_a_payment_told_again_with_another_amount_is_refused() -> None:
    invoice = await an_open_invoice()
    await paid(invoice, "pay_1", 5000)
    with pytest.raises(PaymentMismatch):
        await paid(invoice, "pay_1", 5001)


async def test_parts_pay_an_invoice_and_what_is_over_is_told() -> None:
    invoice = await an_open_invoice()
    part = await paid(invoice, "pay_1", 5000)
    rest = await paid(invoice, "pay_2", 8000)
    assert part.invoice.state is InvoiceState.PARTLY_PAID
    assert (rest.invoice.state, rest.invoice.paid_at, rest.surplus) == (InvoiceState.PAID, NOW, Money(1100, "EUR"))
    kinds = [event.kind for event in rest.events]
    assert kinds == [InvoiceEventKind.PAYMENT_APPLIED, InvoiceEventKind.PAID, InvoiceEventKind.OVERPAID]


async def test_a_payment_for_a_paid_invoice_is_all_surplus() -> None:
    invoice = await an_open_invoice()
    await paid(invoice, "pay_1", 11900)
    again = await paid(invoice, "pay_2", 11900)
    assert (again.applied, again.surplus) == (Money(0, "EUR"), Money(11900, "EUR"))
    assert [event.kind for event in again.events] == [InvoiceEventKind.OVERPAID]


async def test_another_merchant_does_not_see_the_invoice() -> None:
    invoice = await a_draft()
    with pytest.raises(InvoiceNotFound):
        await service.get("mer_2", invoice.id)


@pytest.mark.parametrize(
    "change",
    [
        "number = 'X'",
        "total_minor = 1, net_minor = 1, tax_minor = 0",
        "document = '{}'",
        "draft = '{}'",
        "currency = 'USD'",
        "issue_date = '2020-01-01'",
        "issued_at = NULL, state = 'draft', number = NULL, issue_date = NULL, due_date = NULL, document = NULL",
    ],
)
async def test_the_database_refuses_to_change_what_was_issued(change: str) -> None:
    invoice = await an_open_invoice()
    with pytest.raises(asyncpg.RestrictViolationError):
        async with transaction() as connection:
            await connection.execute(f"UPDATE invoice SET {change} WHERE id = $1", invoice.id)


async def test_the_database_refuses_to_delete_what_was_issued() -> None:
    invoice = await an_open_invoice()
    with pytest.raises(asyncpg.RestrictViolationError):
        async with transaction() as connection:
            await connection.execute("DELETE FROM invoice WHERE id = $1", invoice.id)


async def test_the_database_refuses_to_change_or_delete_a_recorded_payment() -> None:
    await paid(await an_open_invoice(), "pay_1", 1)
    for statement in ("UPDATE invoice_application SET amount_minor = 2", "DELETE FROM invoice_application"):
        with pytest.raises(asyncpg.RestrictViolationError):
            async with transaction() as connection:
                await connection.execute(statement)


@pytest.mark.parametrize(
    "change", ["state = 'void'", "paid_minor = total_minor + 1", "state = 'paid'", "paid_minor = -1"]
)
async def test_the_database_refuses_impossible_states_and_amounts(change: str) -> None:
    invoice = await an_open_invoice()
    with pytest.raises(asyncpg.CheckViolationError):
        async with transaction() as connection:
            await connection.execute(f"UPDATE invoice SET {change} WHERE id = $1", invoice.id)


async def test_the_first_pdf_stays() -> None:
    invoice = await an_open_invoice()
    assert await service.attach_pdf(invoice.id, merchant_id=MERCHANT, pdf=b"%PDF first")
    assert not await service.attach_pdf(invoice.id, merchant_id=MERCHANT, pdf=b"%PDF second")
    assert await service.get_pdf(MERCHANT, invoice.id) == b"%PDF first"
    stored = await service.get(MERCHANT, invoice.id)
    assert stored.pdf_sha256 == hashlib.sha256(b"%PDF first").hexdigest()


async def test_a_draft_takes_no_pdf_and_has_no_public_page() -> None:
    invoice = await a_draft()
    with pytest.raises(WrongState):
        await service.attach_pdf(invoice.id, merchant_id=MERCHANT, pdf=b"%PDF")
    assert await service.find_public(invoice.public_token) is None


async def test_an_issued_invoice_is_found_by_its_token() -> None:
    invoice = await an_open_invoice()
    found = await service.find_public(invoice.public_token)
    assert found is not None
    assert found.id == invoice.id


async def test_invoices_are_listed_newest_first_and_by_page() -> None:
    ids = [(await a_draft()).id for _ in range(3)]
    first = await service.list_invoices(MERCHANT, limit=2)
    rest = await service.list_invoices(MERCHANT, limit=2, before_id=first[-1].id)
    assert [invoice.id for invoice in (*first, *rest)] == ids[::-1]
