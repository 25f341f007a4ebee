"""Routes of the base rates that late interest builds on."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import get, put
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from invoicing.terms import BaseRate, Series
from orchestrator.billing import base_rates
from orchestrator.errors import InvalidField
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.invoices import READ
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.rates import FINANCE
from orchestrator.http.schemas import Input

SeriesName = Annotated[str, PathParameter(max_length=20, pattern="^[a-z_]+$", description=", ".join(Series))]


class EnterBaseRate(Input):
    """The rate that the law looks at for the half-year from `since`, and where you read it."""

    since: Annotated[date, Meta(description="A 1 January or a 1 July.")]
    rate_bps: Annotated[int, Meta(ge=-1_000, le=10_000, description="Hundredths of a percent a year: 215 is 2.15 %.")]
    source: Annotated[str, Meta(min_length=1, max_length=500, examples=["Bundesbank, press release of 1 July"])]


class BaseRateBody(msgspec.Struct, kw_only=True):
    """A base rate of one half-year."""

    object: str = "base_rate"
    series: Series
    since: date
    rate_bps: int
    source: str


class BaseRateList(msgspec.Struct, kw_only=True):
    """The half-years of a series that are known, newest first."""

    object: str = "list"
    data: list[BaseRateBody]


@get(
    "/base-rates/{series:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["late interest"],
    summary="Get base rates",
)
async def get_base_rates(request: ApiRequest, series: SeriesName) -> BaseRateList:
    """What counts for late interest half-year by half-year: what you entered, else what is built in."""
    found = await base_rates.rates_in(merchant_of(request), _series(series))
    return BaseRateList(data=[_body(rate) for rate in found])


@put(
    "/base-rates/{series:str}",
    guards=[needs(FINANCE)],
    responses=PROBLEMS,
    tags=["late interest"],
    summary="Enter a base rate",
)
async def put_base_rate(request: ApiRequest, series: SeriesName, data: JSONBody[EnterBaseRate]) -> BaseRateBody:
    """Enter the rate of a half-year, or correct it. It counts for charges that are reckoned from now on."""
    rate = BaseRate(_series(series), data.since, data.rate_bps, data.source)
    return _body(await base_rates.enter(merchant_of(request), rate))


def _series(name: str) -> Series:
    if name not in list(Series):
        raise InvalidField("series", f"must be one of {', '.join(Series)}")
    return Series(name)


def _body(rate: BaseRate) -> BaseRateBody:
    return BaseRateBody(series=rate.series, since=rate.since, rate_bps=rate.rate_bps, source=rate.source)


ROUTES = [get_base_rates, put_base_rate]
