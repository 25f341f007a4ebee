from __future__ import annotations

import doctest
from gettext import NullTranslations
from pathlib import Path

import pytest

from currency.money import Money
from invoicing.catalogues import catalogue_of, languages
from invoicing.errors import InvalidInvoice
from invoicing.terms import (
    AgreedLate,
    AgreedTerms,
    BusinessDays,
    BuyerKind,
    Convention,
    DayOfMonth,
    DiscountStep,
    DueOnReceipt,
    EarlyPayment,
    EndOfMonthThenNetDays,
    Instalment,
    LateTerms,
    NetDays,
    NetDaysThenEndOfMonth,
    NoLateCharge,
    Series,
    StatutoryLate,
    Terms,
    TermsPreference,
    deposit,
    describe,
    merge_terms,
    preference_of,
)
from invoicing.terms.words import PLURAL_SENTENCES, SENTENCES

ENGLISH = NullTranslations()
TWO_TEN = EarlyPayment(steps=(DiscountStep(10, 200),))
BY_GERMAN_LAW = StatutoryLate(jurisdiction="DE", buyer=BuyerKind.BUSINESS)


def test_every_example_of_the_page_is_true() -> None:
    page = Path(__file__).parents[3] / "docs" / "terms.md"
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.attempted > 25
    assert result.failed == 0


def test_the_table_of_the_page_is_true() -> None:
    from datetime import date

    import invoicing.terms

    page = (Path(__file__).parents[3] / "docs" / "terms.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `") and "2026-" in line]
    assert len(rows) == 8
    for _, terms, _, due, _ in rows:
        rule = eval(terms.strip(" `"), vars(invoicing.terms))
        assert invoicing.terms.due_date(rule, date(2026, 4, 10)) == date.fromisoformat(due.strip())


@pytest.mark.parametrize(
    ("terms", "line"),
    [
        (DueOnReceipt(), "Due on receipt"),
        (NetDays(1), "Net 1 day"),
        (NetDays(30), "Net 30 days"),
        (NetDaysThenEndOfMonth(0), "End of month"),
        (NetDaysThenEndOfMonth(30), "30 days, then end of month"),
        (EndOfMonthThenNetDays(10), "End of month, then 10 days"),
        (DayOfMonth(15, 0), "On day 15 of the month"),
        (DayOfMonth(15), "On day 15 of the month, 1 month ahead"),
        (DayOfMonth(31, 2), "On day 31 of the month, 2 months ahead"),
        (
            AgreedTerms(
                due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(0, 250), DiscountStep(1, 100)))
            ),
            "2.5% discount if paid on the day of issue · 1% discount if paid within 1 day · Net 30 days",
        ),
        (
            AgreedTerms(instalments=deposit(Money(50_000, "EUR"), NetDays(30))),
            "Deposit: €500.00, Due on receipt · Instalment 2: 100% of the rest, Net 30 days",
        ),
        (
            AgreedTerms(due=NetDays(30), business_days=BusinessDays("DE", Convention.FOLLOWING, "BY")),
            "Net 30 days · A due date that is no business day moves to the next one (Germany, BY)",
        ),
        (AgreedTerms(due=NetDays(30), business_days=BusinessDays("DE", Convention.UNADJUSTED)), "Net 30 days"),
        (
            AgreedTerms(due=NetDays(30), late=BY_GERMAN_LAW),
            "Net 30 days · Late payment bears interest of 9 percentage points a year above the German base rate"
            " (Basiszinssatz) (§ 288 BGB) · Late payment costs a fixed sum of €40.00",
        ),
        (
            AgreedTerms(due=NetDays(30), late=StatutoryLate(jurisdiction="DE", buyer=BuyerKind.CONSUMER)),
            "Net 30 days · Late payment bears interest of 5 percentage points a year above the German base rate"
            " (Basiszinssatz) (§ 288 BGB)",
        ),
        (
            AgreedTerms(late=AgreedLate(rate_bps=100, text="1 % p. a. after 30 days")),
            "Due on receipt · 1 % p. a. after 30 days",
        ),
        (
            AgreedTerms(late=AgreedLate(fee=Money(1500, "USD"))),
            "Due on receipt · Late payment costs a fixed sum of $15.00",
        ),
        (AgreedTerms(late=NoLateCharge()), "Due on receipt"),
        (AgreedTerms(late=StatutoryLate(jurisdiction="FR", buyer=BuyerKind.CONSUMER)), "Due on receipt"),
    ],
)
def test_terms_are_one_line_of_english(terms: Terms, line: str) -> None:
    assert describe(terms, ENGLISH) == line


