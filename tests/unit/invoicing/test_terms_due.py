from __future__ import annotations

from datetime import date

import msgspec
import pytest

from currency.money import Money
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
    DueRule,
    EarlyPayment,
    EndOfMonthThenNetDays,
    Instalment,
    NetDays,
    NetDaysThenEndOfMonth,
    NoLateCharge,
    StatutoryLate,
    Terms,
    check_issuable,
    due_date,
    is_business_day,
    schedule,
)

SATURDAY = date(2026, 5, 30)


@pytest.mark.parametrize(
    ("rule", "issued", "due"),
    [
        (NetDaysThenEndOfMonth(0), date(2026, 4, 10), date(2026, 4, 30)),
        (NetDaysThenEndOfMonth(30), date(2026, 1, 15), date(2026, 2, 28)),
        (NetDaysThenEndOfMonth(30), date(2026, 1, 31), date(2026, 3, 31)),
        (NetDaysThenEndOfMonth(45), date(2024, 1, 15), date(2024, 2, 29)),
        (EndOfMonthThenNetDays(30), date(2026, 4, 10), date(2026, 5, 30)),
        (EndOfMonthThenNetDays(30), date(2026, 1, 15), date(2026, 3, 2)),
        (EndOfMonthThenNetDays(10), date(2026, 12, 31), date(2027, 1, 10)),
        (DayOfMonth(15), date(2026, 4, 10), date(2026, 5, 15)),
        (DayOfMonth(31), date(2026, 1, 31), date(2026, 2, 28)),
        (DayOfMonth(31, months=2), date(2026, 1, 31), date(2026, 3, 31)),
        (DayOfMonth(1, months=12), date(2026, 12, 31), date(2027, 12, 1)),
        (DayOfMonth(10, months=0), date(2026, 4, 10), date(2026, 4, 10)),
        (DayOfMonth(9, months=0), date(2026, 12, 10), date(2027, 1, 9)),
        (DayOfMonth(31, months=0), date(2026, 4, 30), date(2026, 4, 30)),
    ],
)
def test_each_rule_names_its_day(rule: DueRule, issued: date, due: date) -> None:
    assert due_date(rule, issued) == due


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        (NetDaysThenEndOfMonth, (-1,), "terms.days"),
        (NetDaysThenEndOfMonth, (366,), "terms.days"),
        (EndOfMonthThenNetDays, (0,), "terms.days"),
        (DayOfMonth, (0,), "terms.day"),
        (DayOfMonth, (32,), "terms.day"),
        (DayOfMonth, (1, 13), "terms.months"),
        (DayOfMonth, (1, -1), "terms.months"),
    ],
)
def test_a_rule_out_of_bounds_is_refused_by_the_name_of_its_field(
    kind: type[DueRule], values: tuple[int, ...], field: str
) -> None:
    with pytest.raises(InvalidInvoice) as refusal:
        kind(*values)
    assert refusal.value.field == field


@pytest.mark.parametrize("rule", [NetDays(365), DayOfMonth(1), EndOfMonthThenNetDays(1)])
def test_a_due_date_after_the_last_day_of_the_calendar_is_refused(rule: DueRule) -> None:
    with pytest.raises(InvalidInvoice, match="issue_date"):
        due_date(rule, date.max)


@pytest.mark.parametrize(
    ("convention", "due"),
    [
        (Convention.UNADJUSTED, SATURDAY),
        (Convention.FOLLOWING, date(2026, 6, 1)),
        (Convention.MODIFIED_FOLLOWING, date(2026, 5, 29)),
        (Convention.PRECEDING, date(2026, 5, 29)),
    ],
)
def test_a_due_date_at_the_weekend_moves_by_the_convention(convention: Convention, due: date) -> None:
    terms = AgreedTerms(due=NetDays(20), business_days=BusinessDays("NL", convention))
    assert due_date(terms, date(2026, 5, 10)) == due


def test_modified_following_stays_following_within_the_month() -> None:
    terms = AgreedTerms(due=DueOnReceipt(), business_days=BusinessDays("NL", Convention.MODIFIED_FOLLOWING))
    assert due_date(terms, date(2026, 5, 16)) == date(2026, 5, 18)


@pytest.mark.parametrize("convention", [Convention.PRECEDING, Convention.MODIFIED_FOLLOWING])
def test_no_due_date_moves_before_the_issue(convention: Convention) -> None:
    terms = AgreedTerms(due=DueOnReceipt(), business_days=BusinessDays("NL", convention))
    assert due_date(terms, SATURDAY) == date(2026, 6, 1)


