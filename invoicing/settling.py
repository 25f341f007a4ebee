"""What money, credit notes, discounts and write-offs do to what is owed of an invoice. Pure: a standing in, moves out.

Nothing is settled twice and nothing is lost: what an invoice does not owe becomes the customer's credit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

import msgspec

from currency.money import Money, round_fraction
from invoicing.allocation import split_discount
from invoicing.documents import InvoiceTotals, IssuedInvoice
from invoicing.errors import InvalidInvoice, WrongState
from invoicing.lifecycle import ApplicationKind, InvoiceState, Standing, apply_payment, state_of
from invoicing.rounding import apportion
from invoicing.terms import discount_at
from invoicing.treatments import TaxTreatment

CREDIT_NOTES_ROUNDING = 2  # minor units by which discounts taken back in proportion may miss the one of what is left
SETTLES_NOTHING = frozenset({InvoiceState.DRAFT, InvoiceState.ISSUED, InvoiceState.ACCEPTED, InvoiceState.DECLINED})


class TaxShare(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a discount that corrects one tax, in minor units: `base_minor` less base, `tax_minor` less tax."""

    treatment: TaxTreatment
    base_minor: int
    tax_minor: int


# What the money that an invoice has earns as a discount for paying early, by how the invoice stands.
Earned = Callable[[Standing], int]


def nothing_earned(_: Standing) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The money of a move in its own currency, with the sign of the move, and what that was more (or less, below zero)
    than the invoice was booked at, in the same currency; None where nothing was booked."""

    moved: Money
    difference: Money | None = None

    def part(self, amount: int, whole: int) -> Exchanged:
        """As much of it as `amount` is of the whole, with its sign."""
        if abs(amount) == abs(whole):
            return self
        share = Fraction(abs(amount), abs(whole))
        moved = Money(round_fraction(self.moved.minor * share), self.moved.currency)
        if self.difference is None:
            return Exchanged(moved)
        return Exchanged(moved, Money(round_fraction(self.difference.minor * share), moved.currency))


@dataclass(frozen=True, slots=True)
class Move:
    """One change of what is owed, in minor units: `applied` is settled by it (restored, where it is negative), the rest
    of `amount` becomes the customer's credit. Credit that is spent has no amount: it brings nothing in.

    `exchanged` is there for money that moved in another currency."""

    kind: ApplicationKind
    amount: int
    applied: int
    taxes: tuple[TaxShare, ...] = ()
    exchanged: Exchanged | None = None

    @property
    def credit(self) -> int:
        return self.amount - self.applied


@dataclass(frozen=True, slots=True)
class Settled:
    """The invoice after the moves, which are in the order in which they happen. `before` counts for its state."""

    before: InvoiceState
    standing: Standing
    moves: tuple[Move, ...] = ()

    @property
    def state(self) -> InvoiceState:
        return state_of(self.standing, self.before)

    def then(self, *moves: Move) -> Settled:
        standing = self.standing
        for move in moves:
            standing = standing.after(move.kind, move.applied)
        return replace(self, standing=standing, moves=(*self.moves, *moves))

    def by_way_of(self, kind: ApplicationKind, amount: int, exchanged: Exchanged | None) -> Settled:
        """The same, where `amount` of that kind moved in another currency; in proportion where less of it counted."""
        if exchanged is None:
            return self
        moves = [
            replace(move, exchanged=exchanged.part(move.amount, amount)) if move.kind is kind else move
            for move in self.moves
        ]
        return replace(self, moves=tuple(moves))


def received(state: InvoiceState, standing: Standing, kind: ApplicationKind, amount: Money) -> Settled:
    """Money came in. What was given up before is recovered by it; what is not owed is surplus.

    Raises WrongState for a draft, PaymentMismatch for an amount that is not positive.
    """
    given_up = standing.written_off if state is InvoiceState.UNCOLLECTIBLE else 0
    paid = apply_payment(
        state,
        total=Money(standing.paid + standing.owed + given_up, amount.currency),
        paid=Money(standing.paid, amount.currency),
        amount=amount,
    )
    applied = paid.applied.minor
    recovered = max(0, applied - standing.owed)
    settled = Settled(state, standing)
    if recovered:
        settled = settled.then(Move(ApplicationKind.WRITE_OFF, -recovered, -recovered))
    return settled.then(Move(kind, amount.minor, applied))


def received_again(
    state: InvoiceState, standing: Standing, kind: ApplicationKind, amount: Money, discount: Sequence[TaxShare] = ()
) -> Settled:
    """Money that had gone back is there again, and with it the `discount` that its going back took away, where the
    invoice is settled by both. Raises as `received` does."""
    if not amount.minor:
        return Settled(state, standing)
    settled = received(state, standing, kind, amount)
    off = min(standing.owed, sum(share.base_minor + share.tax_minor for share in discount))
    if off <= 0 or standing.discount or settled.standing.owed > off:
        return settled
    given = Settled(state, standing).then(Move(ApplicationKind.DISCOUNT, off, off, scaled(discount, off)))
    again = received(state, given.standing, kind, amount)
    return replace(again, moves=(*given.moves, *again.moves))


def kept_aside(settled: Settled, kind: ApplicationKind, *, elsewhere: int, lost: int) -> Settled:
    """With so much more of the kind that settles nothing here: what was `lost` when it went back is no loss any more,
    and what belongs `elsewhere` is the customer's, for the other invoices that it pays again."""
    aside = elsewhere + lost
    if not aside:
        return settled
    mine = next((move for move in settled.moves if move.kind is kind), None)
    others = tuple(move for move in settled.moves if move is not mine)
    more = Move(kind, aside, 0) if mine is None else replace(mine, amount=mine.amount + aside)
    found = (Move(ApplicationKind.WRITE_OFF, -lost, 0),) if lost else ()
    return replace(settled, moves=(*others, more, *found))


