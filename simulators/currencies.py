"""The simulators' own table of ISO 4217 exponents: they share no code with the product, so its mistakes show here."""

from __future__ import annotations

from decimal import Decimal

_BY_EXPONENT: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}


def exponent_of(currency: str) -> int:
    """Decimals of an upper-case ISO 4217 code; 2 for every code that is not listed otherwise."""
    return _EXPONENTS.get(currency, 2)


def to_decimal(minor: int, currency: str) -> Decimal:
    """Minor units as an exact decimal in major units: 1999 EUR is Decimal('19.99'), 5 JPY is Decimal('5')."""
    return Decimal(minor).scaleb(-exponent_of(currency))
