"""What happened to an invoice, returned to the caller, who writes it to the outbox in the same transaction."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class InvoiceEventKind(StrEnum):
    CREATED = "invoice.created"
    ISSUED = "invoice.issued"
    PAYMENT_APPLIED = "invoice.payment_applied"
    PAID = "invoice.paid"
    OVERPAID = "invoice.overpaid"


class InvoiceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`payment_id`, `applied_minor` and `surplus_minor` are set where a payment is the cause; amounts in `currency`."""

    kind: InvoiceEventKind
    merchant_id: str
    invoice_id: str
    currency: str
    total_minor: int
    paid_minor: int
    number: str | None = None
    payment_id: str | None = None
    applied_minor: int = 0
    surplus_minor: int = 0