def discount_left(standing: Standing, document: IssuedInvoice, paid_on: date) -> int:
    """What a payment on that day may leave off for being early, in minor units; no discount is taken twice."""
    if standing.owed <= 0 or standing.discount or standing.written_off:
        return 0
    asked = discountable(standing, document)
    enough = discount_at(document.content.terms, asked, document.issue_date, paid_on)
    # The rounding for cash is no part of what is taxed: no discount reaches beyond the total.
    return min(standing.owed, asked.minor - enough.accepted.minor, document.totals.total.minor)


def discountable(standing: Standing, document: IssuedInvoice) -> Money:
    """Of what a discount for paying early is taken: of what was payable at issue, less what was credited since."""
    payable = document.totals.payable
    return Money(max(0, payable.minor - standing.credit_notes), payable.currency)


def discounted(settled: Settled, document: IssuedInvoice, paid_on: date) -> Settled:
    """Gives the discount for paying early, where what is paid suffices for it on that day. It corrects the tax."""
    owed = settled.standing.owed
    if not 0 < owed <= discount_left(settled.standing, document, paid_on):
        return settled
    return settled.then(Move(ApplicationKind.DISCOUNT, owed, owed, tax_shares(document.totals, owed)))


def earned_by(document: IssuedInvoice, came: Sequence[tuple[date, int]]) -> Earned:
    """What this money earns at most, each with the day on which it was paid: the discount of the day on which there was
    enough, as far as the invoice has it still."""

    def earned(standing: Standing) -> int:
        asked, there = discountable(standing, document), -document.totals.prepaid.minor
        rounding = CREDIT_NOTES_ROUNDING if standing.credit_notes else 0
        for paid_on, minor in sorted(came):
            there += minor
            have = min(there, standing.paid - document.totals.prepaid.minor) + rounding
            enough = discount_at(document.content.terms, asked, document.issue_date, paid_on)
            if enough.discount.minor and have >= enough.accepted.minor:
                return asked.minor - enough.accepted.minor + rounding
        return 0

    return earned


def without_unearned(settled: Settled, discount: Sequence[TaxShare], earned: Earned) -> Settled:
    """Takes back what the money that is left does not earn of the discount that stands, which is `discount`."""
    off = settled.standing.discount - earned(settled.standing)
    return settled.then(Move(ApplicationKind.DISCOUNT, -off, -off, scaled(discount, -off))) if off > 0 else settled


def within_tolerance(settled: Settled, tolerance: int) -> Settled:
    """Gives up a rest that is no larger than the merchant lets pass, once something was paid."""
    owed = settled.standing.owed
    if not 0 < owed <= tolerance or not settled.standing.paid:
        return settled
    return settled.then(Move(ApplicationKind.WRITE_OFF, owed, owed))


def credit_spent(state: InvoiceState, standing: Standing, amount: int) -> Settled:
    """The customer's credit pays. Raises WrongState, InvalidInvoice for more than is owed."""
    _require_owed(state, standing, amount)
    return Settled(state, standing).then(Move(ApplicationKind.CREDIT, 0, amount))


def given_up(state: InvoiceState, standing: Standing, amount: int) -> Settled:
    """A part or all of what is owed is written off. Raises WrongState, InvalidInvoice for more than is owed."""
    _require_owed(state, standing, amount)
    return Settled(state, standing).then(Move(ApplicationKind.WRITE_OFF, amount, amount))


