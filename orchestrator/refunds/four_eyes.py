"""Refunds that need a second pair of eyes: asked for, approved by another, and then checked anew and made once."""

from __future__ import annotations

from orchestrator.access.store import bind_idempotency
from orchestrator.approvals import policy
from orchestrator.approvals import service as approvals
from orchestrator.approvals import store as approval_store
from orchestrator.approvals.states import ApprovalKind
from orchestrator.approvals.store import ApprovalRow
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.payments import store as payment_store
from orchestrator.refunds import service
from orchestrator.refunds.service import refundable_minor, reserved_minor


async def is_needed(merchant_id: str, payment_id: str, amount_minor: int | None) -> bool:
    """Whether a refund of this amount (None: of all that is left) needs an approval. Raises NotFound."""
    payment = await payment_store.payment(payment_id)
    if payment is None or payment.merchant_id != merchant_id:
        raise NotFound("payment", payment_id)
    limits = await approval_store.refund_limits(merchant_id)
    if payment.currency not in limits:
        return False
    story = await payment_store.story_of(payment)
    asked = refundable_minor(story) if amount_minor is None else amount_minor
    return policy.needs_approval(limits, payment.currency, reserved_minor(story), asked)


async def ask(
    merchant_id: str, payment_id: str, amount_minor: int | None, reason: str, idempotency_id: str | None = None
) -> ApprovalRow:
    """Ask for a refund. What is left to give back is looked at now, and again when it is made.

    Raises NotFound, InvalidField, Conflict while another refund of this payment waits for its approval.
    """
    async with transaction():
        payment = await payment_store.lock_payment(payment_id)
        if payment is None or payment.merchant_id != merchant_id:
            raise NotFound("payment", payment_id)
        left = refundable_minor(await payment_store.story_of(payment))
        amount = left if amount_minor is None else amount_minor
        if not 0 < amount <= left:
            raise InvalidField("amount", f"must be between 1 and the {left} that are left to give back")
        told = {"amount_minor": amount, "currency": payment.currency}
        row = await approvals.ask(
            ApprovalKind.REFUND, merchant_id, payment_id, {"amount_minor": amount, "reason": reason}, told
        )
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return row


async def carry_out(row: ApprovalRow) -> None:
    """Make the refund that was approved. Raises whatever refuses it by now."""
    amount_minor, reason = int(row.payload["amount_minor"]), str(row.payload["reason"])
    await service.create(row.merchant_id, row.subject, amount_minor, reason, approval_id=row.id)
