"""Customers' credit that was paid back outside of the gateways, such as by bank transfer: told once, never too much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from currency.money import Money
from invoicing import reversal_store
from invoicing.errors import PaymentMismatch
from invoicing.reversal_store import PayoutRow
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.approvals import policy
from orchestrator.approvals import service as approvals
from orchestrator.approvals import store as approval_store
from orchestrator.approvals.policy import ApprovalNeeded
from orchestrator.billing import customer_credit
from orchestrator.billing.bookings import BANK, credit_of
from orchestrator.billing.money_days import refuse_future
from orchestrator.db import hold, transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.ledger import rules
from orchestrator.ledger.service import JournalKind, post
from orchestrator.notifications.service import record

TOGETHER = timedelta(days=30)  # payouts to a customer that count as one for the limit: many small ones are large


@dataclass(frozen=True, slots=True)
class NewPayout:
    """Credit that the customer got back on a day; `reference` tells it from all other payouts of the merchant."""

    customer_id: str
    amount: Money
    reference: str
    paid_on: date


async def pay_out(
    merchant_id: str, new: NewPayout, idempotency_id: str | None = None, *, approval_id: str | None = None
) -> PayoutRow:
    """Record a payout, once for each reference, however often it is told. The caller has seen the customer.

    Raises InvalidField for more than the customer's credit or a day to come, PaymentMismatch where the reference was
    told before of another payout, ApprovalNeeded above the merchant's limit without `approval_id`, which is then
    used up.
    """
    async with transaction():
        await hold(f"credit-payout:{merchant_id}:{new.reference}")
        made = await reversal_store.find_payout_by_reference(merchant_id, new.reference)
        if made is None:
            made = await _pay_out(merchant_id, new, approval_id)
        elif approval_id:
            raise Conflict("A payout of this reference was recorded meanwhile.")
        elif NewPayout(made.customer_id, made.amount, made.reference, made.paid_on) != new:
            raise PaymentMismatch("reference", "was told before, with another amount, customer or day")
        if idempotency_id:
            await bind_idempotency(idempotency_id, made.id)
    return made


async def get(merchant_id: str, payout_id: str) -> PayoutRow:
    """Raises NotFound."""
    found = await reversal_store.find_payout(merchant_id, payout_id)
    if found is None:
        raise NotFound("credit payout", payout_id)
    return found


async def require_possible(merchant_id: str, new: NewPayout) -> None:
    """In a transaction the credit stays until its end. Raises InvalidField."""
    refuse_future("paid_on", new.paid_on, "tell it once it is paid")
    left = await customer_credit.balance(merchant_id, new.customer_id, new.amount.currency)
    if new.amount > left:
        what = f"must be at most {max(0, left.minor)}, which is the customer's credit in {left.currency}"
        raise InvalidField("amount.amount", what)


async def limit_of(merchant_id: str, new: NewPayout) -> int | None:
    """The merchant's limit that this payout exceeds with those of the same customer before it, None where it does not.
    It is the one of refunds: to give back what was paid too much is one thing, whichever way."""
    currency = new.amount.currency
    limits = await approval_store.refund_limits(merchant_id)
    if currency not in limits:
        return None
    since = clock_port.now() - TOGETHER
    before = await reversal_store.paid_out_since(merchant_id, new.customer_id, currency, since)
    return limits[currency] if policy.needs_approval(limits, currency, before, new.amount.minor) else None


async def _pay_out(merchant_id: str, new: NewPayout, approval_id: str | None) -> PayoutRow:
    now = clock_port.now()
    await require_possible(merchant_id, new)
    limit = None if approval_id else await limit_of(merchant_id, new)
    if limit is not None:
        what, span = "Payouts of a customer's credit", f" in {TOGETHER.days} days"
        raise ApprovalNeeded(what, limit, new.amount.currency, "POST /v1/customer-credits/payouts", span)
    made = PayoutRow(
        id=new_id("cpo"),
        merchant_id=merchant_id,
        customer_id=new.customer_id,
        amount=new.amount,
        reference=new.reference,
        paid_on=new.paid_on,
        created_at=now,
    )
    await reversal_store.insert_payout(made)
    await post(
        f"credit-payout:{made.id}",
        rules.moved((credit_of(new.customer_id), BANK, new.amount)),
        merchant_id=merchant_id,
        kind=JournalKind.CREDIT_PAYOUT,
        at=now,
        memo=f"credit paid out, {new.reference}",
    )
    data: dict[str, str | int] = {
        "customer": new.customer_id,
        "reference": new.reference,
        "paid_on": new.paid_on.isoformat(),
    }
    data |= {"amount_minor": new.amount.minor, "currency": new.amount.currency}
    await record(EventType.CUSTOMER_CREDIT_PAID_OUT, merchant_id, made.id, data, now)
    if approval_id:
        await approvals.executed(approval_id, made.id, now)
    return made
