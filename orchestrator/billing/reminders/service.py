"""Reminds of unpaid invoices: one bell for each, which looks at the invoice under its row lock and writes what is due.

What was paid, contested or paused meanwhile is seen by the look, so that nobody has to call a bell off; whatever makes
an invoice owed again rings it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from currency.money import Money
from invoicing import application_service as applications
from invoicing import application_store, reminder_store
from invoicing import series_service as series
from invoicing import service as invoicing
from invoicing.documents import DocumentType, IssuedInvoice
from invoicing.errors import InvalidInvoice, InvoiceNotFound
from invoicing.lifecycle import ApplicationKind
from invoicing.reminder_store import ReminderFilter, ReminderRow
from invoicing.reminders import (
    Billed,
    Claim,
    DueLetter,
    InterestLine,
    Plan,
    Policy,
    ReminderLetter,
    claim,
    next_by_hand,
    parts_left,
    plan,
)
from invoicing.series_store import SeriesKind
from invoicing.store import InvoiceRecord, find_invoice_by_id
from invoicing.terms import BusinessDays
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import base_rates
from orchestrator.billing.automatic_charge import store as automatic_charge_store
from orchestrator.billing.delivery import service as deliveries
from orchestrator.billing.delivery.states import DeliveryKind
from orchestrator.billing.paying import PAYABLE
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders.policy import REMIND
from orchestrator.db import transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later

WRITTEN_AT = time(8)  # of its day, where the merchant is


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether reminders of an invoice, or of its customer, are paused, and when the next one is due by itself."""

    is_paused: bool
    next_on: date | None


async def schedule(invoices: Sequence[InvoiceRecord]) -> None:
    """Set the bells of a merchant's invoices that are issued, in the transaction that issues them."""
    owed = [invoice for invoice in invoices if _is_owed(invoice)]
    if not owed:
        return
    zone = await reminders_policy.zone_of(owed[0].merchant_id)
    policy = await reminders_policy.get(owed[0].merchant_id)
    for invoice in owed:
        next_day = _planned(invoice, [], policy, zone, resumed_on=date.min).next_day  # whatever pause there was is over
        if next_day is not None:
            await outbox.enqueue(REMIND, invoice.id, _moment(next_day, zone))


async def look(invoice_id: str) -> Later | None:
    """Write the letter that is due, if one is, and say when to look again. Run by the outbox, late, twice or at once:
    each level of each part is written once."""
    found = await find_invoice_by_id(invoice_id)
    if found is None or found.kind is not DocumentType.INVOICE:
        return None
    async with transaction():
        next_day = await look_within(found.merchant_id, invoice_id)
        zone = await reminders_policy.zone_of(found.merchant_id)
    return Later(_moment(next_day, zone)) if next_day is not None else None


async def look_within(merchant_id: str, invoice_id: str) -> date | None:
    """The same, in the caller's transaction: the day of the next look. Raises InvoiceNotFound."""
    invoice = await applications.lock(merchant_id, invoice_id)
    if not _is_owed(invoice) or await reminders_policy.is_paused(invoice):
        return None
    if await automatic_charge_store.is_pending(invoice_id):
        return None  # where that comes to nothing, it rings again
    before = await reminder_store.reminders_of(invoice_id)
    zone, resumed_on = await reminders_policy.zone_of(merchant_id), await reminders_policy.resumed_on(invoice)
    planned = _planned(invoice, before, await reminders_policy.get(merchant_id), zone, resumed_on=resumed_on)
    if planned.letter is not None:
        await _write(invoice, planned.letter, before, _today(zone))
    return planned.next_day