def uncollectible(state: InvoiceState, standing: Standing) -> Settled:
    """All that is owed is given up; a later payment recovers it. Raises WrongState."""
    _require_owed(state, standing, standing.owed)
    settled = Settled(InvoiceState.UNCOLLECTIBLE, standing)
    return settled.then(Move(ApplicationKind.WRITE_OFF, standing.owed, standing.owed))


def credited(
    state: InvoiceState,
    standing: Standing,
    amount: int,
    discount: Sequence[TaxShare] = (),
    gone: Sequence[TaxShare] = (),
    earned: Earned = nothing_earned,
) -> Settled:
    """A credit note of that amount: it settles what is owed, and what was given up of it; the rest is the customer's.

    A discount that was taken is taken back in proportion (`discount` is what stands of it), so that a customer never
    gets back more than was paid. One that is `gone` since money went back is there again where the money that is left
    suffices with the credit note: no matter which of the two was first. Raises WrongState, InvalidInvoice for more than
    is left to credit.
    """
    if state in SETTLES_NOTHING:
        raise WrongState("state", f"a document that is {state} cannot be credited")
    left = standing.total - standing.credit_notes
    if not 0 <= amount <= left:
        raise InvalidInvoice("parts", f"must come to at most the {left} minor units that are left to credit")
    if not amount:  # what the rounding for cash had left off already
        return Settled(state, standing)
    settled = Settled(state, replace(standing, credit_notes=standing.credit_notes + amount))
    back = round_fraction(Fraction(standing.discount * amount, left))
    if back:
        settled = settled.then(Move(ApplicationKind.DISCOUNT, -back, -back, scaled(discount, -back)))
    recovered = min(max(0, amount - settled.standing.owed), standing.written_off)
    if recovered:
        settled = settled.then(Move(ApplicationKind.WRITE_OFF, -recovered, -recovered))
    settled = settled.then(Move(ApplicationKind.CREDIT_NOTE, amount, min(amount, settled.standing.owed)))
    rest = settled.standing.owed
    if gone and not standing.discount and 0 < rest <= earned(settled.standing):
        settled = settled.then(Move(ApplicationKind.DISCOUNT, rest, rest, scaled(gone, rest)))
    return settled


def taken_back(
    state: InvoiceState,
    standing: Standing,
    kind: ApplicationKind,
    amount: int,
    *,
    credit: int,
    lost: int = 0,
    discount: Sequence[TaxShare] = (),
    earned: Earned = nothing_earned,
) -> Settled:
    """Money went back. First out of `credit`, what is left of the customer's credit that this invoice gave; what is
    beyond that is owed again, but for what is `lost`: that comes from nowhere and is given up. So is the discount owed
    again that the money which is left does not earn; a refund that was surplus leaves it."""
    from_credit = min(credit, amount - lost)
    restored = min(amount - lost - from_credit, standing.paid)
    if not from_credit + restored + lost:
        return Settled(state, standing)
    settled = Settled(state, standing).then(Move(kind, -from_credit - restored - lost, -restored))
    if lost:
        settled = settled.then(Move(ApplicationKind.WRITE_OFF, lost, 0))
    if restored or kind is not ApplicationKind.REFUND:
        settled = without_unearned(settled, discount, earned)
    owed = settled.standing.owed
    if state is InvoiceState.UNCOLLECTIBLE and standing.written_off and owed > 0:
        settled = settled.then(Move(ApplicationKind.WRITE_OFF, owed, owed))
    return settled


def tax_shares(totals: InvoiceTotals, amount: int) -> tuple[TaxShare, ...]:
    """By how much a discount of that amount, tax included, lowers each tax of the document."""
    rows = split_discount(totals, Money(amount, totals.total.currency))
    return tuple(TaxShare(treatment=row.treatment, base_minor=row.base.minor, tax_minor=row.tax.minor) for row in rows)


def scaled(shares: Sequence[TaxShare], amount: int) -> tuple[TaxShare, ...]:
    """The same proportions, summing to `amount`."""
    parts = [part for share in shares for part in (share.base_minor, share.tax_minor)]
    whole = sum(parts)
    if not whole:
        return ()
    minors = apportion([Fraction(part * amount, whole) for part in parts], amount)
    return tuple(
        TaxShare(treatment=share.treatment, base_minor=minors[2 * index], tax_minor=minors[2 * index + 1])
        for index, share in enumerate(shares)
    )


def _require_owed(state: InvoiceState, standing: Standing, amount: int) -> None:
    if state not in (InvoiceState.OPEN, InvoiceState.PARTLY_PAID):
        raise WrongState("state", f"the invoice is {state}: nothing is owed")
    if not 0 < amount <= standing.owed:
        raise InvalidInvoice("amount", f"must be between 1 and the {standing.owed} minor units that are owed")
