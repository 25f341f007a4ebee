"""Every kind, tax, currency and language: issued, drawn, held against the official rules, read again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from unicodedata import normalize

import pikepdf
import pytest
import pytest_asyncio
from facturx import get_facturx_xml_from_pdf
from pypdf import PdfReader

from currency.formatting import format_money, locale_of
from invoicing.documents import DocumentType, IssuedInvoice
from invoicing.einvoice.embedding import FILE_NAME, extract
from invoicing.einvoice.formats import Format
from invoicing.einvoice.preparing import EInvoice
from invoicing.einvoice.validation import Validator
from invoicing.rendering.content import title_of
from invoicing.rendering.wording import Wording
from orchestrator.access import service as access
from orchestrator.billing import credit_notes, documents, pdf, service
from orchestrator.billing.einvoices import service as einvoices
from tests.unit.invoicing.invoice_matrix import CASES, ISSUED_ON, Case

# The letters of these stand in a PDF in the order of the eye: what is compared is which there are.
BY_LETTERS = frozenset(("ar", "he", "hi", "th"))
FONTS = {
    "ar": "Noto-Sans-Arabic", "he": "Noto-Sans-Hebrew", "hi": "Noto-Sans-Devanagari", "th": "Noto-Sans-Thai",
    "ja": "Noto-Sans-CJK-JP", "ko": "Noto-Sans-CJK-KR", "zh": "Noto-Sans-CJK-SC", "zh-TW": "Noto-Sans-CJK-TC",
    "zh-HK": "Noto-Sans-CJK-TC",
}  # fmt: skip
VALID_UNTIL = ISSUED_ON + timedelta(days=45)  # of quotes
TAGS = {"/Document", "/H1", "/H2", "/P", "/Table", "/TH", "/TD"}


@dataclass(frozen=True)
class Made:
    """What one case became: the document, its PDF as the buyer gets it, and the e-invoice as it is sent."""

    document: IssuedInvoice
    pdf: bytes
    einvoice: EInvoice | None

    @cached_property
    def text(self) -> str:
        return _bare(" ".join(page.extract_text() for page in PdfReader(BytesIO(self.pdf)).pages))

    @property
    def locale(self) -> str:
        return self.document.content.locale

    @property
    def language(self) -> str:
        return str(locale_of(self.locale).language)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def matrix(migrated_database: str) -> AsyncIterator[dict[str, Made]]:
    """All of them, made as an installation makes them."""
    merchant = await access.create_merchant("Matrix", {"country": "DE"})
    made = await asyncio.gather(*(_made(merchant.id, case) for case in CASES.values()))
    yield dict(zip(CASES, made, strict=True))
    pdf.close()
    einvoices.close()


async def _made(merchant_id: str, case: Case) -> Made:
    kind = case.content.type
    last_day = VALID_UNTIL if kind is DocumentType.QUOTE else None
    draft = await service.create_draft(merchant_id, "", case.content, valid_until=last_day)
    issued = await service.finalize(merchant_id, draft.id, issue_date=ISSUED_ON, send_mail=False, kind=kind)
    if case.credits is not None:
        parts = case.credits or None
        issued = await credit_notes.issue(merchant_id, issued.id, parts, issue_date=ISSUED_ON, send_mail=False)
    assert issued.document is not None
    drawn = await documents.pdf_of(merchant_id, issued.id)
    form = Format.FACTUR_X
    einvoice = await einvoices.einvoice_of(merchant_id, issued.id, form) if case.has_einvoice else None
    return Made(issued.document, drawn, einvoice)


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    validator = Validator()
    yield validator
    validator.close()


@pytest.fixture(params=CASES)
def made(request: pytest.FixtureRequest, matrix: dict[str, Made]) -> Made:
    return matrix[request.param]


@pytest.fixture(params=[name for name, case in CASES.items() if case.has_einvoice])
def electronic(request: pytest.FixtureRequest, matrix: dict[str, Made]) -> Made:
    return matrix[request.param]


def test_the_matrix_has_every_kind_and_many_taxes_currencies_and_languages() -> None:
    drafts = [case.content for case in CASES.values()]
    assert len(CASES) >= 40
    assert {case.kind for case in CASES.values()} == set(DocumentType)
    assert len({tax.kind for draft in drafts for tax in draft.treatments}) >= 11
    assert len({draft.currency for draft in drafts}) >= 15
    assert len({str(locale_of(draft.locale).language) for draft in drafts}) >= 16
    assert sum(case.has_einvoice for case in CASES.values()) >= 40


def test_the_xml_in_the_pdf_is_the_xml_that_is_sent_and_breaks_no_rule(electronic: Made, validator: Validator) -> None:
    assert electronic.einvoice is not None
    assert electronic.einvoice.warnings == ()
    assert extract(electronic.pdf) == electronic.einvoice.xml
    assert get_facturx_xml_from_pdf(electronic.pdf, check_xsd=True, check_schematron=False) == (
        FILE_NAME,
        electronic.einvoice.xml,
    )
    assert validator.validate(electronic.einvoice.xml, Format.FACTUR_X) == ()


def test_the_pdf_is_an_archive_that_can_be_read_aloud(made: Made) -> None:
    with pikepdf.open(BytesIO(made.pdf)) as file:
        told = file.Root.Metadata.read_bytes().decode()
        assert 'pdfaid:part="3"' in told or "<pdfaid:part>3<" in told
        assert 'pdfaid:conformance="B"' in told or "<pdfaid:conformance>B<" in told
        [intent] = file.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1"
        assert made.locale.startswith(str(file.Root.Lang))
        assert file.Root.MarkInfo.Marked
        assert file.Root.StructTreeRoot.ParentTree is not None
        assert {str(one.S) for one in file.objects if _is_tag(one)} >= TAGS
        fonts = _fonts_of(file)
        for font in fonts:
            assert {"/FontFile2", "/FontFile3"} & set(font.DescendantFonts[0].FontDescriptor.keys()), font.BaseFont
        names = " ".join(str(font.BaseFont) for font in fonts)
        assert FONTS.get(made.locale, "Noto-Sans") in names


def test_exactly_the_invoices_and_credit_notes_carry_one_file(made: Made) -> None:
    with pikepdf.open(BytesIO(made.pdf)) as file:
        attached = list(file.attachments)
        associated = list(file.Root.get("/AF", []))
    assert attached == ([FILE_NAME] if made.einvoice else [])
    assert len(associated) == len(attached)


def test_what_is_printed_is_what_was_issued(made: Made) -> None:
    content, wording = made.document.content, Wording(made.locale)
    asked = made.document.totals.payable
    for said in (
        title_of(made.document, wording),
        content.seller.name,
        content.buyer.name,
        content.lines[0].description,
    ):
        assert _is_said(said, made), said
    assert made.document.number in made.text
    figures = re.search(r"\d[\d.,\s'’]*", _bare(format_money(asked, made.locale)))
    assert figures is not None
    assert figures[0].strip() in made.text
    if made.language not in BY_LETTERS:
        assert _bare(format_money(asked, made.locale)) in made.text


def test_only_what_is_to_be_paid_says_how(made: Made) -> None:
    say = Wording(made.locale).say
    kind = made.document.content.type
    asks = kind in (DocumentType.INVOICE, DocumentType.PROFORMA)
    links = [str(link) for link in _links_of(made.pdf)]
    assert bool(links) is asks
    assert _is_said(say("Pay online"), made, instead=not asks) is asks
    if kind is DocumentType.CREDIT_NOTE:
        assert made.document.content.preceding[0].number in made.text
        assert _is_said(say("Amount credited"), made)
    if kind is DocumentType.QUOTE:
        assert _is_said(say("Valid until"), made)
        assert _is_said(Wording(made.locale).day(VALID_UNTIL), made)
    if kind in (DocumentType.QUOTE, DocumentType.PROFORMA):
        assert _is_said(say("This is not an invoice."), made)


def _bare(text: str) -> str:
    """Without marks of direction, each space like the other."""
    return " ".join(re.sub("[\u200e\u200f\u2066-\u2069]", "", text).split())


def _is_said(said: str, made: Made, *, instead: bool | None = None) -> bool:
    """Whether the words are on the page; where they are in the order of the eye, whether their letters are, which says
    nothing about words that should not be there: then `instead`."""
    if made.language not in BY_LETTERS:
        return _bare(said) in made.text
    letters = {char for char in normalize("NFKD", said) if char.isalpha()} <= set(normalize("NFKD", made.text))
    return letters if instead is None else not instead


def _is_tag(one: pikepdf.Object) -> bool:
    return isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/StructElem"


def _fonts_of(file: pikepdf.Pdf) -> list[pikepdf.Object]:
    fonts = {}
    for page in file.pages:
        for font in page.Resources.Font.values():
            fonts[str(font.BaseFont)] = font
    return list(fonts.values())


def _links_of(content: bytes) -> list[str]:
    with pikepdf.open(BytesIO(content)) as file:
        notes = [note for page in file.pages for note in page.get("/Annots", [])]
        return [str(note.A.URI) for note in notes if "/A" in note and "/URI" in note.A]
