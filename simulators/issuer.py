"""The card issuer behind all gateways: the same test number gives the same verdict wherever it is tried.

Numbers are those of docs.stripe.com/testing, with one published approval per other brand.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class VerdictKind(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a word of our decline taxonomy (`insufficient_funds`, ...); empty unless declined."""

    kind: VerdictKind
    reason: str = ""


CHALLENGE_PASSWORD = "password"  # as Adyen's test challenge: any other value fails

_DECLINES = {
    "4000000000000002": "do_not_honor",
    "4000000000009995": "insufficient_funds",
    "4000000000009979": "stolen_card",
    "4000000000009987": "lost_card",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
}
_CHALLENGES = frozenset({"4000002760003184", "4212345678910006"})  # of Stripe, of Adyen
# of Stripe: 3-D Secure is there, and only asked for on request; the second is declined after it at Stripe
_ON_REQUEST = frozenset({"4000000000003055", "4000008400001629"})
_EEA = frozenset(
    (
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT"),
        *("LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO"),
    )
)  # the European Economic Area: the Union, Iceland, Liechtenstein and Norway
_BRANDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("amex", ("34", "37")),
    ("visa", ("4",)),
    ("mastercard", ("51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "27")),
    ("discover", ("6011", "65")),
    ("diners", ("36", "38", "30")),
    ("jcb", ("35",)),
    ("unionpay", ("62",)),
)


def judge(number: str) -> Verdict:
    """What the issuer says to a charge on this number (digits only)."""
    if not passes_luhn(number):
        return Verdict(VerdictKind.DECLINE, "invalid_number")
    if number in _CHALLENGES:
        return Verdict(VerdictKind.CHALLENGE)
    if reason := _DECLINES.get(number):
        return Verdict(VerdictKind.DECLINE, reason)
    return Verdict(VerdictKind.APPROVE)


def answers_challenge(number: str) -> bool:
    """Whether the holder is asked where a merchant wants 3-D Secure."""
    return number in _CHALLENGES or number in _ON_REQUEST


def passes_luhn(number: str) -> bool:
    """Whether 12 to 19 digits carry a right check digit (ISO/IEC 7812-1 annex B)."""
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    return _luhn_sum(number) % 10 == 0


def check_digit(number: str) -> str:
    """What to put after these digits so that the whole passes Luhn."""
    return str(-_luhn_sum(number + "0") % 10)


def _luhn_sum(number: str) -> int:
    digits = [int(d) for d in reversed(number)]
    return sum(digits[0::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])


def brand_of(number: str) -> str:
    """Lower-case brand by issuer range, `unknown` where none fits."""
    for brand, prefixes in _BRANDS:
        if number.startswith(prefixes):
            return brand
    return "unknown"


def country_of(number: str) -> str:
    """Issuer country, ISO 3166-1 alpha-2: the one European test number is German, all others are American."""
    return "DE" if number in _CHALLENGES else "US"


def region_of(issuer_country: str, merchant_country: str) -> str:
    """How far the card has come: domestic, eea (both in the European Economic Area) or international."""
    if issuer_country == merchant_country:
        return "domestic"
    return "eea" if {issuer_country, merchant_country} <= _EEA else "international"
