"""From an issued document to HTML: one self-contained page in the words and formats of a locale."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, assert_never
from unicodedata import bidirectional

from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from currency.formatting import locale_of
from invoicing.catalogues import SOURCE_LANGUAGE, has_catalogue
from invoicing.rendering.content import PAYABLE, content_of, payable_of
from invoicing.rendering.fonts import font_stack
from invoicing.rendering.letters import letter_content
from invoicing.rendering.merchant_templates import render_own
from invoicing.rendering.receipts import receipt_content
from invoicing.rendering.statements import statement_content
from invoicing.rendering.swiss_bill import code_svg, swiss_bill
from invoicing.rendering.view import InvoiceView, LetterView, ReceiptView, StatementView, View
from invoicing.rendering.wording import Wording

_TEMPLATES = Path(__file__).parent.parent / "templates"
# Where business is done on US Letter (CLDR supplemental data, paperSize).
_LETTER = frozenset(("US", "CA", "MX", "PH", "CL", "CO", "CR", "GT", "NI", "PA", "PR", "SV", "VE", "BZ"))
_ISOLATE = re.compile("\u2068[^\u2069]*\u2069")
_BETWEEN_ELEMENTS = re.compile(r">\n\s+<")
_SLIP_LANGUAGES = ("de", "fr", "it")  # and English: the languages that the guidelines give words for (annex D)


def render_html(view: View, locale: str) -> str:
    """The document as one self-contained page in the words and formats of `locale`. Raises UnknownLocale.

    A language without a catalogue is written, and its sums and dates formatted, in English: no half-translated pages.
    With a template of the merchant's own it is that which is drawn; raises InvalidTemplate where it fails.
    """
    locale_of(locale)
    shown = locale if has_catalogue(locale) else SOURCE_LANGUAGE
    wording = Wording(shown)
    slip = _slip(view, shown) if isinstance(view, InvoiceView) else None
    context = {
        **_content(view, wording),
        "_": wording.say,
        "lang": shown.replace("_", "-"),
        "direction": wording.babel.text_direction,
        "stylesheet": _stylesheet(shown, view.seller.country, view.branding.accent, slip=bool(slip)),
        "slip": slip,
    }
    if slip:
        context["bank"] = None  # it says the same, and a bank reads it
    if isinstance(view, InvoiceView) and view.template is not None:
        return render_own(view.template, _environment(), context)
    ours = "invoice.html" if isinstance(view, InvoiceView) else "account.html"
    # Indentation between elements is laid out like any text, to be found empty. Text of users has no < and no >.
    return _BETWEEN_ELEMENTS.sub("><", _environment().get_template(ours).render(context))


def _content(view: View, wording: Wording) -> dict[str, Any]:
    match view:
        case InvoiceView():
            return content_of(view, wording)
        case ReceiptView():
            return receipt_content(view, wording)
        case StatementView():
            return statement_content(view, wording)
        case LetterView():
            return letter_content(view, wording)
        case _:
            assert_never(view)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # one process, one version of a template
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["isolated"] = _isolated
    return environment


@pass_context
def _isolated(context: Context, text: object) -> Markup:
    """Figures and foreign words in a right-to-left line stand for themselves; elsewhere no element is needed for it.

    WeasyPrint 70 does not find out the direction of a `bdi` (it has no `unicode-bidi`): it is said.
    """
    if context["direction"] != "rtl":
        return escape(text)
    return Markup('<bdi dir="{}">{}</bdi>').format(_direction_of(str(text)), text)


def _direction_of(text: str) -> str:
    """By the first letter that has one, as HTML has it for `dir=auto`: what is isolated in the text does not count."""
    strong = (bidirectional(char) for char in _ISOLATE.sub("", text))
    first = next((kind for kind in strong if kind in {"L", "R", "AL"}), "L")
    return "ltr" if first == "L" else "rtl"


@lru_cache(maxsize=256)
def _stylesheet(locale: str, country: str, accent: str, *, slip: bool) -> Markup:
    from invoicing.rendering.branding import Branding

    rtl = locale_of(locale).text_direction == "rtl"
    start, end = ("right", "left") if rtl else ("left", "right")
    text = (
        _environment()
        .get_template("document.css")
        .render(
            page_size="letter" if country in _LETTER else "A4",
            foot="top" if slip else "bottom",
            start=start,
            end=end,
            # As wide as its text asks for, out of the corner into the edge of the page.
            corner=Markup(  # noqa: S704 - our own words
                f"margin-{start}: -120mm; padding-{end}: 17mm; text-align: {end};"
            ),
            page_label=Markup(_page_label(Wording(locale))),  # noqa: S704 - quoted below
            fonts=Markup(font_stack(locale)),  # noqa: S704 - our own constants
            accent=accent,
            tint=Branding(accent=accent).tint,
            slip=slip,
        )
    )
    return Markup(_without_comments(text))  # noqa: S704 - our own file


def _without_comments(css: str) -> str:
    return re.sub(r"/\*.*?\*/\s*|^\s+", "", css, flags=re.DOTALL | re.MULTILINE)


def _page_label(wording: Wording) -> str:
    """`Page {page} of {pages}` as CSS writes it, after a dot."""
    parts = [part for part in re.split(r"(\{pages?\})", wording.say("Page {page} of {pages}")) if part]
    counters = {"{page}": "counter(page)", "{pages}": "counter(pages)"}
    return " ".join(['" · "', *(counters.get(part, f'"{_quoted(part)}"') for part in parts)])


def _quoted(text: str) -> str:
    return text.replace("\\", "").replace('"', "").replace("<", "")


def _slip(view: InvoiceView, locale: str) -> Markup | None:
    document = view.document
    content, payable = document.content, payable_of(document)
    if content.bank is None or content.type not in PAYABLE or payable.minor <= 0:
        return None
    bill = swiss_bill(content.bank, content.seller, content.buyer, payable, document.number)
    if bill is None:
        return None
    language = locale_of(locale).language
    words = _SLIP_WORDS[language if language in _SLIP_LANGUAGES else "en"]
    values: dict[str, Any] = {"bill": bill, "words": words, "code": Markup(code_svg(bill))}  # noqa: S704 - modules only
    values["amount"] = f"{bill.amount:,.2f}".replace(",", "\u00a0") if bill.amount is not None else ""
    return Markup(_environment().get_template("swiss_slip.html").render(values))  # noqa: S704 - autoescaped above


# The guidelines prescribe these words (annex D), which are therefore in no catalogue.
_SLIP_WORDS = {
    "en": {
        "apart": "Separate before paying in",
        "part": "Payment part", "account": "Account / Payable to", "reference": "Reference",
        "message": "Additional information", "debtor": "Payable by", "receipt": "Receipt", "currency": "Currency",
        "amount": "Amount", "acceptance": "Acceptance point",
    },
    "de": {
        "apart": "Vor der Einzahlung abzutrennen",
        "part": "Zahlteil", "account": "Konto / Zahlbar an", "reference": "Referenz",
        "message": "Zusätzliche Informationen", "debtor": "Zahlbar durch", "receipt": "Empfangsschein",
        "currency": "Währung", "amount": "Betrag", "acceptance": "Annahmestelle",
    },
    "fr": {
        "apart": "A détacher avant le versement",
        "part": "Section paiement", "account": "Compte / Payable à", "reference": "Référence",
        "message": "Informations supplémentaires", "debtor": "Payable par", "receipt": "Récépissé",
        "currency": "Monnaie", "amount": "Montant", "acceptance": "Point de dépôt",
    },
    "it": {
        "apart": "Da staccare prima del versamento",
        "part": "Sezione pagamento", "account": "Conto / Pagabile a", "reference": "Riferimento",
        "message": "Informazioni supplementari", "debtor": "Pagabile da", "receipt": "Ricevuta", "currency": "Valuta",
        "amount": "Importo", "acceptance": "Punto di accettazione",
    },
}  # fmt: skip
