"""Turns msgspec's one-line complaints into a JSON path and a message."""

import re
from typing import Any

import msgspec

from invoicing.errors import InvalidInvoice
from orchestrator.errors import FieldError
from orchestrator.http.choices import choices_at

_PLACE = re.compile(r" - at (?:`key` in )?`(?:key in )?\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Invalid (enum )?value (?P<value>.+)")
_PATTERN = re.compile(r"Expected `str` matching regex '(?P<pattern>.+)'")
# The patterns of schemas, as msgspec quotes them, in words.
_MEANT = {
    r"^-?[0-9]{1,15}(\\.[0-9]{1,8})?$(?!\\n)": "a decimal number as text such as 12.50, with at most 8 decimals",
    r"^[0-9]{1,12}(\\.[0-9]{1,10})?$(?!\\n)": "a decimal number as text above zero such as 1.0869",
    "^[A-Z]{3}$": "an ISO 4217 code such as EUR",
    "^[A-Z]{2}$": "an ISO 3166-1 alpha-2 code such as DE",
    r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$(?!\\n)": "a language of BCP 47 such as de-AT",
    r"^[^@\\s]+@[^@\\s]+$(?!\\n)": "an e-mail address such as billing@acme.example",
}
_NAMED = re.compile(r"(?P<kind>contains unknown|missing required) field `(?P<name>[^`]*)`")


def field_error(error: msgspec.ValidationError, annotation: Any = None) -> FieldError:
    """Where and what: `Expected `int`, got `str` - at `$.amount.amount`` becomes (`amount.amount`, …).

    A field that is missing or unknown is named itself, not the object around it. With the type of the body as
    `annotation`, a word that cannot be is answered with those that can.
    """
    text = str(error)
    place = _PLACE.search(text)
    path = place["path"].lstrip(".") if place else ""
    message = text[: place.start()] if place else text
    if isinstance(error.__cause__, InvalidInvoice):  # a part that refuses itself, and does not know where it stands
        return FieldError(_joined(path, error.__cause__.field), error.__cause__.message)
    named = _NAMED.search(message)
    if named is None:
        return FieldError(path, _remedy(message, path, annotation))
    field = f"{path}.{named['name']}" if path else named["name"]
    return FieldError(field, "is missing" if named["kind"].startswith("missing") else "is not known here")


def parameter_error(message: str) -> str:
    """The same words for a parameter of the address, which is text always."""
    if message.startswith("Expected `int"):
        return "must be a whole number"
    return _remedy(message, "", None)


def _joined(path: str, field: str) -> str:
    """`payment_terms.late` and what the part calls `terms.late.rate_bps` are `payment_terms.late.rate_bps`."""
    inner = field.removeprefix("terms").lstrip(".").split(".")
    names = [re.sub(r"\[[^\]]*\]", "", name) for name in path.split(".")]
    shared = next((size for size in range(len(inner), 0, -1) if names[-size:] == inner[:size]), 0)
    return ".".join(name for name in (path, *inner[shared:]) if name)


def _remedy(message: str, path: str, annotation: Any) -> str:
    """What to do about it, where msgspec's words leave that open."""
    unknown = _UNKNOWN.fullmatch(message)
    if unknown is not None:
        choices = choices_at(annotation, path) if annotation is not None else ()
        if choices:
            return f"cannot be {unknown['value']}: give one of {', '.join(choices)}"
        return f"cannot be {unknown['value']}: the schema of the API (/schema) lists what it can be"
    if message in ("Expected `str`, got `int`", "Expected `str`, got `float`"):
        return "must be text: put the number in quotes, so that no digit of it is lost"
    if message.startswith("Invalid RFC3339 encoded date"):
        return "must be a day of the calendar such as 2026-11-23, and with a time of day 2026-11-23T09:30:00Z"
    pattern = _PATTERN.fullmatch(message)
    if pattern is not None and pattern["pattern"] in _MEANT:
        return f"must be {_MEANT[pattern['pattern']]}"
    return message[:1].lower() + message[1:]
