"""Every query on reminders, their policies and pauses. Opens no transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from invoicing.lifecycle import InvoiceState
from invoicing.reminders.letters import ReminderLetter
from invoicing.reminders.policy import Policy
from invoicing.reminders.schedule import SentLetter
from invoicing.tables import Invoice, LateChargeBilled, Reminder, ReminderPause, ReminderPolicy

REMINDED = (InvoiceState.OPEN.value, InvoiceState.PARTLY_PAID.value)


class ReminderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A letter as stored, without its PDF. `interest_minor` and `fee_minor` are what the delay had cost by then."""

    id: str
    merchant_id: str
    customer_id: str
    invoice_id: str
    part_due: date
    level: int
    number: str
    issued_on: date
    deadline: date
    currency: str
    owed_minor: int
    interest_minor: int
    fee_minor: int
    total_minor: int
    letter: ReminderLetter
    by_hand: bool
    created_at: datetime

    def as_sent(self) -> SentLetter:
        return SentLetter(self.part_due, self.level, self.issued_on, self.deadline)


class ReminderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to; None is everything."""

    invoice_id: str | None = None
    customer_id: str | None = None
    level: int | None = None


class PauseRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one is reminded of an invoice or a customer, and since when again."""

    subject_id: str
    paused_at: datetime | None
    resumed_on: date | None


class BilledRow(msgspec.Struct, frozen=True, kw_only=True):
    """What of a part's delay the invoice `charged_by` asks for."""

    id: str
    merchant_id: str
    invoice_id: str
    part_due: date
    charged_by: str
    currency: str
    interest_minor: int
    fee_minor: int
    created_at: datetime


_COLUMNS = [column for column in Reminder.all_columns() if column._meta.name != "pdf"]


async def insert_reminder(row: ReminderRow) -> None:
    values = msgspec.structs.asdict(row)
    values["letter"] = msgspec.json.encode(row.letter).decode()
    await Reminder.insert(Reminder(**values))


async def find_reminder(merchant_id: str, reminder_id: str) -> ReminderRow | None:
    rows = await Reminder.select(*_COLUMNS).where(Reminder.merchant_id == merchant_id, Reminder.id == reminder_id)
    return _reminder(rows[0]) if rows else None


async def reminders_of(invoice_id: str) -> list[ReminderRow]:
    """Every letter about the invoice, oldest first."""
    query = Reminder.select(*_COLUMNS).where(Reminder.invoice_id == invoice_id)
    return [_reminder(row) for row in await query.order_by(Reminder.id)]


async def list_reminders(
    merchant_id: str, wanted: ReminderFilter, *, limit: int, before_id: str | None = None
) -> list[ReminderRow]:
    """Newest first."""
    query = Reminder.select(*_COLUMNS).where(Reminder.merchant_id == merchant_id)
    for column, value in (
        (Reminder.invoice_id, wanted.invoice_id),
        (Reminder.customer_id, wanted.customer_id),
        (Reminder.level, wanted.level),
    ):
        if value is not None:
            query = query.where(column == value)
    if before_id is not None:
        query = query.where(Reminder.id < before_id)
    return [_reminder(row) for row in await query.order_by(Reminder.id, ascending=False).limit(limit)]


async def insert_pdf(reminder_id: str, pdf: bytes) -> None:
    """Keep the letter's PDF; the first one stays."""
    await Reminder.update({Reminder.pdf: pdf}).where(Reminder.id == reminder_id, Reminder.pdf.is_null())


async def find_pdf(reminder_id: str) -> bytes | None:
    rows = await Reminder.select(Reminder.pdf).where(Reminder.id == reminder_id)
    return bytes(rows[0]["pdf"]) if rows and rows[0]["pdf"] is not None else None


async def find_policy(merchant_id: str) -> Policy | None:
    rows = await ReminderPolicy.raw("SELECT policy FROM reminder_policy WHERE merchant_id = {}", merchant_id)
    return msgspec.json.decode(rows[0]["policy"], type=Policy) if rows else None


async def put_policy(merchant_id: str, policy: Policy, now: datetime) -> None:
    encoded = msgspec.json.encode(policy).decode()
    await ReminderPolicy.insert(ReminderPolicy(merchant_id=merchant_id, policy=encoded, updated_at=now)).on_conflict(
        target=ReminderPolicy.merchant_id,
        action="DO UPDATE",
        values=[ReminderPolicy.policy, ReminderPolicy.updated_at],
    )


async def pauses_of(merchant_id: str, subject_ids: Iterable[str]) -> list[PauseRow]:
    """Of these invoices and customers, those that were ever paused."""
    rows = await ReminderPause.select(
        ReminderPause.subject_id, ReminderPause.paused_at, ReminderPause.resumed_on
    ).where(ReminderPause.merchant_id == merchant_id, ReminderPause.subject_id.is_in(list(subject_ids)))
    return [PauseRow(**row) for row in rows]


async def put_pause(
    pause_id: str, merchant_id: str, subject_id: str, *, paused_at: datetime | None, resumed_on: date | None
) -> None:
    row = ReminderPause(
        id=pause_id, merchant_id=merchant_id, subject_id=subject_id, paused_at=paused_at, resumed_on=resumed_on
    )
    await ReminderPause.insert(row).on_conflict(
        target=(ReminderPause.merchant_id, ReminderPause.subject_id),
        action="DO UPDATE",
        values=[ReminderPause.paused_at, ReminderPause.resumed_on],
    )


async def reminded_invoices(merchant_id: str, customer_id: str | None, *, after_id: str, limit: int) -> list[str]:
    """Ids of the merchant's, or the customer's, invoices of which something is owed, in their order."""
    query = Invoice.select(Invoice.id).where(
        Invoice.merchant_id == merchant_id, Invoice.id > after_id, Invoice.state.is_in(list(REMINDED))
    )
    if customer_id is not None:
        query = query.where(Invoice.customer_id == customer_id)
    return [row["id"] for row in await query.order_by(Invoice.id).limit(limit)]


async def insert_billed(row: BilledRow) -> None:
    await LateChargeBilled.insert(LateChargeBilled(**msgspec.structs.asdict(row)))


async def billed_of(invoice_id: str) -> list[BilledRow]:
    """What invoices ask for the delay of this one; not those whose draft was deleted."""
    rows = await LateChargeBilled.raw(
        "SELECT b.* FROM late_charge_billed b JOIN invoice i ON i.id = b.charged_by WHERE b.invoice_id = {}",
        invoice_id,
    )
    return [msgspec.convert(row, BilledRow) for row in rows]


def _reminder(row: dict[str, Any]) -> ReminderRow:
    return ReminderRow(**{**row, "letter": msgspec.json.decode(row["letter"], type=ReminderLetter)})