def test_british_sums_are_told_by_the_size_of_the_debt() -> None:
    line = describe(AgreedTerms(late=StatutoryLate(jurisdiction="GB", buyer=BuyerKind.BUSINESS)), ENGLISH)
    assert "£40.00 / £70.00 / £100.00, by the size of the debt" in line


def test_what_a_merchant_tolerates_is_not_told() -> None:
    tolerant = EarlyPayment(steps=TWO_TEN.steps, late_accepted_days=3, short_accepted_minor=77)
    told = [describe(AgreedTerms(due=NetDays(30), early_payment=early), ENGLISH) for early in (tolerant, TWO_TEN)]
    assert told[0] == told[1]


def test_numbers_and_places_are_those_of_the_language() -> None:
    terms = AgreedTerms(
        instalments=(Instalment(due=NetDays(30), share_bps=10_000),),
        business_days=BusinessDays("DE"),
        late=AgreedLate(rate_bps=950, fee=Money(1500, "EUR")),
    )
    line = describe(terms, catalogue_of("de"), "de")
    for expected in ("100\u00a0%", "Netto 30 Tage", "Deutschland", "9,5\u00a0%", "15,00\u00a0€"):
        assert expected in line


@pytest.mark.parametrize("language", languages())
def test_the_fields_of_a_sentence_survive_its_translation(language: str) -> None:
    from string import Formatter

    def fields(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    words = catalogue_of(language)
    for sentence in SENTENCES:
        assert fields(words.gettext(sentence)) == fields(sentence)
    for singular, plural in PLURAL_SENTENCES:
        for count in (0, 1, 2, 3, 5, 11, 100):
            # A language may write out one and two; the others carry the number.
            translated = fields(words.ngettext(singular, plural, count))
            assert translated <= fields(plural)
            assert count < 3 or translated == fields(plural)


def test_every_series_has_words() -> None:
    for series in Series:
        line = describe(AgreedTerms(late=AgreedLate(rate_bps=1, above=series)), ENGLISH)
        assert line.split("above the ")[1] in SENTENCES


def test_the_document_says_when_and_the_merchant_what_a_delay_costs() -> None:
    merchant = TermsPreference(due=NetDays(30), business_days=BusinessDays("DE"), late=BY_GERMAN_LAW)
    merged = merge_terms(preference_of(NetDays(14)), None, merchant)
    assert merged == AgreedTerms(due=NetDays(14), business_days=BusinessDays("DE"), late=BY_GERMAN_LAW)


def test_whoever_says_anew_when_to_pay_does_not_inherit_a_discount() -> None:
    merchant = TermsPreference(due=NetDays(30), early_payment=TWO_TEN)
    assert merge_terms(TermsPreference(due=NetDays(14)), merchant) == NetDays(14)


def test_a_discount_without_a_due_rule_joins_the_rule_of_the_level_behind() -> None:
    merged = merge_terms(TermsPreference(early_payment=TWO_TEN), TermsPreference(due=NetDays(30)))
    assert merged == AgreedTerms(due=NetDays(30), early_payment=TWO_TEN)


def test_saying_none_is_not_saying_nothing() -> None:
    merchant = TermsPreference(due=NetDays(30), early_payment=TWO_TEN, late=BY_GERMAN_LAW)
    none: LateTerms = NoLateCharge()
    merged = merge_terms(TermsPreference(early_payment=EarlyPayment(steps=()), late=none), merchant)
    assert merged == AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=()), late=none)


def test_instalments_of_the_customer_replace_the_merchant_s_rule() -> None:
    parts = deposit(5000, NetDays(60))
    merged = merge_terms(None, TermsPreference(instalments=parts), TermsPreference(due=NetDays(30)))
    assert merged == AgreedTerms(instalments=parts)


def test_a_rule_of_the_document_replaces_instalments() -> None:
    assert merge_terms(preference_of(NetDays(7)), TermsPreference(instalments=deposit(5000, NetDays(60)))) == NetDays(7)


def test_levels_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidInvoice, match="leave one of them out"):
        merge_terms(TermsPreference(early_payment=TWO_TEN), TermsPreference(instalments=deposit(5000, NetDays(60))))


def test_nobody_saying_anything_is_due_on_receipt() -> None:
    assert merge_terms() == DueOnReceipt()
    assert merge_terms(None, TermsPreference()) == DueOnReceipt()
