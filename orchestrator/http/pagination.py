"""Cursor pages: newest first, continued after the last id of the page before."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from orchestrator.settings import get_settings

PAGE_DEFAULT = 20

Item = TypeVar("Item")

Limit = Annotated[int, QueryParameter(name="limit", ge=1, description="How many at most; the server may give fewer.")]
StartingAfter = Annotated[
    str | None, QueryParameter(name="starting_after", max_length=60, description="The last id of the page before.")
]


class Page(msgspec.Struct, Generic[Item], kw_only=True):
    """One page of a list. Ask for the next with `starting_after=<next_cursor>` while `has_more`."""

    object: str = "list"
    data: list[Item]
    has_more: bool
    next_cursor: str | None = None


def page_size(limit: int) -> int:
    """The asked size within `limits.page_size_max`."""
    return min(limit, get_settings().limits.page_size_max)


def page(found: Sequence[Item], size: int) -> Page[Item]:
    """A page of what was found when one more than `size` was asked for. Items have an `id`."""
    shown = list(found[:size])
    more = len(found) > size
    return Page(data=shown, has_more=more, next_cursor=getattr(shown[-1], "id", None) if more else None)
