"""The rates that late-payment laws build on, half-year by half-year: those known here, and those entered by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

import msgspec

from invoicing.errors import InvalidInvoice
from invoicing.terms.due_rules import check_range


class Series(StrEnum):
    """Whose rate it is."""

    ECB = "ecb"  # main refinancing operations
    GERMANY = "germany"  # Basiszinssatz, section 247 BGB
    AUSTRIA = "austria"  # Basiszinssatz, Oesterreichische Nationalbank
    UNITED_KINGDOM = "united_kingdom"  # Bank Rate, Bank of England
    FRANCE_LEGAL = "france_legal"  # taux de l'intérêt légal, the one that is not for private creditors
    CZECHIA = "czechia"
    DENMARK = "denmark"
    HUNGARY = "hungary"
    POLAND = "poland"
    ROMANIA = "romania"
    SWEDEN = "sweden"


class UnknownBaseRate(InvalidInvoice):
    """No rate is known for that half-year. Rates are never guessed from an earlier one."""

    def __init__(self, series: Series, half_year: date) -> None:
        super().__init__(
            "base_rate",
            f"the rate {series} that counts from {half_year} is not known here; enter it with its source"
            f" (PUT /v1/base-rates/{series})",
        )
        self.series = series
        self.half_year = half_year


class BaseRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rate of `series` that counts for the half-year from `since` (1 January or 1 July), in basis points a year.

    It is the one that the law looks at for that half-year: for the United Kingdom the Bank Rate of the day before.
    `source` says where it was read. Raises InvalidInvoice.
    """

    series: Series
    since: date
    rate_bps: int
    source: str

    def __post_init__(self) -> None:
        if (self.since.month, self.since.day) not in ((1, 1), (7, 1)):
            raise InvalidInvoice("base_rate.since", "must be a 1 January or a 1 July: the laws change rates then")
        check_range("base_rate.rate_bps", self.rate_bps, -1_000, 10_000)
        if not 1 <= len(self.source.strip()) <= 500:
            raise InvalidInvoice("base_rate.source", "must say where the rate was read, in 1 to 500 characters")


class BaseRates:
    """Rates by series and half-year. Of two for one half-year the later given counts: a correction is a further row."""

    def __init__(self, rates: Iterable[BaseRate] = ()) -> None:
        self._rates = {(rate.series, rate.since): rate for rate in rates}

    def find(self, series: Series, day: date) -> BaseRate:
        """The rate that counts for the half-year of `day`. Raises UnknownBaseRate."""
        since = half_year_of(day)
        found = self._rates.get((series, since))
        if found is None:
            raise UnknownBaseRate(series, since)
        return found

    def of(self, series: Series) -> list[BaseRate]:
        """What is known of a series, newest first."""
        return sorted((rate for rate in self._rates.values() if rate.series is series), key=_since, reverse=True)

    def entered(self, *rates: BaseRate) -> BaseRates:
        """These rates and the ones entered, which come before them."""
        return BaseRates([*self._rates.values(), *rates])


def _since(rate: BaseRate) -> date:
    return rate.since


def half_year_of(day: date) -> date:
    """The 1 January or 1 July that begins it."""
    return date(day.year, 1 if day.month < 7 else 7, 1)


def _rows(series: Series, source: str, first_year: int, *rates_bps: int | None) -> Iterable[BaseRate]:
    for index, rate_bps in enumerate(rates_bps):
        if rate_bps is not None:
            yield BaseRate(series, date(first_year + index // 2, 1 + index % 2 * 6, 1), rate_bps, source)


# Each pair is a year's two halves; None is one that could not be confirmed. Everything later is entered.
KNOWN_RATES = BaseRates(
    (
        *_rows(
            Series.ECB,
            "enterprise.gov.ie Late-Payment-Interest-Rate (to 1 July 2024); ECB monetary policy decisions of"
            " 12 December 2024 and 5 June 2025; tenders at apl.bsi.si/orodja/avkcije-en.asp (to January 2026)",
            2022,
            *(0, 0), *(250, 400), *(450, 425), *(315, 215), *(215, None),
        ),
        *_rows(
            Series.GERMANY,
            "Bundesbank, § 247 BGB: the ECB's rate less 0.88 points since 1 July 2016;"
            " finanzmarktnachrichten.de/basiszinssatz-bleibt-ab-1-januar-2026-bei-127",
            2022,
            *(-88, -88), *(162, 312), *(362, 337), *(227, 127), *(127, None),
        ),
        *_rows(
            Series.AUSTRIA,
            "OeNB: solidbau.at/wissen-service/verzugszinsen-ein-nicht-zu-unterschaetzender-faktor (2022, 2023);"
            " finanzrechner.at/verzugszinsen (2024)",
            2022,
            *(-62, -62), *(188, None), *(388, None),
        ),
        *_rows(
            Series.UNITED_KINGDOM,
            "payontime.co.uk/how-to-calculate-late-payment-interest-and-compensation (to 2024-06); Bank of England,"
            " Bank Rate on 30 June 2024, 31 December 2024, 30 June 2025 and 31 December 2025",
            2022,
            *(25, 125), *(350, 500), *(525, 525), *(475, 425), *(375, None),
        ),
        *_rows(
            Series.FRANCE_LEGAL,
            "legifiscal.fr/actualites-fiscales/4371-taux-interet-legal-1er-semestre-2026.html",
            2024,
            *(None, 492), *(371, 276), *(262, None),
        ),
    )
)  # fmt: skip
