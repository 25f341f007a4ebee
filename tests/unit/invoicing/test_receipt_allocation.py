from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from currency.money import Money
from currency.rates import Rate
from invoicing.allocation import Applied, OpenInvoice, Part, allocate_receipt, reverse, split_discount
from invoicing.documents import DraftInvoice, Line, Party, compute
from invoicing.errors import PaymentMismatch
from invoicing.treatments import TaxKind, TaxTreatment

TODAY = date(2026, 3, 1)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def owing(
    name: str, minor: int, *, due: int = 1, discount: int = 0, currency: str = "EUR", **more: Rate
) -> OpenInvoice:
    off = Money(discount, currency) if discount else None
    return OpenInvoice(name, Money(minor, currency), date(2026, 3, due), TODAY, off, **more)


def settled(row: Applied) -> tuple[str, int, int, int]:
    return row.invoice_id, row.applied.minor, row.discount.minor, row.written_off.minor


def test_the_oldest_due_date_is_paid_first_and_the_rest_in_part() -> None:
    result = allocate_receipt(eur(250), [owing("b", 100, due=9), owing("a", 100, due=2), owing("c", 100, due=9)])
    assert [settled(row) for row in result.applied] == [("a", 100, 0, 0), ("b", 100, 0, 0), ("c", 50, 0, 0)]
    assert result.credit == eur(0)


def test_what_no_invoice_owes_is_credit() -> None:
    result = allocate_receipt(eur(250), [owing("a", 100)])
    assert (result.applied[0].applied, result.credit) == (eur(100), eur(150))
    assert allocate_receipt(eur(5), []).credit == eur(5)


def test_the_payers_own_parts_count() -> None:
    parts = [Part("b", eur(70)), Part("a", eur(20))]
    result = allocate_receipt(eur(100), [owing("a", 100), owing("b", 100)], parts=parts)
    assert [settled(row) for row in result.applied] == [("b", 70, 0, 0), ("a", 20, 0, 0)]
    assert result.credit == eur(10)


def test_two_percent_taken_early_settles_the_whole() -> None:
    result = allocate_receipt(eur(98000), [owing("a", 100000, discount=2000)])
    assert settled(result.applied[0]) == ("a", 98000, 2000, 0)
    assert result.applied[0].settled == eur(100000)


def test_several_invoices_paid_less_their_discounts_are_all_settled() -> None:
    invoices = [
        owing("a", 100000, due=2, discount=2000),
        owing("b", 50000, due=3),
        owing("c", 10000, due=4, discount=200),
    ]
    result = allocate_receipt(eur(98000 + 50000 + 9800), invoices)
    assert [settled(row) for row in result.applied] == [("a", 98000, 2000, 0), ("b", 50000, 0, 0), ("c", 9800, 200, 0)]


def test_a_discount_that_was_not_taken_is_not_given() -> None:
    result = allocate_receipt(eur(100000), [owing("a", 100000, discount=2000)])
    assert settled(result.applied[0]) == ("a", 100000, 0, 0)
    assert settled(allocate_receipt(eur(97999), [owing("a", 100000, discount=2000)]).applied[0])[2] == 0


def test_a_payment_within_the_tolerance_settles_with_and_without_discount() -> None:
    short = allocate_receipt(eur(97998), [owing("a", 100000, discount=2000)], tolerance_minor=2)
    assert settled(short.applied[0]) == ("a", 97998, 2000, 2)
    assert settled(allocate_receipt(eur(998), [owing("a", 1000)], tolerance_minor=2).applied[0]) == ("a", 998, 0, 2)
    assert settled(allocate_receipt(eur(997), [owing("a", 1000)], tolerance_minor=2).applied[0]) == ("a", 997, 0, 0)


def test_an_invoice_that_got_nothing_is_not_written_off() -> None:
    result = allocate_receipt(eur(100), [owing("a", 100, due=1), owing("b", 2, due=2)], tolerance_minor=5)
    assert [row.invoice_id for row in result.applied] == ["a"]


def test_a_receipt_in_another_currency_shows_what_the_rate_gained_or_lost() -> None:
    booked = Rate("USD", "EUR", Decimal("1.10"), Decimal(1), TODAY, "ECB")
    paid = Rate("EUR", "USD", Decimal(1), Decimal("1.12"), TODAY, "ECB")
    result = allocate_receipt(eur(9000), [owing("a", 10000, currency="USD", booked_rate=booked)], rate=paid)
    (row,) = result.applied
    assert (row.applied, row.received) == (Money(10000, "USD"), eur(8929))
    # 100.00 USD stood in the books at 90.91 EUR
    assert row.fx_difference == eur(8929 - 9091)
    assert row.received + result.credit == eur(9000)


@pytest.mark.parametrize(
    ("receipt", "more", "field"),
    [
        (eur(0), {}, "amount"),
        (eur(-5), {}, "amount"),
        (Money(5, "USD"), {}, "rate"),
        (eur(5), {"rate": Rate("EUR", "USD", Decimal(1), Decimal(1), TODAY, "x")}, "rate"),
        (eur(5), {"parts": [Part("z", eur(1))]}, "parts[0].invoice_id"),
        (eur(500), {"parts": [Part("a", eur(101))]}, "parts[0].amount"),
        (eur(5), {"parts": [Part("a", eur(0))]}, "parts[0].amount"),
        (eur(5), {"parts": [Part("a", Money(1, "USD"))]}, "parts[0].amount"),
        (eur(5), {"parts": [Part("a", eur(3)), Part("b", eur(3))]}, "parts"),
        (eur(5), {"parts": [Part("a", eur(2)), Part("a", eur(2))]}, "parts"),
        (eur(50), {"parts": [Part("a", eur(50), takes_discount=True)]}, "parts[0].takes_discount"),
        (eur(5), {"tolerance_minor": -1}, "tolerance_minor"),
    ],
)
def test_an_allocation_that_cannot_be_is_refused_by_field(receipt: Money, more: dict[str, object], field: str) -> None:
    with pytest.raises(PaymentMismatch) as refused:
        allocate_receipt(receipt, [owing("a", 100), owing("b", 100)], **more)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_refund_takes_back_the_last_invoice_first() -> None:
    paid = allocate_receipt(eur(250), [owing("a", 100, due=1), owing("b", 150, due=2)]).applied
    assert [settled(row) for row in reverse(paid, eur(200))] == [("b", 150, 0, 0), ("a", 50, 0, 0)]
    with pytest.raises(PaymentMismatch, match="at most"):
        reverse(paid, eur(251))


def test_a_payment_that_goes_back_in_full_takes_its_discount_along() -> None:
    paid = allocate_receipt(eur(97998), [owing("a", 100000, discount=2000)], tolerance_minor=2).applied
    assert reverse(paid, eur(97998))[0].settled == eur(100000)


def test_a_discount_taken_lowers_base_and_tax_of_each_rate_in_proportion() -> None:
    party = Party(name="P", country="DE")
    lines = [
        Line("x", Decimal(1), Decimal(price), TaxTreatment(TaxKind.VAT, bps))
        for price, bps in (("1000", 1900), ("500", 700))
    ]
    totals = compute(DraftInvoice(seller=party, buyer=party, currency="EUR", lines=tuple(lines)))
    rows = split_discount(totals, eur(3450))  # 2 % of 1,725.00
    assert [(row.base.minor, row.tax.minor) for row in rows] == [(2000, 380), (1000, 70)]
    with pytest.raises(PaymentMismatch, match="between nothing and the total"):
        split_discount(totals, eur(172501))