async def send_next(merchant_id: str, invoice_id: str, idempotency_id: str | None = None) -> ReminderRow:
    """Write the next level now, also where reminders are paused. Raises InvoiceNotFound, and Conflict where nothing is
    owed, it is contested, one went out today, it is too early or no level is left."""
    async with transaction():
        invoice = await applications.lock(merchant_id, invoice_id)
        _require_owed(invoice)
        before = await reminder_store.reminders_of(invoice_id)
        today = await reminders_policy.today_of(merchant_id)
        if any(row.issued_on == today for row in before):
            raise Conflict(f"{before[-1].number} was written today already. The next reminder may go out tomorrow.")
        document, parts = _parts(invoice)
        policy = await reminders_policy.get(merchant_id)
        sent = [row.as_sent() for row in before]
        calendar = _calendar(policy, document)
        letter = next_by_hand(policy, [day for day, _ in parts], sent, today=today, calendar=calendar)
        if letter is None:
            raise Conflict(
                "No level of the reminder policy is left for today: all were written, or the invoice is not late"
                " enough. Add a step to the policy, or wait until after the due date."
            )
        row = await _write(invoice, letter, before, today, by_hand=True)
        await outbox.enqueue(REMIND, invoice_id, clock_port.now())
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return row


async def standing(merchant_id: str, invoice_id: str) -> Standing:
    """Whether and when the invoice is reminded of next, as things are now. Raises InvoiceNotFound."""
    invoice = await invoicing.get(merchant_id, invoice_id)
    if invoice.kind is not DocumentType.INVOICE:
        raise InvoiceNotFound(invoice_id)
    is_paused = await reminders_policy.is_paused(invoice)
    if is_paused or not _is_owed(invoice):
        return Standing(is_paused, None)
    before, resumed_on = await reminder_store.reminders_of(invoice_id), await reminders_policy.resumed_on(invoice)
    zone = await reminders_policy.zone_of(merchant_id)
    planned = _planned(invoice, before, await reminders_policy.get(merchant_id), zone, resumed_on=resumed_on)
    return Standing(is_paused, _today(zone) if planned.letter else planned.next_day)


async def get(merchant_id: str, reminder_id: str) -> ReminderRow:
    """Raises NotFound."""
    found = await reminder_store.find_reminder(merchant_id, reminder_id)
    if found is None:
        raise NotFound("reminder", reminder_id)
    return found


async def list_reminders(
    merchant_id: str, wanted: ReminderFilter, *, limit: int, before_id: str | None = None
) -> list[ReminderRow]:
    """Newest first."""
    return await reminder_store.list_reminders(merchant_id, wanted, limit=limit, before_id=before_id)


async def is_still_due(row: ReminderRow) -> bool:
    """Whether what the letter asks for is still owed, and not contested: looked at before it goes out."""
    invoice = await find_invoice_by_id(row.invoice_id)
    if invoice is None or not _is_owed(invoice):
        return False
    return any(day == row.part_due for day, _ in _parts(invoice)[1])


def _is_owed(invoice: InvoiceRecord) -> bool:
    owed = invoice.state in PAYABLE and invoice.owed.minor > 0
    return owed and invoice.disputed_at is None and invoice.kind is DocumentType.INVOICE


def _require_owed(invoice: InvoiceRecord) -> None:
    if invoice.disputed_at is not None:
        raise Conflict("The invoice is contested: nobody is reminded of it. End its dispute first.")
    if not _is_owed(invoice):
        raise Conflict(f"The invoice is {invoice.state}: there is nothing to remind of.")


def _parts(invoice: InvoiceRecord) -> tuple[IssuedInvoice, list[tuple[date, Money]]]:
    assert invoice.document is not None
    return invoice.document, parts_left(invoice.document, invoice.owed)


def _planned(
    invoice: InvoiceRecord, before: Sequence[ReminderRow], policy: Policy, zone: ZoneInfo, *, resumed_on: date
) -> Plan:
    document, parts = _parts(invoice)
    issued_on = (invoice.issued_at or clock_port.now()).astimezone(zone).date()
    return plan(
        policy,
        [day for day, _ in parts],
        [row.as_sent() for row in before],
        today=_today(zone),
        quiet_since=max(issued_on, resumed_on),
        calendar=_calendar(policy, document),
    )


def _calendar(policy: Policy, document: IssuedInvoice) -> BusinessDays | None:
    """The seller's business days, where the policy wants them and they are known."""
    if not policy.on_business_days:
        return None
    try:
        return BusinessDays(document.content.seller.country)
    except InvalidInvoice:
        return None


def _today(zone: ZoneInfo) -> date:
    return clock_port.now().astimezone(zone).date()


def _moment(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, WRITTEN_AT, zone).astimezone(UTC)


