"""The rate at which the law wants the tax is frozen at the issue; what is paid in that currency is held against it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest
from billing_desk import Desk, draft_of

from currency.money import Money
from currency.rates import Rate
from invoicing.documents import DraftInvoice
from invoicing.errors import InvalidInvoice, PaymentMismatch
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import credit_notes, service
from orchestrator.fx import service as fx


def in_dollars(**more: object) -> DraftInvoice:
    return msgspec.structs.replace(draft_of("100", currency="USD"), **more)


async def issued(desk: Desk, draft: DraftInvoice) -> InvoiceRecord:
    made = await service.create_draft(desk.merchant_id, desk.customer_id, draft)
    return await service.finalize(desk.merchant_id, made.id, send_mail=False)


async def dollar_is_worth(desk: Desk, euros: str, on: date | None = None) -> None:
    await fx.enter(desk.merchant_id, "USD", "EUR", Decimal(euros), on or clock_port.now().date())


async def test_the_tax_is_stated_in_the_sellers_currency_at_the_rate_of_the_day(desk: Desk) -> None:
    await dollar_is_worth(desk, "0.9")
    invoice = await issued(desk, in_dollars())
    assert invoice.document is not None
    rate = invoice.document.content.tax_rate
    assert rate is not None
    assert (rate.base, rate.quote, rate.quote_units, rate.source) == ("USD", "EUR", Decimal("0.9"), "manual")
    assert invoice.document.totals.tax_in_tax_currency == Money(1710, "EUR")
    await dollar_is_worth(desk, "0.5")
    assert (await desk.now(invoice)).document == invoice.document


async def test_the_rate_is_that_of_the_tax_point(desk: Desk) -> None:
    invoice = await issued(desk, in_dollars(tax_point_date=date(2026, 10, 29)))
    assert invoice.document is not None
    assert invoice.document.content.tax_rate is not None
    assert (invoice.document.content.tax_rate.source, invoice.document.content.tax_rate.on) == (
        "ecb",
        date(2026, 10, 29),
    )


async def test_without_a_rate_nothing_is_issued_and_no_number_is_taken(desk: Desk) -> None:
    with pytest.raises(InvalidInvoice, match="give tax_rate yourself") as refused:
        await issued(desk, in_dollars(tax_point_date=date(1998, 1, 1)))
    assert refused.value.field == "tax_rate"
    assert (await desk.issue("1")).number == f"INV-{clock_port.now().year}-00001"


async def test_a_credit_note_has_the_rate_of_its_invoice(desk: Desk) -> None:
    await dollar_is_worth(desk, "0.9")
    invoice = await issued(desk, in_dollars())
    await dollar_is_worth(desk, "0.5")
    note = await credit_notes.issue(desk.merchant_id, invoice.id)
    assert note.document is not None
    assert note.document.totals.tax_in_tax_currency == Money(1710, "EUR")


async def test_a_receipt_in_the_tax_currency_is_held_against_the_frozen_rate(desk: Desk) -> None:
    await dollar_is_worth(desk, "0.9")
    invoice = await issued(desk, in_dollars())
    agreed = Rate("EUR", "USD", Decimal("0.88"), Decimal(1), clock_port.now().date(), "agreed")
    done = await desk.receive(10_472, invoice_currency="USD", rate=agreed)  # 119.00 USD at 0.88 EUR
    assert (await desk.now(invoice)).state is InvoiceState.PAID
    [row] = done.applications
    assert (row.applied, row.moved, row.fx_difference) == (
        Money(11_900, "USD"),
        Money(10_472, "EUR"),
        Money(-238, "EUR"),
    )
    assert await desk.balances() == {"bank": 10_472, "fx_position": -10_710, "fx_difference": 238}


async def test_another_booked_rate_than_the_frozen_one_is_refused(desk: Desk) -> None:
    await dollar_is_worth(desk, "0.9")
    await issued(desk, in_dollars())
    today = clock_port.now().date()
    agreed = Rate("EUR", "USD", Decimal("0.88"), Decimal(1), today, "agreed")
    booked = Rate("USD", "EUR", Decimal(1), Decimal("0.91"), today, "books")
    with pytest.raises(PaymentMismatch, match="leave it out") as refused:
        await desk.receive(10_472, invoice_currency="USD", rate=agreed, booked_rate=booked)
    assert refused.value.field == "conversion.booked_rate"
    same = Rate("USD", "EUR", Decimal(1), Decimal("0.90"), today - timedelta(days=1), "books")
    await desk.receive(10_472, invoice_currency="USD", rate=agreed, booked_rate=same)
