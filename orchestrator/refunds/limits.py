"""Above which amount a refund needs a second pair of eyes."""

from __future__ import annotations

from orchestrator.approvals import policy
from orchestrator.approvals import store as approval_store
from orchestrator.approvals.policy import ApprovalNeeded
from orchestrator.payments.records import PaymentRow


async def refuse_alone(payment: PaymentRow, reserved_minor: int, amount_minor: int) -> None:
    """In the transaction that makes a refund. Raises ApprovalNeeded."""
    limits = await approval_store.refund_limits(payment.merchant_id)
    if policy.needs_approval(limits, payment.currency, reserved_minor, amount_minor):
        limit, currency = limits[payment.currency], payment.currency
        raise ApprovalNeeded("Refunds of a payment", limit, currency, "POST /v1/payments/{id}/refunds")
