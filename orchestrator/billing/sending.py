"""Sends what is due to be mailed, once, and says what became of it. Run by the outbox; safe to repeat.

A mail that the server did not take for now is tried again by the outbox. Only a crash between the server's answer and
our commit can repeat a mail, which then has the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import parseaddr

from invoicing import service as invoicing
from invoicing.documents import DocumentType
from invoicing.einvoice.preferences import Preference
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.billing import document_mails, mail
from orchestrator.billing.automatic_charge import letter as automatic_charge_letter
from orchestrator.billing.delivery import service as deliveries
from orchestrator.billing.delivery import store
from orchestrator.billing.delivery.addresses import AddressRefused, mail_address
from orchestrator.billing.delivery.letters import Envelope, Letter, message_of
from orchestrator.billing.delivery.states import DeliveryKind, DeliveryState
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.billing.einvoices import rules as einvoice_rules
from orchestrator.billing.reminders import letters as reminders_letters
from orchestrator.billing.transmissions import service as transmissions
from orchestrator.db import transaction
from orchestrator.errors import InvalidField
from orchestrator.events import EventType
from orchestrator.notifications.service import record
from orchestrator.outbox import TRIES_MAX, Later
from orchestrator.settings import get_settings

SEND = deliveries.TOPIC
LOOK_AGAIN_S = 30
GIVE_UP_TRIES = TRIES_MAX - 1  # before the outbox does: about sixteen hours after the first

Writer = Callable[[DeliveryRow], Awaitable[Letter | None]]
# Who writes the letter of what kind; None for what is no longer to be sent.
WRITERS: dict[DeliveryKind, Writer] = {
    DeliveryKind.DOCUMENT: document_mails.write_document,
    DeliveryKind.LINK: document_mails.write_link,
    DeliveryKind.CHARGE: automatic_charge_letter.write_charge,
    DeliveryKind.REMINDER: reminders_letters.write_reminder,
}


async def request_document(document: InvoiceRecord, to: str | None = None) -> DeliveryRow:
    """Have an issued document mailed to its buyer, or `to` another address, in the caller's transaction.

    Credit notes go in the thread of their invoice. One whose buyer has no address is recorded as not sent. Where its
    customer gets e-invoices by a channel, it goes that way too. Raises ChannelRequired and ChannelNotSetUp.
    """
    return await queue_within(document, await einvoice_rules.check_way(document), to)


async def queue_within(document: InvoiceRecord, wish: Preference, to: str | None = None) -> DeliveryRow:
    """The same, of which the caller has seen that its customer's wish may be met."""
    if document.document is None:
        raise ValueError(f"{document.id} is a draft: only an issued document is sent")
    await transmissions.queue_within(document, wish)
    in_thread = document.kind is DocumentType.CREDIT_NOTE and document.origin_id
    return await deliveries.request(
        document.merchant_id,
        object_id=document.id,
        thread_id=document.origin_id or "" if in_thread else document.id,
        kind=DeliveryKind.DOCUMENT,
        to=document.document.content.buyer.email if to is None else to,
    )


def address_for(document: InvoiceRecord, to: str | None) -> str:
    """Where the document would go. Raises InvalidField naming what to give where that is nowhere."""
    given = to if to is not None else (document.draft.buyer.email if document.draft else "")
    if not given:
        raise InvalidField("to", "is needed: the document's buyer has no e-mail address; give the one to send it to")
    try:
        return mail_address(given)
    except AddressRefused as refused:
        whose = "" if to is not None else f"is needed, as the buyer's own, {given!r}, "
        raise InvalidField("to", f"{whose}{refused}") from None


async def send(delivery_id: str) -> Later | None:
    """Mail one delivery. Raises what the mail server or a letter's writer did, to be tried again."""
    row, now = await store.by_id(delivery_id), clock_port.now()
    if row is None or row.state is not DeliveryState.QUEUED:
        return None
    if not await deliveries.claim(row, now):
        return Later(now + timedelta(seconds=LOOK_AGAIN_S))
    try:
        await _send_claimed(row)
    except mail.Refused as refused:
        state = DeliveryState.BOUNCED if refused.by_recipient else DeliveryState.FAILED
        await _ended(row, str(refused), state)
    except Exception as error:
        words = f"{type(error).__name__}: {error}"[: deliveries.ERROR_MAX_CHARS]
        if row.tries + 1 < GIVE_UP_TRIES:
            await store.release(row.id, words)
            raise
        await _ended(row, f"given up after {row.tries + 1} tries; the last: {words}", DeliveryState.FAILED)
    return None


async def give_up(delivery_id: str, why: str) -> None:
    """It was begun and never ended, time and again: a person has to look at the document."""
    row = await store.by_id(delivery_id)
    if row is not None:
        await _ended(row, why, DeliveryState.FAILED)


async def _send_claimed(row: DeliveryRow) -> None:
    letter = await WRITERS[row.kind](row)
    if letter is None:
        await deliveries.mark_needless(row, clock_port.now())
        return
    mail.require_server()
    settings = get_settings()
    envelope = Envelope(
        sender=settings.mail_from,
        recipient=row.recipient,
        message_id=row.message_id,
        at=clock_port.now(),
        reply_to=await _reply_to(row.merchant_id),
        first_id=await store.first_message_of(row.thread_id, row.id),
    )
    await mail.send(message_of(letter, envelope), bounces_to=bounce_address(row.id))
    async with transaction():
        now = clock_port.now()
        if not await deliveries.mark_sent(row, now):
            return
        if row.kind is DeliveryKind.DOCUMENT:
            sent = await invoicing.get(row.merchant_id, row.object_id)
            data = {"to": sent.customer_id, "number": sent.number, "delivery": row.id}
            await record(EventType.INVOICE_SENT, row.merchant_id, row.object_id, data, now)
        elif row.kind is DeliveryKind.REMINDER:
            data = {"invoice": row.thread_id, "delivery": row.id}
            await record(EventType.REMINDER_SENT, row.merchant_id, row.object_id, data, now)


def bounce_address(delivery_id: str) -> str:
    """Where the mail comes back to: an address of its own (`bounces+ddl_…@acme.example`) where one for bounces is set,
    by which it is known even when nothing of it is returned; else the sender's."""
    settings = get_settings()
    local, _, domain = settings.mail_bounces.rpartition("@")
    return f"{local}+{delivery_id}@{domain}" if local else parseaddr(settings.mail_from)[1]


async def _reply_to(merchant_id: str) -> str:
    """The merchant's own address, where the profile has one that is an address."""
    given = (await access.get_merchant(merchant_id)).profile.get("email")
    try:
        return mail_address(given) if isinstance(given, str) and given else ""
    except AddressRefused:
        return ""


async def _ended(row: DeliveryRow, error: str, state: DeliveryState) -> None:
    async with transaction():
        await deliveries.mark_failed(row, clock_port.now(), error, state)
