"""The letters with which documents go to their buyers, in the language of the document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from currency.formatting import format_date, format_money
from invoicing import service as invoicing
from invoicing.catalogues import catalogue_of
from invoicing.documents import DocumentType, IssuedInvoice
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import invoice_links
from orchestrator.billing.automatic_charge.letter import charge_notice
from orchestrator.billing.delivery.letters import Attachment, Letter
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.billing.documents import pdf_of
from orchestrator.billing.einvoices import service as einvoices

TITLES = {
    DocumentType.INVOICE: "Invoice",
    DocumentType.CREDIT_NOTE: "Credit note",
    DocumentType.PROFORMA: "Pro forma invoice",
    DocumentType.QUOTE: "Quote",
}


async def _e_invoice(document: InvoiceRecord) -> Attachment | None:
    file = await einvoices.attachment_for(document)
    return Attachment(file[0], "application/xml", file[1]) if file else None


# What else goes along with a document: each is asked, and gives a file or nothing.
BESIDE: list[Callable[[InvoiceRecord], Awaitable[Attachment | None]]] = [_e_invoice]


async def write_document(row: DeliveryRow) -> Letter:
    """The issued document with its PDF and, where something is owed, the way to pay it."""
    found = await invoicing.get(row.merchant_id, row.object_id)
    document = _issued(found)
    pdf = Attachment(f"{document.number}.pdf", "application/pdf", await pdf_of(row.merchant_id, found.id))
    beside = [await ask(found) for ask in BESIDE]
    notice = await charge_notice(found)
    say, locale = catalogue_of(document.content.locale).gettext, document.content.locale
    title = f"{say(TITLES[found.kind])} {document.number}"
    return Letter(
        locale=locale,
        seller=document.content.seller.name,
        subject=f"{title} – {document.content.seller.name}",
        heading=title,
        paragraphs=(say("Please find the document attached as a PDF."), *((notice,) if notice else ())),
        facts=_facts(found, document),
        button=_button(found),
        attachments=(pdf, *(one for one in beside if one is not None)),
    )


async def write_link(row: DeliveryRow) -> Letter:
    """A new link to an invoice whose old one has expired."""
    found = await invoicing.get(row.merchant_id, row.object_id)
    document = _issued(found)
    say, locale = catalogue_of(document.content.locale).gettext, document.content.locale
    until = invoice_links.expires_at(found, clock_port.now().date()).date()
    title = say("Your new link to invoice {number}").format(number=document.number)
    return Letter(
        locale=locale,
        seller=document.content.seller.name,
        subject=f"{title} – {document.content.seller.name}",
        heading=title,
        paragraphs=(say("The link can be used until {date}.").format(date=format_date(until, locale)),),
        facts=_facts(found, document),
        button=_button(found),
    )


def _issued(found: InvoiceRecord) -> IssuedInvoice:
    if found.document is None:
        raise ValueError(f"{found.id} is a draft: only an issued document is sent")
    return found.document


def _facts(found: InvoiceRecord, document: IssuedInvoice) -> tuple[tuple[str, str], ...]:
    say, locale = catalogue_of(document.content.locale).gettext, document.content.locale
    facts = [(say("Total"), format_money(document.totals.total, locale))]
    match found.kind:
        case DocumentType.INVOICE if found.owed.minor:
            if found.owed != document.totals.total:
                facts.append((say("Amount due"), format_money(found.owed, locale)))
            facts.append((say("Due date"), format_date(document.due_date, locale)))
        case DocumentType.INVOICE:
            facts.append((say("Amount due"), say("Nothing to pay")))
        case DocumentType.CREDIT_NOTE:
            facts += [(say("Corrects invoice"), before.number) for before in document.content.preceding[:1]]
        case DocumentType.QUOTE | DocumentType.PROFORMA:
            if found.valid_until:
                facts.append((say("Valid until"), format_date(found.valid_until, locale)))
    return tuple(facts)


def _button(found: InvoiceRecord) -> tuple[str, str] | None:
    if found.kind is not DocumentType.INVOICE:
        return None
    say = catalogue_of(found.locale).gettext
    label = say("View and pay the invoice") if found.owed.minor else say("View the invoice")
    return label, invoice_links.url_of(found, clock_port.now().date())
