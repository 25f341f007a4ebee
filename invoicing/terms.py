"""Payment terms: from the day of issue to the day by which the invoice is to be paid."""

from __future__ import annotations

from datetime import date, timedelta
from typing import assert_never

import msgspec

from invoicing.errors import InvalidInvoice

MAX_NET_DAYS = 365


class NetDays(msgspec.Struct, frozen=True, tag="net_days", forbid_unknown_fields=True):
    """Due `days` calendar days after the day of issue (1 to 365). Raises InvalidInvoice beyond that."""

    days: int

    def __post_init__(self) -> None:
        if not 1 <= self.days <= MAX_NET_DAYS:
            raise InvalidInvoice("terms.days", f"must be between 1 and {MAX_NET_DAYS}")


class DueOnReceipt(msgspec.Struct, frozen=True, tag="due_on_receipt", forbid_unknown_fields=True):
    """Due on the day of issue."""


Terms = NetDays | DueOnReceipt


def due_date(terms: Terms, issue_date: date) -> date:
    """The last day on which payment is in time; the invoice is overdue from the day after."""
    match terms:
        case NetDays(days=days):
            return issue_date + timedelta(days=days)
        case DueOnReceipt():
            return issue_date
        case _ as never:
            assert_never(never)
