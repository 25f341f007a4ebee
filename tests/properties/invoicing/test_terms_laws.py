from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from currency.money import Money
from invoicing.numbering import Reset, counter_of, format_number
from invoicing.terms import (
    KNOWN_RATES,
    AgreedLate,
    AgreedTerms,
    BusinessDays,
    BuyerKind,
    Convention,
    DayCount,
    DayOfMonth,
    DiscountStep,
    DueOnReceipt,
    DueRule,
    EarlyPayment,
    EndOfMonthThenNetDays,
    Instalment,
    LateTerms,
    NetDays,
    NetDaysThenEndOfMonth,
    StatutoryLate,
    Terms,
    discount_at,
    due_date,
    is_business_day,
    late_charge,
    late_charges,
    merge_terms,
    open_parts,
    preference_of,
    schedule,
)

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
LATE_DAYS = st.dates(date(2022, 1, 1), date(2026, 6, 30))
AMOUNTS = st.integers(1, 10**12).map(lambda minor: Money(minor, "EUR"))
RULES: st.SearchStrategy[DueRule] = st.one_of(
    st.just(DueOnReceipt()),
    st.builds(NetDays, st.integers(1, 365)),
    st.builds(NetDaysThenEndOfMonth, st.integers(0, 365)),
    st.builds(EndOfMonthThenNetDays, st.integers(1, 365)),
    st.builds(DayOfMonth, st.integers(1, 31), st.integers(0, 12)),
)
BUSINESS_DAYS = st.builds(
    BusinessDays,
    st.sampled_from(["DE", "FR", "GB", "JP", "SA", "IL", "US", "CN"]),
    st.sampled_from([each for each in Convention if each is not Convention.UNADJUSTED]),
)
LATE: st.SearchStrategy[LateTerms] = st.one_of(
    st.sampled_from(["BE", "CH", "DE", "IE"]).map(
        lambda country: StatutoryLate(jurisdiction=country, buyer=BuyerKind.BUSINESS)
    ),
    st.builds(AgreedLate, rate_bps=st.integers(1, 10_000), day_count=st.sampled_from(DayCount)),
)
PAYMENTS = st.lists(st.tuples(LATE_DAYS, AMOUNTS), max_size=4)


@st.composite
def instalments(draw: st.DrawFn) -> tuple[Instalment, ...]:
    cuts = sorted(draw(st.sets(st.integers(1, 9_999), max_size=10)))
    shares = [after - before for before, after in zip([0, *cuts], [*cuts, 10_000], strict=True)]
    return tuple(Instalment(due=draw(RULES), share_bps=share) for share in shares)


@st.composite
def discounts(draw: st.DrawFn) -> EarlyPayment:
    days = sorted(draw(st.sets(st.integers(0, 60), max_size=5)))
    bps = sorted(draw(st.sets(st.integers(1, 5_000), min_size=len(days), max_size=len(days))), reverse=True)
    steps = tuple(DiscountStep(day, rate) for day, rate in zip(days, bps, strict=True))
    return EarlyPayment(
        steps=steps, late_accepted_days=draw(st.integers(0, 14)), short_accepted_minor=draw(st.integers(0, 10_000))
    )


def interest_minor(late: LateTerms, owed: Money, due: date, until: date, payments: list[tuple[date, Money]]) -> int:
    return late_charge(late, owed, due=due, until=until, rates=KNOWN_RATES, payments=payments).interest.minor


def exact_between(late: LateTerms, owed: Money, due: date, until: date) -> Fraction:
    spans = late_charge(late, owed, due=due, until=until, rates=KNOWN_RATES).spans
    return sum((span.exact_minor for span in spans), Fraction(0))


@given(RULES, DAYS)
def test_nothing_is_due_before_its_issue(rule: DueRule, issued: date) -> None:
    assert due_date(rule, issued) >= issued


@given(RULES, DAYS, st.integers(1, 400))
def test_who_is_invoiced_later_never_owes_sooner(rule: DueRule, issued: date, later: int) -> None:
    assert due_date(rule, issued) <= due_date(rule, issued + timedelta(days=later))


