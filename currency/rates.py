"""Exchange rates: as published, by day and source, and conversion that rounds once, at the end. No floats.

A rate is a fraction of two published numbers. A cross rate (USD to GBP through EUR) is never rounded in the middle, and
a rate that was used is frozen with its source and day, so that the same sum can be done again years later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Protocol, assert_never

from currency.currencies import exponent_of
from currency.money import CurrencyMismatch, Money, Rounding, round_fraction

MAX_AGE_DAYS = 7  # the longest pause of the ECB is four days (Easter, Christmas); beyond a week something is wrong
TEXT_DIGITS = 10  # of a rate written for people
_BASIS_POINTS_IN_ONE = 10_000


class RateUnavailable(LookupError):
    """No rate that may be used; the message says why."""


class RateUnknown(RateUnavailable):
    """The source has never published this currency, or not yet on that day."""


class RateStale(RateUnavailable):
    """The newest publication is older than may be used."""


class CurrencyEnded(RateUnavailable):
    """The source no longer publishes the currency: it was replaced, or its publication is suspended."""


class Publication(StrEnum):
    """Which publication counts where a day has none.

    PREVIOUS is the rule for invoices (Directive 2006/112/EC art. 91), NEXT for the OSS return (art. 366).
    """

    PREVIOUS = "previous"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many `quote` for one `base`, in major units: `quote_units / base_units`, both as published against a pivot.

    `on` is the day of publication, `source` who published it. `markup_bps` is what was put on top, in basis points.
    """

    base: str
    quote: str
    base_units: Decimal
    quote_units: Decimal
    on: date
    source: str
    markup_bps: int = 0

    def __post_init__(self) -> None:
        for units in (self.base_units, self.quote_units):
            if not (units.is_finite() and units > 0):
                raise ValueError(f"a rate is a number above zero, not {units}")
        if self.markup_bps <= -_BASIS_POINTS_IN_ONE:
            raise ValueError(f"a markup of {self.markup_bps} basis points leaves nothing")

    @property
    def value(self) -> Fraction:
        """The exact rate, markup included."""
        markup = Fraction(_BASIS_POINTS_IN_ONE + self.markup_bps, _BASIS_POINTS_IN_ONE)
        return Fraction(self.quote_units) / Fraction(self.base_units) * markup

    def inverse(self) -> Rate:
        """The same rate seen from the other side. Raises ValueError for one with a markup, which has a direction."""
        if self.markup_bps:
            raise ValueError("a rate with a markup has no inverse: convert first, then add the markup")
        return replace(self, base=self.quote, quote=self.base, base_units=self.quote_units, quote_units=self.base_units)

    def with_markup(self, bps: int) -> Rate:
        """The rate with this many basis points on top, in place of those it had."""
        return replace(self, markup_bps=bps)

    def __str__(self) -> str:
        """The rate for people: `1.1172`, at most TEXT_DIGITS significant digits."""
        with localcontext(prec=TEXT_DIGITS):
            number = Decimal(self.value.numerator) / Decimal(self.value.denominator)
        return format(number.normalize(), "f")

    def freeze(self) -> dict[str, str | int]:
        """All that is needed to do the sum again, as plain JSON values."""
        return {
            "base": self.base,
            "quote": self.quote,
            "base_units": str(self.base_units),
            "quote_units": str(self.quote_units),
            "on": self.on.isoformat(),
            "source": self.source,
            "markup_bps": self.markup_bps,
        }

    @classmethod
    def thaw(cls, frozen: Mapping[str, str | int]) -> Rate:
        """What `freeze` gave, as a rate again. Raises KeyError and ValueError for anything else."""
        return cls(
            base=str(frozen["base"]),
            quote=str(frozen["quote"]),
            base_units=Decimal(str(frozen["base_units"])),
            quote_units=Decimal(str(frozen["quote_units"])),
            on=date.fromisoformat(str(frozen["on"])),
            source=str(frozen["source"]),
            markup_bps=int(frozen["markup_bps"]),
        )


