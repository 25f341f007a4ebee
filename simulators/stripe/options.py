"""`payment_method_options`: how each type of payment method is to be used for one payment or setup."""

from __future__ import annotations

from typing import Any

from simulators.stripe.form import Form, mapping, text


def merged_options(held: Form, form: Form) -> Form:
    """What a later request says of a type goes over what was said before."""
    sent = mapping(form, "payment_method_options")
    return {**held, **{kind: {**held.get(kind, {}), **mapping(sent, kind)} for kind in sent}}


def options_of(options: Form, kind: str) -> dict[str, Any]:
    """Of one type; empty where nothing was said."""
    return mapping(options, kind)


def asked_for_3ds(options: Form) -> str:
    """automatic, any or challenge."""
    return text(options_of(options, "card"), "request_three_d_secure", "automatic")


def is_off_session(form: Form) -> bool:
    return text(form, "off_session") in ("true", "one_off", "recurring")
