"""Where an invoice rounds. Always HALF_UP (half away from zero), and always so that the parts sum to the whole."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from currency.currencies import exponent_of
from currency.money import round_fraction


class RoundingPolicy(StrEnum):
    """At which sum the tax is rounded; what is below it is split by largest remainder, so that it adds up."""

    PER_LINE = "per_line"
    PER_RATE = "per_rate"
    PER_TOTAL = "per_total"


# Countries whose law names another rounding than once for each rate and document. That is the rule of EN 16931
# (BR-CO-17) and of Japan (Consumption Tax Act, Enforcement Order Art. 70-10: once per rate and qualified invoice), and
# is allowed in the United Kingdom (VAT Notice 700, 17.5).
_POLICIES = {
    # GST Act 1999 s 9-90 (2) (a), austlii.edu.au: the sum of the unrounded amounts is rounded once.
    "AU": RoundingPolicy.PER_TOTAL,
    # Sales tax is computed by transaction line and jurisdiction, and given so.
    "US": RoundingPolicy.PER_LINE,
}
# Forints have two decimals in ISO 4217 and none in use: Hungarian tax is in whole forints, as in CEN's example
# huf_example_cii.xml (ConnectingEurope/eInvoicing-EN16931).
_TAX_STEPS = {("HU", "HUF"): 100}


def policy_of(country: str) -> RoundingPolicy:
    """The rounding of a seller in that country (ISO 3166-1 alpha-2) who has not chosen another."""
    return _POLICIES.get(country, RoundingPolicy.PER_RATE)


def tax_step_minor(country: str, currency: str) -> int:
    """To how many minor units a tax is rounded: 1 but where a country counts in larger ones."""
    return _TAX_STEPS.get((country, currency), 1)


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units of an exact amount in major units, rounded HALF_UP (half away from zero)."""
    return round_fraction(Fraction(amount) * minor_in_major(currency))


def minor_in_major(currency: str) -> int:
    """How many minor units make one major unit. Raises UnknownCurrency."""
    return int(10 ** exponent_of(currency))


def is_whole(amount: Decimal, currency: str) -> bool:
    """Whether the amount in major units has no part of a minor unit."""
    return (Fraction(amount) * minor_in_major(currency)).denominator == 1


def apportion(exact: Sequence[Fraction], total: int) -> list[int]:
    """Whole numbers near the exact ones that sum to `total`: the largest remainders get the units that are left over,
    among equals the earlier one; what is nothing gets none beside what is something. `total` should be the rounded sum,
    or near it.
    """
    parts = [part.numerator // part.denominator for part in exact]
    if not parts:
        return parts
    sharing = [index for index, part in enumerate(exact) if part] or list(range(len(parts)))
    everyone, some = divmod(total - sum(parts), len(sharing))
    by_remainder = sorted(sharing, key=lambda index: (parts[index] - exact[index], index))
    for place, index in enumerate(by_remainder):
        parts[index] += everyone + (place < some)
    return parts
