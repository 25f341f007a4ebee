"""Turns msgspec's one-line complaints into a JSON path and a message."""

import re

import msgspec

from orchestrator.errors import FieldError

_PLACE = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?P<kind>contains unknown|missing required) field `(?P<name>[^`]*)`")


def field_error(error: msgspec.ValidationError) -> FieldError:
    """Where and what: `Expected `int`, got `str` - at `$.amount.amount`` becomes (`amount.amount`, …).

    A field that is missing or unknown is named itself, not the object around it.
    """
    text = str(error)
    place = _PLACE.search(text)
    path = place["path"].lstrip(".") if place else ""
    message = text[: place.start()] if place else text
    named = _NAMED.search(message)
    if named is None:
        return FieldError(path, message[:1].lower() + message[1:])
    field = f"{path}.{named['name']}" if path else named["name"]
    return FieldError(field, "is missing" if named["kind"].startswith("missing") else "is not known here")
