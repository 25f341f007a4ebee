"""The decline tables: a code of a gateway or network in, our reason and what it allows next out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from routing.outcomes import Decline, RetryAction

UNMAPPED = "unmapped"

# From what allows most to what allows least. A higher layer may only move a decline down this list.
_STRICTNESS = (
    RetryAction.NONE,
    RetryAction.FAILOVER_NOW,
    RetryAction.RETRY_SAME_LATER,
    RetryAction.CUSTOMER_ACTION,
    RetryAction.FIX_INTEGRATION,
    RetryAction.HARD_NEVER,
    RetryAction.FRAUD_NEVER,
    RetryAction.UNKNOWN_INQUIRE,
)

# What is found above the gateways (`answers.py`, `vault.py`), and answers that every HTTP API gives.
NEEDED = (
    ("clearway", "amount_not_representable"),
    ("clearway", "invalid_request"),
    ("clearway", "unknown_vault_token"),
    ("http", "401"),
    ("http", "429"),
)

_COLUMNS = ("gateway", "field", "code", "reason", "action_cit", "action_mit")

# Reasons that say no more than "declined": a more exact layer may replace the reason without being stricter.
_VAGUE = frozenset({"generic_decline", UNMAPPED})


def decline_for(gateway: str, field: str, code: str, message: str = "") -> Decline:
    """The decline for one code. `gateway` may be a network (`visa`, `mastercard`); a code not in it is `unmapped`.

    `unmapped` never fails over by itself (customer_action), because what is not understood is not retried.
    """
    row = _table().get((gateway, field, code))
    if row is None:
        return Decline(UNMAPPED, RetryAction.CUSTOMER_ACTION, RetryAction.CUSTOMER_ACTION, code, message)
    reason, action_cit, action_mit = row
    return Decline(reason, action_cit, action_mit, code, message)


def is_mapped(gateway: str, field: str, code: str) -> bool:
    """Whether the table knows this code."""
    return (gateway, field, code) in _table()


def narrow(decline: Decline, *layers: tuple[str, str, str]) -> Decline:
    """Apply higher layers, each `(gateway or network, field, code)`, to a decline: they may only make it stricter.

    A layer that is empty, unknown or informational (action `none`) changes nothing. Each of the two actions is
    narrowed by itself; the reason follows the layer that narrowed the customer-present action, or replaces a vague one.
    """
    result = decline
    for layer in layers:
        row = _table().get(layer)
        if row is None or row[1] is RetryAction.NONE:
            continue
        reason, action_cit, action_mit = row
        tighter = _stricter(result.action_cit, action_cit) is not result.action_cit
        result = replace(
            result,
            reason=reason if tighter or result.reason in _VAGUE else result.reason,
            action_cit=_stricter(result.action_cit, action_cit),
            action_mit=_stricter(result.action_mit, action_mit),
        )
    return result


def first_mapped(gateway: str, codes: Sequence[tuple[str, str]], message: str = "") -> Decline:
    """The decline for the first `(field, code)` the table knows; else `unmapped` with the first code there is."""
    for field, code in codes:
        if code and is_mapped(gateway, field, code):
            return decline_for(gateway, field, code, message)
    shown = next((code for _, code in codes if code), "")
    return decline_for(gateway, "", shown, message)


def _stricter(one: RetryAction, other: RetryAction) -> RetryAction:
    return max(one, other, key=_STRICTNESS.index)


@cache
def _table() -> dict[tuple[str, str, str], tuple[str, RetryAction, RetryAction]]:
    """The networks' table and those in the gateways' folders."""
    here = files("orchestrator.gateways")
    tables = [here.joinpath("network_declines.csv"), *(folder.joinpath("declines.csv") for folder in here.iterdir())]
    rows: dict[tuple[str, str, str], tuple[str, RetryAction, RetryAction]] = {}
    for table in tables:
        if table.is_file():
            rows |= read_table(table.read_text("utf-8"))
    return rows


def read_table(text: str) -> dict[tuple[str, str, str], tuple[str, RetryAction, RetryAction]]:
    """Rows of one CSV table; lines that begin with # are comments. Raises ValueError that names the row."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    rows: dict[tuple[str, str, str], tuple[str, RetryAction, RetryAction]] = {}
    for row in csv.DictReader(lines):
        shown = ",".join(str(value) for value in row.values() if value)
        if any(not row.get(name) for name in _COLUMNS):
            raise ValueError(f"a decline table needs the columns {', '.join(_COLUMNS)}; this row lacks one: {shown}")
        try:
            actions = RetryAction(row["action_cit"]), RetryAction(row["action_mit"])
        except ValueError as unknown:
            raise ValueError(f"decline table, row {shown}: {unknown}; there are {', '.join(RetryAction)}") from None
        rows[row["gateway"], row["field"], row["code"]] = (row["reason"], *actions)
    return rows


def checked_table(gateway: str, text: str = "") -> dict[tuple[str, str, str], tuple[str, RetryAction, RetryAction]]:
    """The rows of a gateway whose folder is elsewhere; without `text`, the table that is here is checked.

    Raises ValueError for a row of another gateway, a reason that is in no other table, a word that is no action, or
    where a row is missing that code above the gateways relies on.
    """
    rows = read_table(text)
    known = _table()
    reasons = {row[0] for (owner, _, _), row in known.items() if owner != gateway}
    for (owner, field, code), (reason, _, _) in rows.items():
        if owner != gateway:
            raise ValueError(f"{gateway}: its decline table has a row of {owner}: {field},{code}")
        if reason not in reasons:
            raise ValueError(f"{gateway}: its decline table has the reason {reason!r}, which no other table has")
    for field, code in NEEDED:
        if (gateway, field, code) not in known | rows:
            raise ValueError(f"{gateway}: its decline table has no row {gateway},{field},{code}; see another gateway's")
    return rows


def add_rows(rows: dict[tuple[str, str, str], tuple[str, RetryAction, RetryAction]]) -> None:
    """Take in rows that `checked_table` gave."""
    _table().update(rows)
