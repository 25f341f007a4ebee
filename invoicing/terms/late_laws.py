"""What a late payer owes by law, as data by jurisdiction: points over a base rate, a fixed sum, and the source.

A law that is not here is not guessed: the merchant then agrees a rate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from currency.money import Money
from invoicing.terms.base_rates import Series

_DIRECTIVE = "Directive 2011/7/EU, articles 2(6), 2(7), 3 and 6: eur-lex.europa.eu/eli/dir/2011/7/oj"


class Fixing(StrEnum):
    """Which half-year's base rate counts for a day of delay."""

    EACH_HALF_YEAR = "each_half_year"  # the one of that day's half-year
    AT_START = "at_start"  # for the whole delay the one of the half-year in which it began


class DayCount(StrEnum):
    """Days of a year. Days of delay are counted in the calendar, in leap years too."""

    ACTUAL_365 = "actual_365"
    ACTUAL_360 = "actual_360"

    @property
    def year_days(self) -> int:
        return 365 if self is DayCount.ACTUAL_365 else 360


@dataclass(frozen=True, slots=True)
class FeeBand:
    """A fixed sum for debts `below` an amount; None is for all that are larger."""

    fee: Money
    below: Money | None = None


@dataclass(frozen=True, slots=True)
class LateLaw:
    """`margin_bps` a year, over the base rate where `series` names one, the sum rounded up to `round_up_bps`.

    `floor` is the least that may be agreed instead: a series and by what it is multiplied.
    """

    name: str
    source: str
    margin_bps: int
    series: Series | None = None
    round_up_bps: int = 1
    fixing: Fixing = Fixing.EACH_HALF_YEAR
    day_count: DayCount = DayCount.ACTUAL_365
    fees: tuple[FeeBand, ...] = ()
    floor: tuple[Series, int] | None = None


_EUR_40 = (FeeBand(Money(4000, "EUR")),)


def _directive(series: Series) -> LateLaw:
    return LateLaw("Directive 2011/7/EU", _DIRECTIVE, 800, series, fees=_EUR_40)


# The Directive is the least that a member state grants; a country has a row of its own below where its law was read.
# Outside the euro it looks at the national central bank's rate, article 2(7)(b). Bulgaria has the euro since 2026 only;
# for a delay of before, agree on a rate.
_EURO_AREA = ("BG", "CY", "EE", "ES", "FI", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PT", "SI", "SK")
_OTHER_EU = {
    "CZ": Series.CZECHIA,
    "DK": Series.DENMARK,
    "HU": Series.HUNGARY,
    "RO": Series.ROMANIA,
    "SE": Series.SWEDEN,
}

BETWEEN_BUSINESSES: dict[str, LateLaw] = {
    **{country: _directive(Series.ECB) for country in _EURO_AREA},
    **{country: _directive(series) for country, series in _OTHER_EU.items()},
    "AT": LateLaw(
        "§ 456 UGB", "gesetzefinden.at/bundesrecht/bundesgesetze/ugb/para-456", 920, Series.AUSTRIA, fees=_EUR_40
    ),
    # Rounded up to the next half point: 12.25 % became 12.5 % in 2024, 11.15 % became 11.5 % in 2025.
    "BE": LateLaw(
        "Loi du 2 août 2002, article 5",
        "leuropeinfo.eu/?p=1197; embuild.be (2026)",
        800,
        Series.ECB,
        round_up_bps=50,
        fees=_EUR_40,
    ),
    # The law names five for a hundred; article 104(1) and (3) OR know no fixed sum.
    "CH": LateLaw("Art. 104 OR", "swissrights.ch/gesetze/Artikel-104-OR-2024-EN.php", 500),
    "DE": LateLaw("§ 288 BGB", "gesetze-im-internet.de/bgb/__288.html, (2) and (5)", 900, Series.GERMANY, fees=_EUR_40),
    "FR": LateLaw(
        "Article L. 441-10 du Code de commerce",
        "jcl06.fr/les-interets-de-retard",
        1000,
        Series.ECB,
        fees=_EUR_40,
        floor=(Series.FRANCE_LEGAL, 3),
    ),
    # The rate is the one on the day on which interest starts to run, S.I. 2002/1675 article 4; the sums are those of
    # section 5A of the Act.
    "GB": LateLaw(
        "Late Payment of Commercial Debts (Interest) Act 1998",
        "legislation.gov.uk/uksi/2002/1675; payontime.co.uk/late-payment-legislation-interest-calculators",
        800,
        Series.UNITED_KINGDOM,
        fixing=Fixing.AT_START,
        fees=(
            FeeBand(Money(4000, "GBP"), below=Money(100_000, "GBP")),
            FeeBand(Money(7000, "GBP"), below=Money(1_000_000, "GBP")),
            FeeBand(Money(10_000, "GBP")),
        ),
    ),
    # The Directive's least for the fixed sum; the Polish act has more for large debts.
    "PL": LateLaw(
        "Ustawa z 8 marca 2013 r.",
        "korolko.pl/en/blog/new-rules-on-payment-terms-in-commercial-transactions",
        1000,
        Series.POLAND,
        fees=_EUR_40,
    ),
}

# The Directive does not protect against consumers (article 1 and 2(1)); no fixed sum either, § 288(5) BGB.
AGAINST_CONSUMERS: dict[str, LateLaw] = {
    "DE": LateLaw("§ 288 BGB", "gesetze-im-internet.de/bgb/__288.html, (1)", 500, Series.GERMANY),
}
