from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from currency.money import Money
from invoicing.credit import CreditPart, credit_everything, credit_parts, creditable_items
from invoicing.documents import (
    Adjustment,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    FrozenRate,
    IssuedInvoice,
    Line,
    Party,
    RoundingPolicy,
    SalesTax,
    compute,
)
from invoicing.errors import InvalidInvoice
from invoicing.treatments import TaxKind, TaxTreatment

ISSUED = date(2026, 3, 1)
VAT_25 = TaxTreatment(TaxKind.VAT, 2500)
VAT_19 = TaxTreatment(TaxKind.VAT, 1900)
TEN_PERCENT = DocumentAdjustment(reason="Framework", percent=Decimal(10))


def issued(*lines: Line, number: str = "INV-1", currency: str = "EUR", **changes: object) -> IssuedInvoice:
    party = Party(name="P", country="DE")
    draft = DraftInvoice(seller=party, buyer=party, currency=currency, lines=lines)
    return issue(msgspec.structs.replace(draft, **changes), number)


def issue(draft: DraftInvoice, number: str = "CN-1") -> IssuedInvoice:
    return IssuedInvoice(number=number, issue_date=ISSUED, due_date=ISSUED, content=draft, totals=compute(draft))


def line(price: str, quantity: str = "1", tax: TaxTreatment = VAT_19, **more: object) -> Line:
    return msgspec.structs.replace(Line("Work", Decimal(quantity), Decimal(price), tax), **more)


def test_a_part_of_a_month_is_credited_net_and_tax_each_rounded() -> None:
    invoice = issued(line("6.666666", "30", VAT_25))
    note = compute(credit_parts(invoice, [CreditPart(item=0, quantity=Decimal(29))]))
    assert (note.net.minor, note.tax.minor, note.total.minor) == (19333, 4833, 24166)


def test_the_credit_note_names_the_invoice_and_keeps_its_lines() -> None:
    invoice = issued(
        line("10", "3", discounts=(Adjustment(reason="Rebate", percent=Decimal(5)),)), discounts=(TEN_PERCENT,)
    )
    draft = credit_everything(invoice, note="Returned")
    assert (draft.type, draft.preceding[0].number, draft.note) == (DocumentType.CREDIT_NOTE, "INV-1", "Returned")
    (credited,) = draft.lines
    assert (credited.quantity, credited.unit_price) == (Decimal(3), Decimal(10))
    assert credited.discounts[0].reason == "Rebate · Framework"
    assert compute(draft).total == invoice.totals.total


def test_three_credits_of_a_third_take_back_each_cent_of_tax_once() -> None:
    invoice = issued(line("0.33", "3"))
    assert invoice.totals.tax == Money(19, "EUR")
    notes: list[IssuedInvoice] = []
    for number in range(3):
        part = CreditPart(item=0, quantity=Decimal(1))
        notes.append(issue(credit_parts(invoice, [part], notes), f"CN-{number}"))
    assert [note.totals.tax.minor for note in notes] == [6, 7, 6]


def test_many_small_lines_rounded_each_give_back_the_tax_that_each_had() -> None:
    # 0.03 at 19 % is 0.0057: one cent of tax for each line, where the sum would have half as much.
    invoice = issued(*[line("0.03")] * 40, rounding_policy=RoundingPolicy.PER_LINE)
    first = issue(credit_parts(invoice, [CreditPart(item=index) for index in range(39)]))
    rest = compute(credit_everything(invoice, [first]))
    assert (invoice.totals.tax.minor, first.totals.tax.minor, rest.tax.minor) == (40, 39, 1)


def test_a_charge_of_the_document_is_an_item_after_the_lines() -> None:
    freight = DocumentAdjustment(reason="Freight", amount=Decimal("4.90"), tax=VAT_19)
    invoice = issued(line("100"), charges=(freight,))
    note = credit_parts(invoice, [CreditPart(item=1)])
    assert (note.lines[0].description, compute(note).net) == ("Freight", Money(490, "EUR"))
    assert [item.left.minor for item in creditable_items(invoice, [issue(note)])] == [10000, 0]