@given(st.integers(0, 365), DAYS)
def test_days_then_end_of_month_is_the_last_day_of_a_month(days: int, issued: date) -> None:
    due = due_date(NetDaysThenEndOfMonth(days), issued)
    assert (due + timedelta(days=1)).day == 1
    assert (due - issued).days >= days


@given(RULES, BUSINESS_DAYS, DAYS)
def test_an_adjusted_due_date_is_a_business_day_not_before_the_issue(
    rule: DueRule, business_days: BusinessDays, issued: date
) -> None:
    due = due_date(AgreedTerms(due=rule, business_days=business_days), issued)
    assert is_business_day(due, business_days.country)
    assert due >= issued


@given(RULES, BUSINESS_DAYS, DAYS)
def test_no_business_day_lies_between_a_rule_s_day_and_the_adjusted_one(
    rule: DueRule, business_days: BusinessDays, issued: date
) -> None:
    named, due = due_date(rule, issued), due_date(AgreedTerms(due=rule, business_days=business_days), issued)
    skipped = range(1, abs((due - named).days))
    step = 1 if due > named else -1
    assert not any(is_business_day(named + timedelta(days=step * day), business_days.country) for day in skipped)
    assert due == named or not is_business_day(named, business_days.country)


@given(AMOUNTS, instalments(), DAYS)
def test_parts_sum_to_the_whole_and_the_last_is_due_on_the_due_date(
    total: Money, parts: tuple[Instalment, ...], issued: date
) -> None:
    terms = AgreedTerms(instalments=parts)
    rows = schedule(terms, total, issued)
    assert sum(amount.minor for _, amount in rows) == total.minor
    assert [day for day, _ in rows] == sorted({day for day, _ in rows})
    assert rows[-1][0] == due_date(terms, issued)


@given(AMOUNTS, discounts(), DAYS, st.integers(0, 90), st.integers(0, 90))
@example(
    Money(1, "EUR"), EarlyPayment(steps=(DiscountStep(days=0, discount_bps=5000),)), date(2020, 1, 1), 0, 0
)  # half of a cent rounds up to all of it
def test_paying_later_is_never_cheaper(total: Money, early: EarlyPayment, issued: date, one: int, other: int) -> None:
    terms = AgreedTerms(due=NetDays(90), early_payment=early)
    sooner, later = (discount_at(terms, total, issued, issued + timedelta(days=day)) for day in sorted((one, other)))
    assert sooner.asked <= later.asked
    assert sooner.asked + sooner.discount == total
    assert Money(0, "EUR") < sooner.accepted <= sooner.asked <= total


@given(LATE, AMOUNTS, LATE_DAYS, LATE_DAYS, LATE_DAYS, PAYMENTS)
def test_interest_never_falls_with_time(
    late: LateTerms, owed: Money, due: date, one: date, other: date, payments: list[tuple[date, Money]]
) -> None:
    sooner, later = sorted((one, other))
    assert 0 <= interest_minor(late, owed, due, sooner, payments) <= interest_minor(late, owed, due, later, payments)


@given(LATE, AMOUNTS, LATE_DAYS, st.integers(0, 400))
def test_interest_and_fee_are_zero_up_to_the_due_day(late: LateTerms, owed: Money, due: date, before: int) -> None:
    charge = late_charge(late, owed, due=due, until=due - timedelta(days=before), rates=KNOWN_RATES)
    assert (charge.interest.minor, charge.fee, charge.spans) == (0, None, ())


@given(LATE, AMOUNTS, LATE_DAYS, LATE_DAYS, LATE_DAYS)
def test_two_periods_in_a_row_bear_what_the_whole_bears(
    late: LateTerms, owed: Money, one: date, two: date, three: date
) -> None:
    due, middle, until = sorted((one, two, three))
    whole = exact_between(late, owed, due, until)
    assert exact_between(late, owed, due, middle) + exact_between(late, owed, middle, until) == whole
    assert abs(interest_minor(late, owed, due, until, []) - whole) <= Fraction(1, 2)


@given(LATE, AMOUNTS, LATE_DAYS, LATE_DAYS, PAYMENTS, LATE_DAYS, AMOUNTS)
def test_a_further_payment_never_raises_the_interest(
    late: LateTerms,
    owed: Money,
    due: date,
    until: date,
    payments: list[tuple[date, Money]],
    paid_on: date,
    amount: Money,
) -> None:
    more = [*payments, (paid_on, amount)]
    assert interest_minor(late, owed, due, until, more) <= interest_minor(late, owed, due, until, payments)


