from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from currency.money import Money
from invoicing.catalogues import catalogue_of, languages
from invoicing.documents import BankAccount, DraftInvoice, IssuedInvoice, Line, Party, compute
from invoicing.errors import ExternalReference
from invoicing.rendering import InvoiceView, render_html, render_pdf
from invoicing.tax import RULES, TaxKind, TaxTreatment
from invoicing.terms import NetDays, due_date

GERMAN = Party(name="Nordlicht GmbH", country="DE", city="Hamburg", postal_code="20457", vat_id="DE136695976")
AUSTRIAN = Party(name="Bäckerei Müller & Söhne", country="AT", city="Wien", postal_code="1010", vat_id="ATU13585627")
JAPANESE = Party(name="株式会社あおぞら商事", country="JP", city="東京都", vat_id="T1234567890123")
KUWAITI = Party(name="شركة الخليج", country="KW", city="مدينة الكويت")
REVERSE_CHARGE = TaxTreatment(TaxKind.REVERSE_CHARGE)
ISSUED_ON = date(2026, 11, 1)
PAY_URL = "https://pay.example/i/abc"


def view(seller: Party, buyer: Party, currency: str, *lines: Line, note: str = "") -> InvoiceView:
    content = DraftInvoice(
        seller=seller, buyer=buyer, currency=currency, lines=lines, terms=NetDays(30), note=note,
        bank=BankAccount(holder=seller.name, iban="DE71110220330123456789"),
    )  # fmt: skip
    document = IssuedInvoice(
        number="INV-2026-00042",
        issue_date=ISSUED_ON,
        due_date=due_date(content.terms, ISSUED_ON),
        content=content,
        totals=compute(content),
    )
    return InvoiceView(document=document, pay_url=PAY_URL)


def german_view(note: str = "", description: str = "Beratung") -> InvoiceView:
    line = Line(description, Decimal("12.5"), Decimal("140"), REVERSE_CHARGE)
    return view(GERMAN, AUSTRIAN, "EUR", line, note=note)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@pytest.fixture(scope="module")
def german_pdf() -> bytes:
    return render_pdf(render_html(german_view(), "de"))


def test_a_german_reverse_charge_invoice_says_who_owes_the_tax(german_pdf: bytes) -> None:
    text = text_of(german_pdf)
    for expected in (
        "Rechnung", "INV-2026-00042", "1. Dezember 2026", "Netto 30 Tage", "1.750,00\u00a0€", "ATU13585627",
        "DE136695976",
        "Steuerschuldnerschaft des Leistungsempfängers", "Art. 196 Richtlinie 2006/112/EG", "Seite 1 von 1",
    ):  # fmt: skip
        assert expected in text


def test_the_pdf_declares_pdf_a_3b_and_is_tagged(german_pdf: bytes) -> None:
    reader = PdfReader(BytesIO(german_pdf))
    metadata = reader.trailer["/Root"]["/Metadata"].get_data().decode()  # type: ignore[index]
    assert 'pdfaid:part="3"' in metadata or "<pdfaid:part>3<" in metadata
    assert 'pdfaid:conformance="B"' in metadata or "<pdfaid:conformance>B<" in metadata
    assert "/StructTreeRoot" in reader.trailer["/Root"]  # type: ignore[operator]
    assert reader.trailer["/Root"]["/Lang"] == "de"  # type: ignore[index]


def test_every_font_is_embedded(german_pdf: bytes) -> None:
    fonts = PdfReader(BytesIO(german_pdf)).pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    assert fonts
    for font in fonts.values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_the_same_document_gives_the_same_bytes(german_pdf: bytes) -> None:
    assert render_pdf(render_html(german_view(), "de")) == german_pdf


def test_a_japanese_invoice_is_in_japanese_and_whole_yen() -> None:
    line = Line("システム保守費用", Decimal(1), Decimal(148000), TaxTreatment(TaxKind.CONSUMPTION_TAX, 1000))
    text = text_of(render_pdf(render_html(view(JAPANESE, JAPANESE, "JPY", line), "ja")))
    for expected in ("適格請求書", "登録番号", "T1234567890123", "消費税 10%", "162,800", "2026年12月1日"):
        assert expected in text


def test_an_arabic_invoice_runs_from_right_to_left_with_three_decimals() -> None:
    line = Line("خدمات", Decimal(10), Decimal("85.125"), TaxTreatment(TaxKind.ZERO))
    html = render_html(view(KUWAITI, KUWAITI, "KWD", line), "ar")
    assert '<html lang="ar" dir="rtl">' in html
    assert "851.250" in html
    assert "خلال 30 يومًا" in html


def test_the_head_of_the_lines_is_repeated_on_every_page() -> None:
    lines = [Line(f"Day {n}", Decimal(1), Decimal(100), TaxTreatment(TaxKind.ZERO)) for n in range(60)]
    pages = PdfReader(BytesIO(render_pdf(render_html(view(GERMAN, AUSTRIAN, "EUR", *lines), "en")))).pages
    assert len(pages) > 1
    assert all("Description" in page.extract_text() for page in pages)
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1].extract_text()


def test_a_price_finer_than_a_cent_is_printed_in_full() -> None:
    line = Line("Calls", Decimal(1_234_567), Decimal("0.00125"), TaxTreatment(TaxKind.ZERO))
    assert "0.00125\u00a0EUR" in render_html(view(GERMAN, AUSTRIAN, "EUR", line), "en")


def test_markup_and_templates_in_user_text_stay_text() -> None:
    html = render_html(german_view(note="<script>x</script>", description="{{ 7 * 7 }}<img src=x>"), "en")
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "{{ 7 * 7 }}&lt;img src=x&gt;" in html


def test_a_description_keeps_its_lines_and_wraps_in_its_column() -> None:
    html = render_html(german_view(description="first\nsecond"), "en")
    assert "first<br/>second" in html
    assert len(PdfReader(BytesIO(render_pdf(render_html(german_view(description="W" * 1000), "en")))).pages) <= 2


def test_a_page_that_names_something_outside_is_not_rendered() -> None:
    with pytest.raises(ExternalReference):
        render_pdf('<img src="file:///etc/hostname">')


def test_a_language_without_catalogue_is_written_in_english() -> None:
    assert '<html lang="en" dir="ltr">' in render_html(german_view(), "fi")


def test_regional_locales_use_the_words_of_their_language() -> None:
    assert catalogue_of("de-AT").gettext("Invoice") == "Rechnung"


@pytest.mark.parametrize("language", languages())
def test_every_catalogue_has_every_word(language: str) -> None:
    source = {key for key in catalogue_of("en")._catalog if key}  # type: ignore[attr-defined]
    known = catalogue_of(language)._catalog  # type: ignore[attr-defined]
    missing = {key for key in source if not isinstance(key, tuple)} - set(known)
    assert not missing
    assert {note for rule in RULES.values() for note in (*rule.notes, rule.label)} <= set(known)


def test_nothing_is_asked_to_be_paid_where_nothing_is_owed() -> None:
    line = Line("Gift", Decimal(1), Decimal(0), TaxTreatment(TaxKind.ZERO))
    free = view(GERMAN, AUSTRIAN, "EUR", line)
    assert free.document.totals.total == Money(0, "EUR")
    assert PAY_URL not in render_html(free, "en")
