"""Transmissions of e-invoices as the API shows them, and what it takes of access points."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from invoicing.einvoice.addresses import Address
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.transmission import TransmissionState
from orchestrator.billing.transmissions.store import AcknowledgementRow, TransmissionRow
from orchestrator.http.schemas import Input


class CreateTransmission(Input):
    """The issued invoice or credit note that is to be sent by its customer's channel."""

    document_id: Annotated[str, Meta(min_length=1, max_length=40)]


class ReportAcknowledgement(Input):
    """What your access point was told. `report_id` is yours, and counts once; `text` is needed for a rejection."""

    report_id: Annotated[str, Meta(min_length=1, max_length=100)]
    state: Literal["delivered", "accepted", "rejected"]
    reference: Annotated[str, Meta(max_length=200, description="The channel's own id of the message.")] = ""
    text: Annotated[str, Meta(max_length=2_000)] = ""
    told_at: datetime | None = None


class AcknowledgementBody(msgspec.Struct, kw_only=True):
    """What was heard of a transmission."""

    report_id: str
    state: TransmissionState
    reference: str
    text: str
    told_at: datetime
    created_at: datetime


class TransmissionBody(msgspec.Struct, kw_only=True):
    """An e-invoice on its way. The channel knows it by `message_id`; `sha256` is that of the XML that is sent. `error`
    is why it was rejected or failed, or what the last try came to. `acknowledgements` are null in lists."""

    id: str
    object: str = "transmission"
    document_id: str
    number: str
    channel: Channel
    format: Format
    receiver: Address | None
    state: TransmissionState
    message_id: str
    reference: str
    sha256: str | None
    tries: int
    error: str
    acknowledgements: list[AcknowledgementBody] | None
    created_at: datetime
    sent_at: datetime | None
    changed_at: datetime


class TransmissionSummary(msgspec.Struct, kw_only=True):
    """A transmission as its document shows it."""

    id: str
    channel: Channel
    format: Format
    state: TransmissionState
    error: str


def transmission_summary(row: TransmissionRow) -> TransmissionSummary:
    return TransmissionSummary(id=row.id, channel=row.channel, format=row.form, state=row.state, error=row.error)


def transmission_body(row: TransmissionRow, told: list[AcknowledgementRow] | None = None) -> TransmissionBody:
    return TransmissionBody(
        id=row.id,
        document_id=row.document_id,
        number=row.number,
        channel=row.channel,
        format=row.form,
        receiver=row.receiver,
        state=row.state,
        message_id=row.message_id,
        reference=row.reference,
        sha256=row.sha256 or None,
        tries=row.tries,
        error=row.error,
        acknowledgements=None if told is None else [_acknowledgement_body(one) for one in told],
        created_at=row.created_at,
        sent_at=row.sent_at,
        changed_at=row.changed_at,
    )


def _acknowledgement_body(row: AcknowledgementRow) -> AcknowledgementBody:
    return AcknowledgementBody(
        report_id=row.report_id,
        state=row.state,
        reference=row.reference,
        text=row.text,
        told_at=row.told_at,
        created_at=row.created_at,
    )
