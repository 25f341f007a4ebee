"""Reminders go out by the clock, once each, of what is owed; they stop, pause and go on by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from billing_desk import Desk, eur

from currency.money import Money
from invoicing import application_service as applications
from invoicing import reminder_store
from invoicing.lifecycle import ApplicationKind
from invoicing.reminder_store import ReminderRow
from invoicing.reminders import DEFAULT_POLICY, Policy, ReminderStep
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedLate, AgreedTerms, Instalment, NetDays
from orchestrator import clock_port, outbox
from orchestrator.billing import bookings, credit_notes, service, settling, telling
from orchestrator.billing.delivery import store as deliveries
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.db import fetch, transaction
from orchestrator.errors import Conflict
from orchestrator.ids import new_id
from orchestrator.outbox import Later, Outbox

FIRST = DEFAULT_POLICY.steps[1]
ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("reminding_process.py")


class Calendar:
    """The day of an invoice, counted from its due date."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, day: date) -> None:
        moment = datetime.combine(day, time(9), UTC)
        self._monkeypatch.setattr(clock_port, "now", lambda: moment)

    async def look(self, invoice: InvoiceRecord, offset: int) -> Later | None:
        assert invoice.due_date is not None
        self.set(invoice.due_date + timedelta(days=offset))
        return await reminders.look(invoice.id)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


async def letters(invoice: InvoiceRecord) -> list[ReminderRow]:
    return await reminder_store.reminders_of(invoice.id)


async def levels(invoice: InvoiceRecord) -> list[int]:
    return [row.level for row in await letters(invoice)]


async def bell_of(invoice: InvoiceRecord) -> datetime | None:
    rows = await Outbox.select(Outbox.due_at).where(
        Outbox.topic == reminders_policy.REMIND, Outbox.subject == invoice.id
    )
    return rows[0]["due_at"] if rows else None


def policy(*steps: ReminderStep, **more: Any) -> Policy:
    return Policy(steps=steps, **more)


async def test_the_issue_sets_the_bell_for_the_notice(desk: Desk) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    assert await bell_of(invoice) == datetime.combine(invoice.due_date - timedelta(days=3), time(8), UTC)


