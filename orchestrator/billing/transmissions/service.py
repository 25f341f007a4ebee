"""E-invoices go out by their channel, once for each document and channel, and what is heard of them is kept.

A try whose outcome is not known is made again with the same message id, which channels send once.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import msgspec

from invoicing import service as invoicing
from invoicing.einvoice.addresses import Address
from invoicing.einvoice.embedding import extract
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible, NotHybrid
from invoicing.einvoice.formats import PROFILES
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.preferences import Preference
from invoicing.einvoice.transmission import (
    RETRIED,
    Acknowledgement,
    ChannelUnavailable,
    ContentDiffers,
    Envelope,
    TransmissionState,
)
from invoicing.store import InvoiceRecord
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import documents
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.einvoices.preferences import preference_of
from orchestrator.billing.transmissions import acknowledging, store
from orchestrator.billing.transmissions.channels import channel_of
from orchestrator.billing.transmissions.store import TransmissionRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.outbox import Later

TOPIC = "einvoice.transmit"
CLAIM_S = 120  # longer than any channel may take to be handed something
GIVE_UP_TRIES = outbox.TRIES_MAX - 1  # before the outbox does: about fifteen hours after the first
ERROR_MAX_CHARS = 2_000


async def queue_within(issued: InvoiceRecord, wish: Preference) -> TransmissionRow | None:
    """Have an issued document sent by its customer's channel, in the caller's transaction. None where that is e-mail,
    or the document has no electronic form; queueing it twice is once."""
    if issued.document is None or issued.kind not in einvoices.ELECTRONIC:
        return None
    if wish.form is None or wish.channel is Channel.EMAIL:
        return None
    now = clock_port.now()
    row = TransmissionRow(
        id=new_id("trm"),
        merchant_id=issued.merchant_id,
        document_id=issued.id,
        customer_id=issued.customer_id,
        number=issued.document.number,
        channel=wish.channel,
        form=wish.form,
        receiver=wish.address or _address_of(issued),
        state=TransmissionState.QUEUED,
        created_at=now,
        changed_at=now,
    )
    if await store.insert(row):
        await outbox.enqueue(TOPIC, row.id, now)
        return row
    found = await store.of_merchant(issued.merchant_id, document_id=issued.id, limit=len(Channel))
    return next(one for one in found if one.channel is wish.channel)


async def begin(merchant_id: str, document_id: str, idempotency_id: str | None = None) -> TransmissionRow:
    """Send an issued document by the channel that its customer has now; what went by it before stays as it is.

    Raises InvoiceNotFound, ChannelNotSetUp, Conflict for a draft, and where the customer's channel is e-mail.
    """
    async with transaction():
        issued = await invoicing.locked(merchant_id, document_id)
        if issued.document is None or issued.kind not in einvoices.ELECTRONIC:
            raise Conflict("Only an issued invoice or credit note has an electronic form.")
        row = await queue_within(issued, await preference_of(issued.customer_id))
        if row is None:
            raise Conflict(
                "The document's customer gets e-invoices by e-mail, or none. Set the customer's e_invoice.channel and "
                "e_invoice.format first, or send the document by e-mail."
            )
        channel_of(merchant_id, row.channel)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return row


async def get(merchant_id: str, transmission_id: str) -> TransmissionRow:
    """Raises NotFound, also for another merchant's."""
    row = await store.find(transmission_id)
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("transmission", transmission_id)
    return row


async def retry(merchant_id: str, transmission_id: str, idempotency_id: str | None = None) -> TransmissionRow:
    """Send it again. What failed goes as the same message to the same address, for the channel may have it after all;
    what was rejected, or never written, goes as another one, to the address that the customer has now.

    Raises NotFound, Conflict.
    """
    await get(merchant_id, transmission_id)
    async with transaction():
        row = await acknowledging.locked(transmission_id)
        if row.state not in RETRIED:
            raise Conflict(f"The transmission is {row.state}. Only one that failed or was rejected is sent again.")
        wish = await preference_of(row.customer_id)
        is_rejected, is_same_way = row.state is TransmissionState.REJECTED, wish.channel is row.channel
        changed = msgspec.structs.replace(
            row,
            attempt=row.attempt + is_rejected,
            receiver=(wish.address if is_rejected or not row.sha256 else None) or row.receiver,
            form=wish.form if wish.form and is_same_way and not row.sha256 else row.form,
        )
        now = clock_port.now()
        await store.requeue(changed, now)
        await outbox.enqueue(TOPIC, row.id, now)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return await get(merchant_id, transmission_id)


