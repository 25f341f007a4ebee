"""What the bell of an automatic charge does: looks, makes the one payment that is owed, and judges what became of it.

Two workers, a worker and the page, a crash in between: the payment has the `source` that the page's would have, which
is unique among open payments, and claims the charge's row in the transaction that makes it. So there is one or none.
No invoice row is locked beside a payment's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec import structs

from currency.money import Money
from invoicing import application_store
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord, find_invoice_by_id
from orchestrator import clock_port, outbox
from orchestrator.access import service as access
from orchestrator.billing.automatic_charge import plan, store
from orchestrator.billing.automatic_charge.plan import Next, Verdict
from orchestrator.billing.automatic_charge.service import TOPIC
from orchestrator.billing.automatic_charge.states import PENDING, WAITS_FOR_BUYER, ChargeState
from orchestrator.billing.automatic_charge.store import ChargeRow
from orchestrator.billing.delivery import service as deliveries
from orchestrator.billing.delivery.states import DeliveryKind
from orchestrator.billing.paying import PAYABLE, give_way, public_url
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.customers import store as customer_store
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.gateways.credentials import Initiator
from orchestrator.installation import service as installation
from orchestrator.ledger.service import AccountKind
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.payments import kept
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment

LOOK_AGAIN = timedelta(seconds=5)
LOOK_AGAIN_MAX = timedelta(hours=1)  # at a payment that is under way; news of it rings sooner
CONTESTED_LOOK_AGAIN = timedelta(hours=6)

_TAKEN = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_CAPTURED)
_REFUSALS = (InvalidField, NotFound, kept.MethodNotActive, kept.AgreementMissing, kept.NetworkTransactionMissing)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be charged. `source` is that of the invoice's one payment, as `paying.payment_for` has it."""

    invoice: InvoiceRecord
    source: str
    amount: Money


class _Moved(Exception):
    """What was to be charged is not so any more: nothing is."""


async def look(invoice_id: str) -> Later | None:
    """The bell: charge what is due, follow a payment that is under way, or wait."""
    charge = await store.find(invoice_id)
    if charge is None:
        return None
    if charge.state is ChargeState.CHARGING:
        return await _follow(charge)
    if charge.due_at is None:
        return None
    now = clock_port.now()
    return await _charge(charge, now) if charge.due_at <= now else Later(charge.due_at)


async def payment_moved(payment_id: str) -> None:
    """A payment of an invoice has come to another status: a charge that waits for it is looked at now."""
    payment = await payment_store.payment(payment_id)
    if payment is None or payment.source is None or not payment.source.startswith("inv_"):
        return
    charge, now = await store.find(payment.source.partition("/")[0]), clock_port.now()
    if charge is None:
        return
    is_due = charge.due_at is not None and charge.due_at <= now
    if not is_due and charge.state is not ChargeState.CHARGING:
        return
    async with transaction():
        await outbox.enqueue(TOPIC, charge.invoice_id, now)


# Before the payment


async def _charge(charge: ChargeRow, now: datetime) -> Later | None:
    setting = await store.setting(charge.customer_id)
    if setting is None:
        return await _end(charge, ChargeState.OFF, "")
    asked = await _asked(charge)
    match asked:
        case Later():
            return asked
        case str():
            return await _end(charge, ChargeState.DONE, asked)
        case _Asked(amount=amount) if not amount.minor:
            return await _next_part(charge, asked.invoice)
        case _Asked():
            pass
        case _:
            assert_never(asked)
    in_the_way = await payment_store.payment_by_source(asked.source)
    if in_the_way is not None and not await give_way(in_the_way.id):
        return _look_later(in_the_way)
    method_id = setting.payment_method_id or await _default_of(charge.customer_id)
    if method_id is None:
        return await _came_to_nothing(charge, asked.invoice, Verdict(Next.STOP, "no_default_payment_method"))
    try:
        await _pay(charge, asked, method_id)
    except (payment_store.SourceTaken, _Moved):
        return Later(now + LOOK_AGAIN)
    except installation.InstallationFrozen:
        return Later(now + timedelta(seconds=installation.LOOK_AGAIN_FROZEN_S))
    except _REFUSALS as refused:
        return await _came_to_nothing(charge, asked.invoice, Verdict(Next.STOP, refused.code))
    return await look(charge.invoice_id)


