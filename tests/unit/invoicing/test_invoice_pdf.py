from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import msgspec
import pikepdf
import pytest
from pypdf import PdfReader

from invoicing.documents import Adjustment, DocumentAdjustment, DocumentType, DraftInvoice, Line, SalesTax
from invoicing.rendering import render_html, render_pdf
from invoicing.rendering.fonts import font_stack
from invoicing.rendering.wording import Wording
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, Instalment, NetDays
from tests.unit.invoicing.drawn_invoices import (
    CYRILLIC,
    SCRIPTS,
    SWISS,
    SWISS_QR_BANK,
    credit_note,
    in_script,
    issued,
    ordinary,
    text_of,
    view_of,
    with_everything,
)

# The font that must be found in the file, for the script of each language.
SCRIPT_FONTS = {
    "ar": "Noto-Sans-Arabic", "he": "Noto-Sans-Hebrew", "hi": "Noto-Sans-Devanagari", "th": "Noto-Sans-Thai",
    "ja": "Noto-Sans-CJK-JP", "ko": "Noto-Sans-CJK-KR", "zh": "Noto-Sans-CJK-SC", "zh-Hant": "Noto-Sans-CJK-TC",
}  # fmt: skip


def drawn(content: object, locale: str = "en") -> bytes:
    return render_pdf(render_html(view_of(content), locale))  # type: ignore[arg-type]


def fonts_of(document: pikepdf.Pdf) -> list[pikepdf.Object]:
    fonts = {}
    for page in document.pages:
        for font in page.get("/Resources", {}).get("/Font", {}).values():
            fonts[str(font.BaseFont)] = font
    return list(fonts.values())


def roles_of(document: pikepdf.Pdf) -> set[str]:
    found = set()
    for entry in document.objects:
        if isinstance(entry, pikepdf.Dictionary) and entry.get("/Type") == "/StructElem":
            found.add(str(entry.S))
    return found


@pytest.fixture(scope="module")
def in_scripts() -> dict[str, bytes]:
    return {locale: drawn(in_script(locale), locale) for locale in SCRIPTS}


@pytest.fixture(scope="module")
def everything() -> bytes:
    return drawn(with_everything())


@pytest.fixture(scope="module")
def three_pages() -> list[str]:
    pdf = drawn(ordinary(100))
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


@pytest.mark.parametrize("locale", SCRIPTS)
def test_a_document_in_any_script_is_an_archive_with_its_fonts(in_scripts: dict[str, bytes], locale: str) -> None:
    with pikepdf.open(BytesIO(in_scripts[locale])) as document:
        metadata = document.Root.Metadata.read_bytes().decode()
        assert 'pdfaid:part="3"' in metadata or "<pdfaid:part>3<" in metadata
        assert 'pdfaid:conformance="B"' in metadata or "<pdfaid:conformance>B<" in metadata
        [intent] = document.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1"
        assert "/DestOutputProfile" in intent
        assert document.Root.Lang == locale
        assert document.Root.MarkInfo.Marked
        assert {"/Document", "/Table", "/TH", "/TD", "/H1", "/Figure"} <= roles_of(document)
        for font in fonts_of(document):
            [inner] = font.DescendantFonts
            assert {"/FontFile2", "/FontFile3"} & set(inner.FontDescriptor.keys()), font.BaseFont
        names = " ".join(str(font.BaseFont) for font in fonts_of(document))
        assert SCRIPT_FONTS.get(locale, "Noto-Sans") in names


@pytest.mark.parametrize("locale", [locale for locale in SCRIPTS if locale not in {"ar", "he", "hi", "th"}])
def test_the_words_of_a_document_can_be_read_off_its_pdf(in_scripts: dict[str, bytes], locale: str) -> None:
    _, seller, buyer, sold = SCRIPTS[locale]
    text = " ".join(text_of(in_scripts[locale]).split())
    for said in (seller, buyer, sold, CYRILLIC):
        assert said in text


@pytest.mark.parametrize("locale", ["ar", "he", "hi", "th"])
def test_the_letters_of_reordered_scripts_are_all_in_the_pdf(in_scripts: dict[str, bytes], locale: str) -> None:
    """They stand in the file in the order of the eye: what is compared is which letters there are."""
    letters = {char for text in SCRIPTS[locale][1:] for char in text if char.isalpha()}
    assert letters <= set(text_of(in_scripts[locale]))