def test_sales_taxes_are_credited_by_jurisdiction_to_the_cent() -> None:
    tax = SalesTax(jurisdiction="US-NY", amount=Decimal("0.10"), percent=Decimal(4))
    us = Party(name="P", country="US")
    lines = (line("0.83", "3", TaxTreatment(TaxKind.SALES_TAX), sales_taxes=(tax,)),)
    invoice = issued(*lines, currency="USD", seller=us, buyer=us)
    notes: list[IssuedInvoice] = []
    for number in range(3):
        part = CreditPart(item=0, quantity=Decimal(1))
        notes.append(issue(credit_parts(invoice, [part], notes), f"CN-{number}"))
    assert [note.totals.tax.minor for note in notes] == [3, 4, 3]


def test_rounding_in_cash_and_tax_in_another_currency_are_taken_back_with_the_rest() -> None:
    rate = FrozenRate(
        base="CHF", quote="EUR", base_units=Decimal("0.93"), quote_units=Decimal(1), on=date(2026, 2, 27), source="ECB"
    )
    invoice = issued(
        line("0.33", "3"),
        currency="CHF",
        rounding=Decimal("0.02"),
        tax_currency="EUR",
        tax_rate=rate,
        prepaid=Decimal(1),
    )
    first = issue(credit_parts(invoice, [CreditPart(item=0, quantity=Decimal(1))]))
    rest = compute(credit_everything(invoice, [first]))
    whole = invoice.totals.tax_in_tax_currency
    assert first.totals.tax_in_tax_currency is not None
    assert rest.tax_in_tax_currency is not None
    assert first.totals.tax_in_tax_currency + rest.tax_in_tax_currency == whole
    assert (first.totals.rounding.minor, rest.rounding.minor, rest.prepaid.minor) == (0, 2, 0)


def test_an_invoice_of_the_first_release_can_be_credited() -> None:
    invoice = issued(line("0.33", "3"), line("5"))
    bare = msgspec.structs.replace(invoice.totals, lines=(), discounts=(), charges=())
    old = msgspec.structs.replace(invoice, totals=bare)
    first = issue(credit_parts(old, [CreditPart(item=1)]))
    assert first.totals.total + compute(credit_everything(old, [first])).total == invoice.totals.total


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (CreditPart(item=2), "parts[0].item"),
        (CreditPart(item=0, quantity=Decimal("2.01")), "parts[0].quantity"),
        (CreditPart(item=0, quantity=Decimal(-1)), "parts[0].quantity"),
        (CreditPart(item=0, quantity=Decimal(0)), "parts[0].quantity"),
        (CreditPart(item=0, amount=Decimal("20.01")), "parts[0].amount"),
        (CreditPart(item=0, amount=Decimal("0.001")), "parts[0].amount"),
        (CreditPart(item=0, amount=Decimal(-1)), "parts[0].amount"),
        (CreditPart(item=0, quantity=Decimal(1), amount=Decimal(1)), "parts[0].amount"),
        (CreditPart(item=1), "parts"),
    ],
)
def test_more_than_is_left_is_not_credited(part: CreditPart, field: str) -> None:
    invoice = issued(line("10", "3"), line("1"))
    before = issue(credit_parts(invoice, [CreditPart(item=0, quantity=Decimal(1)), CreditPart(item=1)]))
    with pytest.raises(InvalidInvoice) as refused:
        credit_parts(invoice, [part], [before])
    assert refused.value.field == field


def test_a_credit_note_is_not_credited_nor_an_item_named_twice() -> None:
    invoice = issued(line("10"))
    with pytest.raises(InvalidInvoice, match="once"):
        credit_parts(invoice, [CreditPart(item=0, amount=Decimal(1))] * 2)
    with pytest.raises(InvalidInvoice, match="must be an invoice"):
        credit_everything(issue(credit_everything(invoice)))
