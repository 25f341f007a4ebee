"""What is owed on top by who pays late: simple interest by the day and a fixed sum, by law or as agreed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, assert_never

import msgspec

from currency.money import CurrencyMismatch, Money, round_fraction
from invoicing.countries import COUNTRIES
from invoicing.errors import InvalidInvoice
from invoicing.terms.base_rates import BaseRates, Series
from invoicing.terms.due_rules import check_range
from invoicing.terms.late_laws import AGAINST_CONSUMERS, BETWEEN_BUSINESSES, DayCount, FeeBand, Fixing, LateLaw

MAX_RATE_BPS = 10_000
MAX_LATE_TEXT = 500
_BPS = 10_000
_ONE_DAY = timedelta(days=1)


class BuyerKind(StrEnum):
    """Whom the law has in mind. A public authority is a business to it."""

    BUSINESS = "business"
    CONSUMER = "consumer"


class StatutoryLate(msgspec.Struct, frozen=True, kw_only=True, tag="statutory", forbid_unknown_fields=True):
    """What the law of `jurisdiction` (ISO 3166-1 alpha-2, as a rule the seller's country) grants against such a buyer.

    Against a consumer nothing is due where no law is known. Raises InvalidInvoice for a jurisdiction without a law.
    """

    jurisdiction: Annotated[str, msgspec.Meta(examples=["DE"])]
    buyer: BuyerKind

    def __post_init__(self) -> None:
        if self.jurisdiction not in BETWEEN_BUSINESSES:
            raise InvalidInvoice(
                "terms.late.jurisdiction",
                f"no law on late payment is known here for {self.jurisdiction[:20]!r}; agree on a rate (agreed) or"
                f" on none (none). Known are {', '.join(sorted(BETWEEN_BUSINESSES))}",
            )


class AgreedLate(msgspec.Struct, frozen=True, kw_only=True, tag="agreed", forbid_unknown_fields=True):
    """The merchant's own: `rate_bps` a year (0 to 10000), on top of a base rate where `above` names one, and a `fee`.

    `text` (at most 500 characters) is printed instead of our words, in whatever language. Raises InvalidInvoice.
    """

    rate_bps: int = 0
    above: Series | None = None
    fee: Money | None = None
    day_count: DayCount = DayCount.ACTUAL_365
    text: str = ""

    def __post_init__(self) -> None:
        check_range("terms.late.rate_bps", self.rate_bps, 0, MAX_RATE_BPS)
        if self.fee is not None and self.fee.minor <= 0:
            raise InvalidInvoice("terms.late.fee", "must be positive, or left out")
        if len(self.text) > MAX_LATE_TEXT:
            raise InvalidInvoice("terms.late.text", f"must have at most {MAX_LATE_TEXT} characters")
        if not (self.rate_bps or self.above or self.fee):
            raise InvalidInvoice("terms.late", "must have a rate_bps or a fee; where nothing is asked say none")


class NoLateCharge(msgspec.Struct, frozen=True, tag="none", forbid_unknown_fields=True):
    """Nothing is asked of who pays late."""


LateTerms = StatutoryLate | AgreedLate | NoLateCharge


@dataclass(frozen=True, slots=True)
class InterestSpan:
    """Days in a row, both ends within, with one principal and one rate. `exact_minor` is not rounded."""

    first_day: date
    last_day: date
    principal: Money
    rate_bps: int
    exact_minor: Fraction

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


@dataclass(frozen=True, slots=True)
class LateCharge:
    """`interest` is the sum of the spans, rounded once, HALF_UP. `fee` may be in another currency: the law's own."""

    interest: Money
    fee: Money | None
    spans: tuple[InterestSpan, ...]
    law: str | None


def late_charge(
    late: LateTerms,
    owed: Money,
    *,
    due: date,
    until: date,
    rates: BaseRates,
    payments: Iterable[tuple[date, Money]] = (),
    fee_basis: Money | None = None,
) -> LateCharge:
    """What `owed`, due on `due`, has cost by the end of `until`.

    Days of delay are those after `due`: a debt due on the 1st and paid on the 11th bears ten days. A payment's day is
    the last one that its amount bears; payments up to the due day have reduced the debt before. They count against the
    principal only, and interest bears none (Directive 2011/7/EU, article 2(5) to (7): simple interest). The fixed sum
    is due once, with the first day of delay, by the size of the debt then; `fee_basis` is that debt where the law's
    bands are in another currency. Raises UnknownBaseRate, InvalidInvoice.
    """
    law = law_of(late)
    spans = tuple(_spans(law, owed, due, until, rates, sorted(payments, key=lambda each: each[0]))) if law else ()
    exact = sum((span.exact_minor for span in spans), Fraction(0))
    interest = Money(round_fraction(exact), owed.currency)
    fee = fixed_fee(law, fee_basis or spans[0].principal) if law and spans else None
    return LateCharge(interest, fee, spans, law.name if law and law.name else None)


def law_of(late: LateTerms) -> LateLaw | None:
    """The rule that counts, None where nothing is due."""
    match late:
        case StatutoryLate(jurisdiction=jurisdiction, buyer=BuyerKind.BUSINESS):
            return BETWEEN_BUSINESSES[jurisdiction]
        case StatutoryLate(jurisdiction=jurisdiction):
            return AGAINST_CONSUMERS.get(jurisdiction)
        case AgreedLate():
            fees = (FeeBand(late.fee),) if late.fee else ()
            return LateLaw("", "", late.rate_bps, late.above, day_count=late.day_count, fees=fees)
        case NoLateCharge():
            return None
        case _ as never:
            assert_never(never)


def rate_on(law: LateLaw, day: date, *, start: date, rates: BaseRates) -> int:
    """Basis points a year on a day of a delay that began on `start`. Raises UnknownBaseRate."""
    if law.series is None:
        return law.margin_bps
    counted = start if law.fixing is Fixing.AT_START else day
    rate_bps = rates.find(law.series, counted).rate_bps + law.margin_bps
    return -(-rate_bps // law.round_up_bps) * law.round_up_bps


def fixed_fee(law: LateLaw, debt: Money) -> Money | None:
    """The fixed sum for a debt of that size. Raises InvalidInvoice where the bands are in another currency."""
    for band in law.fees:
        if band.below is None:
            return band.fee
        try:
            if debt < band.below:
                return band.fee
        except CurrencyMismatch:
            raise InvalidInvoice(
                "fee_basis", f"must be the debt in {band.below.currency}: the fixed sums of {law.name} go by its size"
            ) from None
    return None


def check_agreed(agreed: AgreedLate, jurisdiction: str, *, on: date, rates: BaseRates) -> None:
    """Refuse a rate below what the law lets businesses agree on. Raises InvalidInvoice, UnknownBaseRate."""
    if jurisdiction not in COUNTRIES:
        raise InvalidInvoice("jurisdiction", "must be an ISO 3166-1 alpha-2 code such as DE")
    law = BETWEEN_BUSINESSES.get(jurisdiction)
    agreed_law = law_of(agreed)
    if law is None or law.floor is None or agreed_law is None:
        return
    series, times = law.floor
    least = rates.find(series, on).rate_bps * times
    if rate_on(agreed_law, on, start=on, rates=rates) < least:
        raise InvalidInvoice(
            "terms.late.rate_bps", f"must come to at least {least} ({times} times the legal rate) by {law.name}"
        )


def _spans(
    law: LateLaw, owed: Money, due: date, until: date, rates: BaseRates, payments: Sequence[tuple[date, Money]]
) -> Iterator[InterestSpan]:
    start = due + _ONE_DAY
    for first, last in _stretches(start, until, [day for day, _ in payments]):
        principal = _left(owed, payments, first)
        if principal.minor == 0:  # for now: money may have gone back later
            continue
        rate_bps = rate_on(law, first, start=start, rates=rates)
        days = (last - first).days + 1
        exact = Fraction(principal.minor * rate_bps * days, _BPS * law.day_count.year_days)
        yield InterestSpan(first, last, principal, rate_bps, exact)


def _stretches(start: date, until: date, payment_days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """The days from start to until, cut where a half-year begins and after each payment."""
    if until < start:
        return
    cuts = {day + _ONE_DAY for day in payment_days if start <= day < until}
    half_year = _next_half_year(start)
    while half_year <= until:
        cuts.add(half_year)
        half_year = _next_half_year(half_year)
    firsts = [start, *sorted(cuts)]
    for first, after in zip(firsts, [*firsts[1:], until + _ONE_DAY], strict=True):
        yield first, after - _ONE_DAY


def _next_half_year(day: date) -> date:
    return date(day.year, 7, 1) if day.month < 7 else date(day.year + 1, 1, 1)


def _left(owed: Money, payments: Sequence[tuple[date, Money]], day: date) -> Money:
    """What is still owed at the beginning of the day, never less than nothing."""
    paid = sum((amount.minor for paid_on, amount in payments if paid_on < day), 0)
    return max(owed - Money(paid, owed.currency), Money.zero(owed.currency))
