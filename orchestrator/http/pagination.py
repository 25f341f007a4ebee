"""Cursor pages: newest first, continued after the last id of the page before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from orchestrator.errors import InvalidField
from orchestrator.settings import get_settings

PAGE_DEFAULT = 20

Item = TypeVar("Item")

Limit = Annotated[int, QueryParameter(name="limit", ge=1, description="How many at most; the server may give fewer.")]
StartingAfter = Annotated[
    str | None, QueryParameter(name="starting_after", max_length=60, description="The last id of the page before.")
]


CreatedFrom = Annotated[datetime | None, QueryParameter(description="Made at this moment or later (RFC 3339).")]
CreatedTo = Annotated[datetime | None, QueryParameter(description="Made before this moment (RFC 3339).")]


class Page(msgspec.Struct, Generic[Item], kw_only=True):
    """One page of a list. Ask for the next with `starting_after=<next_cursor>` while `has_more`."""

    object: str = "list"
    data: list[Item]
    has_more: bool
    next_cursor: str | None = None


def moment(value: datetime | None, name: str) -> datetime | None:
    """A moment of the address. Raises InvalidField where nobody can know which one is meant."""
    if value is not None and value.tzinfo is None:
        raise InvalidField(name, "must have a time zone, such as 2026-11-23T10:00:00Z")
    return value


def page_size(limit: int) -> int:
    """The asked size within `limits.page_size_max`."""
    return min(limit, get_settings().limits.page_size_max)


def page(found: Sequence[Item], size: int) -> Page[Item]:
    """A page of what was found when one more than `size` was asked for. Items have an `id`."""
    shown = list(found[:size])
    more = len(found) > size
    return Page(data=shown, has_more=more, next_cursor=getattr(shown[-1], "id", None) if more else None)
