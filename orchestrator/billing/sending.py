"""Sends what was issued to its buyer, once."""

from __future__ import annotations

from datetime import timedelta

from invoicing.store import find_invoice_by_id
from orchestrator import clock_port
from orchestrator.billing import mail
from orchestrator.billing.documents import pdf_of
from orchestrator.billing.paying import public_url
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.notifications import store as event_store
from orchestrator.notifications.service import record
from orchestrator.outbox import Later

SEND_INVOICE = "invoice.send"
LOOK_AGAIN_S = 30
EVENTS_LOOKED_AT = 50  # of one invoice; it has a handful

_being_sent: set[str] = set()  # by this process


async def send(invoice_id: str) -> Later | None:
    """Mail the invoice with its PDF to the buyer, once. Run by the outbox; a mail that was not taken is tried again.

    A bell may ring again while the PDF is drawn: it is put off. Only a crash between the mail server's answer and our
    commit can repeat a mail, which then has the same Message-ID.
    """
    if invoice_id in _being_sent:
        return Later(clock_port.now() + timedelta(seconds=LOOK_AGAIN_S))
    _being_sent.add(invoice_id)
    try:
        await _send_once(invoice_id)
    finally:
        _being_sent.discard(invoice_id)
    return None


async def _send_once(invoice_id: str) -> None:
    invoice = await find_invoice_by_id(invoice_id)
    if invoice is None or invoice.document is None or not invoice.document.content.buyer.email:
        return
    content = await pdf_of(invoice.merchant_id, invoice_id)
    if await _was_told(
        invoice.merchant_id, invoice_id, EventType.INVOICE_SENT
    ):  # by another process, while this one drew
        return
    await mail.send(mail.invoice_mail(invoice, content, public_url(invoice)))
    async with transaction():
        data = {"to": invoice.customer_id, "number": invoice.number}
        await record(EventType.INVOICE_SENT, invoice.merchant_id, invoice_id, data, clock_port.now())


async def _was_told(merchant_id: str, invoice_id: str, kind: EventType, **data: str) -> bool:
    """Whether an event of this kind, with this data, is recorded of the invoice."""
    found = await event_store.events_of(merchant_id, limit=EVENTS_LOOKED_AT, object_id=invoice_id)
    return any(event.type == kind and data.items() <= event.data.items() for event in found)