def test_holidays_at_the_turn_of_the_year_are_walked_over_one_by_one() -> None:
    terms = AgreedTerms(due=DueOnReceipt(), business_days=BusinessDays("CH", subdivision="ZH"))
    assert due_date(terms, date(2026, 12, 25)) == date(2026, 12, 28)
    assert due_date(terms, date(2027, 1, 1)) == date(2027, 1, 4)


@pytest.mark.parametrize(
    ("country", "subdivision", "day", "works"),
    [
        ("DE", "", date(2026, 6, 4), True),
        ("DE", "BY", date(2026, 6, 4), False),  # Corpus Christi is a holiday in Bavaria, not in Berlin
        ("GB", "ENG", date(2026, 4, 6), False),
        ("GB", "SCT", date(2026, 4, 6), True),
        ("SA", "", date(2026, 4, 10), False),  # a Friday
        ("SA", "", date(2026, 4, 12), True),  # a Sunday
        ("US", "", date(2021, 12, 31), False),  # New Year of 2022, observed in the year before
        ("CN", "", date(2026, 1, 4), True),  # a Sunday that was declared a working day
    ],
)
def test_weekend_and_holidays_are_the_place_s_own(country: str, subdivision: str, day: date, works: bool) -> None:
    assert is_business_day(day, country, subdivision) is works


@pytest.mark.parametrize(
    ("country", "subdivision", "field"),
    [
        ("XX", "", "terms.business_days.country"),
        ("DEU", "", "terms.business_days.country"),
        ("DE", "Bavaria", "terms.business_days.subdivision"),
    ],
)
def test_a_place_without_a_calendar_is_refused(country: str, subdivision: str, field: str) -> None:
    with pytest.raises(InvalidInvoice) as refusal:
        BusinessDays(country, subdivision=subdivision)
    assert refusal.value.field == field


def test_the_refused_subdivision_is_answered_with_the_ones_there_are() -> None:
    with pytest.raises(InvalidInvoice, match="BW, BY"):
        BusinessDays("DE", subdivision="XX")


@pytest.mark.parametrize(
    ("stored", "terms"),
    [(b'{"type":"net_days","days":30}', NetDays(30)), (b'{"type":"due_on_receipt"}', DueOnReceipt())],
)
def test_terms_as_stored_before_still_decode(stored: bytes, terms: Terms) -> None:
    assert msgspec.json.decode(stored, type=Terms) == terms


@pytest.mark.parametrize(
    "terms",
    [
        NetDaysThenEndOfMonth(30),
        EndOfMonthThenNetDays(30),
        DayOfMonth(31, 2),
        AgreedTerms(
            due=NetDays(30),
            business_days=BusinessDays("DE", Convention.MODIFIED_FOLLOWING, "BY"),
            early_payment=EarlyPayment(steps=(DiscountStep(10, 200),), late_accepted_days=2, short_accepted_minor=5),
            late=StatutoryLate(jurisdiction="DE", buyer=BuyerKind.BUSINESS),
        ),
        AgreedTerms(
            instalments=(
                Instalment(due=DueOnReceipt(), amount=Money(500, "EUR")),
                Instalment(due=DayOfMonth(1), share_bps=10_000),
            ),
            late=AgreedLate(rate_bps=500, fee=Money(1000, "EUR"), text="5 % p. a."),
        ),
        AgreedTerms(late=NoLateCharge()),
    ],
)
def test_terms_are_the_same_after_they_were_stored(terms: Terms) -> None:
    assert msgspec.json.decode(msgspec.json.encode(terms), type=Terms) == terms


def test_without_instalments_the_whole_is_due_at_once() -> None:
    assert schedule(NetDays(30), Money(1999, "EUR"), date(2026, 4, 10)) == [(date(2026, 5, 10), Money(1999, "EUR"))]


def test_a_discount_that_outlasts_the_due_date_is_refused_before_the_issue() -> None:
    terms = AgreedTerms(due=NetDays(7), early_payment=EarlyPayment(steps=(DiscountStep(3, 300), DiscountStep(10, 200))))
    with pytest.raises(InvalidInvoice) as refusal:
        check_issuable(terms, Money(1999, "EUR"), date(2026, 4, 10))
    assert refusal.value.field == "terms.early_payment.steps[1].days"
    assert "2026-04-17" in refusal.value.message
