"""Every query on transmissions of e-invoices."""

from __future__ import annotations

from datetime import datetime

import msgspec

from invoicing.einvoice.addresses import Address
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.transmission import TransmissionState
from orchestrator.db import fetch


class TransmissionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A transmission as stored, without its XML. `error` says in words what the last try came to."""

    id: str
    merchant_id: str
    document_id: str
    customer_id: str
    number: str
    channel: Channel
    form: Format = msgspec.field(name="format")
    receiver: Address | None
    state: TransmissionState
    created_at: datetime
    changed_at: datetime
    attempt: int = 1
    tries: int = 0
    claimed_until: datetime | None = None
    error: str = ""
    reference: str = ""
    sha256: str = ""
    sent_at: datetime | None = None

    @property
    def message_id(self) -> str:
        """What the channel knows it by, the same for every try. A rejected one that is sent again is another."""
        return self.id if self.attempt == 1 else f"{self.id}-{self.attempt}"


class AcknowledgementRow(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a transmission; `report_id` is theirs, and counts once."""

    id: str
    transmission_id: str
    report_id: str
    state: TransmissionState
    reference: str
    text: str
    told_at: datetime
    created_at: datetime


_COLUMNS = (
    "id, merchant_id, document_id, customer_id, number, channel, format, receiver, state, created_at, changed_at, "
    "attempt, tries, claimed_until, error, reference, sha256, sent_at"
)
_ROW = f"SELECT row_to_json(t.*) AS it FROM (SELECT {_COLUMNS} FROM transmission"  # noqa: S608 - a constant
_FIND = f"{_ROW} WHERE id = $1) t"
_LOCK = f"{_ROW} WHERE id = $1 FOR NO KEY UPDATE) t"
_LIST = (
    f"{_ROW} WHERE merchant_id = $1 AND ($2::text IS NULL OR id < $2) AND ($3::text IS NULL OR document_id = $3) "
    "AND ($4::text IS NULL OR state = $4) ORDER BY id DESC LIMIT $5) t ORDER BY t.id DESC"
)
_UNANSWERED = (
    f"{_ROW} WHERE state IN ('sent', 'delivered') AND id > $1 AND sent_at > $2 ORDER BY id LIMIT $3) t ORDER BY t.id"
)
_INSERT = (
    "INSERT INTO transmission (id, merchant_id, document_id, customer_id, number, channel, format, receiver, state, "
    "created_at, changed_at, attempt, tries, error, reference, sha256) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $10, 1, 0, '', '', '') "
    "ON CONFLICT (document_id, channel) DO NOTHING RETURNING id"
)
_CLAIM = (
    "UPDATE transmission SET tries = tries + 1, claimed_until = $2 "
    "WHERE id = $1 AND state = 'queued' AND (claimed_until IS NULL OR claimed_until <= $3) RETURNING id"
)
_KEEP = "UPDATE transmission SET xml = $2, sha256 = $3 WHERE id = $1 AND xml IS NULL"
_RELEASE = "UPDATE transmission SET claimed_until = NULL, error = $2 WHERE id = $1 AND state = 'queued'"
_MOVE = (
    "UPDATE transmission SET state = $2, error = $3, reference = CASE WHEN $4::text = '' THEN reference ELSE $4 END, "
    "sent_at = coalesce(sent_at, $5), changed_at = $6, claimed_until = NULL WHERE id = $1"
)
_RETRY = (
    "UPDATE transmission SET state = 'queued', attempt = $2, receiver = $3::jsonb, format = $4, tries = 0, error = '', "
    "claimed_until = NULL, changed_at = $5 WHERE id = $1"
)
_ACKNOWLEDGE = (
    "INSERT INTO transmission_acknowledgement (id, transmission_id, report_id, state, reference, text, told_at, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (transmission_id, report_id) DO NOTHING "
    "RETURNING id"
)
_TOLD = (
    "SELECT row_to_json(a.*) AS it FROM transmission_acknowledgement a WHERE transmission_id = $1 "
    "ORDER BY created_at, id LIMIT $2"
)
_TOLD_AS = (
    "SELECT row_to_json(a.*) AS it FROM transmission_acknowledgement a WHERE transmission_id = $1 AND report_id = $2"
)


