"""What a letter asks for: what is owed now, and of the delay what step, terms and law grant, less what was billed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from currency.money import Money
from invoicing.documents import DraftInvoice, IssuedInvoice, Line, Party, compute
from invoicing.errors import InvalidInvoice
from invoicing.reminders import Billed, Claim, ReminderStep, claim, parts_left
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import (
    KNOWN_RATES,
    AgreedLate,
    AgreedTerms,
    BuyerKind,
    Instalment,
    LateTerms,
    NetDays,
    StatutoryLate,
    due_date,
)

ISSUED = date(2025, 5, 21)
DUE = date(2025, 6, 20)
BUSINESS = StatutoryLate(jurisdiction="DE", buyer=BuyerKind.BUSINESS)
LATE = ReminderStep(offset_days=14, level=2, deadline_days=7, with_late_charge=True)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def issued(late: LateTerms | None = BUSINESS, *, currency: str = "EUR", parts: bool = False) -> IssuedInvoice:
    """10,000 net of tax that is none, so that the sums are round."""
    halves = (Instalment(due=NetDays(30), share_bps=5000), Instalment(due=NetDays(60), share_bps=5000))
    terms = AgreedTerms(due=NetDays(30), late=late, instalments=halves if parts else ())
    party = Party(name="P", country="DE")
    line = Line("Work", Decimal(1), Decimal(10_000), TaxTreatment(TaxKind.ZERO))
    draft = DraftInvoice(seller=party, buyer=party, currency=currency, lines=(line,), terms=terms)
    return IssuedInvoice(
        number="INV-1", issue_date=ISSUED, due_date=due_date(terms, ISSUED), content=draft, totals=compute(draft)
    )


def claimed(
    document: IssuedInvoice,
    step: ReminderStep = LATE,
    *,
    owed: Money | None = None,
    until: date = date(2025, 7, 20),
    payments: tuple[tuple[date, Money], ...] = (),
    earlier_fees: Money | None = None,
    billed: Billed | None = None,
    part_due: date = DUE,
) -> Claim:
    return claim(
        document,
        part_due,
        step,
        owed=owed or document.totals.total,
        today=until,
        rates=KNOWN_RATES,
        payments=payments,
        earlier_fees=earlier_fees,
        billed=billed,
    )


def test_interest_and_fixed_sum_are_those_of_the_terms() -> None:
    found = claimed(issued())
    assert (found.owed, found.interest, found.fee) == (eur(10_000_00), eur(87_15), eur(40_00))
    assert found.total == eur(10_127_15)


def test_a_step_without_late_charge_asks_for_none() -> None:
    found = claimed(issued(), ReminderStep(offset_days=3, level=1, deadline_days=7))
    assert (found.interest, found.fee, found.total) == (eur(0), None, eur(10_000_00))


def test_terms_that_agree_on_nothing_ask_for_nothing() -> None:
    assert claimed(issued(None)).total == eur(10_000_00)


def test_a_consumer_owes_no_fixed_sum() -> None:
    found = claimed(issued(StatutoryLate(jurisdiction="DE", buyer=BuyerKind.CONSUMER)))
    assert found.interest.minor > 0
    assert found.fee is None


def test_what_was_paid_meanwhile_bears_interest_until_its_day_only() -> None:
    found = claimed(issued(), owed=eur(4_000_00), payments=((date(2025, 6, 30), eur(6_000_00)),))
    assert found.owed == eur(4_000_00)
    assert found.interest == eur(53_39)  # ten days of 10,000 at 11.27 %, twenty of 4,000 at 10.27 %


def test_fees_of_the_levels_add_up() -> None:
    step = ReminderStep(offset_days=14, level=2, deadline_days=7, fees=(eur(5_00),))
    found = claimed(issued(None), step, earlier_fees=eur(2_50))
    assert (found.step_fee, found.fee, found.total) == (eur(5_00), eur(7_50), eur(10_007_50))


@pytest.mark.parametrize(("own", "asked"), [(10_00, 40_00), (55_00, 55_00)])
def test_the_fixed_sum_covers_the_fees(own: int, asked: int) -> None:
    step = ReminderStep(offset_days=14, level=2, deadline_days=7, fees=(eur(own),), with_late_charge=True)
    assert claimed(issued(), step).fee == eur(asked)


def test_a_fixed_sum_in_the_laws_currency_is_not_in_the_total() -> None:
    found = claimed(issued(currency="USD"))
    assert found.fee == eur(40_00)
    assert found.total == Money(10_087_15, "USD")


def test_what_was_billed_is_not_asked_for_again() -> None:
    found = claimed(issued(), billed=Billed(eur(80_00), eur(40_00)))
    assert (found.interest, found.fee, found.total) == (eur(7_15), eur(0), eur(10_007_15))
    assert (found.accrued_interest, found.accrued_fee) == (eur(87_15), eur(40_00))


def test_a_base_rate_that_nobody_entered_holds_up_no_letter() -> None:
    found = claimed(issued(), until=date(2031, 7, 20))
    assert found.total == eur(10_000_00)
    assert "enter it with its source" in found.problem


def test_a_rate_that_was_agreed_is_asked_for() -> None:
    found = claimed(issued(AgreedLate(rate_bps=1200, fee=eur(15_00))))
    assert (found.interest, found.fee) == (eur(98_63), eur(15_00))


def test_a_letter_is_about_its_part_alone() -> None:
    document = issued(parts=True)
    second = date(2025, 7, 20)
    first = claimed(document, until=date(2025, 7, 30))
    later = claimed(document, until=date(2025, 7, 30), part_due=second)
    assert (first.owed, later.owed) == (eur(5_000_00), eur(5_000_00))
    assert first.interest > later.interest > eur(0)


def test_nothing_is_claimed_of_a_part_that_is_paid() -> None:
    with pytest.raises(InvalidInvoice, match="nothing is owed"):
        claimed(issued(parts=True), owed=eur(5_000_00))


def test_what_is_left_is_all_that_is_owed_also_where_that_is_more_than_was_payable() -> None:
    document = issued(parts=True)
    for minor in (1, 4_000_00, 5_000_00, 9_999_99, 10_000_00, 10_300_00):
        assert sum(amount.minor for _, amount in parts_left(document, eur(minor))) == minor
