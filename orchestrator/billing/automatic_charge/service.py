"""Charges a customer's kept payment method when an invoice falls due: who agreed to it, and for which invoices.

What rings, charges and judges is in `automatic_charge_work`; nothing is charged that was not switched on here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from invoicing import application_store
from invoicing import service as invoicing
from invoicing.documents import DocumentType
from invoicing.errors import InvoiceNotFound
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from orchestrator import clock_port, outbox
from orchestrator.access import audit
from orchestrator.access import service as access
from orchestrator.access.audit import Action
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.automatic_charge import plan, store
from orchestrator.billing.automatic_charge.states import PENDING, ChargeState
from orchestrator.billing.automatic_charge.store import ChargeRow, SettingRow
from orchestrator.billing.paying import PAYABLE
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.customers import kept_methods
from orchestrator.customers import service as customers
from orchestrator.customers.kept_methods import MethodStatus
from orchestrator.customers.method_store import MethodRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.payments.kept import FOR_MERCHANT

TOPIC = "invoice.charge"
DEFAULT = "default"


async def switch_on(merchant_id: str, customer_id: str, payment_method_id: str) -> SettingRow:
    """Charge the customer's invoices when they fall due, those that are issued from now on: with the method, or with
    the customer's default at the time (`default`).

    Raises NotFound (customer, method); InvalidField where the method is not the customer's, cannot be charged, or was
    not kept for charges without them.
    """
    customer = await customers.get(merchant_id, customer_id)
    if customer.deleted_at is not None:
        raise NotFound("customer", customer_id)
    named = None if payment_method_id == DEFAULT else payment_method_id
    method_id = named or customer.default_payment_method_id
    if method_id is None:
        raise InvalidField(
            "payment_method_id", "cannot be default: the customer has none. Make one the default, or name one"
        )
    _require_chargeable(await kept_methods.get(merchant_id, method_id), customer_id)
    now = clock_port.now()
    said = {"payment_method_id": named or DEFAULT}
    async with transaction():
        await store.put_setting(customer_id, merchant_id, named, now)
        await audit.record(merchant_id, Action.AUTOMATIC_CHARGE_ON, customer_id, now, after=said)
    return SettingRow(customer_id, merchant_id, named, now, now)


def _require_chargeable(method: MethodRow, customer_id: str) -> None:
    if method.customer_id != customer_id:
        raise InvalidField("payment_method_id", "is another customer's: name one of this customer's")
    if method.status != MethodStatus.ACTIVE:
        raise InvalidField("payment_method_id", f"is {method.status} and cannot be charged: name an active one")
    if method.agreement not in FOR_MERCHANT:
        agreed = f"was kept as {method.agreement}, for payments at which the customer is there"
        raise InvalidField("payment_method_id", f"{agreed}: have one kept with the agreement unscheduled")


async def switch_off(merchant_id: str, customer_id: str) -> None:
    """Charge the customer by itself no more, open invoices included. Repeating it does nothing. Raises NotFound.

    A payment that is under way is not broken off; nothing follows it.
    """
    await customers.get(merchant_id, customer_id)
    now = clock_port.now()
    async with transaction():
        was_on = await store.setting(customer_id) is not None
        await store.delete_setting(customer_id)
        for invoice_id in await store.stop_all(customer_id, now):
            await reminders_policy.wake(invoice_id)
        if was_on:
            await audit.record(merchant_id, Action.AUTOMATIC_CHARGE_OFF, customer_id, now)


async def setting_of(merchant_id: str, customer_id: str) -> SettingRow | None:
    """What is switched on for the customer. Raises NotFound."""
    await customers.get(merchant_id, customer_id)
    return await store.setting(customer_id)


async def schedule_within(invoices: Sequence[InvoiceRecord], now: datetime) -> None:
    """Have those invoices that were just issued charged when they fall due whose customers have that switched on. In
    the caller's transaction."""
    owed = [invoice for invoice in invoices if invoice.customer_id and invoice.state in PAYABLE]
    switched_on = await store.switched_on({invoice.customer_id for invoice in owed})
    for invoice in owed:
        if invoice.customer_id in switched_on:
            charge = await _scheduled(invoice, 0, now)
            if await store.insert(charge):
                await _ring(charge)