def test_chinese_figures_of_both_forms_ask_for_their_own_font() -> None:
    assert font_stack("zh-TW").split(", ")[1] == '"Noto Sans CJK TC"'
    assert font_stack("zh").split(", ")[1] == '"Noto Sans CJK SC"'


def test_right_to_left_documents_are_mirrored(in_scripts: dict[str, bytes]) -> None:
    html = render_html(view_of(in_script("he")), "he")
    assert '<html lang="he" dir="rtl">' in html
    assert '<bdi dir="ltr">INV-2026-00042</bdi>' in html
    assert "<bdi" not in render_html(view_of(in_script("de")), "de")


def test_twenty_lines_with_everything_to_pay_them_stand_on_one_page() -> None:
    with pikepdf.open(BytesIO(drawn(ordinary(20)))) as document:
        assert len(document.pages) == 1


def test_the_sum_so_far_is_carried_from_page_to_page(three_pages: list[str]) -> None:
    import re

    assert len(three_pages) >= 3
    carried = [re.findall(r"Carried over\s+€([\d,.]+)", page) for page in three_pages]
    lines = [page.count("€210.38") for page in three_pages]
    sums = [f"{Decimal('210.38') * sum(lines[: at + 1]):,.2f}" for at in range(len(lines))]
    assert carried[0] == [sums[0]]  # at the foot of the first page
    assert sorted(carried[1]) == sorted([sums[0], sums[1]])  # at the head and the foot of the second
    assert carried[2][0] == sums[1]
    assert sum(lines) == 100


def test_the_heads_of_the_columns_and_the_number_of_the_page_are_on_every_page(three_pages: list[str]) -> None:
    for number, page in enumerate(three_pages, 1):
        assert f"Page {number} of {len(three_pages)}" in page
        assert ("Unit price" in page) == ("€210.38" in page)


def test_one_page_carries_nothing_over() -> None:
    assert "Carried over" not in text_of(drawn(ordinary(3)))


def pages_of(content: DraftInvoice) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(drawn(content))).pages]


def test_a_page_that_begins_with_the_sums_says_what_was_carried_over() -> None:
    first, second = pages_of(ordinary(26))
    assert (first.count("€210.38"), second.count("€210.38")) == (26, 0)
    for page in (first, second):
        assert page.count("Carried over €5,469.88") == 1


def test_a_small_invoice_is_set_more_tightly_before_it_spills_over() -> None:
    [page] = pages_of(ordinary(12, note="\n".join(["Thank you"] * 4)))
    for said in ("Subtotal", "Bank transfer", "Page 1 of 1"):
        assert said in page


def test_how_to_pay_stands_on_the_page_of_the_sums() -> None:
    first, second = pages_of(ordinary(24))
    assert "Bank transfer" not in first
    assert "Subtotal" in second
    assert "Bank transfer" in second


def test_everything_on_a_document_is_printed(everything: bytes) -> None:
    text = " ".join(text_of(everything).split())
    for said in (
        "12.5 hr", "On site, two engineers", "Loyal customer 2.5%: -€43.75", "Night shift: €80.00",
        "Item number SRV-200",
        "Purchase order line 10", "0.00125 EUR", "Autumn offer 5% (VAT 19%)", "Autumn offer 5% (VAT 7%)", "Freight",
        "Total before tax", "VAT 19% on", "VAT 7% on", "Already paid -€500.00", "Amount due", "Tax in CHF", "0.9312",
        "PO-7781", "C-2024-9", "Wasserkraft Nord", "04011000-12345-34", "Dépôt Lyon", "Deliver to", "Early payment",
        "You pay", "November 11, 2026", "2%", "Thank you for your order.", "Second edition", "Payment part", "Receipt",
        "Separate before paying in",
    ):  # fmt: skip
        assert said in text, said


def test_a_credit_note_names_its_invoice_and_asks_for_no_money() -> None:
    text = " ".join(text_of(drawn(credit_note())).split())
    for said in ("Credit note", "Corrects invoice", "INV-2026-00041 October 15, 2026", "Amount credited"):
        assert said in text
    for unsaid in ("Bank transfer", "Pay online", "Due date", "IBAN"):
        assert unsaid not in text


