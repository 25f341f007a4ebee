from __future__ import annotations

from datetime import date

import pytest

from currency.money import Money
from invoicing.errors import InvalidInvoice
from invoicing.terms import (
    KNOWN_RATES,
    AgreedLate,
    AgreedTerms,
    BaseRate,
    BaseRates,
    BuyerKind,
    DayCount,
    Instalment,
    LateCharge,
    LateTerms,
    NetDays,
    NoLateCharge,
    Series,
    StatutoryLate,
    UnknownBaseRate,
    check_agreed,
    late_charge,
    late_charges,
    open_parts,
)

TEN_THOUSAND = Money(1_000_000, "EUR")


def by_law(jurisdiction: str, buyer: BuyerKind = BuyerKind.BUSINESS) -> StatutoryLate:
    return StatutoryLate(jurisdiction=jurisdiction, buyer=buyer)


def charge(
    late: LateTerms,
    owed: Money = TEN_THOUSAND,
    *,
    due: date = date(2025, 2, 1),
    until: date = date(2025, 3, 13),
    payments: tuple[tuple[date, Money], ...] = (),
    fee_basis: Money | None = None,
) -> LateCharge:
    return late_charge(late, owed, due=due, until=until, rates=KNOWN_RATES, payments=payments, fee_basis=fee_basis)


def rates_of(found: LateCharge) -> list[tuple[date, int, int]]:
    return [(span.first_day, span.days, span.rate_bps) for span in found.spans]


@pytest.mark.parametrize(
    ("jurisdiction", "rate_bps", "interest_minor"),
    [
        ("IE", 1115, 12219),  # 10000 x 11.15 % x 40 / 365 = 122.19
        ("BE", 1150, 12603),  # the law rounds 11.15 up to 11.5
        ("CH", 500, 5479),
        ("DE", 1127, 12351),
        ("FR", 1315, 14411),
    ],
)
def test_the_law_s_rate_for_forty_days_in_the_first_half_of_2025(
    jurisdiction: str, rate_bps: int, interest_minor: int
) -> None:
    found = charge(by_law(jurisdiction))
    assert rates_of(found) == [(date(2025, 2, 2), 40, rate_bps)]
    assert found.interest == Money(interest_minor, "EUR")


def test_austria_takes_nine_point_two_points_over_its_own_base_rate() -> None:
    found = charge(by_law("AT"), due=date(2024, 2, 1), until=date(2024, 3, 1))
    assert rates_of(found) == [(date(2024, 2, 2), 29, 1308)]


def test_the_rate_changes_with_the_half_year_and_the_sum_is_rounded_once() -> None:
    found = charge(by_law("DE"), due=date(2025, 6, 20), until=date(2026, 1, 5))
    assert rates_of(found) == [
        (date(2025, 6, 21), 10, 1127),
        (date(2025, 7, 1), 184, 1027),
        (date(2026, 1, 1), 5, 1027),
    ]
    # 30.8767 + 517.7205 + 14.0685 = 562.6658
    assert found.interest == Money(56_267, "EUR")


def test_british_interest_keeps_the_rate_at_which_the_delay_began() -> None:
    found = charge(by_law("GB"), Money(1_000_000, "GBP"), due=date(2025, 6, 20), until=date(2025, 7, 20))
    assert {span.rate_bps for span in found.spans} == {1275}
    began_in_july = charge(by_law("GB"), Money(1_000_000, "GBP"), due=date(2025, 6, 30), until=date(2025, 7, 20))
    assert {span.rate_bps for span in began_in_july.spans} == {1225}


@pytest.mark.parametrize(
    ("debt", "fee"), [(1, 4000), (99_999, 4000), (100_000, 7000), (999_999, 7000), (1_000_000, 10_000)]
)
def test_the_british_fixed_sum_goes_by_the_size_of_the_debt(debt: int, fee: int) -> None:
    assert charge(by_law("GB"), Money(debt, "GBP")).fee == Money(fee, "GBP")


def test_a_debt_in_another_currency_than_the_bands_asks_for_its_worth() -> None:
    with pytest.raises(InvalidInvoice, match="fee_basis: must be the debt in GBP"):
        charge(by_law("GB"))
    assert charge(by_law("GB"), fee_basis=Money(850_000, "GBP")).fee == Money(7000, "GBP")


def test_the_fixed_sum_is_in_the_law_s_currency_whatever_the_invoice_s() -> None:
    assert charge(by_law("NL"), Money(1_000_000, "USD")).fee == Money(4000, "EUR")


def test_switzerland_knows_no_fixed_sum() -> None:
    assert charge(by_law("CH")).fee is None


def test_a_german_consumer_owes_five_points_and_no_fixed_sum() -> None:
    found = charge(by_law("DE", BuyerKind.CONSUMER))
    assert rates_of(found) == [(date(2025, 2, 2), 40, 727)]
    assert found.fee is None


