"""Money that goes back beyond what an invoice has, and comes again: each part takes the same way."""

from __future__ import annotations

from currency.money import Money
from invoicing.lifecycle import ApplicationKind, InvoiceState, Standing
from invoicing.reversal import credit_spent_again, credit_unspent
from invoicing.settling import Move, Settled, TaxShare, kept_aside, received_again, taken_back
from invoicing.tax import TaxKind, TaxTreatment

PAID = InvoiceState.PAID
REFUND, WRITE_OFF, CREDIT = ApplicationKind.REFUND, ApplicationKind.WRITE_OFF, ApplicationKind.CREDIT
VAT = TaxShare(treatment=TaxTreatment(TaxKind.VAT, 1900), base_minor=200, tax_minor=38)


def test_what_nobody_has_is_given_up_and_settles_nothing() -> None:
    back = taken_back(PAID, Standing(total=1000, paid=1000), REFUND, 1800, credit=300, lost=500)
    assert back.moves == (Move(REFUND, -1800, -1000), Move(WRITE_OFF, 500, 0))
    assert (back.standing.owed, back.standing.written_off, back.state) == (1000, 0, InvoiceState.OPEN)
    assert sum(move.credit for move in back.moves) == -300


def test_money_that_is_there_again_undoes_the_loss_and_leaves_others_their_part() -> None:
    open_again = Standing(total=1000)
    here = received_again(InvoiceState.OPEN, open_again, REFUND, Money(1100, "EUR"))
    again = kept_aside(here, REFUND, elsewhere=200, lost=500)
    assert again.moves == (Move(REFUND, 1800, 1000), Move(WRITE_OFF, -500, 0))
    assert sum(move.credit for move in again.moves) == 300


def test_nothing_of_it_may_be_for_this_invoice() -> None:
    standing = Standing(total=1000)
    nothing = received_again(InvoiceState.OPEN, standing, REFUND, Money(0, "EUR"))
    again = kept_aside(nothing, REFUND, elsewhere=200, lost=0)
    assert (again.moves, again.standing) == ((Move(REFUND, 200, 0),), standing)


def test_a_discount_that_went_with_spent_credit_comes_again_with_it() -> None:
    settled = Settled(PAID, Standing(total=11900, paid=11662, discount=238))
    gone = credit_unspent(PAID, settled.standing, 11662, discount=(VAT,))
    assert (gone.standing.owed, gone.state) == (11900, InvoiceState.OPEN)
    again = credit_spent_again(gone.state, gone.standing, 11662, discount=(VAT,))
    assert (again.standing, again.state) == (settled.standing, PAID)
    assert again.moves[-1].taxes == (VAT,)


def test_a_part_of_the_credit_earns_no_discount() -> None:
    again = credit_spent_again(InvoiceState.OPEN, Standing(total=11900), 11000, discount=(VAT,))
    assert again.moves == (Move(CREDIT, 0, 11000),)
