"""Adyen's own formats: exponents, references, dates, the names of card brands, and the shape of its errors."""

from __future__ import annotations

import secrets
from datetime import datetime

from simulators.asgi import Response, json_response
from simulators.currencies import exponent_of

# docs.adyen.com/development-resources/currency-codes: where Adyen's exponents are not ISO 4217's
_OWN_EXPONENTS = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}

# The rows of that page; those behind ETB as Adyen's own storefront has them
# (github.com/Adyen/adyen-salesforce-headless-commerce-pwa, currencyList.mjs).
_LIST = """
AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNH CNY COP CRC CUP CVE
CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD ISK JMD JOD
JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LYD MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB
TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VEF VND VUV WST XAF XCD XOF XPF YER ZAR ZMW
"""
_LISTED = frozenset(_LIST.split())


class RequestRefused(Exception):
    """A request that is answered with an error. `is_final`: the idempotency key keeps that answer."""

    def __init__(self, response: Response, *, is_final: bool = False) -> None:
        super().__init__(response.body.decode())
        self.response, self.is_final = response, is_final


def refused(code: str, message: str, status: int = 422, kind: str = "validation") -> RequestRefused:
    return RequestRefused(error(status, code, message, kind))


def missing(field: str) -> RequestRefused:
    return refused("100", f"Required field '{field}' is not provided.")


def error(status: int, code: str, message: str, kind: str = "validation", **headers: str) -> Response:
    """A ServiceError, the error of the Checkout API. `kind`: validation, security, configuration, internal."""
    body: dict[str, object] = {"status": status, "errorCode": code, "message": message, "errorType": kind}
    if status not in (400, 401, 404):  # as in the published examples
        body["pspReference"] = new_reference()
    return json_response(body, status, **headers)


def adyen_exponent(currency: str) -> int:
    return _OWN_EXPONENTS.get(currency, exponent_of(currency))


def from_adyen(amount: object, least: int = 1) -> tuple[int, str]:
    """Adyen's {"value", "currency"} as ISO minor units and the currency. Raises RequestRefused: 137, 138 (currency)."""
    if not isinstance(amount, dict):
        raise missing("amount")
    value, currency = amount.get("value"), amount.get("currency")
    if not isinstance(currency, str) or currency not in _LISTED:
        raise refused("138", "Unsupported currency specified")
    if type(value) is not int or value < least:
        raise refused("137", "Invalid amount specified")
    shift = exponent_of(currency) - adyen_exponent(currency)
    if shift >= 0:
        return value * 10**shift, currency
    minor, rest = divmod(value, 10**-shift)
    if rest:
        raise refused("137", "Invalid amount specified")
    return minor, currency


def to_adyen(minor: int, currency: str) -> dict[str, object]:
    """ISO minor units as Adyen's {"value", "currency"}."""
    shift = adyen_exponent(currency) - exponent_of(currency)
    value = minor * 10**shift if shift >= 0 else minor // 10**-shift
    return {"value": value, "currency": currency}


_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"


def new_reference() -> str:
    """A pspReference: sixteen letters and digits, as Adyen makes them since 2021."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def stamp(moment: datetime) -> str:
    """2026-11-23T04:00:00+00:00"""
    return moment.isoformat(timespec="seconds")


_BRANDS = {"mastercard": "mc", "unknown": "visa"}


def brand_name(brand: str) -> str:
    """Adyen's payment method variant for a brand: 'mc' for Mastercard."""
    return _BRANDS.get(brand, brand)
