"""What is asked for late is reckoned of what was payable: a deposit that was paid before the issue is no part of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from currency.money import Money
from invoicing.documents import DraftInvoice, IssuedInvoice, Line, Party, compute
from invoicing.reminders.claims import claim, parts_left
from invoicing.reminders.policy import ReminderStep
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedLate, AgreedTerms, BaseRates, Instalment, NetDays

PARTY = Party(name="P", country="DE")
ISSUED, DEPOSIT_DAY = date(2026, 3, 1), date(2026, 2, 1)
STEP = ReminderStep(offset_days=10, level=1, with_late_charge=True)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def prepaid_document() -> IssuedInvoice:
    """1190.00, of which 190.00 were paid before; the rest in halves, at 10 % a year when late."""
    halves = tuple(Instalment(due=NetDays(days), share_bps=5000) for days in (10, 40))
    terms = AgreedTerms(instalments=halves, late=AgreedLate(rate_bps=1000))
    line = Line("Work", Decimal(1), Decimal(1000), TaxTreatment(TaxKind.VAT, 1900))
    draft = DraftInvoice(
        seller=PARTY, buyer=PARTY, currency="EUR", lines=(line,), terms=terms, prepaid=Decimal("190.00")
    )
    return IssuedInvoice(number="1", issue_date=ISSUED, due_date=ISSUED, content=draft, totals=compute(draft))


def test_a_deposit_fills_no_instalment() -> None:
    assert [amount for _, amount in parts_left(prepaid_document(), eur(100_000))] == [eur(50_000), eur(50_000)]


def test_interest_is_of_the_instalment_and_no_deposit_lowers_it() -> None:
    document = prepaid_document()
    due = date(2026, 3, 11)
    paid = [(ISSUED, eur(19_000)), (date(2026, 3, 21), eur(10_000))]
    asked = claim(document, due, STEP, owed=eur(90_000), today=date(2026, 3, 31), rates=BaseRates(), payments=paid)
    # 500.00 for ten days and 400.00 for ten more, at 10 % a year of 365 days: 246.6 cents
    assert (asked.owed, asked.interest) == (eur(40_000), eur(247))


def test_money_that_went_back_is_late_again_from_then_on() -> None:
    document = prepaid_document()
    paid = [(ISSUED, eur(19_000)), (date(2026, 3, 5), eur(100_000)), (date(2026, 3, 21), eur(-100_000))]
    today = date(2026, 3, 31)
    asked = claim(document, date(2026, 3, 11), STEP, owed=eur(100_000), today=today, rates=BaseRates(), payments=paid)
    # 500.00 for the ten days after the 21st, at 10 % a year of 365 days: 137.0 cents
    assert (asked.owed, asked.interest) == (eur(50_000), eur(137))