def convert(money: Money, rate: Rate, rounding: Rounding = Rounding.HALF_UP) -> Money:
    """The amount in the rate's quote currency, rounded once. Raises CurrencyMismatch for money of another currency."""
    if money.currency != rate.base:
        raise CurrencyMismatch(f"a rate from {rate.base} does not convert {money.currency}")
    scale = Fraction(10) ** (exponent_of(rate.quote) - exponent_of(rate.base))
    return Money(round_fraction(money.minor * rate.value * scale, rounding), rate.quote)


class RateSource(Protocol):
    """Whoever publishes rates: a bank's table, rates entered by hand, a data vendor."""

    name: str

    def rate(self, base: str, quote: str, as_of: date, publication: Publication = Publication.PREVIOUS) -> Rate:
        """Raises RateUnavailable, in one of its kinds."""
        ...


@dataclass(frozen=True, slots=True)
class _Series:
    days: tuple[date, ...]  # ascending
    units: tuple[Decimal, ...]


class PivotTable:
    """Rates of many currencies against one, day by day, as the ECB and most central banks publish them.

    `rows` are (day, {currency: units of it for one pivot}); a day without a currency has no rate for it. `ended` says
    why and after which day a currency is no longer published.
    """

    def __init__(
        self,
        name: str,
        pivot: str,
        rows: Iterable[tuple[date, Mapping[str, Decimal]]],
        *,
        ended: Mapping[str, tuple[date, str]] | None = None,
        max_age_days: int = MAX_AGE_DAYS,
    ) -> None:
        self.name = name
        self.pivot = pivot
        self._ended = dict(ended or {})
        self._max_age = timedelta(days=max_age_days)
        by_day = dict(rows)
        days = sorted(by_day)
        codes = sorted({code for row in by_day.values() for code in row})
        self._series = {code: _series([day for day in days if code in by_day[day]], code, by_day) for code in codes}
        self._series[pivot] = _Series(tuple(days), (Decimal(1),) * len(days))
        self.last_published = days[-1] if days else None

    @property
    def currencies(self) -> frozenset[str]:
        """All that were ever published here, the pivot included."""
        return frozenset(self._series)

    def published(self, currency: str, on: date) -> Decimal | None:
        """Exactly what was published on that very day: units of the currency for one pivot."""
        series = self._series.get(currency)
        if series is None:
            return None
        place = bisect_left(series.days, on)
        return series.units[place] if place < len(series.days) and series.days[place] == on else None

    def rate(self, base: str, quote: str, as_of: date, publication: Publication = Publication.PREVIOUS) -> Rate:
        """The rate of the day, or of the publication before (after) it. Raises RateUnavailable, in one of its kinds."""
        for code in (base, quote):
            self._require_published(code, as_of)
        on = self._common_day(base, quote, as_of, publication)
        if on is None:
            raise RateUnknown(f"{self.name} has no rate of {base} and {quote} {_beside(publication)} {as_of}")
        if abs(as_of - on) > self._max_age:
            other_news = _nearest(self._series[self.pivot], as_of, publication)
            went_on = other_news is not None and abs(as_of - other_news) <= self._max_age
            remedy = f"{self.name} paused one of them" if went_on else "import newer rates"
            raise RateStale(
                f"{self.name}: the rate of {base} and {quote} nearest to {as_of} is of {on}, more than "
                f"{self._max_age.days} days away; {remedy}"
            )
        return Rate(base, quote, self._units(base, on), self._units(quote, on), on, self.name)

    def _require_published(self, code: str, as_of: date) -> None:
        series = self._series.get(code)
        if series is None or not series.days:
            raise RateUnknown(f"{self.name} does not publish {code}")
        end = self._ended.get(code)
        if end is not None and as_of > end[0]:
            raise CurrencyEnded(f"{self.name} has published {code} until {end[0]} only: {end[1]}")

    def _common_day(self, base: str, quote: str, as_of: date, publication: Publication) -> date | None:
        """The nearest day with both: they may have been left out on different days."""
        one, other = self._series[base], self._series[quote]
        day: date | None = as_of
        while day is not None:
            first, second = _nearest(one, day, publication), _nearest(other, day, publication)
            if first is None or second is None or first == second:
                return first if second is not None else None
            match publication:
                case Publication.PREVIOUS:
                    day = min(first, second)
                case Publication.NEXT:
                    day = max(first, second)
                case _:
                    assert_never(publication)
        return None

    def _units(self, code: str, day: date) -> Decimal:
        series = self._series[code]
        return series.units[bisect_left(series.days, day)]


