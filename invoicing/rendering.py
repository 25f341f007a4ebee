"""From an issued invoice to HTML, and from HTML to a PDF/A-3b that is tagged and carries its fonts."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import msgspec
import segno
from babel.numbers import format_decimal, format_percent
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from currency.currencies import exponent_of
from currency.formatting import format_date, format_money, locale_of
from currency.money import Money
from invoicing.catalogues import SOURCE_LANGUAGE, catalogue_of, languages
from invoicing.documents import IssuedInvoice, Line, Party, TaxTotal, to_minor
from invoicing.errors import ExternalReference
from invoicing.tax import BPS, RULES, TaxTreatment
from invoicing.terms import DueOnReceipt, NetDays, Terms

if TYPE_CHECKING:
    from gettext import GNUTranslations

PDF_VARIANT = "pdf/a-3b"
_TEMPLATES = Path(__file__).parent / "templates"
# One code point is drawn differently in Chinese, Japanese and Korean: the font follows the document's language.
_FIRST_FONT = {
    "ja": "Noto Sans CJK JP",
    "ko": "Noto Sans CJK KR",
    "zh": "Noto Sans CJK SC",
    "zh_Hant": "Noto Sans CJK TC",
    "ar": "Noto Sans Arabic",
    "fa": "Noto Sans Arabic",
    "ur": "Noto Sans Arabic",
    "he": "Noto Sans Hebrew",
    "th": "Noto Sans Thai",
    "hi": "Noto Sans Devanagari",
}
# Behind the first one, so that a Japanese name on an Arabic invoice has its glyphs too.
_FALLBACK_FONTS = (
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans CJK JP",
    "Noto Sans Hebrew",
    "Noto Sans Thai",
    "sans-serif",
)
# What the number of a party's tax registration is called where it is not a VAT id.
_TAX_ID_LABEL = {
    "JP": "Registration number",
    "US": "Tax ID",
    **dict.fromkeys(("AE", "SA", "BH", "OM"), "Tax registration number"),
}
# These countries want the words "Tax invoice" on a taxed sale (UAE: Executive Regulation of the VAT law, Art. 59;
# Australia: GST Act s 29-70; Japan: the qualified invoice).
_TITLED_TAX_INVOICE = frozenset(("AE", "SA", "BH", "OM", "AU", "NZ", "SG", "JP"))
_POSTAL_CODE_LAST = frozenset(("US", "CA", "AU", "GB", "IN", "SG"))


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn: the frozen document, and the address where it can be paid online, if anywhere."""

    document: IssuedInvoice
    pay_url: str | None = None


def render_html(view: InvoiceView, locale: str) -> str:
    """The invoice as one self-contained page in the words and formats of `locale`. Raises UnknownLocale.

    A language without a catalogue is written, and its sums and dates formatted, in English: no half-translated pages.
    """
    known = locale_of(locale)
    shown = locale if known.language in languages() else SOURCE_LANGUAGE
    return _environment().get_template("invoice.html").render(_context(view, shown))