@pytest.mark.parametrize(
    ("kind", "title", "payable"),
    [(DocumentType.QUOTE, "Quote", False), (DocumentType.PROFORMA, "Pro forma invoice", True)],
)
def test_what_is_no_invoice_says_so(kind: DocumentType, title: str, payable: bool) -> None:
    text = text_of(drawn(ordinary(type=kind)))
    assert title in text
    assert "This is not an invoice." in text
    assert ("Bank transfer" in text) is payable


def test_instalments_are_printed_with_their_days() -> None:
    terms = AgreedTerms(
        instalments=(Instalment(due=NetDays(10), share_bps=4000), Instalment(due=NetDays(40), share_bps=6000))
    )
    text = text_of(drawn(ordinary(terms=terms)))
    for said in ("Instalments", "November 11, 2026", "€100.14", "December 11, 2026", "€150.21"):
        assert said in text


def test_prices_with_tax_show_gross_amounts_and_the_tax_within() -> None:
    line = Line("Book", Decimal(2), Decimal("11.90"), TaxTreatment(TaxKind.VAT, 1900))
    text = " ".join(text_of(drawn(ordinary(lines=(line,), prices_include_tax=True))).split())
    for said in ("Prices include tax", "€11.90", "Total €23.80", "Includes VAT 19% on €20.00 €3.80"):
        assert said in text


def test_a_percentage_of_prices_with_tax_is_printed_too() -> None:
    vat = TaxTreatment(TaxKind.VAT, 1900)
    of_line = (Adjustment(reason="Rabatt", percent=Decimal(10)), Adjustment(reason="Rabatt", percent=Decimal("2.5")))
    line = Line("Book", Decimal(2), Decimal("11.90"), vat, discounts=of_line)
    discounts = (DocumentAdjustment(reason="Autumn offer", percent=Decimal(5)),)
    charges = (
        DocumentAdjustment(reason="Freight", amount=Decimal("4.50"), tax=vat),
        DocumentAdjustment(reason="Small order", percent=Decimal(1), tax=vat),
    )
    content = ordinary(lines=(line,), prices_include_tax=True, discounts=discounts, charges=charges)
    text = " ".join(text_of(drawn(content)).split())
    for said in ("Rabatt 10%: -€2.38", "Rabatt 2.5%: -€0.60", "Autumn offer 5% -€1.04", "Freight €4.50",
                 "Small order 1% €0.21"):  # fmt: skip
        assert said in text, said


def test_sales_tax_is_printed_by_jurisdiction() -> None:
    taxes = (
        SalesTax(jurisdiction="US-NY", amount=Decimal("4.00"), percent=Decimal(4)),
        SalesTax(jurisdiction="New York City", amount=Decimal("4.50"), percent=Decimal("4.5")),
    )
    line = Line("Desk", Decimal(1), Decimal(100), TaxTreatment(TaxKind.SALES_TAX), sales_taxes=taxes)
    seller = msgspec.structs.replace(SWISS, country="US", vat_id="", subdivision="NY")
    text = " ".join(
        text_of(drawn(ordinary(seller=seller, buyer=seller, currency="USD", bank=None, lines=(line,)))).split()
    )
    assert "Sales tax (US-NY) 4% $4.00" in text
    assert "Sales tax (New York City) 4.5% $4.50" in text


@pytest.mark.parametrize(("country", "width_mm"), [("US", 215.9), ("CH", 210.0)])
def test_the_paper_is_that_of_the_sellers_country(country: str, width_mm: float) -> None:
    seller = msgspec.structs.replace(SWISS, country=country, vat_id="")
    with pikepdf.open(BytesIO(drawn(ordinary(seller=seller, bank=None)))) as document:
        assert float(document.pages[0].MediaBox[2]) * 25.4 / 72 == pytest.approx(width_mm, abs=0.2)


def test_a_swiss_bill_stands_at_the_foot_and_replaces_the_bank_details() -> None:
    text = text_of(drawn(ordinary(seller=SWISS, bank=SWISS_QR_BANK, currency="CHF"), "it"))
    for said in ("Sezione pagamento", "Ricevuta", "Punto di accettazione", "CH44 3199 9123 0008 8901 2", "250.35"):
        assert said in text
    assert "Bonifico bancario" not in text


def test_a_very_long_document_is_whole() -> None:
    lines = tuple(
        Line(f"Item {number:04}", Decimal(1), Decimal("10"), TaxTreatment(TaxKind.ZERO)) for number in range(300)
    )
    text = text_of(drawn(ordinary(lines=lines)))
    assert all(f"Item {number:04}" in text for number in range(300))


