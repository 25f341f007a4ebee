"""Which of the events of invoices are told to the outside, and how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from invoicing.events import InvoiceEvent, InvoiceEventKind
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.events import EventType
from orchestrator.notifications.service import record

_TYPES = {
    InvoiceEventKind.ISSUED: EventType.INVOICE_ISSUED,
    InvoiceEventKind.PAYMENT_APPLIED: EventType.INVOICE_PAYMENT_APPLIED,
    InvoiceEventKind.PAID: EventType.INVOICE_PAID,
    InvoiceEventKind.OVERPAID: EventType.INVOICE_PAYMENT_SURPLUS,
    InvoiceEventKind.CREDITED: EventType.INVOICE_CREDITED,
    InvoiceEventKind.UNCOLLECTIBLE: EventType.INVOICE_UNCOLLECTIBLE,
    InvoiceEventKind.REOPENED: EventType.INVOICE_REOPENED,
}


async def tell(events: Sequence[InvoiceEvent], now: datetime) -> None:
    """Record the events, in the transaction that caused them."""
    for event in events:
        if event.kind in _TYPES:
            await record(_TYPES[event.kind], event.merchant_id, event.invoice_id, _data(event), now)
        if event.kind is InvoiceEventKind.REOPENED:
            await reminders_policy.reopened_within(event.merchant_id, event.invoice_id)


def _data(event: InvoiceEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "number": event.number,
        "total_minor": event.total_minor,
        "paid_minor": event.paid_minor,
        "currency": event.currency,
    }
    if event.payment_id is not None:
        data |= {
            "payment": event.payment_id,
            "applied_minor": event.applied_minor,
            "surplus_minor": event.surplus_minor,
        }
    return data
