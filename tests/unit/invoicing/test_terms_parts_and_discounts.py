from __future__ import annotations

from datetime import date

import pytest

from currency.money import Money
from invoicing.errors import InvalidInvoice
from invoicing.terms import (
    AgreedTerms,
    BusinessDays,
    DiscountStep,
    DueOnReceipt,
    EarlyPayment,
    Instalment,
    NetDays,
    check_issuable,
    deposit,
    discount_at,
    due_date,
    schedule,
)

ISSUED = date(2026, 4, 10)
TOTAL = Money(100_000, "EUR")


def parts(*shares: int) -> AgreedTerms:
    return AgreedTerms(
        instalments=tuple(
            Instalment(due=NetDays(30 * number), share_bps=share) for number, share in enumerate(shares, 1)
        )
    )


def two_ten(*, late_accepted_days: int = 0, short_accepted_minor: int = 0) -> AgreedTerms:
    early = EarlyPayment(
        steps=(DiscountStep(10, 200),),
        late_accepted_days=late_accepted_days,
        short_accepted_minor=short_accepted_minor,
    )
    return AgreedTerms(due=NetDays(30), early_payment=early)


def test_parts_are_due_one_after_the_other_and_sum_to_the_total() -> None:
    assert schedule(parts(3333, 3333, 3334), Money(10_001, "EUR"), ISSUED) == [
        (date(2026, 5, 10), Money(3333, "EUR")),
        (date(2026, 6, 9), Money(3333, "EUR")),
        (date(2026, 7, 9), Money(3335, "EUR")),  # it lost most: 3334.33
    ]


def test_the_due_date_of_parts_is_that_of_the_last() -> None:
    assert due_date(parts(5000, 5000), ISSUED) == date(2026, 6, 9)


def test_shares_are_of_what_fixed_amounts_leave() -> None:
    terms = AgreedTerms(
        instalments=(
            Instalment(due=DueOnReceipt(), amount=Money(10_000, "EUR")),
            Instalment(due=NetDays(30), share_bps=5000),
            Instalment(due=NetDays(60), share_bps=5000),
        )
    )
    assert [amount.minor for _, amount in schedule(terms, TOTAL, ISSUED)] == [10_000, 45_000, 45_000]


def test_parts_that_a_weekend_brings_to_one_day_are_one() -> None:
    halves = (Instalment(due=NetDays(1), share_bps=5000), Instalment(due=NetDays(3), share_bps=5000))
    terms = AgreedTerms(instalments=halves, business_days=BusinessDays("NL"))
    assert schedule(terms, TOTAL, ISSUED) == [(date(2026, 4, 13), TOTAL)]


@pytest.mark.parametrize(("part", "at_once"), [(3000, 30_000), (Money(12_345, "EUR"), 12_345)])
def test_a_deposit_is_due_on_receipt_and_the_rest_later(part: int | Money, at_once: int) -> None:
    rows = schedule(AgreedTerms(instalments=deposit(part, NetDays(30))), TOTAL, ISSUED)
    assert rows == [(ISSUED, Money(at_once, "EUR")), (date(2026, 5, 10), Money(100_000 - at_once, "EUR"))]


@pytest.mark.parametrize("share", [0, 10_000])
def test_a_deposit_of_nothing_or_of_all_is_refused(share: int) -> None:
    with pytest.raises(InvalidInvoice, match="share_bps"):
        deposit(share, NetDays(30))


def test_shares_beside_the_whole_are_refused_with_their_sum() -> None:
    with pytest.raises(InvalidInvoice, match="not 9999"):
        parts(3333, 3333, 3333)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Instalment(due=NetDays(30)),
        lambda: Instalment(due=NetDays(30), share_bps=100, amount=Money(1, "EUR")),
        lambda: Instalment(due=NetDays(30), share_bps=0),
        lambda: Instalment(due=NetDays(30), amount=Money(0, "EUR")),
        lambda: AgreedTerms(instalments=(Instalment(due=NetDays(30), amount=Money(1, "EUR")),) * 61),
        lambda: AgreedTerms(
            instalments=(
                Instalment(due=NetDays(30), amount=Money(1, "EUR")),
                Instalment(due=NetDays(30), amount=Money(1, "USD")),
            )
        ),
    ],
)
def test_parts_that_no_total_fits_are_refused(broken: object) -> None:
    with pytest.raises(InvalidInvoice, match=r"terms\.instalments"):
        broken()  # type: ignore[operator]


