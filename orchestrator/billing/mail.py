"""Sends mail over SMTP, and writes the one mail that there is so far: here is your invoice."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

import aiosmtplib

from currency.formatting import format_date, format_money
from invoicing.catalogues import catalogue_of
from invoicing.documents import DocumentType
from invoicing.store import InvoiceRecord
from orchestrator.settings import get_settings

TITLES = {
    DocumentType.INVOICE: "Invoice",
    DocumentType.CREDIT_NOTE: "Credit note",
    DocumentType.PROFORMA: "Pro forma invoice",
    DocumentType.QUOTE: "Quote",
}
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


def invoice_mail(invoice: InvoiceRecord, pdf: bytes, pay_url: str) -> EmailMessage:
    """The mail in the buyer's language, with the PDF. Its Message-ID is the invoice's: a repetition is recognised."""
    document = invoice.document
    if document is None:
        raise ValueError(f"{invoice.id} is a draft: only an issued invoice is sent")
    say = catalogue_of(document.content.locale).gettext
    locale = document.content.locale
    message = EmailMessage()
    message["From"] = get_settings().mail_from
    message["To"] = document.content.buyer.email
    title = f"{say(TITLES[invoice.kind])} {document.number}"
    message["Subject"] = f"{title} – {document.content.seller.name}"
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{invoice.id}@clearway>"
    lines = [
        title,
        f"{say('Total')}: {format_money(document.totals.total, locale)}",
        *_how_to_pay(invoice, f"{say('Due date')}: {format_date(document.due_date, locale)}", pay_url),
        "",
        document.content.seller.name,
    ]
    message.set_content("\n".join(lines))
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"{document.number}.pdf")
    return message


def _how_to_pay(invoice: InvoiceRecord, due: str, pay_url: str) -> list[str]:
    return [due, "", pay_url] if invoice.kind is DocumentType.INVOICE else []


async def send(message: EmailMessage) -> None:
    """Hand the mail to SMTP_URL. Raises aiosmtplib.SMTPException when it was not taken: the outbox tries again."""
    url = urlsplit(get_settings().smtp_url.get_secret_value())
    if not url.hostname:
        raise RuntimeError("SMTP_URL is not set: no mail can be sent")
    await aiosmtplib.send(
        message,
        hostname=url.hostname,
        port=url.port or PORTS[url.scheme],
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        use_tls=url.scheme == "smtps",
        start_tls=True if url.scheme == "smtp+starttls" else None,
        timeout=get_settings().limits.smtp_timeout_s,
    )
