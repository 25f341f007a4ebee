"""Whatever happens to an invoice in whatever order: never more is settled than is owed, and no money is lost."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from currency.money import Money
from invoicing.application_store import AppliedRow
from invoicing.lifecycle import TRANSITIONS, ApplicationKind, InvoiceState, Standing
from invoicing.settling import (
    Move,
    Settled,
    TaxShare,
    credit_spent,
    credited,
    given_up,
    received,
    scaled,
    taken_back,
    uncollectible,
    within_tolerance,
)
from invoicing.tax import TaxKind, TaxTreatment
from orchestrator import clock_port
from orchestrator.billing.bookings import entries_of

NET_AND_TAX, ROUNDING = 11898, 2  # what is asked is rounded to what can be paid in cash
TOTAL = NET_AND_TAX + ROUNDING
SHARES = (
    TaxShare(treatment=TaxTreatment(TaxKind.VAT, 1900), base_minor=7000, tax_minor=1330),
    TaxShare(treatment=TaxTreatment(TaxKind.VAT, 700), base_minor=3336, tax_minor=234),
)
AMOUNTS = st.integers(1, 2 * TOTAL)
OPEN = (InvoiceState.OPEN, InvoiceState.PARTLY_PAID)


class InvoiceLife(RuleBasedStateMachine):
    """An invoice of 118.98, rounded to 119.00 and some of it paid before, the customer's credit that came from it, and
    the ledger that is kept beside."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.standing = InvoiceState.OPEN, Standing(total=TOTAL)
        self.books: Counter[str] = Counter(
            {"customer_receivable": TOTAL, "sales": -NET_AND_TAX, "cash_rounding": -ROUNDING}
        )
        self.discount: list[TaxShare] = []
        self.money = 0  # that the merchant has of it
        self.came = 0  # to the customer's credit from this invoice

    @initialize(prepaid=st.integers(0, TOTAL))
    def a_deposit_was_paid_before(self, prepaid: int) -> None:
        if prepaid:
            self.credit_comes_from_elsewhere(prepaid)
            self.take(credit_spent(self.state, self.standing, prepaid))

    @rule(amount=AMOUNTS, by_bank=st.booleans())
    def money_comes(self, amount: int, by_bank: bool) -> None:
        kind = ApplicationKind.RECEIPT if by_bank else ApplicationKind.PAYMENT
        settled = received(self.state, self.standing, kind, Money(amount, "EUR"))
        if not by_bank:  # the gateway's capture is posted before
            self.books["clearing"] += amount
            self.books["customer_receivable"] -= amount
        self.money += amount
        self.take(within_tolerance(settled, 5))

    @precondition(lambda self: self.state in OPEN)
    @rule(share=st.integers(1, 100))
    def a_discount_is_taken_with_the_rest(self, share: int) -> None:
        off = max(1, self.standing.owed * share // 100)
        shares = scaled(SHARES, off)
        self.take(Settled(self.state, self.standing).then(Move(ApplicationKind.DISCOUNT, off, off, shares)))

    @rule(amount=AMOUNTS)
    def more_credit_comes_from_elsewhere(self, amount: int) -> None:
        self.credit_comes_from_elsewhere(amount)

    def credit_comes_from_elsewhere(self, amount: int) -> None:
        self.books["bank"] += amount
        self.books["customer_credit"] -= amount

    @precondition(lambda self: self.credit > 0 and self.state in OPEN)
    @rule(share=st.integers(1, 100))
    def credit_is_spent(self, share: int) -> None:
        amount = max(1, min(self.credit, self.standing.owed) * share // 100)
        self.take(credit_spent(self.state, self.standing, amount))

    @precondition(lambda self: self.state in OPEN)
    @rule(share=st.integers(1, 100))
    def some_is_written_off(self, share: int) -> None:
        self.take(given_up(self.state, self.standing, max(1, self.standing.owed * share // 100)))

    @precondition(lambda self: self.state in OPEN)
    @rule()
    def nobody_will_pay(self) -> None:
        self.take(uncollectible(self.state, self.standing))

    @precondition(lambda self: self.standing.credit_notes < TOTAL)
    @rule(share=st.integers(1, 100))
    def a_part_is_credited(self, share: int) -> None:
        amount = max(1, (TOTAL - self.standing.credit_notes) * share // 100)
        self.books["sales"] += amount
        self.books["customer_receivable"] -= amount
        self.take(credited(self.state, self.standing, amount, self.discount))

    @precondition(lambda self: self.money > 0)
    @rule(share=st.integers(1, 100))
    def money_goes_back(self, share: int) -> None:
        amount = max(1, min(self.money, self.standing.paid + self.left_of_it) * share // 100)
        self.books["refunds"] += amount
        self.books["clearing"] -= amount
        settled = taken_back(
            self.state, self.standing, ApplicationKind.REFUND, amount, credit=self.left_of_it, discount=self.discount
        )
        self.money -= -sum(move.amount for move in settled.moves if move.kind is ApplicationKind.REFUND)
        self.take(settled)

    def take(self, settled: Settled) -> None:
        if settled.state is not self.state:
            assert settled.state in TRANSITIONS[self.state]
        for move in settled.moves:
            self.book(move)
        self.state, self.standing = settled.state, settled.standing

    def book(self, move: Move) -> None:
        row = AppliedRow(
            id="x", invoice_id="x", kind=move.kind, source_id="x", amount=Money(move.amount, "EUR"),
            applied=Money(move.applied, "EUR"), applied_at=clock_port.now(), taxes=move.taxes,
        )  # fmt: skip
        self.came += 0 if move.kind is ApplicationKind.CREDIT else move.credit
        for entry in entries_of(row, "cus_1"):
            self.books[entry.debit.kind.value] += entry.amount.minor
            self.books[entry.credit.kind.value] -= entry.amount.minor
        if move.kind is ApplicationKind.DISCOUNT:
            assert sum(share.base_minor + share.tax_minor for share in move.taxes) == move.applied
            known = {share.treatment: share for share in self.discount}
            for share in move.taxes:
                before = known.get(share.treatment) or TaxShare(treatment=share.treatment, base_minor=0, tax_minor=0)
                known[share.treatment] = TaxShare(
                    treatment=share.treatment,
                    base_minor=before.base_minor + share.base_minor,
                    tax_minor=before.tax_minor + share.tax_minor,
                )
            self.discount = list(known.values())

    @property
    def credit(self) -> int:
        return -self.books["customer_credit"]

    @property
    def left_of_it(self) -> int:
        return max(0, min(self.came, self.credit))

    @invariant()
    def nothing_is_settled_twice(self) -> None:
        parts = (self.standing.paid, self.standing.credited, self.standing.discount, self.standing.written_off)
        assert min(parts) >= 0
        assert 0 <= self.standing.owed <= TOTAL
        assert 0 <= self.standing.credit_notes <= TOTAL

    @invariant()
    def the_receivable_is_what_is_owed(self) -> None:
        assert self.books["customer_receivable"] == self.standing.owed

    @invariant()
    def credit_is_never_below_nothing(self) -> None:
        assert self.credit >= 0

    @invariant()
    def what_settled_it_is_on_the_books(self) -> None:
        assert self.books["write_off"] == self.standing.written_off
        assert self.books["discount"] + self.books["tax"] == self.standing.discount
        assert sum(self.books.values()) == 0

    @invariant()
    def a_state_says_what_is_owed(self) -> None:
        assert (self.standing.owed > 0) == (self.state in OPEN)


InvoiceLife.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestInvoiceLife = InvoiceLife.TestCase
