"""Reminders as their buyers get them: the letter as a PDF, drawn once and kept, and the mail that carries it."""

from __future__ import annotations

from msgspec.structs import replace

from currency.formatting import format_date, format_money
from invoicing import reminder_store
from invoicing import service as invoicing
from invoicing.catalogues import catalogue_of
from invoicing.documents import IssuedInvoice
from invoicing.reminder_store import ReminderRow
from invoicing.rendering import ClaimedInvoice, LetterView
from invoicing.rendering.letters import SENTENCES, TITLES
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import branding, invoice_links, pdf
from orchestrator.billing.delivery.letters import Attachment, Letter
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.billing.reminders import service as reminders
from orchestrator.db import transaction


async def pdf_of(merchant_id: str, reminder_id: str) -> bytes:
    """The letter's PDF, the same bytes each time. Raises NotFound, DrawingFailed."""
    row = await reminders.get(merchant_id, reminder_id)
    stored = await reminder_store.find_pdf(row.id)
    if stored is not None:
        return stored
    invoice = await invoicing.get(merchant_id, row.invoice_id)
    look = await branding.look_of(merchant_id, at=row.created_at)
    view = view_of(row, invoice, pay_url=invoice_links.url_of(invoice, row.issued_on))
    drawing = await pdf.draw(replace(view, branding=look), row.letter.locale)
    async with transaction():
        await reminder_store.insert_pdf(row.id, drawing.pdf)
    return await reminder_store.find_pdf(row.id) or drawing.pdf


def view_of(row: ReminderRow, invoice: InvoiceRecord, *, pay_url: str | None = None) -> LetterView:
    """What is drawn of a letter: what it said when it was written."""
    document, letter = _document(invoice), row.letter
    return LetterView(
        seller=document.content.seller,
        buyer=document.content.buyer,
        number=letter.number,
        level=letter.level,
        issued_on=letter.issued_on,
        invoices=(
            ClaimedInvoice(
                number=letter.invoice_number,
                issue_date=letter.invoice_date,
                due_date=letter.part_due,
                total=letter.invoice_total,
                owed=letter.owed,
            ),
        ),
        total=letter.total,
        deadline=letter.deadline,
        interest=letter.interest,
        spans=tuple(line.as_span() for line in letter.interest_lines),
        fee=letter.fee,
        pay_url=pay_url,
        bank=document.content.bank,
        note=letter.note,
    )


async def write_reminder(row: DeliveryRow) -> Letter | None:
    """The mail with the letter; nothing where what it asks for was paid or contested since."""
    found = await reminders.get(row.merchant_id, row.object_id)
    if not await reminders.is_still_due(found):
        return None
    invoice, letter = await invoicing.get(row.merchant_id, found.invoice_id), found.letter
    say, locale = catalogue_of(letter.locale).gettext, letter.locale
    level = min(letter.level, len(TITLES) - 1)
    title = f"{say(TITLES[level])}: {say('Invoice')} {letter.invoice_number}"
    seller = _document(invoice).content.seller.name
    facts = [
        (say("Open amount"), format_money(letter.owed, locale)),
        (say("Due date"), format_date(letter.part_due, locale)),
    ]
    if letter.total != letter.owed:
        facts.append((say("Total claimed"), format_money(letter.total, locale)))
    if letter.deadline != letter.part_due:
        facts.append((say("Please pay by"), format_date(letter.deadline, locale)))
    return Letter(
        locale=locale,
        seller=seller,
        subject=f"{title} – {seller}",
        heading=title,
        paragraphs=(
            *(say(sentence) for sentence in SENTENCES[level]),
            *((letter.note,) if letter.note else ()),
            say("If you have already paid, please disregard this letter."),
        ),
        facts=tuple(facts),
        button=(say("View and pay the invoice"), invoice_links.url_of(invoice, clock_port.now().date())),
        attachments=(Attachment(f"{letter.number}.pdf", "application/pdf", await pdf_of(row.merchant_id, found.id)),),
    )


def _document(invoice: InvoiceRecord) -> IssuedInvoice:
    assert invoice.document is not None  # a draft is never reminded of
    return invoice.document