def render_pdf(html: str) -> bytes:
    """A PDF/A-3b, tagged, fonts embedded. The same HTML gives the same bytes.

    Nothing is fetched: raises ExternalReference where the HTML asks for it. Slow (1 s for 3 pages, 30 s for 1,000
    lines) and CPU-bound: call it in a process of its own, never inside a transaction.
    """
    # Importing WeasyPrint costs a second; whoever only shows HTML should not pay for it.
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class RefuseAll(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        def fetch(self, url: str, headers: Any = None) -> Any:
            raise FatalURLFetchingError(url)

    identifier = hashlib.sha256(html.encode()).hexdigest()[:32].encode()
    try:
        pdf: bytes = HTML(string=html, url_fetcher=RefuseAll()).write_pdf(
            pdf_variant=PDF_VARIANT, pdf_tags=True, pdf_identifier=identifier
        )
    except FatalURLFetchingError:
        # A BaseException to WeasyPrint, which swallows all others; it must not end the process that renders.
        raise ExternalReference from None
    return pdf


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _stylesheet() -> Markup:
    return Markup((_TEMPLATES / "invoice.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _context(view: InvoiceView, locale: str) -> dict[str, Any]:
    document = view.document
    content, totals = document.content, document.totals
    words = catalogue_of(locale)
    babel_locale = locale_of(locale)
    taxed_at_home = totals.tax.minor > 0 and content.seller.country in _TITLED_TAX_INVOICE
    return {
        "_": words.gettext,
        "lang": locale.replace("_", "-"),
        "direction": babel_locale.text_direction,
        "stylesheet": _stylesheet(),
        "fonts": Markup(_font_stack(locale)),  # noqa: S704 - our own constants
        "title": words.gettext("Tax invoice" if taxed_at_home else "Invoice"),
        "number": document.number,
        "issued_on": document.issue_date.isoformat(),
        "seller": _party(content.seller, locale, words),
        "buyer": _party(content.buyer, locale, words),
        "meta": _meta(document, locale, words),
        "lines": [
            _line(line, net, content.currency, locale)
            for line, net in zip(content.lines, totals.line_nets, strict=True)
        ],
        "net": format_money(totals.net, locale),
        "taxes": [_tax_row(row, locale, words) for row in totals.taxes],
        "total": format_money(totals.total, locale),
        "nothing_owed": totals.total.minor == 0,
        "due": words.gettext("due by {date}").format(date=format_date(document.due_date, locale)),
        "tax_notes": [_tax_note(row.treatment, words) for row in totals.taxes if RULES[row.treatment.kind].notes],
        "note": content.note,
        "pay_url": view.pay_url if totals.total.minor > 0 else None,
        "pay_code": _qr_svg(view.pay_url) if view.pay_url else None,
        "bank": content.bank if totals.total.minor > 0 else None,
        "page_label": _page_label(words),
    }


def _meta(document: IssuedInvoice, locale: str, words: GNUTranslations) -> list[tuple[str, str]]:
    content = document.content

    def day(moment: date | None) -> str:
        return format_date(moment, locale) if moment else ""

    rows = [
        ("Invoice number", document.number),
        ("Date of issue", day(document.issue_date)),
        ("Date of supply", day(content.supply_date)),
        ("Payment terms", _terms(content.terms, words)),
        ("Due date", day(document.due_date)),
        ("Your reference", content.buyer_reference),
    ]
    return [(words.gettext(label), value) for label, value in rows if value]


def _terms(terms: Terms, words: GNUTranslations) -> str:
    match terms:
        case NetDays(days=days):
            return words.ngettext("Net {days} day", "Net {days} days", days).format(days=days)
        case DueOnReceipt():
            return words.gettext("Due on receipt")
        case _ as never:
            assert_never(never)


def _party(party: Party, locale: str, words: GNUTranslations) -> dict[str, Any]:
    country = locale_of(locale).territories.get(party.country, party.country)
    place = (party.city, party.postal_code) if party.country in _POSTAL_CODE_LAST else (party.postal_code, party.city)
    town = " ".join(part for part in place if part)
    # A Japanese address goes from the large to the small.
    lines = [town, *party.address_lines] if party.country == "JP" else [*party.address_lines, town]
    return {
        "name": party.name,
        "lines": [line for line in [*lines, country] if line],
        "email": party.email,
        "tax_label": words.gettext(_TAX_ID_LABEL.get(party.country, "VAT ID")),
        "tax_id": party.vat_id,
    }


def _line(line: Line, net: Money, currency: str, locale: str) -> dict[str, Any]:
    return {
        "description": line.description.splitlines(),
        "quantity": format_decimal(line.quantity, locale=locale_of(locale), decimal_quantization=False),
        "unit_price": _unit_price(line.unit_price, currency, locale),
        "tax": _rate(line.tax, locale),
        "net": format_money(net, locale),
    }


def _unit_price(price: Decimal, currency: str, locale: str) -> str:
    """As money where it is a whole number of minor units, else every decimal it has, with the currency's code."""
    minor = to_minor(price, currency)
    if Decimal(minor).scaleb(-exponent_of(currency)) == price:
        return format_money(Money(minor, currency), locale)
    number = format_decimal(price, locale=locale_of(locale), decimal_quantization=False)
    return f"{number}\u00a0{currency}"


def _rate(treatment: TaxTreatment, locale: str) -> str:
    rate = Decimal(treatment.rate_bps) / BPS
    return format_percent(rate, locale=locale_of(locale), decimal_quantization=False)


def _tax_row(row: TaxTotal, locale: str, words: GNUTranslations) -> tuple[str, str]:
    label = words.gettext("{label} {rate} on {base}").format(
        label=words.gettext(RULES[row.treatment.kind].label),
        rate=_rate(row.treatment, locale),
        base=format_money(row.base, locale),
    )
    return label, format_money(row.tax, locale)


def _tax_note(treatment: TaxTreatment, words: GNUTranslations) -> str:
    parts = [words.gettext(note) for note in RULES[treatment.kind].notes]
    return " · ".join([*parts, *([treatment.reason] if treatment.reason else [])])


def _page_label(words: GNUTranslations) -> list[str]:
    """The parts of `Page {page} of {pages}`, the two fields being `page` and `pages` for the CSS counters to fill."""
    return [part for part in re.split(r"(\{pages?\})", words.gettext("Page {page} of {pages}")) if part]


def _font_stack(locale: str) -> str:
    known = locale_of(locale)
    first = _FIRST_FONT.get(f"{known.language}_{known.script}") or _FIRST_FONT.get(known.language, "Noto Sans")
    names = dict.fromkeys((first, *_FALLBACK_FONTS))
    return ", ".join(name if name == "sans-serif" else f'"{name}"' for name in names)


def _qr_svg(url: str) -> Markup:
    code = segno.make_qr(url, error="m")
    drawn = code.svg_inline(border=0, dark="#14213d", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn)  # noqa: S704 - segno draws modules and writes no text of the URL
