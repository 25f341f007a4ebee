"""The day on which money came or went: told once it has, and not before."""

from __future__ import annotations

from datetime import date, timedelta

from orchestrator import clock_port
from orchestrator.errors import InvalidField

CLOCKS_APART = timedelta(days=1)  # it may be tomorrow where the merchant is


def refuse_future(field: str, day: date, remedy: str = "") -> None:
    """Raises InvalidField, which names the field and adds the remedy, for a day to come."""
    if day > (clock_port.now() + CLOCKS_APART).date():
        raise InvalidField(field, f"must not be in the future{remedy and ': '}{remedy}")
