"""Documents of every kind that an e-invoice is made of: types, taxes, currencies, adjustments, languages."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from invoicing.documents import (
    Adjustment,
    BankAccount,
    Delivery,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    FrozenRate,
    IssuedInvoice,
    Line,
    Party,
    Period,
    PrecedingInvoice,
    compute,
)
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, NetDays, due_date

ISSUED_ON = date(2026, 11, 1)
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
LEITWEG = "04011000-12345-34"
VAT19 = TaxTreatment(TaxKind.VAT, 1900)
VAT7 = TaxTreatment(TaxKind.VAT, 700)

SELLER = Party(
    name="Nordlicht GmbH", country="DE", city="Hamburg", postal_code="20457",
    address_lines=("Am Sandtorkai 1", "Haus 2", "OG", "Hof"), vat_id="DE136695976", email="billing@nordlicht.example",
    contact_name="Frau Lüders", contact_phone="+49 40 123456", electronic_address="DE136695976",
    electronic_address_scheme="9930", legal_registration_id="HRB 1234", legal_information="AG Hamburg",
)  # fmt: skip
GERMAN = Party(
    name="Bäckerei Müller & Söhne", country="DE", city="Berlin", postal_code="10115",
    address_lines=("Invalidenstr. 5",), vat_id="DE129274202", email="ap@mueller.example",
    electronic_address=LEITWEG, electronic_address_scheme="0204",
)  # fmt: skip
AUSTRIAN = Party(
    name="Alpen <Sport> GmbH", country="AT", city="Wien", postal_code="1010", address_lines=("Ring 1",),
    vat_id="ATU13585627", electronic_address="ATU13585627", electronic_address_scheme="9915",
)  # fmt: skip
AMERICAN = Party(
    name="Acme Inc", country="US", city="Austin", postal_code="73301", address_lines=("1 Main Street",),
    subdivision="TX", electronic_address="5060012349998", electronic_address_scheme="0088",
)  # fmt: skip
JAPANESE = Party(
    name="株式会社あおぞら商事", country="JP", city="東京都", postal_code="100-0001", address_lines=("千代田1-1",),
    vat_id="T1234567890123", electronic_address="5060012349998", electronic_address_scheme="0088",
)  # fmt: skip
BANK = BankAccount(holder="Nordlicht GmbH", iban="DE71 1102 2033 0123 4567 89", bic="COBADEFFXXX")
LINES = (
    Line("Beratung\nvor Ort", Decimal("12.5"), Decimal("140"), VAT19, unit="HUR"),
    Line("Buch", Decimal(3), Decimal("9.9900"), VAT7),
)


def draft(**given: Any) -> DraftInvoice:
    """A German invoice with VAT at two rates, but for what is given."""
    usual: dict[str, Any] = {
        "seller": SELLER, "buyer": GERMAN, "currency": "EUR", "lines": LINES, "terms": NetDays(30), "locale": "de",
        "buyer_reference": LEITWEG, "supply_date": date(2026, 10, 31), "bank": BANK,
    }  # fmt: skip
    return DraftInvoice(**(usual | given))


def issued(content: DraftInvoice, number: str = "INV-2026-00042") -> IssuedInvoice:
    return IssuedInvoice(
        number=number,
        issue_date=ISSUED_ON,
        due_date=due_date(content.terms, ISSUED_ON),
        content=content,
        totals=compute(content),
    )


def one_line(kind: TaxKind, rate_bps: int = 0, **treatment: str) -> tuple[Line, ...]:
    return (Line("Ware", Decimal(2), Decimal(100), TaxTreatment(kind, rate_bps, **treatment)),)


def in_euros(currency: str, units: str) -> dict[str, Any]:
    """The tax also in euros, at that many units for one."""
    rate = FrozenRate(
        base=currency,
        quote="EUR",
        base_units=Decimal(units),
        quote_units=Decimal(1),
        on=date(2026, 10, 30),
        source="ECB",
    )
    return {"currency": currency, "tax_currency": "EUR", "tax_rate": rate}


def without(party: Party, **emptied: str) -> Party:
    return msgspec.structs.replace(party, **emptied)


CREDIT = {"type": DocumentType.CREDIT_NOTE, "preceding": (PrecedingInvoice(number="INV-1", issue_date=ISSUED_ON),)}
ADJUSTED_LINES = (
    Line(
        "Schrauben", Decimal(10), Decimal("9.995"), VAT19, period=OCTOBER, seller_item_id="A1", order_line="1",
        standard_item_id="4012345678901", standard_item_scheme="0160", note="Notiz", accounting_reference="K1",
        discounts=(Adjustment(reason="Rabatt", percent=Decimal(5), reason_code="95"),),
        charges=(Adjustment(reason="Fracht", amount=Decimal("2.50"), reason_code="FC"),),
    ),
    Line("Buch", Decimal(1), Decimal(50), VAT7),
)  # fmt: skip

SAMPLES: dict[str, DraftInvoice] = {
    "two rates": draft(),
    "adjusted": draft(
        lines=ADJUSTED_LINES,
        period=OCTOBER,
        prepaid=Decimal(10),
        note="Danke\nund bis bald",
        purchase_order="PO1",
        sales_order="SO1",
        contract="C1",
        project="P1",
        accounting_reference="K1",
        discounts=(DocumentAdjustment(reason="Treue", percent=Decimal(3)),),
        charges=(DocumentAdjustment(reason="Versand", amount=Decimal("4.90"), tax=VAT19),),
        delivery=Delivery(country="DE", name="Lager", address_lines=("Weg 1",), postal_code="20095", city="Hamburg"),
    ),
    "prices with tax": draft(
        prices_include_tax=True,
        lines=(Line("A", Decimal(3), Decimal("9.99"), VAT19), Line("B", Decimal(7), Decimal("1.99"), VAT7)),
    ),
    "fine unit price": draft(lines=(Line("Strom", Decimal("12345.678"), Decimal("0.01234567"), VAT19, unit="KWH"),)),
    "sales order alone": draft(sales_order="SO1"),
    "returned goods": draft(
        lines=(
            Line("A", Decimal(10), Decimal(10), VAT19),
            Line("A", Decimal(-1), Decimal(10), VAT19, discounts=(Adjustment(reason="alt", percent=Decimal(10)),)),
        )
    ),
    "reverse charge": draft(buyer=AUSTRIAN, lines=one_line(TaxKind.REVERSE_CHARGE)),
    "reverse charge at home": draft(lines=one_line(TaxKind.DOMESTIC_REVERSE_CHARGE, reason="§ 13b UStG")),
    "intra-community": draft(buyer=AUSTRIAN, lines=one_line(TaxKind.INTRA_COMMUNITY)),
    "export": draft(buyer=AMERICAN, lines=one_line(TaxKind.EXPORT)),
    "export to Japan": draft(buyer=JAPANESE, lines=one_line(TaxKind.EXPORT), locale="ja"),
    "exempt": draft(lines=one_line(TaxKind.EXEMPT, reason="Heilbehandlung", reason_code="VATEX-EU-132-1C")),
    "exempt for two reasons": draft(
        lines=one_line(TaxKind.EXEMPT, reason_code="VATEX-EU-132-1C")
        + one_line(TaxKind.EXEMPT, reason_code="VATEX-EU-132-1I")
    ),
    "zero rate": draft(lines=one_line(TaxKind.ZERO)),
    "outside the scope": draft(lines=one_line(TaxKind.OUTSIDE_SCOPE)),
    "One Stop Shop": draft(buyer=AUSTRIAN, lines=one_line(TaxKind.OSS, 2000, place="AT")),
    "margin scheme": draft(lines=one_line(TaxKind.MARGIN_SCHEME, reason_code="VATEX-EU-F")),
    "dollars": draft(**in_euros("USD", "1.08")),
    "francs": draft(**in_euros("CHF", "0.93")),
    "export in pounds": draft(buyer=AMERICAN, lines=one_line(TaxKind.EXPORT), **in_euros("GBP", "0.87")),
    "yen": draft(lines=(Line("Ware", Decimal(2), Decimal(1500), VAT19),), **in_euros("JPY", "163.2")),
    "credit note": draft(**CREDIT),
    "credit note without tax": draft(buyer=AUSTRIAN, lines=one_line(TaxKind.REVERSE_CHARGE), **CREDIT),
    "credit note in dollars": draft(**in_euros("USD", "1.08"), **CREDIT),
    "free of charge": draft(lines=(Line("Muster", Decimal(1), Decimal(0), VAT19),)),
    "paid before": draft(prepaid=Decimal("2114.57")),
    "early payment": draft(
        terms=AgreedTerms(
            due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200), DiscountStep(20, 100)))
        )
    ),
    "tax point": draft(tax_point_date=date(2026, 10, 31)),
    "Arabic": draft(locale="ar", note="شكرا لكم", lines=(Line("استشارات", Decimal(1), Decimal(100), VAT19),)),
}
