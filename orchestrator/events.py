"""The names of what is told to the outside. An incident is an event that a person should look at."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    PAYMENT_CREATED = "payment.created"
    PAYMENT_AUTHORISED = "payment.authorised"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_CANCELED = "payment.canceled"
    PAYMENT_REQUIRES_ACTION = "payment.requires_action"
    PAYMENT_NEEDS_REVIEW = "payment.needs_review"
    PAYMENT_FAILED_OVER = "payment.failed_over"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_UPDATED = "dispute.updated"
    DISPUTE_WON = "dispute.won"
    DISPUTE_LOST = "dispute.lost"
    DISPUTE_ACCEPTED = "dispute.accepted"
    DISPUTE_EVIDENCE_SUBMITTED = "dispute.evidence_submitted"
    DISPUTE_EVIDENCE_DUE_SOON = "dispute.evidence_due_soon"
    DISPUTE_NEEDS_REVIEW = "dispute.needs_review"
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_SENT = "invoice.sent"
    INVOICE_PAID = "invoice.paid"
    INVOICE_PAYMENT_SURPLUS = "incident.invoice_payment_surplus"
    INVOICE_PAYMENT_TAKEN_BACK = "incident.invoice_payment_taken_back"
    DISPUTE_UNMATCHED = "incident.dispute_unmatched"
    REFUND_AND_DISPUTE = "incident.refund_and_dispute"
    LATE_SUCCESS = "incident.late_success"
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    WEBHOOK_ENDPOINT_TEST = "webhook_endpoint.test"
