"""Routes of the reports on gateways: approvals, cost and speed, as JSON and CSV."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from orchestrator import clock_port
from orchestrator.errors import InvalidField
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.csv_answers import csv_answer
from orchestrator.http.pagination import CreatedFrom, CreatedTo, moment
from orchestrator.http.problems import PROBLEMS
from orchestrator.payments import route_reports
from orchestrator.payments.route_reports import ReportRow, TooManyGroups

SPAN = timedelta(days=30)  # where no time is given
SPAN_MAX = timedelta(days=366)
_SHARED: dict[str, Any] = {"guards": [needs("operate")], "responses": PROBLEMS, "tags": ["routing"]}


class Group(StrEnum):
    """What attempts can be grouped by; the currency always is."""

    GATEWAY = "gateway"
    GATEWAY_ACCOUNT_ID = "gateway_account_id"
    METHOD = "method"
    CURRENCY = "currency"
    COUNTRY = "country"
    BRAND = "brand"
    ISSUER_COUNTRY = "issuer_country"
    REASON = "reason"


class Interval(StrEnum):
    """Lengths of time, in UTC."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


GroupBy = Annotated[
    list[Group] | None,
    QueryParameter(
        name="group_by[]",
        max_items=len(Group),
        description="Repeat it for several; `gateway` when left out. `reason`: why it was declined, empty if approved.",
    ),
]
IntervalOf = Annotated[
    Interval | None, QueryParameter(name="interval", description="A row for each such time; one row in all without.")
]


class RoutingReportRowBody(msgspec.Struct, kw_only=True):
    """The ended attempts of one group. Fields that were not asked for are null.

    `approval_rate` is of all that ended, from 0 to 1. `approved_amount` and `cost` are in minor units of `currency`;
    `cost` is by the accounts' price lists, null where an exchange rate is missing. Latencies are of the gateway's
    replies to authorisations.
    """

    start: datetime | None
    currency: str
    gateway: str | None
    gateway_account_id: str | None
    method: str | None
    country: str | None
    brand: str | None
    issuer_country: str | None
    reason: str | None
    attempts: int
    approved: int
    declined: int
    approval_rate: float
    approved_amount: int
    cost: int | None
    latency_p50_ms: int | None
    latency_p95_ms: int | None


class RoutingReportBody(msgspec.Struct, kw_only=True):
    """How the gateways did with attempts that began from `created_from` until before `created_to`."""

    object: str = "routing_report"
    created_from: datetime
    created_to: datetime
    data: list[RoutingReportRowBody]


@get("/routing/reports", summary="Report on gateways", **_SHARED)
async def get_report(
    request: ApiRequest,
    group_by: GroupBy = None,
    interval: IntervalOf = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
) -> RoutingReportBody:
    """Approval rate, cost and latency by the groups that are asked for; the last 30 days unless said otherwise."""
    since, until = _span(created_from, created_to)
    rows = await _rows(merchant_of(request), since, until, group_by, interval)
    return RoutingReportBody(created_from=since, created_to=until, data=[_row_body(row) for row in rows])


@get("/routing/reports.csv", media_type="text/csv", summary="Report on gateways as CSV", **_SHARED)
async def get_report_csv(
    request: ApiRequest,
    group_by: GroupBy = None,
    interval: IntervalOf = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
) -> Response[str]:
    """The same as a table."""
    since, until = _span(created_from, created_to)
    rows = await _rows(merchant_of(request), since, until, group_by, interval)
    header = RoutingReportRowBody.__struct_fields__
    return csv_answer("routing.csv", header, (msgspec.structs.astuple(_row_body(row)) for row in rows))


def _span(created_from: datetime | None, created_to: datetime | None) -> tuple[datetime, datetime]:
    until = moment(created_to, "created_to") or clock_port.now()
    since = moment(created_from, "created_from") or until - SPAN
    if since >= until:
        raise InvalidField("created_from", "must be before created_to")
    if until - since > SPAN_MAX:
        raise InvalidField("created_from", f"must be at most {SPAN_MAX.days} days before created_to")
    return since, until


async def _rows(
    merchant_id: str, since: datetime, until: datetime, group_by: list[Group] | None, interval: Interval | None
) -> list[ReportRow]:
    by = [group.value for group in group_by or [Group.GATEWAY]]
    try:
        return await route_reports.report(merchant_id, since, until, by, interval.value if interval else None)
    except TooManyGroups as refusal:
        raise InvalidField("created_from", str(refusal)) from None


def _row_body(row: ReportRow) -> RoutingReportRowBody:
    groups = {group.value: row.group.get(group.value) for group in Group if group is not Group.CURRENCY}
    return RoutingReportRowBody(
        start=row.moment,
        currency=row.group["currency"],
        **groups,
        attempts=row.attempts,
        approved=row.approved,
        declined=row.declined,
        approval_rate=row.approval_ppm / 1_000_000,
        approved_amount=row.approved_minor,
        cost=row.cost_minor,
        latency_p50_ms=row.latency_p50_ms,
        latency_p95_ms=row.latency_p95_ms,
    )


ROUTES = [get_report, get_report_csv]
