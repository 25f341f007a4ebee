"""Stripe's form encoding: `payment_method_data[card][number]=…` as nested mappings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from simulators.stripe.errors import StripeError

Form: TypeAlias = dict[str, Any]
"""Values are str or Form; a list arrives as a Form with keys "0", "1", …"""

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def parse_form(encoded: str) -> Form:
    """Raises StripeError 400 for a key that is not well formed or used both as a value and as a mapping."""
    return _nest(parse_qsl(encoded, keep_blank_values=True))


def _nest(pairs: Iterable[tuple[str, str]]) -> Form:
    form: Form = {}
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            raise StripeError(400, f"Invalid parameter name: {key}", began=False)
        path = [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))]
        target = form
        for step in path[:-1]:
            target = target.setdefault(step, {})
            if not isinstance(target, dict):
                raise StripeError(400, f"Invalid object: {step}", param=step, began=False)
        target[path[-1] or str(len(target))] = value
    return form


def text(form: Form, name: str, default: str = "") -> str:
    """A scalar parameter. Raises StripeError 400 where a mapping was sent."""
    value = form.get(name, default)
    if not isinstance(value, str):
        raise StripeError(400, f"Invalid string: {name}", param=name, began=False)
    return value


def mapping(form: Form, name: str) -> Form:
    """An object parameter, empty where absent. Raises StripeError 400 where a scalar was sent."""
    value = form.get(name, {})
    if not isinstance(value, dict):
        raise StripeError(400, f"Invalid object: {name}", param=name, began=False)
    return value


def required(form: Form, name: str) -> str:
    if value := text(form, name):
        return value
    raise StripeError(400, f"Missing required param: {name}.", code="parameter_missing", param=name, began=False)


def metadata(form: Form) -> dict[str, str]:
    return {name: str(value) for name, value in mapping(form, "metadata").items()}
