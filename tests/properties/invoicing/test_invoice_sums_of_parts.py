from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from invoice_drafts import drafts, issue_note, issued_invoices

from currency.cash import cash_step_minor
from currency.money import Money
from invoicing.credit import CreditPart, credit_everything, credit_parts, creditable_items
from invoicing.documents import DraftInvoice, InvoiceTotals, IssuedInvoice, RoundingPolicy, compute
from invoicing.errors import InvalidInvoice
from invoicing.treatments import BPS


def total_of(amounts: list[Money], currency: str) -> Money:
    return Money(sum(amount.minor for amount in amounts), currency)


def computed(draft: DraftInvoice) -> InvoiceTotals:
    try:
        return compute(draft)
    except InvalidInvoice as refused:
        # Discounts and lines that are taken back can be too many here; that is a refusal, no sum.
        assume(not refused.field.endswith(("discounts", ".tax", "lines")))
        raise


@settings(max_examples=80, deadline=None)
@given(drafts())
def test_totals_are_the_sum_of_their_parts_under_every_policy(draft: DraftInvoice) -> None:
    totals = computed(draft)
    net, currency = totals.net, draft.currency
    assert net == totals.lines_net - totals.discount + totals.charge
    assert net == total_of([row.base for row in totals.taxes], currency)
    assert totals.tax == total_of([row.tax for row in totals.taxes], currency)
    assert totals.total == net + totals.tax == totals.payable
    assert [row.net for row in totals.lines] == list(totals.line_nets)


@settings(max_examples=80, deadline=None)
@given(drafts())
def test_each_tax_is_the_sum_of_the_taxes_of_its_lines_discounts_and_charges(draft: DraftInvoice) -> None:
    totals = computed(draft)
    for row in totals.taxes:
        of_lines = [part.tax for line, part in zip(draft.lines, totals.lines, strict=True) if line.tax == row.treatment]
        of_charges = [part.tax for part in totals.charges if part.treatment == row.treatment]
        of_discounts = [-part.tax for part in totals.discounts if part.treatment == row.treatment]
        assert row.tax == total_of([*of_lines, *of_charges, *of_discounts], draft.currency)


@settings(max_examples=80, deadline=None)
@given(drafts())
def test_the_tax_of_the_policys_sum_is_off_by_half_a_unit_at_most(draft: DraftInvoice) -> None:
    totals = computed(draft)
    inclusive = draft.prices_include_tax
    exact = {
        row.treatment: Fraction(
            (row.base.minor + (row.tax.minor if inclusive else 0)) * row.treatment.rate_bps,
            BPS + (row.treatment.rate_bps if inclusive else 0),
        )
        for row in totals.taxes
    }
    if draft.policy is RoundingPolicy.PER_RATE:
        assert all(abs(row.tax.minor - exact[row.treatment]) <= Fraction(1, 2) for row in totals.taxes)
    if draft.policy is RoundingPolicy.PER_TOTAL:
        assert abs(totals.tax.minor - sum(exact.values())) <= Fraction(1, 2)
        assert all(abs(row.tax.minor - exact[row.treatment]) < 1 for row in totals.taxes)


@settings(max_examples=60, deadline=None)
@given(drafts())
def test_prices_with_tax_come_to_what_the_buyer_was_told(draft: DraftInvoice) -> None:
    told = msgspec.structs.replace(draft, discounts=(), charges=(), prices_include_tax=True)
    without_tax = msgspec.structs.replace(told, prices_include_tax=False)
    assert computed(told).total == computed(without_tax).net


@settings(max_examples=80, deadline=None)
@given(issued_invoices())
def test_what_is_payable_is_the_total_and_the_rounding_less_what_was_prepaid(invoice: IssuedInvoice) -> None:
    totals, country = invoice.totals, invoice.content.seller.country
    assert totals.payable == totals.total + totals.rounding - totals.prepaid == totals.asked - totals.prepaid
    assert totals.payable.minor >= 0
    if totals.rounding.minor:
        step = cash_step_minor(totals.total.currency, country)
        assert totals.payable.minor % step == 0
        assert abs(totals.rounding.minor) * 2 <= step


def assert_nothing_is_left(invoice: IssuedInvoice, notes: list[IssuedInvoice]) -> None:
    currency, totals = invoice.content.currency, invoice.totals
    assert totals.net == total_of([note.totals.net for note in notes], currency)
    assert totals.tax == total_of([note.totals.tax for note in notes], currency)
    assert totals.total == total_of([note.totals.total for note in notes], currency)
    for row in totals.taxes:
        rows = [credited for note in notes for credited in note.totals.taxes if credited.treatment == row.treatment]
        assert row.base == total_of([credited.base for credited in rows], currency)
        assert row.tax == total_of([credited.tax for credited in rows], currency)
    assert all(item.left.minor == 0 for item in creditable_items(invoice, notes))
    assert totals.asked == total_of([note.totals.asked for note in notes], currency)
    assert_no_more_is_given_back_than_was_asked(invoice, notes)


def assert_no_more_is_given_back_than_was_asked(invoice: IssuedInvoice, notes: list[IssuedInvoice]) -> None:
    """With lines of one sign; where both meet, a part may come to more than the whole, and is refused when applied."""
    if all(line.quantity > 0 for line in invoice.content.lines):
        given = 0
        for note in notes:
            given += note.totals.asked.minor
            assert note.totals.asked.minor >= 0
            assert given <= invoice.totals.asked.minor


@settings(max_examples=80, deadline=None)
@given(issued_invoices())
def test_a_credit_note_of_everything_leaves_zero(invoice: IssuedInvoice) -> None:
    assert_nothing_is_left(invoice, [issue_note(credit_everything(invoice), "CN-1")])


@settings(max_examples=100, deadline=None)
@given(issued_invoices(), st.data())
def test_credit_notes_in_parts_sum_to_the_whole(invoice: IssuedInvoice, data: st.DataObject) -> None:
    notes: list[IssuedInvoice] = []
    for number in range(data.draw(st.integers(0, 3))):
        items = creditable_items(invoice, notes)
        index = data.draw(st.integers(0, len(items) - 1))
        left, quantity = items[index].left, items[index].quantity_left
        if left.minor <= 0 or quantity <= 0:
            continue
        if data.draw(st.booleans()):
            minor = data.draw(st.integers(1, left.minor))
            places = {"EUR": -2, "JPY": 0, "KWD": -3, "CHF": -2}[left.currency]
            part = CreditPart(item=index, amount=Decimal(minor).scaleb(places))
        else:
            part = CreditPart(item=index, quantity=data.draw(st.decimals("0.001", quantity, places=3)))
        try:
            note = credit_parts(invoice, [part], notes)
        except InvalidInvoice as refused:
            if refused.field not in ("parts", "parts[0].quantity"):
                raise
            continue
        notes.append(issue_note(note, f"CN-{number}"))
    if any(item.left.minor for item in creditable_items(invoice, notes)):
        try:
            rest = issue_note(credit_everything(invoice, notes), "CN-rest")
        except InvalidInvoice as refused:
            # What is left may be worth less than nothing, where lines of both signs met: there is no such credit note.
            if refused.field != "lines" or sum(item.left.minor for item in creditable_items(invoice, notes)) > 0:
                raise
            return
        notes.append(rest)
    assert_nothing_is_left(invoice, notes)