async def _asked(charge: ChargeRow) -> _Asked | Later | str:
    """What is to be charged now; when to look again; or, in a word, why nothing ever is.

    The payments are counted before what is owed is read. Of one that is applied in between the invoice knows, and the
    old count is a source that is taken: so nobody asks anew for what is paid.
    """
    rows = await application_store.applications_of(charge.invoice_id)
    invoice = await find_invoice_by_id(charge.invoice_id)
    now = clock_port.now()
    if invoice is None or invoice.document is None or invoice.state not in PAYABLE:
        return "nothing_owed"
    if plan.times_gone_back(rows) > charge.returns:
        return "money_went_back"
    if invoice.disputed_at is not None:
        return Later(now + CONTESTED_LOOK_AGAIN)
    applied = sum(row.kind is ApplicationKind.PAYMENT for row in rows)
    return _Asked(invoice, f"{invoice.id}/{applied}", plan.asked(invoice, charge.part, now.date()))


async def _default_of(customer_id: str) -> str | None:
    customer = await customer_store.customer(customer_id)
    return customer.default_payment_method_id if customer else None


async def _pay(charge: ChargeRow, asked: _Asked, method_id: str) -> None:
    """Make the payment and charge it. Raises SourceTaken and _Moved where another was first, and what refuses it."""
    document = asked.invoice.document
    assert document is not None

    async def claim(payment: PaymentRow) -> None:
        again = await _asked(charge)
        if not isinstance(again, _Asked) or (again.source, again.amount) != (asked.source, asked.amount):
            raise _Moved
        claimed = structs.replace(
            charge,
            state=ChargeState.CHARGING,
            tries=charge.tries + 1,
            payment_id=payment.id,
            reason="",
            updated_at=payment.created_at,
        )
        if not await store.move(charge, claimed):
            raise _Moved

    new = NewPayment(
        merchant_id=charge.merchant_id,
        amount=asked.amount,
        payment_method_id=method_id,
        initiator=Initiator.MERCHANT,
        country=document.content.buyer.country,
        customer_id=charge.customer_id,
        reference=asked.invoice.number,
        description=asked.invoice.number or "",
        locale=document.content.locale,
        source=asked.source,
        credit_kind=AccountKind.CUSTOMER_RECEIVABLE,
    )
    await payments.create(new, also=claim)


# After it


async def _follow(charge: ChargeRow) -> Later | None:
    """What became of the charge's payment, once it rests. Nothing new is begun before."""
    payment = await payment_store.payment(charge.payment_id or "")
    invoice = await find_invoice_by_id(charge.invoice_id)
    assert payment is not None
    assert invoice is not None
    match payment.status:
        case PaymentStatus.CAPTURED | PaymentStatus.PARTIALLY_CAPTURED:
            rows = await application_store.applications_of(charge.invoice_id)
            is_applied = any(row.source_id == payment.id for row in rows)
            return await _next_part(charge, invoice) if is_applied else _look_later(payment)
        case PaymentStatus.FAILED | PaymentStatus.CANCELED:
            verdict = plan.verdict_of(await payment_store.story_of(payment))
            return await _came_to_nothing(charge, invoice, verdict)
        case PaymentStatus.REQUIRES_ACTION:
            later = await _came_to_nothing(charge, invoice, Verdict(Next.BUYER, "authentication_required"))
            await payments.cancel(charge.merchant_id, payment.id)  # the page gives the buyer one that they can act on
            return later
        case _:
            return _look_later(payment)


def _look_later(payment: PaymentRow) -> Later:
    now = clock_port.now()
    return Later(now + min(max(LOOK_AGAIN, now - payment.updated_at), LOOK_AGAIN_MAX))


