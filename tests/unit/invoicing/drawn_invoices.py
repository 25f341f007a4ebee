"""Documents to draw: one in each script, and one that has everything on it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pypdfium2
from PIL import Image
from pypdf import PdfReader

from currency.money import Money
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
from invoicing.rendering import InvoiceView
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, NetDays, due_date

ISSUED_ON = date(2026, 11, 1)
PAY_URL = "https://pay.example/i/abc"
VAT = TaxTreatment(TaxKind.VAT, 1900)
REDUCED = TaxTreatment(TaxKind.VAT, 700)
GERMAN = Party(
    name="Nordlicht GmbH", country="DE", address_lines=("Speicherstraße 14",), city="Hamburg", postal_code="20457",
    vat_id="DE136695976", email="rechnung@nordlicht.example", legal_registration_id="HRB 12345",
    legal_information="Amtsgericht Hamburg HRB 12345 · Geschäftsführerin: Ada Lund",
)  # fmt: skip
AUSTRIAN = Party(
    name="Bäckerei Müller & Söhne", country="AT", address_lines=("Graben 21",), city="Wien", postal_code="1010",
    vat_id="ATU13585627",
)  # fmt: skip
SWISS = Party(
    name="Alpenkraft AG", country="CH", address_lines=("Bahnhofstrasse 1",), postal_code="8001", city="Zürich",
    vat_id="CHE-123.456.788 MWST",
)  # fmt: skip
GERMAN_BANK = BankAccount(holder="Nordlicht GmbH", iban="DE71110220330123456789", bic="SSKMDEMMXXX", bank="Hafenbank")
SWISS_BANK = BankAccount(holder="Alpenkraft AG", iban="CH9300762011623852957")
SWISS_QR_BANK = BankAccount(holder="Alpenkraft AG", iban="CH4431999123000889012")

# What a merchant and a client are called, and what was sold, in every script that documents are written in.
SCRIPTS: dict[str, tuple[str, str, str, str]] = {
    "de": ("DE", "Größe & Söhne", "Bäckerei Müller", "Beratung für die Straßenbahn"),
    "pl": ("PL", "Żółć Gdańsk", "Łódź Świat", "Usługa doradcza: część pierwsza"),
    "el": ("GR", "Αιγαίο Ναυτιλιακή", "Ωκεανός Εμπορική", "Συμβουλευτικές υπηρεσίες"),
    "ar": ("KW", "شركة الخليج", "مؤسسة النور", "خدمات استشارية"),
    "he": ("IL", "חברת הגליל", "מרכז הכרמל", "שירותי ייעוץ"),
    "hi": ("IN", "हिमालय उद्योग", "गंगा व्यापार", "परामर्श सेवाएँ"),
    "th": ("TH", "บริษัท สยามการค้า", "ร้านกรุงเทพ", "บริการที่ปรึกษา"),
    "ja": ("JP", "株式会社あおぞら商事", "東京直販株式会社", "システム保守費用"),
    "ko": ("KR", "한강상사", "서울무역", "시스템 유지 보수"),
    "zh": ("CN", "长江贸易有限公司", "北京直营公司", "系统维护费用"),
    "zh-Hant": ("TW", "長江貿易有限公司", "臺北直營公司", "系統維護費用"),
}
CYRILLIC = "Дніпро Торгівля"


def issued(content: DraftInvoice, number: str = "INV-2026-00042") -> IssuedInvoice:
    return IssuedInvoice(
        number=number,
        issue_date=ISSUED_ON,
        due_date=due_date(content.terms, ISSUED_ON),
        content=content,
        totals=compute(content),
    )


def view_of(content: DraftInvoice, number: str = "INV-2026-00042", **look: Any) -> InvoiceView:
    return InvoiceView(document=issued(content, number), pay_url=PAY_URL, **look)


def ordinary(count: int = 1, /, **changes: Any) -> DraftInvoice:
    said: dict[str, Any] = {
        "seller": GERMAN, "buyer": AUSTRIAN, "currency": "EUR", "terms": NetDays(30), "bank": GERMAN_BANK,
        "lines": tuple(
            Line(f"Consulting day {number}, workshop and follow-up", Decimal("1.5"), Decimal("140.25"), VAT)
            for number in range(1, count + 1)
        ),
    }  # fmt: skip
    return DraftInvoice(**{**said, **changes})


def in_script(locale: str) -> DraftInvoice:
    country, seller, buyer, sold = SCRIPTS[locale]
    line = Line(sold, Decimal(2), Decimal("1250"), TaxTreatment(TaxKind.ZERO))
    return DraftInvoice(
        seller=Party(name=seller, country=country, city=seller.split()[-1]),
        buyer=Party(name=buyer, country=country, city=buyer.split()[0]),
        currency={"ja": "JPY", "ar": "KWD", "ko": "KRW"}.get(locale, "USD"),
        lines=(line, Line(CYRILLIC, Decimal(1), Decimal(80), TaxTreatment(TaxKind.ZERO))),
        terms=NetDays(30),
        locale=locale,
        note=sold,
    )


def with_everything() -> DraftInvoice:
    return ordinary(
        seller=SWISS,
        buyer=GERMAN,
        currency="EUR",
        tax_currency="CHF",
        tax_rate=FrozenRate(
            base="EUR", quote="CHF", base_units=Decimal(1), quote_units=Decimal("0.9312"), on=ISSUED_ON, source="ECB"
        ),
        bank=SWISS_BANK,
        lines=(
            Line(
                "Turbine inspection\nOn site, two engineers", Decimal("12.5"), Decimal("140"), VAT, unit="HUR",
                discounts=(Adjustment(reason="Loyal customer", percent=Decimal("2.5")),),
                charges=(Adjustment(reason="Night shift", amount=Decimal(80)),),
                period=Period(date(2026, 10, 1), date(2026, 10, 31)), seller_item_id="SRV-200", order_line="10",
            ),
            Line("Measured calls", Decimal(1_234_567), Decimal("0.00125"), VAT),
            Line("Handbook", Decimal(3), Decimal("24.90"), REDUCED, note="Second edition"),
        ),
        discounts=(DocumentAdjustment(reason="Autumn offer", percent=Decimal(5)),),
        charges=(DocumentAdjustment(reason="Freight", amount=Decimal(45), tax=VAT),),
        terms=AgreedTerms(
            due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200), DiscountStep(14, 100)))
        ),
        delivery=Delivery(
            country="FR", name="Dépôt Lyon", address_lines=("12 rue Mercière",), postal_code="69002", city="Lyon"
        ),
        period=Period(date(2026, 10, 1), date(2026, 10, 31)),
        supply_date=date(2026, 10, 31),
        purchase_order="PO-7781",
        contract="C-2024-9",
        project="Wasserkraft Nord",
        buyer_reference="04011000-12345-34",
        prepaid=Decimal(500),
        note="Thank you for your order.",
    )  # fmt: skip


def credit_note() -> DraftInvoice:
    return ordinary(
        type=DocumentType.CREDIT_NOTE,
        preceding=(PrecedingInvoice(number="INV-2026-00041", issue_date=date(2026, 10, 15)),),
    )


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def picture_of(pdf: bytes, page: int = 0, scale: float = 2.0) -> Image.Image:
    """A page as it is seen."""
    document = pypdfium2.PdfDocument(pdf)
    return document[page].render(scale=scale).to_pil()


def amount(minor: int, currency: str = "EUR") -> Money:
    return Money(minor, currency)
