from __future__ import annotations

import pytest

from currency.money import Money
from invoicing.errors import PaymentMismatch, WrongState
from invoicing.lifecycle import TRANSITIONS, AppliedPayment, InvoiceState, apply_payment, state_at_issue

TOTAL = Money(10_000, "EUR")


def pay(state: InvoiceState, amount: int, paid: int = 0) -> AppliedPayment:
    return apply_payment(state, total=TOTAL, paid=Money(paid, "EUR"), amount=Money(amount, "EUR"))


def test_a_full_payment_pays_the_invoice() -> None:
    assert pay(InvoiceState.OPEN, 10_000) == AppliedPayment(
        InvoiceState.PAID, TOTAL, applied=TOTAL, surplus=Money(0, "EUR")
    )


def test_a_part_leaves_the_invoice_partly_paid() -> None:
    assert pay(InvoiceState.OPEN, 4_000).state is InvoiceState.PARTLY_PAID


def test_a_second_part_of_many_keeps_it_partly_paid() -> None:
    after = pay(InvoiceState.PARTLY_PAID, 1, paid=4_000)
    assert (after.state, after.paid) == (InvoiceState.PARTLY_PAID, Money(4_001, "EUR"))


def test_what_is_over_is_surplus() -> None:
    after = pay(InvoiceState.PARTLY_PAID, 7_000, paid=4_000)
    assert (after.state, after.applied, after.surplus) == (InvoiceState.PAID, Money(6_000, "EUR"), Money(1_000, "EUR"))


@pytest.mark.parametrize("state", [InvoiceState.PAID, InvoiceState.CREDITED])
def test_money_for_a_settled_invoice_is_all_surplus(state: InvoiceState) -> None:
    after = pay(state, 500, paid=10_000)
    assert (after.state, after.surplus) == (state, Money(500, "EUR"))


def test_an_uncollectible_invoice_stays_so_until_it_is_paid_in_full() -> None:
    assert pay(InvoiceState.UNCOLLECTIBLE, 1).state is InvoiceState.UNCOLLECTIBLE
    assert pay(InvoiceState.UNCOLLECTIBLE, 10_000).state is InvoiceState.PAID


def test_a_draft_takes_no_money() -> None:
    with pytest.raises(WrongState):
        pay(InvoiceState.DRAFT, 1)


@pytest.mark.parametrize("amount", [Money(1, "USD"), Money(0, "EUR"), Money(-1, "EUR")])
def test_another_currency_or_no_money_is_refused(amount: Money) -> None:
    with pytest.raises(PaymentMismatch):
        apply_payment(InvoiceState.OPEN, total=TOTAL, paid=Money(0, "EUR"), amount=amount)


def test_an_invoice_over_nothing_is_paid_when_it_is_issued() -> None:
    assert state_at_issue(Money(0, "EUR")) is InvoiceState.PAID
    assert state_at_issue(TOTAL) is InvoiceState.OPEN


def test_nothing_leads_back_to_a_draft() -> None:
    assert set(TRANSITIONS) == set(InvoiceState)
    assert all(InvoiceState.DRAFT not in after for after in TRANSITIONS.values())
