"""Adyen's own formats: exponents, references, refusals, errors, and the names of card brands."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from simulators.asgi import Response, json_response
from simulators.currencies import exponent_of

# docs.adyen.com/development-resources/currency-codes: where Adyen's exponents are not ISO 4217's, and what it lacks
_OWN_EXPONENTS = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
_NOT_LISTED = frozenset({"BIF", "MGA", "UYI", "UYW", "CLF"})


class AmountRefused(ValueError):
    """`code` and text are Adyen's: 137 for an amount, 138 for a currency."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def adyen_exponent(currency: str) -> int:
    return _OWN_EXPONENTS.get(currency, exponent_of(currency))


def from_adyen(amount: object) -> tuple[int, str]:
    """Adyen's {"value", "currency"} as ISO minor units and the currency. Raises AmountRefused."""
    if not isinstance(amount, dict):
        raise AmountRefused("100", "Required field 'amount' is not provided.")
    value, currency = amount.get("value"), amount.get("currency")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isupper()) or currency in _NOT_LISTED:
        raise AmountRefused("138", "Unsupported currency specified")
    if type(value) is not int or value <= 0:
        raise AmountRefused("137", "Invalid amount specified")
    shift = exponent_of(currency) - adyen_exponent(currency)
    if shift >= 0:
        return value * 10**shift, currency
    minor, rest = divmod(value, 10**-shift)
    if rest:
        raise AmountRefused("137", "Invalid amount specified")
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


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str
    code: str


# docs.adyen.com/development-resources/refusal-reasons
_REFUSALS = {
    "generic_decline": Refusal("Refused", "2"),
    "call_issuer": Refusal("Referral", "3"),
    "processing_error": Refusal("Acquirer Error", "4"),
    "restricted_card": Refusal("Blocked Card", "5"),
    "lost_card": Refusal("Blocked Card", "5"),
    "stolen_card": Refusal("Blocked Card", "5"),
    "expired_card": Refusal("Expired Card", "6"),
    "invalid_amount": Refusal("Invalid Amount", "7"),
    "invalid_number": Refusal("Invalid Card Number", "8"),
    "issuer_unavailable": Refusal("Issuer Unavailable", "9"),
    "transaction_not_allowed": Refusal("Transaction Not Permitted", "23"),
    "authentication_failed": Refusal("3D Not Authenticated", "11"),
    "insufficient_funds": Refusal("Not enough balance", "12"),
    "fraud_gateway": Refusal("FRAUD", "20"),
    "incorrect_pin": Refusal("Invalid Pin", "17"),
    "incorrect_cvc": Refusal("CVC Declined", "24"),
    "do_not_honor": Refusal("Declined Non Generic", "27"),
    "card_velocity_exceeded": Refusal("Withdrawal amount exceeded", "28"),
    "suspected_fraud_issuer": Refusal("Issuer Suspected Fraud", "31"),
    "incorrect_address": Refusal("AVS Declined", "32"),
    "invalid_account": Refusal("No checking account available on Card", "34"),
    "authentication_required": Refusal("Authentication required", "38"),
}


def refusal_of(reason: str) -> Refusal:
    """Adyen's refusal for a word of our decline taxonomy; 'Refused' for words it has no code for."""
    return _REFUSALS.get(reason, _REFUSALS["generic_decline"])


_BRANDS = {"mastercard": "mc", "unknown": "visa"}


def brand_name(brand: str) -> str:
    """Adyen's payment method variant for a brand: 'mc' for Mastercard."""
    return _BRANDS.get(brand, brand)


def error(status: int, code: str, message: str, kind: str = "validation") -> Response:
    """A ServiceError, the one error shape of the Checkout API. `kind`: validation, security, internal."""
    return json_response({"status": status, "errorCode": code, "message": message, "errorType": kind}, status)
