from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from currency.currencies import exponent_of
from currency.money import Money
from invoicing.documents import DraftInvoice, Line, Party, compute
from invoicing.lifecycle import InvoiceState, apply_payment
from invoicing.tax import TaxKind, TaxTreatment

PARTY = Party(name="P", country="DE")
TREATMENTS = st.one_of(
    st.builds(TaxTreatment, st.just(TaxKind.VAT), st.integers(1, 10_000)), st.just(TaxTreatment(TaxKind.ZERO))
)
LINES = st.builds(
    Line,
    st.just("x"),
    st.decimals("0.000001", "100000", places=6),
    st.decimals("0", "100000", places=8),
    TREATMENTS,
)
DRAFTS = st.builds(
    lambda currency, lines: DraftInvoice(seller=PARTY, buyer=PARTY, currency=currency, lines=tuple(lines)),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.lists(LINES, min_size=1, max_size=20),
)


@settings(deadline=None)
@given(DRAFTS)
def test_lines_and_taxes_add_up_to_the_total(draft: DraftInvoice) -> None:
    totals = compute(draft)
    assert sum(net.minor for net in totals.line_nets) == totals.net.minor == sum(row.base.minor for row in totals.taxes)
    assert totals.tax.minor == sum(row.tax.minor for row in totals.taxes)
    assert totals.net + totals.tax == totals.total


@settings(deadline=None)
@given(DRAFTS)
def test_each_rounding_is_half_up_and_off_by_half_a_unit_at_most(draft: DraftInvoice) -> None:
    totals = compute(draft)
    scale = 10 ** exponent_of(draft.currency)
    for line, net in zip(draft.lines, totals.line_nets, strict=True):
        error = net.minor - Fraction(line.quantity) * Fraction(line.unit_price) * scale
        assert Fraction(-1, 2) < error <= Fraction(1, 2)
    for row in totals.taxes:
        error = row.tax.minor - Fraction(row.base.minor * row.treatment.rate_bps, 10_000)
        assert Fraction(-1, 2) < error <= Fraction(1, 2)


@settings(deadline=None)
@given(st.lists(LINES, min_size=1, max_size=10))
def test_a_line_and_its_negative_twin_cancel_out(lines: list[Line]) -> None:
    twins = [Line("x", -line.quantity, line.unit_price, line.tax) for line in lines]
    totals = compute(DraftInvoice(seller=PARTY, buyer=PARTY, currency="EUR", lines=(*lines, *twins)))
    assert totals.total == Money(0, "EUR")


@settings(deadline=None)
@given(DRAFTS)
def test_the_order_of_lines_changes_no_sum(draft: DraftInvoice) -> None:
    turned = DraftInvoice(seller=PARTY, buyer=PARTY, currency=draft.currency, lines=draft.lines[::-1])
    assert compute(turned).total == compute(draft).total


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**9), max_size=10))
def test_no_money_is_made_or_lost_by_payments_in_parts(total_minor: int, amounts: list[int]) -> None:
    total, paid, state, surplus = Money(total_minor, "EUR"), Money(0, "EUR"), InvoiceState.OPEN, 0
    for amount in amounts:
        result = apply_payment(state, total=total, paid=paid, amount=Money(amount, "EUR"))
        assert result.applied.minor + result.surplus.minor == amount
        state, paid, surplus = result.state, result.paid, surplus + result.surplus.minor
    assert paid.minor + surplus == sum(amounts)
    assert paid <= total
    assert (state is InvoiceState.PAID) == (paid == total)


def test_decimal_context_of_the_caller_does_not_matter() -> None:
    from decimal import localcontext

    draft = DraftInvoice(
        seller=PARTY, buyer=PARTY, currency="EUR",
        lines=(Line("x", Decimal("123456.789"), Decimal("98765.4321"), TaxTreatment(TaxKind.VAT, 1900)),),
    )  # fmt: skip
    with localcontext() as context:
        context.prec = 3
        narrow = compute(draft)
    assert narrow == compute(draft)
