"""PayPal's own formats: decimal strings, processor codes, ids, and the shape of errors."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from typing import Any

from simulators.asgi import Response, json_response
from simulators.currencies import exponent_of, to_decimal

# developer.paypal.com/api/rest/reference/currency-codes
# fmt: off
CURRENCIES = frozenset((
    "AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MYR",
    "MXN", "TWD", "NZD", "NOK", "PHP", "PLN", "GBP", "SGD", "SEK", "CHF", "THB", "USD",
))
# fmt: on
WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_VALUE = re.compile(r"\d{1,29}(\.\d+)?")


class Refused(Exception):
    """A request answered with an error: HTTP status, name, and the one detail."""

    def __init__(self, status: int, name: str, issue: str, description: str, field: str = "") -> None:
        super().__init__(issue)
        self.status, self.name, self.issue, self.description, self.field = status, name, issue, description, field

    def response(self) -> Response:
        detail = {"issue": self.issue, "description": self.description}
        if self.field:
            detail |= {"field": self.field, "location": "body"}
        return error(self.status, self.name, [detail])


def unprocessable(issue: str, description: str, field: str = "") -> Refused:
    return Refused(422, "UNPROCESSABLE_ENTITY", issue, description, field)


def not_found() -> Refused:
    return Refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "Specified resource ID does not exist.")


_MESSAGES = {
    "INVALID_REQUEST": "Request is not well-formed, syntactically incorrect, or violates schema.",
    "AUTHENTICATION_FAILURE": (
        "Authentication failed due to missing authorization header, or invalid authentication credentials."
    ),
    "NOT_AUTHORIZED": "Authorization failed due to insufficient permissions.",
    "RESOURCE_NOT_FOUND": "The specified resource does not exist.",
    "RESOURCE_CONFLICT": "The server has detected a conflict while processing this request.",
    "UNPROCESSABLE_ENTITY": (
        "The requested action could not be performed, semantically incorrect, or failed business validation."
    ),
    "RATE_LIMIT_REACHED": "Too many requests. Blocked due to rate limiting.",
    "INTERNAL_SERVER_ERROR": "An internal server error occurred.",
}


def error(status: int, name: str, details: list[dict[str, str]] | None = None) -> Response:
    """The one error shape: name, message, debug_id, details."""
    body: dict[str, Any] = {"name": name, "message": _MESSAGES[name], "debug_id": secrets.token_hex(7)}
    if details:
        body["details"] = details
    return json_response(body, status)


def from_paypal(amount: object, field: str) -> tuple[int, str]:
    """PayPal's {"currency_code", "value"} as ISO minor units and the currency. Raises Refused."""
    if not isinstance(amount, dict):
        raise Refused(400, "INVALID_REQUEST", "MISSING_REQUIRED_PARAMETER", "A required field is missing.", field)
    currency, value = amount.get("currency_code"), amount.get("value")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise _syntax(f"{field}/currency_code")
    if currency not in CURRENCIES:
        raise unprocessable(
            "CURRENCY_NOT_SUPPORTED", "The currency code is not currently supported.", f"{field}/currency_code"
        )
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise _syntax(f"{field}/value")
    return _minor(value, currency, f"{field}/value"), currency


def _syntax(field: str) -> Refused:
    return Refused(400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX", "The value of a field is invalid.", field)


def _minor(value: str, currency: str, field: str) -> int:
    decimals = len(value.partition(".")[2])
    if currency in WITHOUT_DECIMALS and decimals:
        raise unprocessable("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.", field)
    if decimals > 2:
        raise unprocessable("DECIMAL_PRECISION", "The value of the field should not be more than two decimals.", field)
    minor = int(Decimal(value).scaleb(exponent_of(currency)))
    if minor <= 0:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero.", field)
    return minor


def to_paypal(minor: int, currency: str) -> dict[str, str]:
    """ISO minor units as {"currency_code", "value"}: two decimals, or none where PayPal has none.

    A fee of a currency without decimals can be of less than one unit; it is cut here, and only here.
    """
    value = to_decimal(minor, currency)
    text = str(int(value)) if currency in WITHOUT_DECIMALS else f"{value:.2f}"
    return {"currency_code": currency, "value": text}


_ALPHABET = "0123456789ABCDEFGHJKLMNPRSTUVWXY"


def new_id() -> str:
    """Seventeen letters and digits, as PayPal's orders, authorizations, captures and refunds have."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(17))


# developer.paypal.com/docs/api/payments/v2/#definition-processor_response
_PROCESSOR_CODES = {
    "generic_decline": "5100",
    "call_issuer": "0100",
    "do_not_honor": "0500",
    "incorrect_cvc": "5110",
    "insufficient_funds": "5120",
    "incorrect_pin": "5130",
    "invalid_account": "1330",
    "invalid_number": "1330",
    "restricted_card": "5180",
    "pickup_card": "5150",
    "lost_card": "9520",
    "stolen_card": "9520",
    "expired_card": "5400",
    "invalid_expiry": "1380",
    "incorrect_address": "5170",
    "transaction_not_allowed": "5700",
    "issuer_unavailable": "5920",
    "suspected_fraud_issuer": "9500",
    "card_velocity_exceeded": "PPEL",
    "authentication_required": "5650",
    "authentication_failed": "7710",
    "processing_error": "8000",
}

INSTRUMENT_DECLINED = "instrument_declined"
"""As the reason of a scenario it asks for 422 INSTRUMENT_DECLINED instead of a denied authorization."""


def processor_code(reason: str) -> str:
    """PayPal's response code for a word of our decline taxonomy; GENERIC_DECLINE for words it has no code for."""
    return _PROCESSOR_CODES.get(reason, "5100")