class PairTable:
    """Rates entered by hand or agreed with a client: one direct pair each, valid from its day on until the next."""

    def __init__(self, name: str, rates: Iterable[Rate], *, max_age_days: int = 366) -> None:
        self.name = name
        self._max_age = timedelta(days=max_age_days)
        self._pairs: dict[tuple[str, str], list[Rate]] = {}
        for rate in sorted(rates, key=lambda rate: rate.on):
            self._pairs.setdefault((rate.base, rate.quote), []).append(rate)

    def rate(self, base: str, quote: str, as_of: date, publication: Publication = Publication.PREVIOUS) -> Rate:
        """The pair's own rate, else the inverse of the opposite pair's. Raises RateUnknown, RateStale."""
        found = self._direct((base, quote), as_of, publication)
        if found is None:
            opposite = self._direct((quote, base), as_of, publication)
            found = opposite.inverse() if opposite is not None else None
        if found is None:
            raise RateUnknown(f"{self.name} has no rate of {base} and {quote} {_beside(publication)} {as_of}")
        if abs(as_of - found.on) > self._max_age:
            raise RateStale(f"{self.name}'s rate of {base} and {quote} is of {found.on}: enter a newer one")
        return found

    def _direct(self, pair: tuple[str, str], as_of: date, publication: Publication) -> Rate | None:
        known = self._pairs.get(pair, [])
        days = [rate.on for rate in known]
        place = bisect_right(days, as_of) - 1 if publication is Publication.PREVIOUS else bisect_left(days, as_of)
        return known[place] if 0 <= place < len(known) else None


class RateBook:
    """Several sources in order of preference: the first that has a rate counts."""

    name = "book"

    def __init__(self, sources: Sequence[RateSource]) -> None:
        self._sources = tuple(sources)

    def rate(self, base: str, quote: str, as_of: date, publication: Publication = Publication.PREVIOUS) -> Rate:
        """Raises RateUnavailable with what each source said, of the kind that the last one raised."""
        if base == quote:
            exponent_of(base)
            return Rate(base, quote, Decimal(1), Decimal(1), as_of, "identity")
        refusals: list[RateUnavailable] = []
        for source in self._sources:
            try:
                return source.rate(base, quote, as_of, publication)
            except RateUnavailable as refusal:
                refusals.append(refusal)
        if not refusals:
            raise RateUnknown(f"no source of rates is set up: {base} to {quote} is not known")
        raise type(refusals[-1])("; ".join(str(refusal) for refusal in refusals))


def _series(days: list[date], code: str, by_day: Mapping[date, Mapping[str, Decimal]]) -> _Series:
    return _Series(tuple(days), tuple(by_day[day][code] for day in days))


def _nearest(series: _Series, day: date, publication: Publication) -> date | None:
    place = bisect_right(series.days, day) - 1 if publication is Publication.PREVIOUS else bisect_left(series.days, day)
    return series.days[place] if 0 <= place < len(series.days) else None


def _beside(publication: Publication) -> str:
    return "on or before" if publication is Publication.PREVIOUS else "on or after"