async def _next_part(charge: ChargeRow, invoice: InvoiceRecord) -> Later | None:
    """This part is paid: the next one waits for its day."""
    due_at = await _due_at(invoice, charge.part + 1)
    if due_at is None:
        return await _end(charge, ChargeState.DONE, "")
    after = structs.replace(charge, state=ChargeState.SCHEDULED, part=charge.part + 1, tries=0, due_at=due_at)
    return await _move(charge, after)


async def _end(charge: ChargeRow, state: ChargeState, reason: str) -> Later | None:
    return await _move(charge, structs.replace(charge, state=state, reason=reason, due_at=None))


async def _came_to_nothing(charge: ChargeRow, invoice: InvoiceRecord, verdict: Verdict) -> Later | None:
    """Tell of it, and try again later, or leave it to the buyer; the next instalment begins anew on its day."""
    now = clock_port.now()
    profile = (await access.get_merchant(charge.merchant_id)).profile
    again_at = plan.again_at(verdict, charge.tries, plan.retry_after_days(profile), now)
    after = structs.replace(charge, state=ChargeState.RETRYING, reason=verdict.reason, due_at=again_at)
    if again_at is None:
        state = ChargeState.NEEDS_ACTION if verdict.next is Next.BUYER else ChargeState.FAILED
        due_at = await _due_at(invoice, charge.part + 1)
        part, tries = (charge.part + 1, 0) if due_at is not None else (charge.part, charge.tries)
        after = structs.replace(after, state=state, part=part, tries=tries, due_at=due_at)
    event, data = _news(charge, after, invoice, verdict)
    async with transaction():
        moved = await _write(charge, after, now)
        if moved:
            await record(event, charge.merchant_id, charge.invoice_id, data, now)
        if moved and after.state in WAITS_FOR_BUYER:
            await _write_to_buyer(invoice)
    return _look_at(after, moved, now)


def _news(
    before: ChargeRow, after: ChargeRow, invoice: InvoiceRecord, verdict: Verdict
) -> tuple[EventType, dict[str, Any]]:
    data: dict[str, Any] = {
        "number": invoice.number,
        "reason": verdict.reason,
        "payment": before.payment_id if before.state is ChargeState.CHARGING else None,
        "tries": before.tries,
    }
    if after.state is ChargeState.NEEDS_ACTION:
        return EventType.INVOICE_CHARGE_NEEDS_ACTION, data | {"pay_url": public_url(invoice)}
    again = after.due_at.isoformat() if after.state is ChargeState.RETRYING and after.due_at else None
    return EventType.INVOICE_CHARGE_FAILED, data | {"next_try_at": again}


async def _write_to_buyer(invoice: InvoiceRecord) -> None:
    assert invoice.document is not None
    await deliveries.request(
        invoice.merchant_id,
        object_id=invoice.id,
        kind=DeliveryKind.CHARGE,
        to=invoice.document.content.buyer.email,
    )


async def _due_at(invoice: InvoiceRecord, part: int) -> datetime | None:
    zone = plan.zone_of((await access.get_merchant(invoice.merchant_id)).profile)
    return plan.due_at(invoice, part, zone)


async def _move(before: ChargeRow, after: ChargeRow) -> Later | None:
    now = clock_port.now()
    async with transaction():
        moved = await _write(before, after, now)
    return _look_at(after, moved, now)


async def _write(before: ChargeRow, after: ChargeRow, now: datetime) -> bool:
    """In the caller's transaction; False where somebody else was first. Reminders go on where nothing is pending."""
    moved = await store.move(before, structs.replace(after, updated_at=now))
    if moved and after.state not in PENDING:
        await reminders_policy.wake(after.invoice_id)
    return moved


def _look_at(after: ChargeRow, moved: bool, now: datetime) -> Later | None:
    if not moved:
        return Later(now + LOOK_AGAIN)
    return Later(after.due_at) if after.due_at is not None else None
