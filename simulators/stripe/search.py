"""The search query language, as far as metadata and plain fields go (docs.stripe.com/search)."""

from __future__ import annotations

import re
from typing import Any

from simulators.stripe.errors import StripeError
from simulators.stripe.form import Form, required
from simulators.stripe.paging import page

_TERM = re.compile(
    r"(?:metadata\[(['\"])(?P<key>.+?)\1\]|(?P<field>[a-z_]+))\s*:\s*(['\"]?)(?P<value>[^'\"]*?)\4(?=\s|$)"
)


def found_by(url: str, rows: list[dict[str, Any]], form: Form) -> dict[str, Any]:
    """Terms joined by AND. Raises StripeError 400 for a query without any."""
    terms = list(_TERM.finditer(required(form, "query")))
    if not terms:
        raise StripeError(400, "We were unable to parse your search query.", param="query")
    found = [row for row in rows if all(_fits(row, term) for term in terms)]
    paged = page(url, found, {name: value for name, value in form.items() if name == "limit"})
    return {**paged, "object": "search_result", "next_page": None}


def _fits(row: dict[str, Any], term: re.Match[str]) -> bool:
    held = row.get("metadata", {}).get(term["key"]) if term["key"] else row.get(term["field"])
    return held is not None and str(held).lower() == term["value"].lower()
