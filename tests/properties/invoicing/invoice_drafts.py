"""Invoices of every shape, for properties that must hold for all of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
from hypothesis import strategies as st

from currency.currencies import exponent_of
from currency.money import Money, to_major
from invoicing.calculation import round_for_cash
from invoicing.documents import (
    Adjustment,
    DocumentAdjustment,
    DraftInvoice,
    IssuedInvoice,
    Line,
    Party,
    RoundingPolicy,
    compute,
)
from invoicing.errors import InvalidInvoice
from invoicing.treatments import TaxKind, TaxTreatment

PARTY = Party(name="P", country="DE")
ISSUED = date(2026, 3, 1)
TREATMENTS = [
    TaxTreatment(TaxKind.VAT, 1900),
    TaxTreatment(TaxKind.VAT, 700),
    TaxTreatment(TaxKind.VAT, 2550),
    TaxTreatment(TaxKind.ZERO),
    TaxTreatment(TaxKind.EXEMPT, reason_code="VATEX-EU-132-1I"),
]
PERCENTS = st.decimals("0.01", "50", places=2)


@st.composite
def drafts(draw: st.DrawFn, *, negative: bool = False, max_lines: int = 4) -> DraftInvoice:
    """Lines, discounts and charges of several taxes, prices with or without tax, every rounding policy."""
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD", "CHF"]))
    lines = [draw(lines_of(currency, negative=negative)) for _ in range(draw(st.integers(1, max_lines)))]
    return DraftInvoice(
        seller=PARTY,
        buyer=PARTY,
        currency=currency,
        lines=tuple(lines),
        prices_include_tax=draw(st.booleans()),
        rounding_policy=draw(st.sampled_from(RoundingPolicy)),
        discounts=draw(st.lists(document_adjustments(lines), max_size=2).map(tuple)),
        charges=draw(st.lists(document_adjustments(lines), max_size=2).map(tuple)),
    )


@st.composite
def issued_invoices(draw: st.DrawFn) -> IssuedInvoice:
    """Issued, with sums that are not refused; some paid in part before, some rounded to what can be paid in cash."""
    draft = draw(drafts(negative=True).filter(_can_be_computed))
    if draw(st.booleans()):
        total = compute(draft).total
        prepaid = draw(st.integers(0, total.minor * 9 // 10))
        draft = round_for_cash(msgspec.structs.replace(draft, prepaid=to_major(Money(prepaid, total.currency))))
    return IssuedInvoice(number="INV-1", issue_date=ISSUED, due_date=ISSUED, content=draft, totals=compute(draft))


def issue_note(note: DraftInvoice, number: str) -> IssuedInvoice:
    return IssuedInvoice(number=number, issue_date=ISSUED, due_date=ISSUED, content=note, totals=compute(note))


@st.composite
def lines_of(draw: st.DrawFn, currency: str, *, negative: bool) -> Line:
    quantity = draw(st.decimals("0.001", "300", places=3))
    line = Line(
        "x",
        -quantity if negative and draw(st.integers(0, 4)) == 0 else quantity,
        draw(st.decimals("0", "1000", places=4)),
        draw(st.sampled_from(TREATMENTS)),
    )
    discounts = [Adjustment(reason="off", percent=percent) for percent in draw(st.lists(PERCENTS, max_size=2))]
    charges = draw(st.lists(st.integers(1, 10_000), max_size=1))
    places = -exponent_of(currency)
    return msgspec.structs.replace(
        line,
        discounts=tuple(discounts),
        charges=tuple(Adjustment(reason="on", amount=Decimal(minor).scaleb(places)) for minor in charges),
    )


def document_adjustments(lines: list[Line]) -> st.SearchStrategy[DocumentAdjustment]:
    return st.builds(
        lambda percent, tax: DocumentAdjustment(reason="off", percent=percent, tax=tax),
        PERCENTS,
        st.sampled_from([None, *dict.fromkeys(line.tax for line in lines)]),
    )


def _can_be_computed(draft: DraftInvoice) -> bool:
    try:
        return compute(draft).total.minor > 0
    except InvalidInvoice:
        return False
