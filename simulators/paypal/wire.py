"""PayPal's own formats: decimal strings, ids, links, times, and the shape of errors."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from simulators.asgi import Response, json_response
from simulators.currencies import exponent_of, to_decimal
from simulators.paypal.issues import ISSUES

Json = dict[str, Any]

# developer.paypal.com/api/rest/reference/currency-codes
# fmt: off
CURRENCIES = frozenset((
    "AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MYR",
    "MXN", "TWD", "NZD", "NOK", "PHP", "PLN", "GBP", "SGD", "SEK", "CHF", "THB", "USD",
))
# fmt: on
WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_VALUE = re.compile(r"\d{1,29}(\.\d+)?")
_MOST_MAJOR = Decimal("999999999999999.99")  # MAX_VALUE_EXCEEDED
_NAMES = {
    400: "INVALID_REQUEST",
    403: "NOT_AUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
}
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
    # developer.paypal.com/api/webhooks/v1/errors
    "VALIDATION_ERROR": "Invalid data provided",
    "WEBHOOK_URL_ALREADY_EXISTS": "Webhook URL already exists.",
    "WEBHOOK_NUMBER_LIMIT_EXCEEDED": "The webhook's number limit has exceeded.",
}


class Refused(Exception):
    """A request answered with an error. Status and wording are those of the issue; `field` is a JSON pointer.

    `redirect` is where the payer is to go instead, if anywhere.
    """

    def __init__(self, issue: str, field: str = "", description: str = "", redirect: str = "") -> None:
        super().__init__(issue)
        self.issue, self.field, self.redirect = issue, field, redirect
        self.status, documented = ISSUES[issue]
        self.description = description or documented

    def response(self) -> Response:
        detail = {"issue": self.issue}
        if self.description:
            detail["description"] = self.description
        if self.field:
            detail |= {"field": self.field, "location": "body"}
        links = [link(self.redirect, "redirect", "GET")] if self.redirect else []
        return error(self.status, _NAMES[self.status], [detail], links)


class RefusedByName(Exception):
    """An error of the older APIs, which have names and no issues."""

    def __init__(self, name: str, field: str = "") -> None:
        super().__init__(name)
        self.name, self.field = name, field

    def response(self) -> Response:
        details = [{"field": self.field, "issue": _MESSAGES[self.name]}] if self.field else []
        return error(400, self.name, details)


def not_found() -> Refused:
    return Refused("INVALID_RESOURCE_ID")


def error(
    status: int, name: str, details: list[dict[str, str]] | None = None, links: list[Json] | None = None
) -> Response:
    """The one error shape: name, message, debug_id, details."""
    body: Json = {"name": name, "message": _MESSAGES[name], "debug_id": secrets.token_hex(7)}
    if details:
        body["details"] = details
    if links:
        body["links"] = links
    return json_response(body, status)


def from_paypal(amount: object, field: str) -> tuple[int, str]:
    """PayPal's {"currency_code", "value"} as ISO minor units and the currency; zero is refused. Raises Refused."""
    minor, currency = parse_money(amount, field)
    if not minor:
        raise Refused("CANNOT_BE_ZERO_OR_NEGATIVE", f"{field}/value")
    return minor, currency


def parse_money(amount: object, field: str) -> tuple[int, str]:
    """As `from_paypal`, but zero is allowed: parts of a breakdown may be nothing."""
    if not isinstance(amount, dict):
        raise Refused("MISSING_REQUIRED_PARAMETER", field)
    currency, value = amount.get("currency_code"), amount.get("value")
    for name, given in (("currency_code", currency), ("value", value)):
        if given is None:
            raise Refused("MISSING_REQUIRED_PARAMETER", f"{field}/{name}")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise Refused("INVALID_PARAMETER_SYNTAX", f"{field}/currency_code")
    if currency not in CURRENCIES:
        raise Refused("INVALID_CURRENCY_CODE", f"{field}/currency_code")
    if not isinstance(value, str) or not _VALUE.fullmatch(value.removeprefix("-")):
        raise Refused("INVALID_PARAMETER_SYNTAX", f"{field}/value")
    return _minor(value, currency, f"{field}/value"), currency


def _minor(value: str, currency: str, field: str) -> int:
    decimals = len(value.partition(".")[2])
    if currency in WITHOUT_DECIMALS and decimals:
        raise Refused("DECIMALS_NOT_SUPPORTED", field)
    if decimals > 2:
        raise Refused("DECIMAL_PRECISION", field)
    if Decimal(value) > _MOST_MAJOR:
        raise Refused("MAX_VALUE_EXCEEDED", field)
    if value.startswith("-"):
        raise Refused("CANNOT_BE_ZERO_OR_NEGATIVE", field)
    return int(Decimal(value).scaleb(exponent_of(currency)))


def to_paypal(minor: int, currency: str) -> dict[str, str]:
    """ISO minor units as {"currency_code", "value"}: two decimals, or none where PayPal has none.

    A fee of a currency without decimals can be of less than one unit; it is cut here, and only here.
    """
    value = to_decimal(minor, currency)
    text = str(int(value)) if currency in WITHOUT_DECIMALS else f"{value:.2f}"
    return {"currency_code": currency, "value": text}


_ALPHABET = "0123456789ABCDEFGHJKLMNPRSTUVWXY"
_PAYER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_id(length: int = 17) -> str:
    """Letters and digits: seventeen of them in orders, authorizations, captures and refunds."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def merchant_id_of(account: str) -> str:
    """Thirteen characters, always the same for an account: what PayPal calls payer id or merchant id."""
    digest = hashlib.sha256(account.encode()).digest()
    return "".join(_PAYER_ALPHABET[byte % 32] for byte in digest[:13])


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def link(href: str, rel: str, method: str) -> Json:
    return {"href": href, "rel": rel, "method": method}


def given(**fields: object) -> Json:
    """Those that are not empty."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], {})}
