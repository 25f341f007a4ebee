"""What money that is taken back leaves of the invoices that it paid, and of those that its credit paid. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from invoicing.lifecycle import ApplicationKind, InvoiceState, Standing
from invoicing.settling import (
    Earned,
    Exchanged,
    Move,
    Settled,
    TaxShare,
    credit_spent,
    nothing_earned,
    scaled,
    without_unearned,
)


@dataclass(frozen=True, slots=True)
class ReceiptPart:
    """What one invoice has of a receipt, in minor units: `amount` of money, and a rest within the tolerance that was
    `given_up` with it."""

    amount: int
    given_up: int = 0
    exchanged: Exchanged | None = None


def receipt_reversed(
    state: InvoiceState,
    standing: Standing,
    part: ReceiptPart,
    *,
    credit: int,
    discount: Sequence[TaxShare] = (),
    earned: Earned = nothing_earned,
) -> Settled:
    """The receipt's money is gone: out of `credit` first, the customer's; what is beyond that is owed again, and with
    it what the money that is left does not earn of the `discount` that stands. What is left of the credit pays.

    An uncollectible invoice stays one: what it would owe again is given up.
    """
    from_credit = min(credit, part.amount)
    restored = part.amount - from_credit
    exchanged = part.exchanged and _negative(part.exchanged)
    back = Move(ApplicationKind.RECEIPT_REVERSAL, -part.amount, -restored, exchanged=exchanged)
    settled = Settled(state, standing).then(back)
    settled = without_unearned(settled, discount, earned)
    if state is not InvoiceState.UNCOLLECTIBLE:
        given_up = min(part.given_up, standing.written_off)
        settled = settled.then(Move(ApplicationKind.WRITE_OFF, -given_up, -given_up)) if given_up else settled
    paid = min(credit - from_credit, settled.standing.owed - standing.owed)
    return _given_up_again(settled.then(Move(ApplicationKind.CREDIT, 0, paid)) if paid > 0 else settled)


def credit_unspent(
    state: InvoiceState,
    standing: Standing,
    amount: int,
    *,
    discount: Sequence[TaxShare] = (),
    earned: Earned = nothing_earned,
) -> Settled:
    """Credit that was spent on the invoice is the customer's again: so much is owed again, and the discount that what
    is left does not earn."""
    settled = Settled(state, standing).then(Move(ApplicationKind.CREDIT, 0, -amount))
    return _given_up_again(without_unearned(settled, discount, earned))


def credit_spent_again(
    state: InvoiceState, standing: Standing, amount: int, *, discount: Sequence[TaxShare] = ()
) -> Settled:
    """The opposite of `credit_unspent`, with the `discount` that it took away where both settle the invoice. Raises
    WrongState, InvalidInvoice for more than is owed."""
    settled = credit_spent(state, standing, amount)
    rest = settled.standing.owed
    if standing.discount or not 0 < rest <= sum(share.base_minor + share.tax_minor for share in discount):
        return settled
    return settled.then(Move(ApplicationKind.DISCOUNT, rest, rest, scaled(discount, rest)))


def _given_up_again(settled: Settled) -> Settled:
    owed = settled.standing.owed
    if settled.before is not InvoiceState.UNCOLLECTIBLE or not settled.standing.written_off or owed <= 0:
        return settled
    return settled.then(Move(ApplicationKind.WRITE_OFF, owed, owed))


def _negative(exchanged: Exchanged) -> Exchanged:
    difference = exchanged.difference
    return Exchanged(-exchanged.moved, -difference if difference is not None else None)
