"""Routes of reconciliation: files in, runs, breaks, and the report for finance."""

import asyncio
from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter, RawBody
from msgspec import Meta

from orchestrator import clock_port
from orchestrator.errors import InvalidField
from orchestrator.gateways import accounts
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.csv_answers import CSV
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed, KeyedFile
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, MoneyBody
from orchestrator.reconciliation import service, terms
from orchestrator.reconciliation.breaks import BreakKind
from orchestrator.reconciliation.export import to_csv, to_xlsx
from orchestrator.reconciliation.reports import reconciliation_report
from orchestrator.reconciliation.states import BreakState, FileState
from orchestrator.reconciliation.store import BreakRow

SCOPE = "finance"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportBody(msgspec.Struct, kw_only=True):
    """What became of a file. `error` says which rows could not be read."""

    id: str
    object: str = "settlement_file"
    state: FileState
    lines: int
    new_lines: int
    error: str
    already_imported: bool


class RunInput(Input):
    """The moment for which to reconcile; now when left out."""

    as_of: Annotated[datetime, Meta(tz=True)] | None = None


class RunBody(msgspec.Struct, kw_only=True):
    """A run: lines looked at and matched, open breaks by kind, movements whose report is not due yet."""

    object: str = "reconciliation_run"
    as_of: datetime
    lines: int
    matched: int
    breaks_by_kind: dict[str, int]
    expected: int


class BreakBody(msgspec.Struct, kw_only=True):
    """A difference between the gateway's report and the ledger, with its reason."""

    id: str
    object: str = "break"
    kind: str
    reason: str
    gateway_account_id: str
    line_id: str | None
    movement_id: str | None
    expected: MoneyBody | None
    actual: MoneyBody | None
    state: BreakState
    age_days: int
    occurred_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str | None


@post(
    "/settlement-files",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=KeyedFile,
    tags=["reconciliation"],
    summary="Import a settlement report",
    description="The body is the file as the gateway gave it. The same file again changes nothing.",
)
async def import_settlement_file(
    request: ApiRequest,
    body: RawBody,
    gateway_account_id: Annotated[str, QueryParameter(name="gateway_account_id", max_length=40)],
    name: Annotated[str, QueryParameter(name="name", min_length=1, max_length=255)],
) -> Response[ImportBody]:
    merchant_id = merchant_of(request)
    account = await accounts.get(merchant_id, gateway_account_id)
    if not body:
        raise InvalidField("body", "is empty; send the file as the gateway gave it")

    async def work(_: str) -> ImportBody:
        result = await service.import_file(
            merchant_id, account.id, name, body, clock_port.now(), owner=terms.owner_of(account)
        )
        return ImportBody(
            id=result.file_id,
            state=result.state,
            lines=result.lines,
            new_lines=result.new_lines,
            error=result.error,
            already_imported=result.already_imported,
        )

    return await answer_once(request, work)


@post(
    "/reconciliation/runs",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    operation_class=Keyed,
    tags=["reconciliation"],
    summary="Reconcile reports with the ledger",
)
async def run(request: ApiRequest, data: JSONBody[RunInput | None] = None) -> Response[RunBody]:
    """Match every line with the ledger; what does not agree becomes a break, what agrees again is resolved."""
    merchant_id = merchant_of(request)
    as_of = data.as_of if data and data.as_of else clock_port.now()

    async def work(_: str) -> RunBody:
        result = await service.reconcile(merchant_id, as_of)
        return RunBody(
            as_of=as_of,
            lines=result.lines,
            matched=result.matched,
            breaks_by_kind={kind.value: count for kind, count in result.breaks_by_kind.items()},
            expected=result.expected,
        )

    return await answer_once(request, work)


@get(
    "/reconciliation/breaks", guards=[needs(SCOPE)], responses=PROBLEMS, tags=["reconciliation"], summary="List breaks"
)
async def list_breaks(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    break_state: Annotated[BreakState | None, QueryParameter(name="state")] = None,
    kind: Annotated[BreakKind | None, QueryParameter(name="kind")] = None,
    gateway_account_id: Annotated[str, QueryParameter(name="gateway_account_id", max_length=40)] = "",
) -> Page[BreakBody]:
    """Breaks in all states unless `state` says which, oldest first."""
    size, now = page_size(limit), clock_port.now()
    rows = await service.list_breaks(
        merchant_of(request),
        state=break_state,
        kind=kind,
        gateway_account_id=gateway_account_id,
        after=starting_after or "",
        limit=size + 1,
    )
    return page([_break_body(row, now) for row in rows], size)


AsOf = Annotated[date | None, QueryParameter(name="as_of", description="A day; today when left out.")]


@get(
    "/reconciliation/report.csv",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    media_type="text/csv",
    tags=["reconciliation"],
    summary="Get the reconciliation report as CSV",
)
async def report_csv(request: ApiRequest, as_of: AsOf = None) -> Response[bytes]:
    """Every line and movement with its status and reason."""
    rows = await reconciliation_report(merchant_of(request), _moment(as_of))
    return _file(await asyncio.to_thread(to_csv, rows), CSV, "reconciliation.csv")


@get(
    "/reconciliation/report.xlsx",
    guards=[needs(SCOPE)],
    responses=PROBLEMS,
    media_type=XLSX,
    tags=["reconciliation"],
    summary="Get the reconciliation report as a workbook",
)
async def report_xlsx(request: ApiRequest, as_of: AsOf = None) -> Response[bytes]:
    """Summary, matches, what is expected, and breaks, a sheet each."""
    rows = await reconciliation_report(merchant_of(request), _moment(as_of))
    return _file(await asyncio.to_thread(to_xlsx, rows), XLSX, "reconciliation.xlsx")


def _moment(day: date | None) -> datetime:
    now = clock_port.now()
    return now if day is None else datetime.combine(day, now.timetz())


def _file(content: bytes, media_type: str, name: str) -> Response[bytes]:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _break_body(row: BreakRow, now: datetime) -> BreakBody:
    def money(minor: int | None, currency: str) -> MoneyBody | None:
        return None if minor is None else MoneyBody(amount=minor, currency=currency)

    return BreakBody(
        id=row.id,
        kind=row.kind,
        reason=row.reason,
        gateway_account_id=row.gateway_account_id,
        line_id=row.line_id,
        movement_id=row.movement_id,
        expected=money(row.expected_minor, row.currency),
        actual=money(row.actual_minor, row.actual_currency),
        state=row.state,
        age_days=max(0, (now - row.occurred_at).days),
        occurred_at=row.occurred_at,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        resolution=row.resolution,
    )


ROUTES = [import_settlement_file, run, list_breaks, report_csv, report_xlsx]
