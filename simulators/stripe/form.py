"""Stripe's form encoding: `payment_method_data[card][number]=…` as nested mappings, and how each value is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from simulators.stripe.errors import invalid

Form: TypeAlias = dict[str, Any]
"""Values are str or Form; a list arrives as a Form with keys "0", "1", …"""

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_MOST_METADATA, _LONGEST_NAME, _LONGEST_VALUE = 50, 40, 500  # docs.stripe.com/api/metadata


def parse_form(encoded: str) -> Form:
    """Raises StripeError 400 for a key that is not well formed or used both as a value and as a mapping."""
    return nest(parse_qsl(encoded, keep_blank_values=True))


def nest(pairs: Iterable[tuple[str, str]]) -> Form:
    form: Form = {}
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            raise invalid(f"Invalid parameter name: {key}")
        path = [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))]
        target = form
        for step in path[:-1]:
            target = target.setdefault(step, {})
            if not isinstance(target, dict):
                raise invalid("Invalid object", step)
        target[path[-1] or str(len(target))] = value
    return form


def only(form: Form, *known: str) -> None:
    """Raises StripeError 400 for a parameter that the endpoint does not have."""
    for name in form:
        if name not in known and name != "expand":
            raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def text(form: Form, name: str, default: str = "") -> str:
    """A scalar parameter. Raises StripeError 400 where a mapping was sent."""
    value = form.get(name, default)
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {name}", name)
    return value


def mapping(form: Form, name: str) -> Form:
    """An object parameter, empty where absent or unset by "". Raises StripeError 400 where a scalar was sent."""
    value = form.get(name, {})
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid object", name)
    return value


def listed(form: Form, name: str) -> list[Any]:
    """A list parameter in the order of its indexes."""
    return [value for _, value in sorted(mapping(form, name).items(), key=lambda item: item[0].zfill(6))]


def required(form: Form, name: str) -> str:
    if value := text(form, name):
        return value
    raise invalid(f"Missing required param: {name}.", name, "parameter_missing")


def integer(form: Form, name: str, default: int | None = None) -> int:
    value = required(form, name) if default is None else text(form, name) or str(default)
    if not re.fullmatch(r"-?[0-9]+", value):
        raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    return int(value)


def flag(form: Form, name: str, default: bool = False) -> bool:
    value = text(form, name) or ("true" if default else "false")
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", name)
    return value == "true"


def choice(form: Form, name: str, allowed: Iterable[str], default: str | None = None) -> str:
    words = list(allowed)
    value = required(form, name) if default is None else text(form, name, default)
    if value not in words and not (value == "" and default == ""):
        raise invalid(f"Invalid {name}: must be one of {', '.join(words)}", name)
    return value


def metadata(form: Form, held: dict[str, str] | None = None) -> dict[str, str]:
    """What the object's metadata becomes: an empty value takes a key away, an empty `metadata` all of them."""
    if form.get("metadata") == "":
        return {}
    merged = {**(held or {}), **{name: str(value) for name, value in mapping(form, "metadata").items()}}
    kept = {name: value for name, value in merged.items() if value != ""}
    if len(kept) > _MOST_METADATA:
        raise invalid("Metadata can have at most 50 keys.", "metadata")
    for name, value in kept.items():
        if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE:
            raise invalid(f"Metadata key or value is too long: {name}", f"metadata[{name}]")
    return kept