async def insert(row: TransmissionRow) -> bool:
    """Whether it was new: a document goes by a channel once."""
    receiver = msgspec.json.encode(row.receiver).decode() if row.receiver else None
    inserted = await fetch(
        _INSERT, row.id, row.merchant_id, row.document_id, row.customer_id, row.number, row.channel.value,
        row.form.value, receiver, row.state.value, row.created_at,
    )  # fmt: skip
    return bool(inserted)


async def find(transmission_id: str) -> TransmissionRow | None:
    return _one(await fetch(_FIND, transmission_id))


async def lock(transmission_id: str) -> TransmissionRow | None:
    """The transmission, locked until the transaction ends."""
    return _one(await fetch(_LOCK, transmission_id))


async def of_merchant(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    document_id: str | None = None,
    state: TransmissionState | None = None,
) -> list[TransmissionRow]:
    """Newest first, narrowed by what is given."""
    rows = await fetch(_LIST, merchant_id, before_id, document_id, state.value if state else None, limit)
    return [msgspec.json.decode(row["it"], type=TransmissionRow) for row in rows]


async def unanswered(after_id: str, sent_after: datetime, limit: int) -> list[TransmissionRow]:
    """Sent and without a last word, by id."""
    rows = await fetch(_UNANSWERED, after_id, sent_after, limit)
    return [msgspec.json.decode(row["it"], type=TransmissionRow) for row in rows]


async def claim(transmission_id: str, until: datetime, now: datetime) -> bool:
    """Count a try and have it alone until then. Whether nobody else has it, and it is still to be sent."""
    return bool(await fetch(_CLAIM, transmission_id, until, now))


async def xml_of(transmission_id: str) -> bytes | None:
    rows = await fetch("SELECT xml FROM transmission WHERE id = $1", transmission_id)
    return bytes(rows[0]["xml"]) if rows and rows[0]["xml"] is not None else None


async def keep_xml(transmission_id: str, xml: bytes, sha256: str) -> None:
    """The first one stays."""
    await fetch(_KEEP, transmission_id, xml, sha256)


async def release(transmission_id: str, error: str) -> None:
    """It was not sent this time, and may be tried again at once."""
    await fetch(_RELEASE, transmission_id, error)


async def move(
    transmission_id: str,
    state: TransmissionState,
    *,
    error: str = "",
    reference: str = "",
    sent_at: datetime | None,
    now: datetime,
) -> None:
    """Set the state; `sent_at` and an earlier `reference` stay what they were."""
    await fetch(_MOVE, transmission_id, state.value, error, reference, sent_at, now)


async def requeue(row: TransmissionRow, now: datetime) -> None:
    """Have it sent again, with the attempt, receiver and format of `row`."""
    address = msgspec.json.encode(row.receiver).decode() if row.receiver else None
    await fetch(_RETRY, row.id, row.attempt, address, row.form.value, now)


async def acknowledge(row: AcknowledgementRow) -> bool:
    """Whether it was new."""
    values = (row.id, row.transmission_id, row.report_id, row.state.value, row.reference, row.text)
    return bool(await fetch(_ACKNOWLEDGE, *values, row.told_at, row.created_at))


async def acknowledgements_of(transmission_id: str, limit: int) -> list[AcknowledgementRow]:
    """Oldest first."""
    rows = await fetch(_TOLD, transmission_id, limit)
    return [msgspec.json.decode(row["it"], type=AcknowledgementRow) for row in rows]


async def acknowledgement(transmission_id: str, report_id: str) -> AcknowledgementRow | None:
    rows = await fetch(_TOLD_AS, transmission_id, report_id)
    return msgspec.json.decode(rows[0]["it"], type=AcknowledgementRow) if rows else None


def _one(rows: list[dict[str, str]]) -> TransmissionRow | None:
    return msgspec.json.decode(rows[0]["it"], type=TransmissionRow) if rows else None
