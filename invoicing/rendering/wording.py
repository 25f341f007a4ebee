"""How the parts of a document are put into words and figures: parties, quantities, prices, rates, tax lines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from gettext import GNUTranslations

from babel.dates import format_interval
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from currency.currencies import exponent_of
from currency.formatting import format_date, format_money, locale_of
from currency.money import Money
from invoicing.catalogues import catalogue_of
from invoicing.documents import Delivery, FrozenRate, Party, Period, TaxTotal, to_minor
from invoicing.tax import BPS, RULES, TaxKind, TaxTreatment

# What the number of a party's tax registration is called where it is not a VAT id.
TAX_ID_LABELS = {
    "JP": "Registration number",
    "US": "Tax ID",
    **dict.fromkeys(("AE", "SA", "BH", "OM"), "Tax registration number"),
}
# Directive 2006/112/EC, Art. 226 (13) and (14): the words that the law of each language has for them.
MARGIN_SCHEMES = {
    "VATEX-EU-D": "Margin scheme: travel agents",
    "VATEX-EU-F": "Margin scheme: second-hand goods",
    "VATEX-EU-I": "Margin scheme: works of art",
    "VATEX-EU-J": "Margin scheme: collectors' items and antiques",
}
_POSTAL_CODE_LAST = frozenset(("US", "CA", "AU", "GB", "IN", "SG"))
_LARGE_TO_SMALL = frozenset(("JP", "CN", "TW", "KR"))  # the order of an address in its own script
# UN/ECE Recommendation 20 to CLDR. A piece is not named.
_UNITS = {
    "HUR": "duration-hour", "DAY": "duration-day", "WEE": "duration-week", "MON": "duration-month",
    "ANN": "duration-year", "MIN": "duration-minute", "SEC": "duration-second", "KGM": "mass-kilogram",
    "GRM": "mass-gram", "TNE": "mass-tonne", "MTR": "length-meter", "KMT": "length-kilometer",
    "CMT": "length-centimeter",
    "MTK": "area-square-meter", "MTQ": "volume-cubic-meter", "LTR": "volume-liter", "KWH": "energy-kilowatt-hour",
    "4L": "digital-megabyte", "E34": "digital-gigabyte",
}  # fmt: skip
_UNNAMED_UNITS = frozenset(("C62", "H87", "EA", "NAR", "PCE"))
_PRICE_PATTERN = "#,##0." + "#" * 12


class Wording:
    """The words of one language and the formats of one locale."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.babel = locale_of(locale)
        self.words: GNUTranslations = catalogue_of(locale)
        self.say = self.words.gettext

    def apart(self, text: str) -> str:
        """Foreign words in a right-to-left line as a whole of their own (UAX 9: FSI and PDI), where no element can."""
        return f"\u2068{text}\u2069" if self.babel.text_direction == "rtl" else text

    def money(self, amount: Money) -> str:
        """An amount as people of the locale write it."""
        return format_money(amount, self.locale)

    def day(self, moment: date | None) -> str:
        """A day in words of the locale; nothing where there is none."""
        return format_date(moment, self.locale) if moment else ""

    def period(self, period: Period | None) -> str:
        """From the first to the last day."""
        if period is None:
            return ""
        return str(format_interval(period.start, period.end, skeleton="yMMMd", locale=self.babel))

    def country(self, code: str) -> str:
        """A country's name."""
        return str(self.babel.territories.get(code, code))

    def quantity(self, quantity: Decimal, unit: str) -> str:
        """With its unit where that is more than a piece: `12.5 hr`."""
        if unit in _UNNAMED_UNITS:
            return _decimal(quantity, self.locale)
        if unit in _UNITS:
            return format_unit(quantity, _UNITS[unit], length="short", format=_PRICE_PATTERN, locale=self.babel)
        return f"{_decimal(quantity, self.locale)}\u00a0{unit}"

    def price(self, price: Decimal, currency: str) -> str:
        """As money where it is a whole number of minor units, else every decimal it has, with the currency's code."""
        minor = to_minor(price, currency)
        if Decimal(minor).scaleb(-exponent_of(currency)) == price:
            return self.money(Money(minor, currency))
        return f"{_decimal(price, self.locale)}\u00a0{currency}"

    def percent(self, percent: Decimal) -> str:
        """`2.5` as `2.5%`, or as the locale writes that."""
        return format_percent(percent / 100, locale=self.babel, decimal_quantization=False)

    def rate(self, treatment: TaxTreatment) -> str:
        """The rate of a tax."""
        return self.basis_points(treatment.rate_bps)

    def basis_points(self, rate_bps: int) -> str:
        """`1115` as `11.15%`, or as the locale writes that."""
        return _rate(rate_bps, self.locale)

    def rate_used(self, rate: FrozenRate) -> str:
        """A rate of exchange with who published it and when."""
        base, quote = (self.price(rate.base_units, rate.base), self.price(rate.quote_units, rate.quote))
        return f"{self.apart(base)} = {self.apart(quote)}, {self.apart(rate.source)}, {self.day(rate.on)}"

    def tax_name(self, treatment: TaxTreatment) -> str:
        """What the tax is called, with its country where that is not the seller's."""
        label = self.say(RULES[treatment.kind].label)
        return f"{label} ({self.country(treatment.place)})" if treatment.place else label

    def tax_row(self, row: TaxTotal) -> str:
        """A tax with its rate and what it is of."""
        return self.say("{label} {rate} on {base}").format(
            label=self.tax_name(row.treatment), rate=self.rate(row.treatment), base=self.money(row.base)
        )

    def tax_note(self, treatment: TaxTreatment) -> str:
        """What the law wants said of a treatment; nothing for an ordinary tax."""
        if treatment.kind is TaxKind.MARGIN_SCHEME and treatment.reason_code in MARGIN_SCHEMES and not treatment.reason:
            return self.say(MARGIN_SCHEMES[treatment.reason_code])
        parts = [self.say(note) for note in RULES[treatment.kind].notes]
        reason = treatment.reason or (treatment.exemption_reason if RULES[treatment.kind].needs_reason else "")
        return " · ".join([*parts, *([reason] if reason else [])])

    def address(self, place: Party | Delivery) -> list[str]:
        """The lines of an address, the country last."""
        last = place.country in _POSTAL_CODE_LAST
        city = f"{place.city}," if place.country == "US" and place.city else place.city
        parts = (city, place.subdivision, place.postal_code) if last else (place.postal_code, city)
        town = " ".join(part for part in parts if part)
        large_first = place.country in _LARGE_TO_SMALL and not f"{town}{place.address_lines}".isascii()
        lines = [town, *place.address_lines] if large_first else [*place.address_lines, town]
        return [line for line in [*lines, self.country(place.country)] if line]

    def tax_id_label(self, country: str) -> str:
        """What a tax registration is called there."""
        return self.say(TAX_ID_LABELS.get(country, "VAT ID"))


@lru_cache(maxsize=4096)
def _decimal(number: Decimal, locale: str) -> str:
    return format_decimal(number, locale=locale_of(locale), decimal_quantization=False)


@lru_cache(maxsize=1024)
def _rate(rate_bps: int, locale: str) -> str:
    return format_percent(Decimal(rate_bps) / BPS, locale=locale_of(locale), decimal_quantization=False)