async def test_each_letter_goes_out_once_on_its_day(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue("100")
    assert invoice.due_date is not None
    seen = {}
    for offset in range(-5, 45):
        before = len(await letters(invoice))
        await calendar.look(invoice, offset)
        await calendar.look(invoice, offset)
        if len(await letters(invoice)) > before:
            seen[offset] = (await levels(invoice))[before:]
    assert seen == {-3: [0], 3: [1], 14: [2], 28: [3]}
    year = invoice.due_date.year
    assert [row.number for row in await letters(invoice)][:2] == [f"REM-{year}-00001", f"REM-{year}-00002"]


async def test_a_look_says_when_to_look_again(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    answer = await calendar.look(invoice, 3)
    assert answer == Later(datetime.combine(invoice.due_date + timedelta(days=14), time(8), UTC))
    assert await calendar.look(invoice, 40) is None


async def test_two_workers_that_ring_at_once_write_one_letter(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    await asyncio.gather(*(calendar.look(invoice, 3) for _ in range(6)))
    assert await levels(invoice) == [1]
    (letter,) = await letters(invoice)
    assert len(await deliveries.of_object(desk.merchant_id, letter.id)) == 1
    assert await desk.told(letter.id) == ["reminder.issued"]


async def test_the_bell_rings_by_the_clock(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    calendar.set(invoice.due_date - timedelta(days=4))
    assert not [bell for bell in await outbox.take_due(clock_port.now()) if bell.topic == reminders_policy.REMIND]
    calendar.set(invoice.due_date - timedelta(days=3))
    (bell,) = [bell for bell in await outbox.take_due(clock_port.now()) if bell.topic == reminders_policy.REMIND]
    await outbox.finish(bell, await reminders.look(bell.subject))
    assert await levels(invoice) == [0]
    assert await bell_of(invoice) == datetime.combine(invoice.due_date + timedelta(days=3), time(8), UTC)


async def test_a_worker_that_is_killed_leaves_no_letter_no_number_and_no_lock(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    day = invoice.due_date + timedelta(days=3)
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    doomed = subprocess.Popen(
        [sys.executable, str(SCRIPT), day.isoformat(), desk.merchant_id, invoice.id],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert doomed.stdout is not None
    assert (await asyncio.to_thread(doomed.stdout.readline)).strip() == f"REM-{day.year}-00001"
    waiting = asyncio.create_task(calendar.look(invoice, 3))  # for the lock that the doomed one holds
    doomed.send_signal(signal.SIGKILL)
    assert await asyncio.to_thread(doomed.wait, 30) == -signal.SIGKILL
    await waiting
    assert [(row.level, row.number) for row in await letters(invoice)] == [(1, f"REM-{day.year}-00001")]


async def test_after_an_outage_one_letter_goes_out(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    await calendar.look(invoice, 27)
    assert await levels(invoice) == [2]
    await calendar.look(invoice, 28)
    assert await levels(invoice) == [2]
    await calendar.look(invoice, 35)
    assert await levels(invoice) == [2, 3]


async def test_what_is_not_owed_is_not_reminded_of(desk: Desk, calendar: Calendar) -> None:
    paid, credited, given_up = [await desk.issue("100") for _ in range(3)]
    await desk.receive(11900)
    await credit_notes.issue(desk.merchant_id, credited.id)
    await settling.mark_uncollectible(desk.merchant_id, given_up.id)
    for invoice in (paid, credited, given_up):
        assert await calendar.look(invoice, 14) is None
        assert await letters(invoice) == []


async def taken_back(desk: Desk, invoice: InvoiceRecord, kind: ApplicationKind) -> None:
    """The invoice was paid, and 50.00 of it went back."""
    receipt = await desk.receive(11900)
    await Outbox.delete().where(Outbox.topic == reminders_policy.REMIND)
    async with transaction():
        back = await applications.settle_back(
            lambda: new_id("iap"),
            invoice=await applications.lock(desk.merchant_id, invoice.id),
            source_id=receipt.receipt.id,
            kind=kind,
            amount=eur(5000),
            credit=eur(0),
            now=clock_port.now(),
        )
        await bookings.book_all(back, at=clock_port.now())
        await telling.tell(back.events, clock_port.now())


async def test_an_invoice_that_is_owed_again_after_a_lost_dispute_is_reminded_of(
    desk: Desk, calendar: Calendar
) -> None:
    invoice = await desk.issue("100")
    await taken_back(desk, invoice, ApplicationKind.CHARGEBACK)
    assert await bell_of(invoice) is not None
    await calendar.look(invoice, 14)
    (letter,) = await letters(invoice)
    assert (letter.level, letter.letter.owed) == (2, eur(5000))


async def test_nobody_is_reminded_of_what_was_given_back_until_the_merchant_says_so(
    desk: Desk, calendar: Calendar
) -> None:
    invoice = await desk.issue("100")
    await taken_back(desk, invoice, ApplicationKind.REFUND)
    assert await bell_of(invoice) is None
    assert await calendar.look(invoice, 14) is None
    await reminders_policy.resume_invoice(desk.merchant_id, invoice.id)
    await calendar.look(invoice, 17)
    assert await levels(invoice) == [2]


async def test_a_letter_claims_what_is_owed_now(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue("100")
    await desk.receive(5000)
    await calendar.look(invoice, 3)
    (letter,) = await letters(invoice)
    assert (letter.letter.owed, letter.letter.total, letter.deadline) == (
        eur(6900),
        eur(6900),
        letter.issued_on + timedelta(days=FIRST.deadline_days),
    )


async def test_fees_and_interest_are_claimed_where_the_policy_says_so(desk: Desk, calendar: Calendar) -> None:
    await reminders_policy.put(
        desk.merchant_id,
        policy(
            ReminderStep(offset_days=5, level=1, deadline_days=7, fees=(eur(250), Money(300, "USD"))),
            ReminderStep(offset_days=20, level=2, deadline_days=7, fees=(eur(500),), with_late_charge=True),
        ),
    )
    terms = AgreedTerms(due=NetDays(30), late=AgreedLate(rate_bps=1200))
    invoice = await desk.issue("1000", terms=terms)
    await calendar.look(invoice, 5)
    await calendar.look(invoice, 20)
    first, second = await letters(invoice)
    assert (first.letter.fee, first.letter.interest, first.letter.total) == (eur(250), eur(0), eur(119250))
    assert (second.letter.fee, second.letter.interest) == (eur(750), eur(782))  # 1,190 at 12 % for 20 days
    assert second.letter.total == eur(119000 + 750 + 782)
    assert [line.rate_bps for line in second.letter.interest_lines] == [1200] * len(second.letter.interest_lines)


async def test_a_contested_invoice_is_left_alone_and_the_highest_level_follows_its_end(
    desk: Desk, calendar: Calendar
) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    await calendar.look(invoice, 3)
    await service.set_disputed(desk.merchant_id, invoice.id, True)
    assert await calendar.look(invoice, 14) is None
    assert await levels(invoice) == [1]
    await Outbox.delete().where(Outbox.topic == reminders_policy.REMIND)
    calendar.set(invoice.due_date + timedelta(days=40))
    await service.set_disputed(desk.merchant_id, invoice.id, False)
    assert await bell_of(invoice) == clock_port.now()
    assert await calendar.look(invoice, 40) == Later(
        datetime.combine(invoice.due_date + timedelta(days=43), time(8), UTC)
    )
    await calendar.look(invoice, 43)
    assert await levels(invoice) == [1, 3]


async def test_a_paused_invoice_waits_until_it_is_resumed(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    await reminders_policy.pause_invoice(desk.merchant_id, invoice.id)
    assert (await reminders.standing(desk.merchant_id, invoice.id)).is_paused
    assert await calendar.look(invoice, 3) is None
    assert await letters(invoice) == []
    await reminders_policy.resume_invoice(desk.merchant_id, invoice.id)
    await calendar.look(invoice, 3)
    assert await letters(invoice) == []
    await calendar.look(invoice, 6)
    assert await levels(invoice) == [1]


async def test_a_customer_who_is_taken_out_is_not_reminded(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    await reminders_policy.set_customer(desk.merchant_id, desk.customer_id, is_reminded=False)
    assert await calendar.look(invoice, 3) is None
    assert await letters(invoice) == []
    await Outbox.delete().where(Outbox.topic == reminders_policy.REMIND)
    await reminders_policy.set_customer(desk.merchant_id, desk.customer_id, is_reminded=True)
    await reminders_policy.reschedule(f"{desk.merchant_id}:{desk.customer_id}")
    assert await bell_of(invoice) == clock_port.now()
    await calendar.look(invoice, 6)
    assert await levels(invoice) == [1]


async def test_a_new_policy_counts_for_open_invoices_and_repeats_no_level(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    await calendar.look(invoice, 3)
    await reminders_policy.put(
        desk.merchant_id,
        policy(
            ReminderStep(offset_days=1, level=1, deadline_days=3),
            ReminderStep(offset_days=12, level=2, deadline_days=3),
        ),
    )
    await Outbox.delete().where(Outbox.topic == reminders_policy.REMIND)
    await reminders_policy.reschedule(desk.merchant_id)
    assert await bell_of(invoice) == clock_port.now()
    assert await calendar.look(invoice, 4) == Later(
        datetime.combine(invoice.due_date + timedelta(days=12), time(8), UTC)
    )
    assert await levels(invoice) == [1]


async def test_without_steps_nobody_is_reminded(desk: Desk, calendar: Calendar) -> None:
    await reminders_policy.put(desk.merchant_id, policy())
    invoice = await desk.issue()
    assert await bell_of(invoice) is None
    assert await calendar.look(invoice, 30) is None


async def test_by_hand_the_next_level_goes_out_once_a_day(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    assert invoice.due_date is not None
    calendar.set(invoice.due_date + timedelta(days=1))
    done = await asyncio.gather(
        *(reminders.send_next(desk.merchant_id, invoice.id) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(one, ReminderRow) for one in done) == 1
    assert all(isinstance(one, Conflict) for one in done if isinstance(one, BaseException))
    assert await levels(invoice) == [1]
    calendar.set(invoice.due_date + timedelta(days=2))
    assert (await reminders.send_next(desk.merchant_id, invoice.id)).level == 2
    # and the schedule goes on after it
    assert await calendar.look(invoice, 2) == Later(
        datetime.combine(invoice.due_date + timedelta(days=28), time(8), UTC)
    )


async def test_by_hand_nothing_goes_out_of_what_is_contested_paid_or_exhausted(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue("100")
    await service.set_disputed(desk.merchant_id, invoice.id, True)
    with pytest.raises(Conflict, match="contested"):
        await reminders.send_next(desk.merchant_id, invoice.id)
    await service.set_disputed(desk.merchant_id, invoice.id, False)
    await calendar.look(invoice, 40)
    assert invoice.due_date is not None
    calendar.set(invoice.due_date + timedelta(days=41))
    with pytest.raises(Conflict, match="No level"):
        await reminders.send_next(desk.merchant_id, invoice.id)
    await desk.receive(11900)
    with pytest.raises(Conflict, match="nothing to remind of"):
        await reminders.send_next(desk.merchant_id, invoice.id)


async def test_each_instalment_is_reminded_of_by_itself(desk: Desk, calendar: Calendar) -> None:
    halves = AgreedTerms(
        instalments=(Instalment(due=NetDays(30), share_bps=5000), Instalment(due=NetDays(60), share_bps=5000))
    )
    invoice = await desk.issue("100", terms=halves)
    assert invoice.due_date is not None  # of the second half
    await calendar.look(invoice, -27)
    await desk.receive(5950)
    await calendar.look(invoice, -3)
    await calendar.look(invoice, 3)
    about = [(row.level, row.part_due == invoice.due_date, row.letter.owed) for row in await letters(invoice)]
    assert about == [(1, False, eur(5950)), (0, True, eur(5950)), (1, True, eur(5950))]


async def test_a_letter_never_changes(desk: Desk, calendar: Calendar) -> None:
    invoice = await desk.issue()
    await calendar.look(invoice, 3)
    (letter,) = await letters(invoice)
    for change in ("total_minor = total_minor + 1", "level = 2", "letter = '{}'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await fetch(f"UPDATE reminder SET {change} WHERE id = $1", letter.id)
    with pytest.raises(asyncpg.UniqueViolationError):
        await fetch(
            "INSERT INTO reminder SELECT 'rem_2', merchant_id, customer_id, invoice_id, part_due, level, 'X', "
            "issued_on, deadline, currency, owed_minor, interest_minor, fee_minor, total_minor, by_hand, letter, NULL, "
            "created_at FROM reminder WHERE id = $1",
            letter.id,
        )