async def transmit(transmission_id: str) -> Later | None:
    """Send one. Run by the outbox, which tries again when this raises."""
    row, now = await store.find(transmission_id), clock_port.now()
    if row is None or row.state is not TransmissionState.QUEUED:
        return None
    until = now + timedelta(seconds=CLAIM_S)
    if not await store.claim(row.id, until, now):
        return Later(row.claimed_until or until)
    try:
        await _hand_over(row)
    except (EInvoiceRefused, NotExpressible, ContentDiffers) as refused:
        await _fail(row, str(refused))
    except NotHybrid as bare:
        await _fail(row, f"{bare}: choose another e_invoice.format for the customer, and retry")
    except Exception as error:
        words = str(error) if isinstance(error, ChannelUnavailable) else f"{type(error).__name__}: {error}"
        if row.tries + 1 < GIVE_UP_TRIES:
            await store.release(row.id, words[:ERROR_MAX_CHARS])
            raise
        await _fail(row, f"given up after {row.tries + 1} tries; the last: {words}")
    return None


async def _hand_over(row: TransmissionRow) -> None:
    issued = await invoicing.get(row.merchant_id, row.document_id)
    pdf = await documents.pdf_of(row.merchant_id, row.document_id) if PROFILES[row.form].in_pdf else None
    envelope = Envelope(
        transmission_id=row.message_id,
        document_number=row.number,
        form=row.form,
        sender=_address_of(issued, is_sender=True),
        receiver=row.receiver,
        xml=await _kept_xml(row, pdf),
        pdf=pdf,
    )
    told = await asyncio.to_thread(channel_of(row.merchant_id, row.channel).hand_over, envelope)
    await _note_sent(row.id, told)


async def _kept_xml(row: TransmissionRow, pdf: bytes | None) -> bytes:
    """The XML as it was first written: a program of another release must not send another one by the same id."""
    kept = await store.xml_of(row.id)
    if kept is not None:
        return kept
    xml = (await einvoices.einvoice_of(row.merchant_id, row.document_id, row.form)).xml
    if pdf is not None:
        xml = await asyncio.to_thread(extract, pdf)
    await store.keep_xml(row.id, xml, hashlib.sha256(xml).hexdigest())
    return xml


async def _note_sent(transmission_id: str, told: Acknowledgement) -> None:
    if told.state is TransmissionState.QUEUED:
        raise ChannelUnavailable("the channel was handed the invoice, and says that it does not have it")
    async with transaction():
        row, now = await acknowledging.locked(transmission_id), clock_port.now()
        if row.state is not TransmissionState.QUEUED:
            return  # somebody has told more of it meanwhile
        await store.move(row.id, TransmissionState.SENT, reference=told.reference, sent_at=now, now=now)
        await acknowledging.tell(row, EventType.E_INVOICE_SENT, now, reference=told.reference)
    await acknowledging.hear(transmission_id, told)


async def _fail(row: TransmissionRow, error: str) -> None:
    async with transaction():
        held, now = await acknowledging.locked(row.id), clock_port.now()
        if held.state is TransmissionState.QUEUED:
            words = error[:ERROR_MAX_CHARS]
            await store.move(row.id, TransmissionState.FAILED, error=words, sent_at=held.sent_at, now=now)
            await acknowledging.tell(held, EventType.E_INVOICE_FAILED, now, text=words)


def _address_of(issued: InvoiceRecord, *, is_sender: bool = False) -> Address | None:
    content = issued.document.content if issued.document else issued.draft
    party = content.seller if is_sender else content.buyer
    if not party.electronic_address:
        return None
    return Address(scheme=party.electronic_address_scheme, identifier=party.electronic_address)
