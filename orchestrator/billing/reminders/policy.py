"""When a merchant reminds, and of whom not: the policy, and pauses of an invoice or a customer. A change of either has
the bells of the open invoices rung again."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from invoicing import application_service as applications
from invoicing import application_store, reminder_store
from invoicing.lifecycle import ApplicationKind
from invoicing.reminders import DEFAULT_POLICY, Policy
from invoicing.store import InvoiceRecord
from orchestrator import clock_port, outbox
from orchestrator.access import audit
from orchestrator.access import service as access
from orchestrator.access.audit import Action
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.automatic_charge import plan
from orchestrator.db import transaction
from orchestrator.ids import new_id
from orchestrator.outbox import Later

REMIND, RESCHEDULE = "invoice.remind", "reminder.reschedule"
AT_ONCE = 500  # bells of one transaction
_WENT_BACK = (
    ApplicationKind.REFUND,
    ApplicationKind.CHARGEBACK,
    ApplicationKind.CORRECTION,
    ApplicationKind.RECEIPT_REVERSAL,
    ApplicationKind.CREDIT,  # that a receipt gave which bounced
)


async def get(merchant_id: str) -> Policy:
    """The merchant's, or the default one."""
    return await reminder_store.find_policy(merchant_id) or DEFAULT_POLICY


async def put(merchant_id: str, policy: Policy) -> None:
    """What counts from now on, also for invoices that are open already."""
    now = clock_port.now()
    async with transaction():
        before = await get(merchant_id)
        await reminder_store.put_policy(merchant_id, policy, now)
        await outbox.enqueue(RESCHEDULE, merchant_id, now)
        if policy != before:
            was, said = msgspec.to_builtins(before), msgspec.to_builtins(policy)
            await audit.record(merchant_id, Action.REMINDER_POLICY_CHANGED, merchant_id, now, before=was, after=said)


async def zone_of(merchant_id: str) -> ZoneInfo:
    """Where the merchant's day begins. Raises NotFound."""
    return plan.zone_of((await access.get_merchant(merchant_id)).profile)


async def today_of(merchant_id: str) -> date:
    """The day that it is where the merchant is."""
    return clock_port.now().astimezone(await zone_of(merchant_id)).date()


async def pause_invoice(merchant_id: str, invoice_id: str, idempotency_id: str | None = None) -> InvoiceRecord:
    """No reminder of this invoice by itself until it is resumed. Raises InvoiceNotFound."""
    return await _set_invoice(merchant_id, invoice_id, True, idempotency_id)


async def resume_invoice(merchant_id: str, invoice_id: str, idempotency_id: str | None = None) -> InvoiceRecord:
    """Reminders go on, the first of them `min_days_between` from now. Raises InvoiceNotFound."""
    return await _set_invoice(merchant_id, invoice_id, False, idempotency_id)


async def resumed_within(merchant_id: str, invoice_id: str) -> None:
    """The invoice is no longer contested: its reminders go on as after a pause, in the caller's transaction."""
    if await is_reminded_of(merchant_id, invoice_id):
        await _put(merchant_id, invoice_id, is_paused=False)
        await wake(invoice_id)


async def reopened_within(merchant_id: str, invoice_id: str) -> None:
    """Money for the invoice went back, so that it is owed again. Whoever gave it back does not ask for it: reminders
    wait for a word of the merchant. After a lost dispute they go on as after a pause."""
    rows = await application_store.applications_of(invoice_id)
    back = [row.kind for row in rows if row.kind in _WENT_BACK and row.applied.minor < 0]
    if back and back[-1] is ApplicationKind.REFUND:
        await _put(merchant_id, invoice_id, is_paused=True)
    else:
        await resumed_within(merchant_id, invoice_id)


async def wake(invoice_id: str) -> None:
    """Look at it again after the commit of the caller's transaction: it may be owed again."""
    await outbox.enqueue(REMIND, invoice_id, clock_port.now())


async def set_customer(merchant_id: str, customer_id: str, *, is_reminded: bool) -> None:
    """Whether the customer is reminded by itself. The caller has seen that there is such a customer."""
    async with transaction():
        if await is_reminded_of(merchant_id, customer_id) is is_reminded:
            return
        await _put(merchant_id, customer_id, is_paused=not is_reminded)
        if is_reminded:
            await outbox.enqueue(RESCHEDULE, f"{merchant_id}:{customer_id}", clock_port.now())
        await _told(merchant_id, customer_id, is_paused=not is_reminded)


async def is_reminded_of(merchant_id: str, subject_id: str) -> bool:
    """Whether nobody paused this invoice, or this customer."""
    return all(row.paused_at is None for row in await reminder_store.pauses_of(merchant_id, [subject_id]))


async def is_paused(invoice: InvoiceRecord) -> bool:
    """Whether the invoice or its customer is."""
    rows = await reminder_store.pauses_of(invoice.merchant_id, [invoice.id, invoice.customer_id])
    return any(row.paused_at is not None for row in rows)


async def resumed_on(invoice: InvoiceRecord) -> date:
    """When the last pause of the invoice or its customer ended; before all days where there was none."""
    rows = await reminder_store.pauses_of(invoice.merchant_id, [invoice.id, invoice.customer_id])
    return max((row.resumed_on for row in rows if row.resumed_on is not None), default=date.min)


async def reschedule(subject: str) -> Later | None:
    """Ring the bells of a merchant's open invoices, or of a customer's. Run by the outbox."""
    merchant_id, _, customer_id = subject.partition(":")
    after = ""
    while True:
        async with transaction():
            ids = await reminder_store.reminded_invoices(
                merchant_id, customer_id or None, after_id=after, limit=AT_ONCE
            )
            for invoice_id in ids:
                await wake(invoice_id)
        if len(ids) < AT_ONCE:
            return None
        after = ids[-1]


async def _set_invoice(merchant_id: str, invoice_id: str, is_paused: bool, idempotency_id: str | None) -> InvoiceRecord:
    async with transaction():
        invoice = await applications.lock(merchant_id, invoice_id)
        is_new = await is_reminded_of(merchant_id, invoice_id) is is_paused
        if is_new:
            await _put(merchant_id, invoice_id, is_paused=is_paused)
            await wake(invoice_id)
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
        if is_new:
            await _told(merchant_id, invoice_id, is_paused=is_paused)
    return invoice


async def _put(merchant_id: str, subject_id: str, *, is_paused: bool) -> None:
    await reminder_store.put_pause(
        new_id("rps"),
        merchant_id,
        subject_id,
        paused_at=clock_port.now() if is_paused else None,
        resumed_on=None if is_paused else await today_of(merchant_id),
    )


async def _told(merchant_id: str, subject_id: str, *, is_paused: bool) -> None:
    """Of what a person did: what follows from a dispute or a refund is told by that."""
    action = Action.REMINDERS_PAUSED if is_paused else Action.REMINDERS_RESUMED
    await audit.record(merchant_id, action, subject_id, clock_port.now())