@given(st.integers(1, 10_000), AMOUNTS, LATE_DAYS, st.integers(0, 1_000), PAYMENTS)
def test_interest_is_the_sum_over_days_of_what_was_owed(
    rate_bps: int, owed: Money, due: date, days: int, payments: list[tuple[date, Money]]
) -> None:
    """The same by another way: day by day, without spans."""
    exact = Fraction(0)
    for day in (due + timedelta(days=number) for number in range(1, days + 1)):
        left = owed.minor - sum(amount.minor for paid_on, amount in payments if paid_on < day)
        exact += Fraction(max(left, 0) * rate_bps, 10_000 * 365)
    found = interest_minor(AgreedLate(rate_bps=rate_bps), owed, due, due + timedelta(days=days), payments)
    assert Fraction(-1, 2) < found - exact <= Fraction(1, 2)


@given(AMOUNTS, instalments(), LATE_DAYS, PAYMENTS)
def test_what_is_open_and_what_was_paid_are_the_whole(
    total: Money, parts: tuple[Instalment, ...], issued: date, payments: list[tuple[date, Money]]
) -> None:
    paid = Money(sum(amount.minor for _, amount in payments), "EUR")
    rows = open_parts(AgreedTerms(instalments=parts), total, issued, paid)
    assert sum(amount.minor for _, amount in rows) == max(total.minor - paid.minor, 0)


@given(AMOUNTS, st.integers(1, 10_000), instalments(), LATE_DAYS, LATE_DAYS, PAYMENTS)
def test_parts_bear_interest_on_what_was_overdue_each_day(
    total: Money,
    rate_bps: int,
    parts: tuple[Instalment, ...],
    issued: date,
    until: date,
    payments: list[tuple[date, Money]],
) -> None:
    """The same by another way: each day bears what was due before it less what was paid before it."""
    terms = AgreedTerms(instalments=parts, late=AgreedLate(rate_bps=rate_bps))
    rows = schedule(terms, total, issued)
    owed_days, day = 0, issued
    while day <= until:
        fallen_due = sum(amount.minor for due, amount in rows if due < day)
        paid = sum(amount.minor for paid_on, amount in payments if paid_on < day)
        owed_days += max(fallen_due - paid, 0)
        day += timedelta(days=1)
    charges = late_charges(terms, total, issued, until=until, rates=KNOWN_RATES, payments=payments)
    found = sum((span.exact_minor for _, charge in charges for span in charge.spans), Fraction(0))
    assert found == Fraction(owed_days * rate_bps, 10_000 * 365)


@given(RULES, st.one_of(st.none(), BUSINESS_DAYS), st.one_of(st.none(), discounts()), st.one_of(st.none(), LATE))
def test_full_terms_survive_storage_and_merging_over_any_default(
    rule: DueRule, business_days: BusinessDays | None, early: EarlyPayment | None, late: LateTerms | None
) -> None:
    terms: Terms = AgreedTerms(due=rule, business_days=business_days, early_payment=early, late=late)
    assert msgspec.json.decode(msgspec.json.encode(terms), type=Terms) == terms
    merged = merge_terms(preference_of(terms), None, None)
    assert merged == (rule if business_days is early is late is None else terms)


@given(st.sampled_from(["{year}{seq}", "{seq}-{year}{month}", "{month}.{year}.{seq:03}"]), st.data())
def test_no_two_counters_of_a_series_give_one_number(pattern: str, data: st.DataObject) -> None:
    reset = data.draw(st.sampled_from([Reset.YEARLY, Reset.MONTHLY] if "month" in pattern else [Reset.YEARLY]))
    drawn = [(data.draw(DAYS), data.draw(st.integers(1, 99_999))) for _ in range(2)]
    counted = [(counter_of("invoice", pattern, reset, day), seq, day) for day, seq in drawn]
    numbers = [format_number(counter.pattern, issue_date=day, seq=seq) for counter, seq, day in counted]
    (one, first, _), (other, second, _) = counted
    assert (one, first) == (other, second) or numbers[0] != numbers[1]
