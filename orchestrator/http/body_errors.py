"""Turns msgspec's one-line complaints into a JSON path and a message."""

import re
from typing import Any

import msgspec

from invoicing.errors import InvalidInvoice
from orchestrator.errors import FieldError
from orchestrator.http.choices import choices_at, fields_at
from orchestrator.http.pattern_words import MEANT

_PLACE = re.compile(r" - at (?:`key` in )?`(?:key in )?\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Invalid (enum )?value (?P<value>.+)")
_PATTERN = re.compile(r"Expected `str` matching regex '(?P<pattern>.+)'")
_BOUND = re.compile(r"Expected `int` (?P<bound>[<>]= -?[0-9]+)")
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
    if named["kind"].startswith("missing"):
        return FieldError(field, "is missing")
    allowed = fields_at(annotation, path) if annotation is not None else ()
    return FieldError(field, "is not known here" + (f"; allowed are {', '.join(allowed)}" if allowed else ""))


def parameter_error(message: str) -> str:
    """The same words for a parameter of the address, which is text always."""
    bound = _BOUND.fullmatch(message)
    if bound is not None:
        return f"must be a whole number {bound['bound']}"
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
    meant = MEANT.get(pattern["pattern"].replace(r"\\", "\\")) if pattern is not None else None  # msgspec doubles them
    if meant is not None:
        return f"must be {meant}"
    return message[:1].lower() + message[1:]