async def _write(
    invoice: InvoiceRecord, due: DueLetter, before: Sequence[ReminderRow], today: date, *, by_hand: bool = False
) -> ReminderRow:
    """The letter with its number, to be sent after the commit. The number is taken last: its lock holds up others."""
    document, now = _parts(invoice)[0], clock_port.now()
    asked = await _claim(invoice, document, due, [row for row in before if row.part_due == due.part_due], today)
    number = await series.take_number(
        lambda: new_id("ser"),
        merchant_id=invoice.merchant_id,
        series=SeriesKind.REMINDER.value,
        kind=SeriesKind.REMINDER,
        issue_date=today,
    )
    row = _row(invoice, due, asked, _letter(document, due, asked, number, today), by_hand, now)
    await reminder_store.insert_reminder(row)
    data = {
        "invoice": invoice.id,
        "number": number,
        "level": row.level,
        "deadline": row.deadline.isoformat(),
        "total_minor": row.total_minor,
        "currency": row.currency,
        "problem": asked.problem,
    }
    await record(EventType.REMINDER_ISSUED, invoice.merchant_id, row.id, data, now)
    await deliveries.request(
        invoice.merchant_id,
        object_id=row.id,
        thread_id=invoice.id,
        kind=DeliveryKind.REMINDER,
        to=document.content.buyer.email,
    )
    return row


async def _claim(
    invoice: InvoiceRecord, document: IssuedInvoice, due: DueLetter, before: Sequence[ReminderRow], today: date
) -> Claim:
    currency = invoice.total.currency
    billed = [row for row in await reminder_store.billed_of(invoice.id) if row.part_due == due.part_due]
    return claim(
        document,
        due.part_due,
        due.step,
        owed=invoice.owed,
        today=today,
        rates=await base_rates.rates_for(invoice.merchant_id),
        payments=await _settled(invoice),
        earlier_fees=Money(sum(row.letter.step_fee.minor for row in before), currency),
        billed=Billed(
            interest=Money(sum(row.interest_minor for row in billed), currency),
            fee=Money(sum(row.fee_minor for row in billed), currency),
        ),
    )


async def _settled(invoice: InvoiceRecord) -> list[tuple[date, Money]]:
    """What settled the invoice, and when: money from outside on the day on which it was received."""
    rows = await application_store.applications_of(invoice.id)
    found = []
    for row in rows:
        day = row.applied_at.date()
        if row.kind in (ApplicationKind.RECEIPT, ApplicationKind.RECEIPT_REVERSAL):  # what bounced never paid
            receipt = await application_store.find_receipt(invoice.merchant_id, row.source_id)
            day = receipt.received_on if receipt is not None else day
        found.append((day, row.applied))
    return found


def _letter(document: IssuedInvoice, due: DueLetter, asked: Claim, number: str, today: date) -> ReminderLetter:
    lines = asked.charge.spans if asked.charge and asked.interest == asked.accrued_interest else ()
    return ReminderLetter(
        number=number,
        level=due.step.level,
        issued_on=today,
        deadline=due.deadline,
        part_due=due.part_due,
        invoice_number=document.number,
        invoice_date=document.issue_date,
        invoice_total=document.totals.total,
        owed=asked.owed,
        interest=asked.interest,
        fee=asked.fee,
        total=asked.total,
        step_fee=asked.step_fee,
        locale=document.content.locale,
        interest_lines=tuple(InterestLine.of(span) for span in lines),
        law=(asked.charge.law or "") if asked.charge else "",
        note=due.step.note,
        problem=asked.problem,
    )


def _row(
    invoice: InvoiceRecord, due: DueLetter, asked: Claim, letter: ReminderLetter, by_hand: bool, now: datetime
) -> ReminderRow:
    return ReminderRow(
        id=new_id("rem"),
        merchant_id=invoice.merchant_id,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        part_due=due.part_due,
        level=due.step.level,
        number=letter.number,
        issued_on=letter.issued_on,
        deadline=letter.deadline,
        currency=letter.total.currency,
        owed_minor=asked.owed.minor,
        interest_minor=asked.accrued_interest.minor,
        fee_minor=asked.accrued_fee.minor,
        total_minor=asked.total.minor,
        letter=letter,
        by_hand=by_hand,
        created_at=now,
    )
