"""What happened to a document, returned to the caller, who writes it to the outbox in the same transaction."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class InvoiceEventKind(StrEnum):
    CREATED = "invoice.created"
    ISSUED = "invoice.issued"
    PAYMENT_APPLIED = "invoice.payment_applied"
    PAID = "invoice.paid"
    OVERPAID = "invoice.overpaid"
    CREDITED = "invoice.credited"
    UNCOLLECTIBLE = "invoice.uncollectible"
    REOPENED = "invoice.reopened"


class InvoiceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`payment_id` names the payment, receipt or credit note that is the cause, where there is one; `applied_minor` of
    it settled the invoice and `surplus_minor` did not. Amounts in `currency`."""

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
