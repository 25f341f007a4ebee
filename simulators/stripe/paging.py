"""Lists, page by page (docs.stripe.com/api/pagination): newest first, from a cursor, filtered by `created`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from simulators.stripe.errors import StripeError, invalid
from simulators.stripe.form import Form, integer, mapping, text

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def page(url: str, rows: list[dict[str, Any]], form: Form) -> dict[str, Any]:
    """`rows` are newest first. Raises StripeError 400 for a wrong limit or a cursor that is not among them."""
    limit = integer(form, "limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Invalid integer: limit must be between 1 and 100", "limit", "parameter_invalid_integer")
    rows = [row for row in rows if is_within(row["created"], form, "created")]
    ids = [row["id"] for row in rows]
    after, before = text(form, "starting_after"), text(form, "ending_before")
    for name, id in (("starting_after", after), ("ending_before", before)):
        if id and id not in ids:
            raise StripeError(400, f"No such object: '{id}'", code="resource_missing", param=name)
    if before:
        rest = rows[: ids.index(before)]
        return {"object": "list", "data": rest[-limit:], "has_more": len(rest) > limit, "url": url}
    rest = rows[ids.index(after) + 1 :] if after else rows
    return {"object": "list", "data": rest[:limit], "has_more": len(rest) > limit, "url": url}


def is_within(at: int, form: Form, name: str) -> bool:
    """Whether a time is that of a filter: an exact one, or bounds `[gt] [gte] [lt] [lte]`."""
    if name not in form:
        return True
    if isinstance(form[name], str):
        return at == integer(form, name)
    bounds = mapping(form, name)
    for bound in bounds:
        if bound not in _COMPARE:
            raise invalid(f"Received unknown parameter: {name}[{bound}]", name, "parameter_unknown")
    return all(_COMPARE[bound](at, integer(bounds, bound)) for bound in bounds)


def chosen(rows: list[dict[str, Any]], form: Form, *names: str) -> list[dict[str, Any]]:
    """Those whose fields are as the filters of these names say; an expandable field is compared by its id."""
    wanted = {name: text(form, name) for name in names if name in form}
    return [row for row in rows if all(_is(row.get(name), value) for name, value in wanted.items())]


def _is(held: object, wanted: str) -> bool:
    return wanted == (str(held).lower() if isinstance(held, bool) else held)
