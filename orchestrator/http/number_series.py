"""Routes of the series that number documents."""

from typing import Annotated

import msgspec
from litestar import get, put
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from invoicing import series_service as numbering
from invoicing.numbering import Reset
from invoicing.series_store import SeriesKind, SeriesRow
from orchestrator.db import transaction
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input
from orchestrator.ids import new_id

SeriesName = Annotated[str, PathParameter(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]


class ChangeNumberSeries(Input):
    """How numbers of the series look from now on, such as `INV-{year}-{seq:05}`, and when it starts again at 1.

    `next_number` may only go forward, for a merchant who comes with numbers given elsewhere.
    """

    kind: SeriesKind
    pattern: Annotated[str, Meta(min_length=1, max_length=40, examples=["INV-{year}-{seq:05}"])]
    reset: Reset = Reset.NEVER
    next_number: Annotated[int, Meta(ge=1, le=10**12)] | None = None


class NumberSeriesBody(msgspec.Struct, kw_only=True):
    """A series, or with `counts_for` the counter of one period of it."""

    object: str = "number_series"
    series: str
    kind: SeriesKind
    pattern: str
    reset: Reset
    next_number: int
    counts_for: str | None


class NumberSeriesList(msgspec.Struct, kw_only=True):
    """Every series that was opened."""

    object: str = "list"
    data: list[NumberSeriesBody]


@get(
    "/number-series",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["number series"],
    summary="List number series",
)
async def list_number_series(request: ApiRequest) -> NumberSeriesList:
    """The series by name. One that was never used nor set has the pattern of its kind, and is not here."""
    return NumberSeriesList(data=[_body(row) for row in await numbering.list_series(merchant_of(request))])


@get(
    "/number-series/{series:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["number series"],
    summary="Get a number series",
)
async def get_number_series(request: ApiRequest, series: SeriesName) -> NumberSeriesBody:
    """The series as it is now."""
    return _body(await numbering.get_series(merchant_of(request), series))


@put(
    "/number-series/{series:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["number series"],
    summary="Set a number series",
)
async def set_number_series(
    request: ApiRequest, series: SeriesName, data: JSONBody[ChangeNumberSeries]
) -> NumberSeriesBody:
    """Open a series, or set how its numbers look from now on. `invoice`, `credit_note`, `quote`, `proforma` and
    `receipt` are used where nothing else is said."""
    async with transaction():
        changed = await numbering.change_series(
            new_id("ser"),
            merchant_id=merchant_of(request),
            series=series,
            kind=data.kind,
            pattern=data.pattern,
            reset=data.reset,
            next_seq=data.next_number,
        )
    return _body(changed)


def _body(row: SeriesRow) -> NumberSeriesBody:
    return NumberSeriesBody(
        series=row.series,
        kind=row.kind,
        pattern=row.pattern,
        reset=row.reset,
        next_number=row.next_seq,
        counts_for=row.counts_for or None,
    )


ROUTES = [list_number_series, get_number_series, set_number_series]