@pytest.mark.parametrize("jurisdiction", ["FR", "GB", "IE", "AT"])
def test_other_consumers_owe_nothing_unless_agreed(jurisdiction: str) -> None:
    found = charge(by_law(jurisdiction, BuyerKind.CONSUMER))
    assert (found.interest, found.fee, found.spans) == (Money(0, "EUR"), None, ())


@pytest.mark.parametrize("until", [date(2025, 1, 1), date(2025, 2, 1)])
def test_nothing_is_owed_on_top_up_to_the_due_day(until: date) -> None:
    found = charge(by_law("DE"), until=until)
    assert (found.interest, found.fee) == (Money(0, "EUR"), None)


def test_the_first_day_of_delay_bears_interest_and_the_fixed_sum() -> None:
    found = charge(by_law("DE"), until=date(2025, 2, 2))
    assert found.interest == Money(309, "EUR")
    assert found.fee == Money(4000, "EUR")


def test_a_payment_in_part_lessens_the_principal_from_the_day_after_it() -> None:
    found = charge(by_law("CH"), payments=((date(2025, 2, 11), Money(600_000, "EUR")),))
    assert [(span.days, span.principal.minor) for span in found.spans] == [(10, 1_000_000), (30, 400_000)]
    assert found.interest == Money(3014, "EUR")  # (10000 x 10 + 4000 x 30) x 5 % / 365 = 30.137


def test_a_payment_on_the_due_day_is_in_time() -> None:
    found = charge(by_law("DE"), payments=((date(2025, 2, 1), TEN_THOUSAND),))
    assert (found.interest, found.fee) == (Money(0, "EUR"), None)


def test_nothing_runs_on_after_the_debt_is_paid_or_overpaid() -> None:
    found = charge(by_law("CH"), payments=((date(2025, 2, 11), Money(2_000_000, "EUR")),))
    assert [(span.last_day, span.days) for span in found.spans] == [(date(2025, 2, 11), 10)]


def test_payments_may_be_told_in_any_order_and_several_a_day() -> None:
    told = [(date(2025, 2, 20), Money(1, "EUR")), (date(2025, 2, 11), Money(5, "EUR"))] * 2
    assert charge(by_law("CH"), payments=tuple(told)) == charge(by_law("CH"), payments=tuple(reversed(told)))


def test_agreed_terms_have_their_own_rate_fee_and_day_count() -> None:
    agreed = AgreedLate(rate_bps=1200, fee=Money(1500, "USD"), day_count=DayCount.ACTUAL_360)
    found = charge(agreed, Money(100_000, "USD"), due=date(2030, 1, 1), until=date(2030, 1, 31))
    assert (found.interest, found.fee) == (Money(1000, "USD"), Money(1500, "USD"))


def test_agreed_points_may_stand_above_a_base_rate() -> None:
    assert charge(AgreedLate(rate_bps=300, above=Series.ECB)).spans[0].rate_bps == 615


def test_no_late_charge_is_nothing_in_any_half_year() -> None:
    found = charge(NoLateCharge(), due=date(2040, 1, 1), until=date(2041, 1, 1))
    assert (found.interest, found.fee) == (Money(0, "EUR"), None)


def test_a_half_year_without_a_rate_is_an_error_that_says_what_to_enter() -> None:
    with pytest.raises(UnknownBaseRate) as unknown:
        charge(by_law("DE"), due=date(2026, 6, 29), until=date(2026, 7, 1))
    assert (unknown.value.series, unknown.value.half_year) == (Series.GERMANY, date(2026, 7, 1))
    assert "enter it with its source" in unknown.value.message


def test_an_entered_rate_counts_and_corrects_the_one_that_was_known() -> None:
    entered = KNOWN_RATES.entered(BaseRate(Series.GERMANY, date(2025, 1, 1), 227 + 100, "for this test"))
    found = late_charge(by_law("DE"), TEN_THOUSAND, due=date(2025, 2, 1), until=date(2025, 2, 2), rates=entered)
    assert found.spans[0].rate_bps == 1227
    assert KNOWN_RATES.find(Series.GERMANY, date(2025, 2, 2)).rate_bps == 227


@pytest.mark.parametrize(
    ("since", "rate_bps", "source", "field"),
    [
        (date(2026, 7, 2), 215, "x", "base_rate.since"),
        (date(2026, 4, 1), 215, "x", "base_rate.since"),
        (date(2026, 7, 1), -1001, "x", "base_rate.rate_bps"),
        (date(2026, 7, 1), 215, " ", "base_rate.source"),
    ],
)
def test_a_rate_without_a_half_year_or_a_source_is_refused(since: date, rate_bps: int, source: str, field: str) -> None:
    with pytest.raises(InvalidInvoice) as refusal:
        BaseRate(Series.ECB, since, rate_bps, source)
    assert refusal.value.field == field


