"""Receipts, statements of account and letters of reminder, as they are read."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO

import msgspec
import pikepdf
import pytest
from pypdf import PdfReader

from currency.money import Money
from invoicing.catalogues import catalogue_of, languages
from invoicing.rendering import View, render_html, render_pdf
from invoicing.rendering.payment_codes import in_groups, rf_reference
from tests.unit.invoicing.drawn_accounts import (
    account,
    claimed,
    letter,
    letter_with_charges,
    parties_in,
    receipt,
    receipt_in_dollars,
    statement,
)
from tests.unit.invoicing.drawn_invoices import PAY_URL, SCRIPTS, text_of

TITLES = ["Upcoming payment", "Payment reminder", "Second reminder", "Final notice"]


def read(view: View, locale: str = "en") -> str:
    return " ".join(text_of(render_pdf(render_html(view, locale))).split())


def test_a_receipt_says_what_came_and_what_each_invoice_got() -> None:
    text = read(receipt())
    for said in (
        "Receipt", "RCT-2026-00007", "Received from", "Bäckerei Müller & Söhne", "Amount received €1,500.00",
        "November 1, 2026", "Bank transfer", "NTRF-55321", "INV-2026-00041", "€1,190.00 €1,190.00 €0.00",
        "€1,190.00 €300.00 €890.00", "Your credit €10.00", "Thank you for your payment.", "Page 1 of 1",
    ):  # fmt: skip
        assert said in text, said
    assert "Discount" not in text


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "Reversed on November 9, 2026: this receipt is no longer valid."),
        ("de", "Storniert am 9. November 2026: Diese Zahlungsbestätigung gilt nicht mehr."),
    ],
)
def test_a_receipt_of_money_that_went_again_says_so_and_when(locale: str, said: str) -> None:
    text = read(receipt(reversed_on=date(2026, 11, 9)), locale)
    assert said in text
    assert catalogue_of(locale).gettext("Thank you for your payment.") not in text


def test_a_receipt_in_another_currency_says_at_which_rate() -> None:
    text = read(receipt_in_dollars())
    for said in ("$1,267.54", "Exchange rate", "1.0869 USD = €1.00, ECB, October 30, 2026", "Cash", "Discount"):
        assert said in text, said
    assert "€1,190.00 €1,166.20 €23.80 €0.00" in text
    assert "Your credit" not in text


def test_a_statement_leads_from_what_was_owed_to_what_is() -> None:
    text = read(statement(account(3)))
    for said in (
        "Statement of account", "Customer", "January 1, 2026 Opening balance €250.00", "Invoice INV-2026-00001",
        "-€1,190.01 €250.00", "December 31, 2026 Closing balance €1,440.03", "Open amount €1,440.03",
    ):  # fmt: skip
        assert said in text, said


def test_a_statement_in_several_currencies_has_a_table_of_each() -> None:
    text = read(statement(account(2), account(2, "USD")))
    for said in ("Euro (EUR)", "US Dollar (USD)", "$250.00"):
        assert said in text, said
    assert "Open amount" not in text  # there is no one figure


def test_a_long_statement_repeats_its_heads_and_loses_no_line() -> None:
    pages = PdfReader(BytesIO(render_pdf(render_html(statement(account(120)), "en")))).pages
    assert len(pages) > 2
    texts = [page.extract_text() for page in pages]
    assert all("Balance" in text for text in texts)
    assert sum(text.count("INV-2026-") for text in texts) == 120


def test_a_credit_is_not_called_a_debt() -> None:
    text = read(statement(msgspec.structs.replace(account(0), closing=Money(-3_000, "EUR"))))
    assert "Your credit €30.00" in text
    assert "Closing balance -€30.00" in text


@pytest.mark.parametrize("level", range(5))
def test_a_letter_is_titled_by_its_level(level: int) -> None:
    text = read(letter(level))
    assert TITLES[min(level, 3)] in text
    assert ("last reminder" in text) is (level >= 3)
    for said in (
        "INV-2026-00042", "Total claimed €890.00", "Please pay by", "December 7, 2026", "October 1, 2026 53 €1,190.00",
        "Bank transfer", "RF36 INV2 0260 0042", PAY_URL, "please disregard",
    ):  # fmt: skip
        assert said in text, said


def test_a_letter_before_the_due_date_counts_no_days() -> None:
    early = claimed(due_date=letter().issued_on)
    assert "November 23, 2026 €1,190.00 €890.00" in read(letter(0, invoices=(early,)))


def test_a_letter_says_how_its_interest_came_about() -> None:
    text = read(letter_with_charges())
    for said in (
        "Open amount €890.00", "Late payment interest €33.31", "Late payment fee €40.00", "Total claimed €963.31",
        "Nov 4 – Dec 31, 2025 58 €890.00 10.27%", "Jan 1 – Mar 16, 2026 75 €890.00 10.27%", "Kundennummer",
    ):  # fmt: skip
        assert said in text, said


def test_a_fee_in_another_currency_stands_beside_the_total() -> None:
    text = read(letter(2, fee=Money(4_000, "USD")))
    assert "Total claimed €890.00 Late payment fee $40.00" in text
    assert "Open amount €890.00" not in text


def test_a_letter_about_several_invoices_asks_for_one_transfer_under_its_own_number() -> None:
    text = read(letter(1, number="REM-7", invoices=(claimed(41), claimed(42)), total=Money(178_000, "EUR")))
    assert "INV-2026-00041" in text
    assert "INV-2026-00042" in text
    assert f"Payment reference {in_groups(rf_reference('REM-7') or '')}" in text


@pytest.mark.parametrize("language", languages())
def test_each_is_written_in_the_words_of_its_language(language: str) -> None:
    words = {
        receipt(): ("Receipt", "Amount received", "Received on", "Payment method", "Open amount", "Your credit"),
        statement(): ("Statement of account", "Opening balance", "Closing balance", "Payment", "Balance", "Customer"),
        letter_with_charges(): ("Final notice", "Late payment interest", "Rate a year", "Please pay by", "Principal"),
    }
    for view, said in words.items():
        html = render_html(view, language)
        for word in said:
            assert f">{catalogue_of(language).gettext(word)}<" in re.sub("</?bdi[^>]*>", "", html), word


@pytest.mark.parametrize("locale", SCRIPTS)
@pytest.mark.parametrize("draw", [receipt, statement, letter], ids=["receipt", "statement", "letter"])
def test_it_is_an_archive_with_tags_and_fonts_in_every_script(draw: object, locale: str) -> None:
    view = draw(**parties_in(locale))  # type: ignore[operator]
    with pikepdf.open(BytesIO(render_pdf(render_html(view, locale)))) as document:
        metadata = document.Root.Metadata.read_bytes().decode()
        assert 'pdfaid:part="3"' in metadata or "<pdfaid:part>3<" in metadata
        assert document.Root.Lang == locale
        assert document.Root.MarkInfo.Marked
        assert "/StructTreeRoot" in document.Root
        for page in document.pages:
            for font in page.Resources.Font.values():
                [inner] = font.DescendantFonts
                assert {"/FontFile2", "/FontFile3"} & set(inner.FontDescriptor.keys())


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert render_pdf(render_html(letter(), "ar")) == render_pdf(render_html(letter(), "ar"))


def test_foreign_words_in_a_right_to_left_letter_keep_their_order() -> None:
    html = render_html(letter(), "he")
    assert '<bdi dir="ltr">20457 Hamburg</bdi>' in html
    assert '<bdi dir="ltr">INV-2026-00042/1</bdi>' in html
