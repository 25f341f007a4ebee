"""What letters claimed for a delay is billed once, outside the scope of VAT, and then claimed by no further letter."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from billing_desk import Desk, eur

from invoicing import reminder_store
from invoicing.reminders import Policy, ReminderStep
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind
from invoicing.terms import AgreedLate, AgreedTerms, NetDays
from orchestrator import clock_port
from orchestrator.billing import documents, service
from orchestrator.billing.reminders import charges as reminders_charges
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.errors import Conflict

LATE = AgreedTerms(due=NetDays(30), late=AgreedLate(rate_bps=3650))
STEPS = (
    ReminderStep(offset_days=10, level=1, deadline_days=7, fees=(eur(500),), with_late_charge=True),
    ReminderStep(offset_days=20, level=2, deadline_days=7, fees=(eur(500),), with_late_charge=True),
)


async def reminded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, invoice: InvoiceRecord | None = None, offset: int = 10
) -> InvoiceRecord:
    await reminders_policy.put(desk.merchant_id, Policy(steps=STEPS))
    found = invoice or await desk.issue("100", terms=LATE)
    assert found.due_date is not None
    moment = datetime.combine(found.due_date + timedelta(days=offset), time(9), UTC)
    monkeypatch.setattr(clock_port, "now", lambda: moment)
    await reminders.look(found.id)
    return found


async def test_interest_and_fee_are_drafted_without_tax(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await reminded(desk, monkeypatch)
    draft = await reminders_charges.draft_late_charges(desk.merchant_id, invoice.id)
    assert [(line.description, line.unit_price) for line in draft.draft.lines] == [
        (f"Late payment interest: {invoice.number}", Decimal("1.19")),
        (f"Late payment fee: {invoice.number}", Decimal("5.00")),
    ]
    assert (draft.origin_id, draft.total, draft.tax) == (invoice.id, eur(119 + 500), eur(0))
    assert {line.tax.kind for line in draft.draft.lines} == {TaxKind.OUTSIDE_SCOPE}


async def test_what_is_billed_is_billed_once_and_claimed_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await reminded(desk, monkeypatch)
    both = [reminders_charges.draft_late_charges(desk.merchant_id, invoice.id) for _ in range(3)]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(one, InvoiceRecord) for one in done) == 1
    assert all(isinstance(one, Conflict) for one in done if isinstance(one, BaseException))
    await reminded(desk, monkeypatch, invoice, 20)
    letter = (await reminder_store.reminders_of(invoice.id))[-1].letter
    assert (letter.level, letter.interest, letter.fee) == (2, eur(119), eur(500))  # twice that, less what is billed
    second = await reminders_charges.draft_late_charges(desk.merchant_id, invoice.id)
    assert second.total == eur(119 + 500)


async def test_a_draft_that_is_deleted_has_billed_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await reminded(desk, monkeypatch)
    draft = await reminders_charges.draft_late_charges(desk.merchant_id, invoice.id)
    await service.delete_draft(desk.merchant_id, draft.id)
    assert (await reminders_charges.draft_late_charges(desk.merchant_id, invoice.id)).total == draft.total


async def test_it_is_issued_with_its_e_invoice_and_paid_as_any_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await reminded(desk, monkeypatch)
    draft = await reminders_charges.draft_late_charges(desk.merchant_id, invoice.id)
    issued = await service.finalize(desk.merchant_id, draft.id, send_mail=False)
    assert (await documents.pdf_of(desk.merchant_id, issued.id)).startswith(b"%PDF")
    await desk.receive(11900 + 619)
    assert (await desk.now(issued)).owed == eur(0)


async def test_without_a_claim_there_is_nothing_to_bill(desk: Desk) -> None:
    invoice = await desk.issue("100")
    with pytest.raises(Conflict, match="with_late_charge"):
        await reminders_charges.draft_late_charges(desk.merchant_id, invoice.id)
