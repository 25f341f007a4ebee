"""Above which amount a refund needs a second pair of eyes."""

from __future__ import annotations

from orchestrator.approvals import policy
from orchestrator.approvals import store as approval_store
from orchestrator.errors import ClearwayError
from orchestrator.payments.records import PaymentRow


class ApprovalNeeded(ClearwayError):
    """The merchant wants a second pair of eyes for this."""

    status = 409
    code = "approval_needed"

    def __init__(self, limit: str) -> None:
        super().__init__(
            f"Refunds of a payment above {limit} need the approval of a second person. Ask for it with "
            "POST /v1/payments/{id}/refunds, and have another user or key approve it."
        )


async def refuse_alone(payment: PaymentRow, reserved_minor: int, amount_minor: int) -> None:
    """In the transaction that makes a refund. Raises ApprovalNeeded."""
    limits = await approval_store.refund_limits(payment.merchant_id)
    if policy.needs_approval(limits, payment.currency, reserved_minor, amount_minor):
        raise ApprovalNeeded(f"{limits[payment.currency]} {payment.currency} (minor units)")