async def set_for_invoice(
    merchant_id: str, invoice_id: str, enabled: bool, idempotency_id: str | None = None
) -> ChargeRow:
    """Switch it off or on for one invoice. Switched on after it had failed or ended, it begins anew.

    Raises InvoiceNotFound; InvalidField where nothing is switched on for the customer; Conflict where nothing is owed.
    """
    now = clock_port.now()
    async with transaction():
        invoice = await invoicing.locked(merchant_id, invoice_id)
        if invoice.kind is not DocumentType.INVOICE:
            raise InvoiceNotFound(invoice_id)
        before = await store.lock(invoice_id)
        charge = await _switched_on(invoice, before, now) if enabled else _switched_off(invoice, before, now)
        if charge != before and (charge.due_at is not None or charge.state is ChargeState.OFF):
            await store.put(charge)
            await _ring(charge)
            await reminders_policy.wake(invoice_id)
        if idempotency_id:
            await bind_idempotency(idempotency_id, invoice_id)
        if before is None or before.state not in (PENDING if enabled else (ChargeState.OFF,)):
            action = Action.AUTOMATIC_CHARGE_ON if enabled else Action.AUTOMATIC_CHARGE_OFF
            await audit.record(merchant_id, action, invoice_id, now)
    return charge


def _switched_off(invoice: InvoiceRecord, before: ChargeRow | None, now: datetime) -> ChargeRow:
    charge = before or _new(invoice, now)
    return structs.replace(charge, state=ChargeState.OFF, due_at=None, updated_at=now)


async def _switched_on(invoice: InvoiceRecord, before: ChargeRow | None, now: datetime) -> ChargeRow:
    if not invoice.customer_id or await store.setting(invoice.customer_id) is None:
        remedy = "switch it on for the customer first: PUT /v1/customers/{id}/automatic-charge"
        raise InvalidField("enabled", f"cannot be true, since the customer is not charged automatically; {remedy}")
    if invoice.state is InvoiceState.DRAFT:
        await store.delete(invoice.id)  # its issue schedules it as any other
        return structs.replace(_new(invoice, now), state=ChargeState.SCHEDULED)
    if invoice.state not in PAYABLE:
        raise Conflict(f"The invoice is {invoice.state.value}: nothing is owed.")
    if before is not None and before.state in PENDING:
        return before
    charge = await _scheduled(invoice, plan.first_open_part(invoice), now)
    rows = await application_store.applications_of(invoice.id)
    back = plan.times_gone_back(rows)
    return structs.replace(charge, returns=back, payment_id=before.payment_id if before else None)


async def of_invoice(merchant_id: str, invoice_id: str) -> ChargeRow | None:
    """Where the invoice's charge stands; None where there was never one. Raises InvoiceNotFound."""
    found = await invoicing.get(merchant_id, invoice_id)
    if found.kind is not DocumentType.INVOICE:
        raise InvoiceNotFound(invoice_id)
    return await store.find(invoice_id)


async def is_pending(invoice_id: str) -> bool:
    """Whether the invoice is going to be charged by itself, is being charged, or will be tried again: no reminder
    goes out meanwhile."""
    return await store.is_pending(invoice_id)


async def _scheduled(invoice: InvoiceRecord, part: int, now: datetime) -> ChargeRow:
    zone = plan.zone_of((await access.get_merchant(invoice.merchant_id)).profile)
    due_at = plan.due_at(invoice, part, zone)
    return structs.replace(_new(invoice, now), state=ChargeState.SCHEDULED, part=part, due_at=due_at)


def _new(invoice: InvoiceRecord, now: datetime) -> ChargeRow:
    return ChargeRow(
        invoice_id=invoice.id,
        merchant_id=invoice.merchant_id,
        customer_id=invoice.customer_id,
        state=ChargeState.OFF,
        part=0,
        tries=0,
        returns=0,
        payment_id=None,
        reason="",
        due_at=None,
        created_at=now,
        updated_at=now,
    )


async def _ring(charge: ChargeRow) -> None:
    if charge.due_at is not None:
        await outbox.enqueue(TOPIC, charge.invoice_id, charge.due_at)
