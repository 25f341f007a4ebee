"""The states of an invoice, what may follow what, and how money moves it along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from currency.money import Money
from invoicing.drafts import DocumentType
from invoicing.errors import PaymentMismatch, WrongState


class InvoiceState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    CREDITED = "credited"
    # of documents by which nothing is owed
    ISSUED = "issued"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class ApplicationKind(StrEnum):
    """What changes how much of an invoice is owed. Those that undo another are negative."""

    PAYMENT = "payment"  # captured by a gateway
    CORRECTION = "correction"  # a gateway took more, or took less after all
    REFUND = "refund"
    CHARGEBACK = "chargeback"  # lost in a dispute, or won back
    RECEIPT = "receipt"  # received outside of the gateways
    RECEIPT_REVERSAL = "receipt_reversal"  # a receipt that bounced, or was none
    CREDIT = "credit"  # the customer's credit spent
    CREDIT_NOTE = "credit_note"
    DISCOUNT = "discount"  # for paying early
    WRITE_OFF = "write_off"


_DOCUMENT = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID, InvoiceState.PAID})
# What was issued is credited, never voided: nothing leads back to DRAFT. Money that goes back opens an invoice again.
TRANSITIONS: dict[InvoiceState, frozenset[InvoiceState]] = {
    InvoiceState.DRAFT: frozenset({InvoiceState.OPEN, InvoiceState.PAID, InvoiceState.ISSUED}),
    InvoiceState.OPEN: frozenset(
        {InvoiceState.PARTLY_PAID, InvoiceState.PAID, InvoiceState.UNCOLLECTIBLE, InvoiceState.CREDITED}
    ),
    InvoiceState.PARTLY_PAID: frozenset(
        {InvoiceState.OPEN, InvoiceState.PAID, InvoiceState.UNCOLLECTIBLE, InvoiceState.CREDITED}
    ),
    InvoiceState.UNCOLLECTIBLE: _DOCUMENT | {InvoiceState.CREDITED},
    InvoiceState.PAID: frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID, InvoiceState.CREDITED}),
    InvoiceState.CREDITED: frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID}),
    InvoiceState.ISSUED: frozenset({InvoiceState.ACCEPTED, InvoiceState.DECLINED}),
    InvoiceState.ACCEPTED: frozenset(),
    InvoiceState.DECLINED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What has settled an invoice so far, in minor units of its currency. `total` is all that is asked of the buyer,
    the rounding for cash included; `paid` is money and the customer's credit, such as a deposit that was paid before;
    `credit_notes` is what the credit notes come to, be it that they settled something or became credit."""

    total: int
    paid: int = 0
    credited: int = 0
    discount: int = 0
    written_off: int = 0
    credit_notes: int = 0

    @property
    def owed(self) -> int:
        return self.total - self.paid - self.credited - self.discount - self.written_off

    def after(self, kind: ApplicationKind, applied: int) -> Standing:
        """With `applied` more settled by an application of that kind."""
        match kind:
            case ApplicationKind.CREDIT_NOTE:
                return replace(self, credited=self.credited + applied)
            case ApplicationKind.DISCOUNT:
                return replace(self, discount=self.discount + applied)
            case ApplicationKind.WRITE_OFF:
                return replace(self, written_off=self.written_off + applied)
            case _:
                return replace(self, paid=self.paid + applied)


def state_of(standing: Standing, before: InvoiceState) -> InvoiceState:
    """The state of an issued invoice by what settled it. Uncollectible it stays while anything is given up of it."""
    if standing.owed > 0:
        return InvoiceState.PARTLY_PAID if standing.paid > 0 else InvoiceState.OPEN
    if standing.credit_notes == standing.total > 0:
        return InvoiceState.CREDITED
    if before is InvoiceState.UNCOLLECTIBLE and standing.written_off > 0:
        return before
    return InvoiceState.PAID


@dataclass(frozen=True, slots=True)
class AppliedPayment:
    """What a payment did. `paid` is the invoice's new paid amount, `applied + surplus` is what came in."""

    state: InvoiceState
    paid: Money
    applied: Money
    surplus: Money


def state_at_issue(total: Money, kind: DocumentType = DocumentType.INVOICE) -> InvoiceState:
    """Open, or paid at once where nothing is owed; by other documents nothing ever is."""
    if kind is not DocumentType.INVOICE:
        return InvoiceState.ISSUED
    return InvoiceState.OPEN if total.minor > 0 else InvoiceState.PAID


def require_transition(before: InvoiceState, after: InvoiceState) -> None:
    """Raises WrongState unless the table allows the step."""
    if after not in TRANSITIONS[before]:
        raise WrongState("state", f"a document that is {before} cannot become {after}")


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
