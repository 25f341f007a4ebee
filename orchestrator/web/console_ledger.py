"""The console's ledger: balances as of a day, journals by filters and as CSV, and its last verification."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.response import Stream

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.access import audit
from orchestrator.access.scopes import Scope
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError
from orchestrator.ledger import journals, service, verification
from orchestrator.ledger.balances import BalanceRow
from orchestrator.ledger.chart import CHART, AccountKind
from orchestrator.ledger.journals import JournalFilter
from orchestrator.ledger.service import JournalKind
from orchestrator.reconciliation import books
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    asked,
    cursor,
    day_of,
    done,
    older_url,
    open_desk,
    posted,
)
from orchestrator.web.console_work_views import BalanceLine, LedgerView
from orchestrator.web.forms import BODY_MAX_BYTES
from orchestrator.web.page_policy import headers

PLACE = "/console/ledger"
ROWS = 25
DONE = {"verify": "The ledger is being verified. Load this page again in a moment."}
_PATTERNS = {
    "as_of": r"[0-9-]{1,10}",
    "payment": r"pay_[0-9a-f]{1,36}",
    "account_id": r"la_[0-9a-f]{1,36}",
    "kind": "|".join(JournalKind),
    "account": "|".join(AccountKind),
    "from": r"[0-9-]{1,10}",
    "to": r"[0-9-]{1,10}",
}


@get(PLACE)
async def ledger_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Balances, journals, verification. Raises LoginNeeded, Forbidden."""
    return await _page(request, await open_desk(request, Scope.FINANCE_READ), done(request, DONE))


@get(f"{PLACE}/journals.csv")
async def export_journals(request: Request[Any, Any, Any]) -> Stream:
    """A line for each transfer, with the filters of the page. Raises InvalidField."""
    desk = await open_desk(request, Scope.FINANCE_READ)
    return Stream(
        journals.export_csv(desk.merchant_id, _filter(_given(request))),
        media_type="text/csv; charset=utf-8",
        headers={**headers(), "Content-Disposition": 'attachment; filename="journals.csv"'},
    )


@post(f"{PLACE}/verify", request_max_body_size=BODY_MAX_BYTES)
async def verify(request: Request[Any, Any, Any]) -> Response[Any]:
    """Have all checks run now, by a worker: they read the whole ledger."""
    desk, _ = await posted(request, Scope.FINANCE)
    now = clock_port.now()
    async with transaction():
        await outbox.enqueue(books.VERIFY, books.NOW, now)
        await audit.record(desk.merchant_id, audit.Action.LEDGER_VERIFICATION_ASKED, desk.merchant_id, now)
    return replies.redirect(f"{PLACE}?done=verify")


async def _page(request: Request[Any, Any, Any], desk: Desk, said: Said = NOTHING_SAID) -> Response[str]:
    given = _given(request)
    try:
        wanted, as_of = _filter(given), day_of(given["as_of"], "as_of", end=True)
    except ClearwayError as refused:
        wanted, as_of, said = JournalFilter(), None, Said.no(refused)
    wanted = replace(wanted, before_id=cursor(request, "jr") or "")
    found = await journals.page(desk.merchant_id, wanted, ROWS + 1)
    filters = {name: value for name, value in given.items() if value}
    run = await verification.last()
    view = LedgerView(
        shell=desk.shell,
        balances=tuple(_balance(desk, row) for row in await service.balances(desk.merchant_id, as_of)),
        journals=tuple(
            (row, tuple(Money(it.amount_minor, it.currency) for it in row.transfers)) for row in found[:ROWS]
        ),
        filters=given,
        kinds=tuple(JournalKind),
        account_kinds=tuple(AccountKind),
        csv_url=f"{PLACE}/journals.csv?{urlencode(filters)}",
        next_url=older_url(PLACE, found[ROWS - 1].id, filters) if len(found) > ROWS else "",
        verified_at=run.finished_at if run else None,
        checks=tuple(run.checks) if run else (),
        findings=tuple(it for it in run.findings if it.merchant_id == desk.merchant_id) if run else (),
        may_verify=desk.may(Scope.FINANCE),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


def _given(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {name: asked(request, name, pattern) for name, pattern in _PATTERNS.items()}


def _filter(given: dict[str, str]) -> JournalFilter:
    """Raises InvalidField for a day that is none."""
    return JournalFilter(
        payment_id=given["payment"],
        account_id=given["account_id"],
        account_kind=given["account"],
        kind=given["kind"],
        since=day_of(given["from"], "from"),
        until=day_of(given["to"], "to", end=True),
    )


def _balance(desk: Desk, row: BalanceRow) -> BalanceLine:
    meaning = CHART[AccountKind(row.kind)]
    of = desk.label_of(row.gateway_account_id) if row.gateway_account_id else row.recipient_id
    return BalanceLine(row.id, row.kind, of, meaning.side.value, meaning.means, Money(row.balance_minor, row.currency))


ROUTES = [ledger_page, export_journals, verify]
