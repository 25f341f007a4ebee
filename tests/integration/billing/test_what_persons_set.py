"""Reminders go by the merchant's own day; who changes the policy, pauses or switches on a charge is in the audit log;
a statement tells what happened in its order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from billing_desk import Desk

from invoicing import reminder_store
from invoicing.reminders import DEFAULT_POLICY, Policy
from orchestrator import clock_port
from orchestrator.access import audit_store
from orchestrator.access import store as access_store
from orchestrator.billing import reports
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.outbox import Later, Outbox

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(merchant_id: str) -> list[tuple[str, str]]:
    rows = await audit_store.in_order(merchant_id, 1, 50)
    return [(row.action, row.object_id) for row in rows]


@pytest.mark.parametrize(
    ("zone", "hour"), [("Europe/Berlin", 6), ("Asia/Tokyo", -1), ("America/Los_Angeles", 15), ("", 8), ("Mars/Base", 8)]
)
async def test_a_letter_is_written_at_eight_where_the_merchant_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, zone: str, hour: int
) -> None:
    await access_store.put_in_profile(desk.merchant_id, "timezone", zone)
    issued = datetime(2026, 6, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(clock_port, "now", lambda: issued)
    invoice = await desk.issue(on=date(2026, 6, 1))
    notice_at = datetime(2026, 6, 28, tzinfo=UTC) + timedelta(hours=hour)
    (bell,) = await Outbox.select().where(Outbox.topic == reminders_policy.REMIND, Outbox.subject == invoice.id)
    assert bell["due_at"] == notice_at
    monkeypatch.setattr(clock_port, "now", lambda: notice_at)
    assert await reminders.look(invoice.id) == Later(notice_at + timedelta(days=6))
    (letter,) = await reminder_store.reminders_of(invoice.id)
    assert letter.issued_on == date(2026, 6, 28)


async def test_what_a_person_does_to_reminders_is_in_the_audit_log(desk: Desk) -> None:
    invoice = await desk.issue()
    await reminders_policy.put(desk.merchant_id, DEFAULT_POLICY)
    assert await told(desk.merchant_id) == []
    await reminders_policy.put(desk.merchant_id, Policy(steps=()))
    for _ in range(2):
        await reminders_policy.pause_invoice(desk.merchant_id, invoice.id)
    await reminders_policy.resume_invoice(desk.merchant_id, invoice.id)
    for _ in range(2):
        await reminders_policy.set_customer(desk.merchant_id, desk.customer_id, is_reminded=False)
    await reminders_policy.set_customer(desk.merchant_id, desk.customer_id, is_reminded=True)
    assert await told(desk.merchant_id) == [
        ("reminder_policy.changed", desk.merchant_id),
        ("reminders.paused", invoice.id),
        ("reminders.resumed", invoice.id),
        ("reminders.paused", desk.customer_id),
        ("reminders.resumed", desk.customer_id),
    ]
    [changed, *_] = await audit_store.in_order(desk.merchant_id, 1, 1)
    assert '"steps":[]' in (changed.after or "")
    assert '"offset_days":-3' in (changed.before or "")


async def test_a_statement_has_the_invoice_before_what_paid_it_on_the_same_day(desk: Desk) -> None:
    invoice = await desk.issue("100")
    await desk.receive(11_900)
    day = clock_port.now().date()
    (statement,) = await reports.statements(desk.merchant_id, desk.customer_id, day, day)
    assert [move.kind for move in statement.movements] == ["invoice", "receipt"]
    assert [move.balance.minor for move in statement.movements] == [invoice.total.minor, 0]
