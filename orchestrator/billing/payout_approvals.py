"""Payouts of customers' credit that need a second pair of eyes: asked for, approved by another, then checked anew and
recorded once. Whoever pays waits with the transfer until then."""

from __future__ import annotations

from datetime import date
from typing import Any

from currency.money import Money
from invoicing import reversal_store
from orchestrator.access.store import bind_idempotency
from orchestrator.approvals import service as approvals
from orchestrator.approvals import store as approval_store
from orchestrator.approvals.states import ApprovalKind
from orchestrator.approvals.store import ApprovalRow
from orchestrator.billing import credit_payouts
from orchestrator.billing.credit_payouts import NewPayout
from orchestrator.db import hold, transaction


async def is_needed(merchant_id: str, new: NewPayout) -> bool:
    """Whether the payout needs an approval; one that is recorded already, by its reference, does not any more."""
    if await credit_payouts.limit_of(merchant_id, new) is None:
        return False
    return await reversal_store.find_payout_by_reference(merchant_id, new.reference) is None


async def ask(merchant_id: str, new: NewPayout, idempotency_id: str | None = None) -> ApprovalRow:
    """Ask for a payout. The credit is looked at now, and again when it is recorded. The same request again is the one
    that is open. Raises InvalidField, Conflict while another payout to this customer waits for its approval."""
    asked = _payload(new)
    async with transaction():
        await hold(f"credit-payout-approval:{merchant_id}:{new.customer_id}")
        row = await approval_store.open_one(merchant_id, ApprovalKind.CREDIT_PAYOUT, new.customer_id)
        if row is None or any(row.payload[name] != value for name, value in asked.items()):
            await credit_payouts.require_possible(merchant_id, new)
            told = {"amount_minor": new.amount.minor, "currency": new.amount.currency, "reference": new.reference}
            row = await approvals.ask(ApprovalKind.CREDIT_PAYOUT, merchant_id, new.customer_id, asked, told)
        if idempotency_id:
            await bind_idempotency(idempotency_id, row.id)
    return row


async def carry_out(row: ApprovalRow) -> None:
    """Record the payout that was approved. Raises whatever refuses it by now."""
    asked = row.payload
    amount = Money(int(asked["amount_minor"]), str(asked["currency"]))
    new = NewPayout(row.subject, amount, str(asked["reference"]), date.fromisoformat(asked["paid_on"]))
    await credit_payouts.pay_out(row.merchant_id, new, approval_id=row.id)


def _payload(new: NewPayout) -> dict[str, Any]:
    return {
        "amount_minor": new.amount.minor,
        "currency": new.amount.currency,
        "reference": new.reference,
        "paid_on": new.paid_on.isoformat(),
    }
