"""Invoices drawn as PDF/A-3b with their Factur-X, against a plain WeasyPrint call on a page as a newcomer writes it."""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path

import msgspec
import segno
from jinja2 import Environment, FileSystemLoader
from rich.progress import track

from invoicing.documents import BankAccount, DraftInvoice, IssuedInvoice, Line, Party, compute
from invoicing.einvoice.embedding import embed
from invoicing.rendering import InvoiceView, render_html, render_pdf
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays, due_date
from tests.benchmarks.result import Better, Result

PDFS_PER_SECOND_MIN = 8.0
PLAIN_RATIO_MIN = 2.0
LINES, MANY_LINES = 20, 1_000
ROUNDS, ROUNDS_OF_BASELINE = 30, 8
RENDERS_FOR_MEMORY, WARM_RENDERS = 1_000, 200
MEMORY_GROWTH_MAX_MB = 25.0
ISSUED_ON = date(2026, 11, 23)
NEWCOMERS = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(
    "newcomers_invoice.html"
)
PAY_URL = "https://pay.example/i/0198f0c2b5e47a5c9d1e"


def measure() -> list[Result]:
    """Documents per second of one core's CPU time, the seconds of a very long one, and what memory many leave behind.

    CPU time, so that what else the machine does is not counted: a core that has nothing else to do draws as many.
    """
    views = [_view(LINES, number) for number in range(ROUNDS)]
    _ours(views[0])
    _newcomers(views[0])
    gc.freeze()  # as the processes that draw do it
    ours = _per_second(_ours, views)
    with_subsetter = _per_second(_newcomers, views[:ROUNDS_OF_BASELINE])
    with _without_subsetter():
        plain = _per_second(_newcomers, views[:ROUNDS_OF_BASELINE])
    return [
        Result("invoice_pdfs_per_second", ours, plain, "1/s", PDFS_PER_SECOND_MIN, Better.HIGHER, absolute=True),
        Result("invoice_pdfs_against_plain_weasyprint", ours, plain, "1/s", PLAIN_RATIO_MIN, Better.HIGHER),
        Result("invoice_pdfs_against_plain_with_subsetter", ours, with_subsetter, "1/s", None, Better.HIGHER),
        _long_document(),
        _memory(),
    ]


def _ours(view: InvoiceView) -> bytes:
    pdf = render_pdf(render_html(view, view.document.content.locale))
    return embed(pdf, _xml(view.document), dated=view.document.issue_date)


def _newcomers(view: InvoiceView) -> bytes:
    from weasyprint import HTML

    pdf: bytes = HTML(string=_newcomers_page(view.document)).write_pdf(pdf_variant="pdf/a-3b", pdf_tags=True)
    return pdf


@contextmanager
def _without_subsetter() -> Iterator[None]:
    """As WeasyPrint is where only `pip install weasyprint` was run: libharfbuzz-subset0 is a package of its own."""
    from weasyprint.pdf import fonts

    present, fonts.harfbuzz_subset = fonts.harfbuzz_subset, None
    try:
        yield
    finally:
        fonts.harfbuzz_subset = present


def _per_second(draw: Callable[[InvoiceView], bytes], views: list[InvoiceView]) -> float:
    taken = []
    for view in track(views, description="invoices", transient=True):
        began = time.process_time()
        draw(view)
        taken.append(time.process_time() - began)
    return 1 / statistics.median(taken)


def _long_document() -> Result:
    view = _view(MANY_LINES, 1)
    began = time.process_time()
    _ours(view)
    ours = time.process_time() - began
    began = time.process_time()
    _newcomers(view)
    return Result("invoice_pdf_1000_lines", ours, time.process_time() - began, "s", None, Better.LOWER)


def _memory() -> Result:
    """How much the process grew between the 200th and the 1,000th document, against what it needs at all."""
    size_mb = 0.0
    for number in track(range(RENDERS_FOR_MEMORY), description="memory", transient=True):
        _ours(_view(LINES, number))
        if number + 1 == WARM_RENDERS:
            size_mb = _resident_mb()
    grown = _resident_mb() - size_mb
    return Result("invoice_pdf_memory_growth", grown, size_mb, "MB", MEMORY_GROWTH_MAX_MB, Better.LOWER, absolute=True)


def _resident_mb() -> float:
    """What is held now: the peak would be that of the very long document before."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2


def _view(count: int, number: int) -> InvoiceView:
    seller = Party(
        name="Nordlicht GmbH", country="DE", address_lines=("Speicherstraße 14",), city="Hamburg",
        postal_code="20457", vat_id="DE136695976", email="rechnung@nordlicht.example",
    )  # fmt: skip
    buyer = Party(
        name="Bäckerei Müller & Söhne", country="DE", address_lines=("Graben 21",), city="Köln", postal_code="50667",
    )  # fmt: skip
    vat = TaxTreatment(TaxKind.VAT, 1900)
    content = DraftInvoice(
        seller=seller,
        buyer=buyer,
        currency="EUR",
        lines=tuple(
            Line(f"Consulting day {index}, workshop and follow-up", Decimal("1.5"), Decimal(number + index) + 140, vat)
            for index in range(1, count + 1)
        ),
        terms=NetDays(30),
        locale="de",
        bank=BankAccount(holder=seller.name, iban="DE71110220330123456789", bic="SSKMDEMMXXX"),
    )  # fmt: skip
    document = IssuedInvoice(
        number=f"INV-2026-{number:05}",
        issue_date=ISSUED_ON,
        due_date=due_date(content.terms, ISSUED_ON),
        content=content,
        totals=compute(content),
    )
    return InvoiceView(document=document, pay_url=PAY_URL)


def _xml(document: IssuedInvoice) -> bytes:
    """As large as the XML of such an invoice. What is in it plays no part in how long the embedding takes."""
    return (
        b"<rsm:CrossIndustryInvoice>"
        + escape(msgspec.json.encode(document).decode()).encode()
        + b"</rsm:CrossIndustryInvoice>"
    )


def _newcomers_page(document: IssuedInvoice) -> str:
    """The same texts, laid out as the tutorials do: flex boxes, a table that sizes itself, a code drawn as SVG."""
    return NEWCOMERS.render(
        document=document,
        content=document.content,
        totals=document.totals,
        lines=list(zip(document.content.lines, document.totals.line_nets, strict=True)),
        code=segno.make(PAY_URL).svg_inline(scale=3),
    )
