"""Which days a country works on, and where a due date goes that is none of them. Holidays are those of `holidays`."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, assert_never

import holidays
import msgspec

from invoicing.errors import InvalidInvoice

_ONE_DAY = timedelta(days=1)


class Convention(StrEnum):
    """Where a due date moves that is no business day (the names are those of the ISDA definitions)."""

    UNADJUSTED = "unadjusted"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"  # the next one, unless that is in another month; then the one before
    PRECEDING = "preceding"


class BusinessDays(msgspec.Struct, frozen=True, tag="business_days", forbid_unknown_fields=True):
    """Whose business days count: `country` is ISO 3166-1 alpha-2, `subdivision` as ISO 3166-2 ends (`BY` in DE-BY).

    The weekend is the country's own. Raises InvalidInvoice for a country or subdivision without a calendar.
    """

    country: Annotated[str, msgspec.Meta(examples=["DE"])]
    convention: Convention = Convention.FOLLOWING
    subdivision: Annotated[str, msgspec.Meta(examples=["BY"])] = ""

    def __post_init__(self) -> None:
        known = _subdivisions()
        if len(self.country) != 2 or self.country not in known:
            raise InvalidInvoice(
                "terms.business_days.country",
                f"{self.country[:20]!r} has no calendar of holidays; name another country, or leave business days out",
            )
        if self.subdivision and self.subdivision not in known[self.country]:
            choice = ", ".join(known[self.country]) or "none"
            raise InvalidInvoice(
                "terms.business_days.subdivision", f"must be empty or one of {self.country}'s: {choice}"
            )


def is_business_day(day: date, country: str, subdivision: str = "") -> bool:
    """Neither weekend nor public holiday there; a weekend day that the country declares a working day counts."""
    return _calendar(country, subdivision, day.year).is_working_day(day)


def adjust(day: date, rule: BusinessDays, *, not_before: date = date.min) -> date:
    """`day` moved to a business day by the convention.

    What would move before `not_before` (the day of issue) goes forward instead: nobody can pay before being asked.
    """
    match rule.convention:
        case Convention.UNADJUSTED:
            return day
        case Convention.FOLLOWING:
            return _walk(day, rule, _ONE_DAY)
        case Convention.MODIFIED_FOLLOWING:
            moved = _walk(day, rule, _ONE_DAY)
            if moved.month == day.month:
                return moved
            before = _walk(day, rule, -_ONE_DAY)
            return before if before >= not_before else moved
        case Convention.PRECEDING:
            before = _walk(day, rule, -_ONE_DAY)
            return before if before >= not_before else _walk(day, rule, _ONE_DAY)
        case _ as never:
            assert_never(never)


def _walk(day: date, rule: BusinessDays, step: timedelta) -> date:
    while not is_business_day(day, rule.country, rule.subdivision):
        day += step
    return day


@lru_cache(maxsize=1)
def _subdivisions() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=False)


@lru_cache(maxsize=256)
def _calendar(country: str, subdivision: str, year: int) -> holidays.HolidayBase:
    # Without `expand` a calendar never changes after it is made, so threads may share it.
    return holidays.country_holidays(country, subdiv=subdivision or None, years=year, expand=False)