@pytest.mark.parametrize("amount", [Money(99_999, "EUR"), Money(100_001, "EUR"), Money(100_000, "USD")])
def test_amounts_that_do_not_fit_the_total_are_refused_before_the_issue(amount: Money) -> None:
    terms = AgreedTerms(instalments=(Instalment(due=NetDays(30), amount=amount),))
    with pytest.raises(InvalidInvoice, match=r"terms\.instalments"):
        check_issuable(terms, TOTAL, ISSUED)


@pytest.mark.parametrize(
    ("paid_on", "asked"), [(ISSUED, 98_000), (date(2026, 4, 20), 98_000), (date(2026, 4, 21), 100_000)]
)
def test_two_ten_net_thirty_asks_less_until_the_tenth_day(paid_on: date, asked: int) -> None:
    assert discount_at(two_ten(), TOTAL, ISSUED, paid_on).asked.minor == asked


def test_steps_follow_each_other() -> None:
    early = EarlyPayment(steps=(DiscountStep(0, 500), DiscountStep(10, 200), DiscountStep(20, 100)))
    terms = AgreedTerms(due=NetDays(30), early_payment=early)
    days = [ISSUED, date(2026, 4, 11), date(2026, 4, 21), date(2026, 5, 1)]
    assert [discount_at(terms, TOTAL, ISSUED, day).discount_bps for day in days] == [500, 200, 100, 0]


def test_late_and_short_are_let_pass_within_the_tolerance_only() -> None:
    terms = two_ten(late_accepted_days=2, short_accepted_minor=100)
    enough = discount_at(terms, TOTAL, ISSUED, date(2026, 4, 22))
    assert enough.last_day == date(2026, 4, 20)
    assert enough.settles(Money(97_900, "EUR"))
    assert not enough.settles(Money(97_899, "EUR"))
    assert not discount_at(terms, TOTAL, ISSUED, date(2026, 4, 23)).settles(Money(98_000, "EUR"))


def test_the_tolerance_of_a_discount_is_none_of_the_whole() -> None:
    whole = discount_at(two_ten(short_accepted_minor=100), TOTAL, ISSUED, date(2026, 5, 10))
    assert not whole.settles(Money(99_999, "EUR"))
    assert whole.settles(TOTAL)


def test_a_tolerance_larger_than_the_invoice_settles_none_by_nothing() -> None:
    enough = discount_at(two_ten(short_accepted_minor=100), Money(50, "EUR"), ISSUED, ISSUED)
    assert not enough.settles(Money(0, "EUR"))
    assert enough.settles(Money(1, "EUR"))


def test_an_invoice_over_nothing_is_settled_by_nothing() -> None:
    assert discount_at(two_ten(), Money(0, "EUR"), ISSUED, ISSUED).settles(Money(0, "EUR"))


def test_the_discount_is_rounded_half_up() -> None:
    assert discount_at(two_ten(), Money(1_25, "EUR"), ISSUED, ISSUED).discount == Money(3, "EUR")


def test_the_last_day_of_a_discount_moves_off_a_holiday_as_the_due_date_does() -> None:
    early = EarlyPayment(steps=(DiscountStep(15, 200),))
    terms = AgreedTerms(due=NetDays(30), early_payment=early, business_days=BusinessDays("NL"))
    on_monday = discount_at(terms, TOTAL, ISSUED, date(2026, 4, 28))  # the 25th is a Saturday, the 27th King's Day
    assert on_monday.last_day == date(2026, 4, 28)
    assert on_monday.discount == Money(2000, "EUR")


@pytest.mark.parametrize(
    "steps",
    [
        (DiscountStep(10, 200), DiscountStep(10, 100)),
        (DiscountStep(10, 200), DiscountStep(5, 100)),
        (DiscountStep(10, 200), DiscountStep(20, 200)),
        tuple(DiscountStep(days, 100 - days) for days in range(6)),
    ],
)
def test_steps_that_contradict_each_other_are_refused(steps: tuple[DiscountStep, ...]) -> None:
    with pytest.raises(InvalidInvoice, match=r"terms\.early_payment\.steps"):
        EarlyPayment(steps=steps)


@pytest.mark.parametrize(("days", "discount_bps"), [(-1, 200), (366, 200), (10, 0), (10, 5001)])
def test_a_step_out_of_bounds_is_refused(days: int, discount_bps: int) -> None:
    with pytest.raises(InvalidInvoice, match=r"terms\.early_payment\.steps"):
        DiscountStep(days, discount_bps)


def test_a_discount_beside_instalments_is_refused() -> None:
    with pytest.raises(InvalidInvoice, match="leave one of them out"):
        AgreedTerms(instalments=deposit(5000, NetDays(30)), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),)))