@pytest.mark.parametrize("year", [2022, 2023, 2024, 2025])
@pytest.mark.parametrize("month", [1, 7])
def test_the_german_base_rate_follows_the_ecb_s_by_its_law(year: int, month: int) -> None:
    """Section 247 BGB moves it by the points by which the ECB's rate moves: 0.88 below it since 2016."""
    day = date(year, month, 1)
    ecb, german = KNOWN_RATES.find(Series.ECB, day), KNOWN_RATES.find(Series.GERMANY, day)
    assert german.rate_bps == ecb.rate_bps - 88


def test_each_instalment_is_late_by_itself_and_money_goes_to_the_earliest() -> None:
    terms = AgreedTerms(
        instalments=tuple(Instalment(due=NetDays(days), share_bps=5000) for days in (10, 40)), late=by_law("DE")
    )
    paid = [(date(2025, 2, 21), Money(700_000, "EUR")), (date(2025, 2, 9), Money(100_000, "EUR"))]
    charges = late_charges(
        terms, TEN_THOUSAND, date(2025, 2, 1), until=date(2025, 3, 23), rates=KNOWN_RATES, payments=paid
    )
    assert [(due, span.days, span.principal.minor) for due, each in charges for span in each.spans] == [
        (date(2025, 2, 11), 10, 400_000),
        (date(2025, 3, 13), 10, 200_000),
    ]
    assert [each.fee for _, each in charges] == [Money(4000, "EUR")] * 2  # section 288(5) BGB, sentence 2


def test_money_that_went_back_bears_interest_again_of_the_part_that_it_leaves() -> None:
    """Two parts of 500 cents, due on the 11th of February and the 13th of March, 10 % for ten days in each step."""
    parts = tuple(Instalment(due=NetDays(days), share_bps=5000) for days in (10, 40))
    terms = AgreedTerms(instalments=parts, late=AgreedLate(rate_bps=3650))
    paid = [(date(2025, 2, 21), 600), (date(2025, 3, 3), -400), (date(2025, 3, 23), 800)]
    charges = late_charges(
        terms,
        Money(1000, "EUR"),
        date(2025, 2, 1),
        until=date(2025, 4, 2),
        rates=BaseRates(),
        payments=[(day, Money(minor, "EUR")) for day, minor in paid],
    )
    assert [(due, span.first_day, span.days, span.principal.minor) for due, each in charges for span in each.spans] == [
        (date(2025, 2, 11), date(2025, 2, 12), 10, 500),
        (date(2025, 2, 11), date(2025, 3, 4), 20, 300),
        (date(2025, 3, 13), date(2025, 3, 14), 10, 500),
    ]


def test_terms_that_say_nothing_of_delay_charge_nothing() -> None:
    assert late_charges(NetDays(30), TEN_THOUSAND, date(2025, 2, 1), until=date(2026, 2, 1), rates=BaseRates()) == []


@pytest.mark.parametrize(
    ("paid", "left"), [(0, [500, 500]), (499, [1, 500]), (500, [500]), (700, [300]), (1000, []), (1200, [])]
)
def test_what_is_open_is_what_payments_left_of_the_latest_parts(paid: int, left: list[int]) -> None:
    terms = AgreedTerms(instalments=tuple(Instalment(due=NetDays(days), share_bps=5000) for days in (10, 40)))
    rows = open_parts(terms, Money(1000, "EUR"), date(2025, 2, 1), Money(paid, "EUR"))
    assert [amount.minor for _, amount in rows] == left


def test_a_jurisdiction_without_a_law_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInvoice, match=r"terms\.late\.jurisdiction: .*'US'; agree on a rate"):
        by_law("US")


def test_less_than_three_times_the_legal_rate_cannot_be_agreed_in_france() -> None:
    with pytest.raises(InvalidInvoice, match="at least 828"):
        check_agreed(AgreedLate(rate_bps=827), "FR", on=date(2025, 7, 1), rates=KNOWN_RATES)
    check_agreed(AgreedLate(rate_bps=828), "FR", on=date(2025, 7, 1), rates=KNOWN_RATES)
    check_agreed(AgreedLate(rate_bps=1), "US", on=date(2025, 7, 1), rates=BaseRates())


@pytest.mark.parametrize(
    ("agreed", "field"),
    [
        ({"rate_bps": -1}, "terms.late.rate_bps"),
        ({"rate_bps": 10_001}, "terms.late.rate_bps"),
        ({"fee": Money(0, "EUR")}, "terms.late.fee"),
        ({"rate_bps": 1, "text": "x" * 501}, "terms.late.text"),
        ({}, "terms.late"),
    ],
)
def test_agreed_terms_out_of_bounds_are_refused(agreed: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInvoice) as refusal:
        AgreedLate(**agreed)  # type: ignore[arg-type]
    assert refusal.value.field == field
