from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from invoice_drafts import issued_invoices

from currency.money import Money
from currency.rates import Rate
from invoicing.allocation import Allocation, OpenInvoice, allocate_receipt, reverse, split_discount
from invoicing.documents import IssuedInvoice

TODAY = date(2026, 3, 1)


@st.composite
def open_invoices(draw: st.DrawFn) -> list[OpenInvoice]:
    invoices = []
    for number in range(draw(st.integers(0, 6))):
        owed = draw(st.integers(0, 100_000))
        discount = draw(st.one_of(st.none(), st.integers(0, owed)))
        due = TODAY + timedelta(days=draw(st.integers(-30, 30)))
        off = None if discount is None else Money(discount, "EUR")
        invoices.append(OpenInvoice(f"inv_{number}", Money(owed, "EUR"), due, TODAY, off))
    return invoices


def check(result: Allocation, receipt: Money, invoices: list[OpenInvoice], tolerance: int) -> None:
    owed = {invoice.id: invoice for invoice in invoices}
    for row in result.applied:
        invoice = owed[row.invoice_id]
        assert row.settled <= invoice.owed
        assert row.discount.minor <= (invoice.discount.minor if invoice.discount else 0)
        assert 0 <= row.written_off.minor <= tolerance
        assert row.applied.minor > 0
    assert sum(row.received.minor for row in result.applied) + result.credit.minor == receipt.minor
    assert result.credit.minor >= 0


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 300_000), open_invoices(), st.integers(0, 50))
def test_allocation_never_over_applies_and_loses_nothing(
    minor: int, invoices: list[OpenInvoice], tolerance: int
) -> None:
    receipt = Money(minor, "EUR")
    check(allocate_receipt(receipt, invoices, tolerance_minor=tolerance), receipt, invoices, tolerance)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10**7), open_invoices().filter(bool), st.decimals("0.0001", "500", places=4))
def test_another_currency_loses_nothing_either(minor: int, invoices: list[OpenInvoice], units: Decimal) -> None:
    receipt = Money(minor, "JPY")
    rate = Rate("JPY", "EUR", units, Decimal(1), TODAY, "ECB")
    check(allocate_receipt(receipt, invoices, rate=rate), receipt, invoices, 0)


@settings(deadline=None)
@given(st.integers(1, 300_000), open_invoices(), st.data())
def test_a_reversal_takes_back_exactly_what_went_back(
    minor: int, invoices: list[OpenInvoice], data: st.DataObject
) -> None:
    applied = allocate_receipt(Money(minor, "EUR"), invoices).applied
    whole = sum(row.received.minor for row in applied)
    if whole:
        back = data.draw(st.integers(1, whole))
        assert sum(row.applied.minor for row in reverse(applied, Money(back, "EUR"))) == back


@settings(max_examples=40, deadline=None)
@given(issued_invoices(), st.data())
def test_a_discount_taken_is_the_sum_of_what_it_takes_off_base_and_tax(
    invoice: IssuedInvoice, data: st.DataObject
) -> None:
    totals = invoice.totals
    discount = Money(data.draw(st.integers(0, totals.total.minor)), totals.total.currency)
    rows = split_discount(totals, discount)
    assert sum(row.base.minor + row.tax.minor for row in rows) == discount.minor