def test_the_worst_line_is_broken_and_stays_on_the_page() -> None:
    line = Line("Ж" * 1000, Decimal("123456789.123456"), Decimal("12345.12345678"), TaxTreatment(TaxKind.ZERO),
                discounts=(Adjustment(reason="R" * 200, percent=Decimal(1)),))  # fmt: skip
    assert text_of(drawn(ordinary(lines=(line,)))).count("Ж") == 1000


def test_other_documents_drawn_before_change_no_byte() -> None:
    content = ordinary(2, supply_date=date(2026, 10, 31))
    here = drawn(content)
    drawn(in_script("ja"), "ja")
    assert drawn(content) == here
    program = (
        "import sys; from invoicing.rendering import render_html, render_pdf;"
        "from tests.unit.invoicing.drawn_invoices import *;"
        "sys.stdout.buffer.write(render_pdf(render_html(view_of(ordinary(2, supply_date=date(2026, 10, 31))), 'en')))"
    )
    root = Path(__file__).parents[3]
    elsewhere = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=True).stdout
    assert elsewhere == here


def test_a_tall_row_begins_on_the_page_where_it_stands() -> None:
    line = Line("\n".join(["Ж" * 19] * 50), Decimal(1), Decimal(10), TaxTreatment(TaxKind.ZERO))
    pages = PdfReader(BytesIO(drawn(ordinary(lines=(line,) * 2)))).pages
    assert "ЖЖЖ" in pages[0].extract_text()


def test_the_margin_scheme_is_named_in_the_words_of_the_law_and_shows_no_tax() -> None:
    scheme = TaxTreatment(TaxKind.MARGIN_SCHEME, reason_code="VATEX-EU-F")
    text = " ".join(text_of(drawn(ordinary(lines=(Line("Lampe", Decimal(1), Decimal(100), scheme),)), "de")).split())
    assert "Gebrauchtgegenstände/Sonderregelung" in text
    assert "0 %" not in text
    assert "Gesamtbetrag 100,00 €" in text


def test_a_quote_has_a_date_and_a_customer_and_no_words_of_an_invoice() -> None:
    text = text_of(drawn(ordinary(type=DocumentType.QUOTE), "de"))
    for said in ("Angebot", "Datum", "Kunde", "Dies ist keine Rechnung."):
        assert said in text
    for unsaid in ("Rechnungsdatum", "Rechnung an", "Zahlungsziel", "Überweisung"):
        assert unsaid not in text


def test_a_quote_says_until_when_it_is_valid_and_not_when_it_would_be_due() -> None:
    quote = ordinary(type=DocumentType.QUOTE)
    due = Wording("de").day(issued(quote).due_date)
    bound = " ".join(text_of(render_pdf(render_html(view_of(quote, valid_until=date(2027, 1, 31)), "de"))).split())
    assert "Gültig bis 31. Januar 2027" in bound
    free = " ".join(text_of(drawn(quote, "de")).split())
    assert "Gültig bis" not in free
    assert all(due not in text for text in (bound, free))


def test_foreign_words_in_a_right_to_left_document_keep_their_order() -> None:
    html = render_html(view_of(with_everything()), "he")
    for said in ("20457 Hamburg", "12 rue Mercière", "Turbine inspection", "0.00125\u00a0EUR"):
        assert f'<bdi dir="ltr">{said}</bdi>' in html, said
    assert "\u2068Loyal customer\u2069 2.5%" in html


def test_a_template_with_a_list_has_its_bullets() -> None:
    page = "<html><body><p>{}</p>{}</body></html>"
    plain, listed = (render_pdf(page.format("Total", part)) for part in ("<p>One</p>", "<ul><li>One</li></ul>"))
    assert "•" in text_of(listed)
    assert "•" not in text_of(plain)


def test_what_a_page_asks_for_does_not_change_how_the_rest_is_drawn() -> None:
    """A document without lists and footnotes is drawn with a shorter style sheet of WeasyPrint's."""
    html = render_html(view_of(ordinary(2)), "de")
    listed = html.replace("</body>", "<!-- <ul> --></body>")
    whole, short = (pikepdf.open(BytesIO(render_pdf(each))) for each in (listed, html))
    assert [page.Contents.read_bytes() for page in whole.pages] == [page.Contents.read_bytes() for page in short.pages]
    assert roles_of(whole) == roles_of(short)
