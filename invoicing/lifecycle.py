"""The states of an invoice, what may follow what, and how money moves it along."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from currency.money import Money
from invoicing.errors import PaymentMismatch, WrongState


class InvoiceState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    CREDITED = "credited"


# What was issued is credited, never voided: nothing leads back to DRAFT.
TRANSITIONS: dict[InvoiceState, frozenset[InvoiceState]] = {
    InvoiceState.DRAFT: frozenset({InvoiceState.OPEN, InvoiceState.PAID}),
    InvoiceState.OPEN: frozenset(
        {InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.UNCOLLECTIBLE, InvoiceState.CREDITED}
    ),
    InvoiceState.PARTLY_PAID: frozenset({InvoiceState.PAID, InvoiceState.UNCOLLECTIBLE, InvoiceState.CREDITED}),
    InvoiceState.UNCOLLECTIBLE: frozenset({InvoiceState.PAID, InvoiceState.CREDITED}),
    InvoiceState.PAID: frozenset({InvoiceState.CREDITED}),
    InvoiceState.CREDITED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class AppliedPayment:
    """What a payment did. `paid` is the invoice's new paid amount, `applied + surplus` is what came in."""

    state: InvoiceState
    paid: Money
    applied: Money
    surplus: Money


def state_at_issue(total: Money) -> InvoiceState:
    """Open, or paid at once where nothing is owed."""
    return InvoiceState.OPEN if total.minor > 0 else InvoiceState.PAID


def require_transition(before: InvoiceState, after: InvoiceState) -> None:
    """Raises WrongState unless the table allows the step."""
    if after not in TRANSITIONS[before]:
        raise WrongState("state", f"an invoice that is {before} cannot become {after}")


def apply_payment(state: InvoiceState, *, total: Money, paid: Money, amount: Money) -> AppliedPayment:
    """Put `amount` against what is still owed; what is left over is surplus for the caller to credit or send back.

    An uncollectible invoice stays so until it is paid in full. Money for a paid or credited invoice is all surplus.
    Raises WrongState for a draft, PaymentMismatch for another currency or an amount that is not positive.
    """
    if state is InvoiceState.DRAFT:
        raise WrongState("state", "a draft owes nothing yet; finalize it first")
    if amount.currency != total.currency:
        raise PaymentMismatch("amount.currency", f"the invoice is in {total.currency}, not {amount.currency}")
    if amount.minor <= 0:
        raise PaymentMismatch("amount.amount", "must be positive")
    owed = _owed(state, total, paid)
    applied = min(amount, owed)
    now_paid = paid + applied
    return AppliedPayment(_state_after(state, total, now_paid, applied), now_paid, applied, amount - applied)


def _owed(state: InvoiceState, total: Money, paid: Money) -> Money:
    settled = state in (InvoiceState.PAID, InvoiceState.CREDITED)
    return Money(0, total.currency) if settled else total - paid


def _state_after(state: InvoiceState, total: Money, paid: Money, applied: Money) -> InvoiceState:
    if applied.minor == 0:
        return state
    after = InvoiceState.PAID if paid == total else InvoiceState.PARTLY_PAID
    if after is InvoiceState.PARTLY_PAID and state is InvoiceState.UNCOLLECTIBLE:
        return state
    if after is not state:
        require_transition(state, after)
    return after
