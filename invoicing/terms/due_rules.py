"""From the day of issue to the day by which to pay: the plain rules, before business days are thought of."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import assert_never

import msgspec

from invoicing.errors import InvalidInvoice

MAX_NET_DAYS = 365
MAX_MONTHS_AHEAD = 12


class NetDays(msgspec.Struct, frozen=True, tag="net_days", forbid_unknown_fields=True):
    """Due `days` calendar days after the day of issue (1 to 365). Raises InvalidInvoice beyond that."""

    days: int

    def __post_init__(self) -> None:
        check_range("terms.days", self.days, 1, MAX_NET_DAYS)


class DueOnReceipt(msgspec.Struct, frozen=True, tag="due_on_receipt", forbid_unknown_fields=True):
    """Due on the day of issue."""


class NetDaysThenEndOfMonth(msgspec.Struct, frozen=True, tag="net_days_end_of_month", forbid_unknown_fields=True):
    """First `days` days (0 to 365), then the end of the month reached: 30 days from 15 January is the end of February.

    Zero days are the end of the month of issue.
    """

    days: int

    def __post_init__(self) -> None:
        check_range("terms.days", self.days, 0, MAX_NET_DAYS)


class EndOfMonthThenNetDays(msgspec.Struct, frozen=True, tag="end_of_month_net_days", forbid_unknown_fields=True):
    """First the end of the month of issue, then `days` days (1 to 365): 30 days from 15 January are 2 March."""

    days: int

    def __post_init__(self) -> None:
        check_range("terms.days", self.days, 1, MAX_NET_DAYS)


class DayOfMonth(msgspec.Struct, frozen=True, tag="day_of_month", forbid_unknown_fields=True):
    """Due on `day` (1 to 31; a shorter month ends earlier) of the month that is `months` (0 to 12) ahead.

    With no months ahead it is the next such day, which may be the day of issue itself.
    """

    day: int
    months: int = 1

    def __post_init__(self) -> None:
        check_range("terms.day", self.day, 1, 31)
        check_range("terms.months", self.months, 0, MAX_MONTHS_AHEAD)


DueRule = NetDays | DueOnReceipt | NetDaysThenEndOfMonth | EndOfMonthThenNetDays | DayOfMonth


def day_by_rule(rule: DueRule, issue_date: date) -> date:
    """The calendar day that the rule names, be it a business day or not. Raises InvalidInvoice past the calendar."""
    try:
        return _day(rule, issue_date)
    except OverflowError:
        raise InvalidInvoice("issue_date", "is too late: the due date would be after the year 9999") from None


def check_range(field: str, number: int, least: int, most: int) -> None:
    """Raises InvalidInvoice unless `least <= number <= most`."""
    if not least <= number <= most:
        raise InvalidInvoice(field, f"must be between {least} and {most}")


def _day(rule: DueRule, issue_date: date) -> date:
    match rule:
        case NetDays(days=days):
            return issue_date + timedelta(days=days)
        case DueOnReceipt():
            return issue_date
        case NetDaysThenEndOfMonth(days=days):
            return _end_of_month(issue_date + timedelta(days=days))
        case EndOfMonthThenNetDays(days=days):
            return _end_of_month(issue_date) + timedelta(days=days)
        case DayOfMonth(day=day, months=months):
            due = _on_day(issue_date, day, months)
            return due if due >= issue_date else _on_day(issue_date, day, months + 1)
        case _ as never:
            assert_never(never)


def _end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _on_day(start: date, day: int, months: int) -> date:
    years, month_index = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month_index + 1
    if year > date.max.year:
        raise OverflowError
    return date(year, month, min(day, monthrange(year, month)[1]))
