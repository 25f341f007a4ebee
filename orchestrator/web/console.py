"""The console's beginning, and its page of reconciliation."""

from typing import Any

from litestar import Request, Response, get

from currency.money import Money
from orchestrator import clock_port
from orchestrator.access.scopes import Scope
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.ledger import store as ledger_store
from orchestrator.reconciliation import service as reconciliation
from orchestrator.reconciliation import store as reconciliation_store
from orchestrator.reconciliation.store import BreakRow
from orchestrator.web import console_views, replies, sessions
from orchestrator.web.console_desk import open_desk

BREAK_ROWS = 200


@get("/console")
async def console_home(request: Request[Any, Any, Any]) -> Response[None]:
    """The console begins with the payments."""
    await sessions.session_of(request)
    return replies.redirect(sessions.HOME)


@get("/console/reconciliation")
async def reconciliation_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Open breaks, oldest first."""
    desk = await open_desk(request, Scope.FINANCE_READ)
    found = await reconciliation.list_breaks(desk.merchant_id, limit=BREAK_ROWS)
    files = await reconciliation.list_files(desk.merchant_id, 1)
    movements = await ledger_store.gateway_movements(desk.merchant_id) if found else []
    payment_of = {movement.journal_key: movement.payment_id for movement in movements}
    view = console_views.ReconciliationView(
        shell=desk.shell,
        breaks=tuple(_break_row(row, desk.accounts, payment_of) for row in found),
        imported_at=files[0].imported_at if files else None,
        matched_count=len(await reconciliation_store.matches_of(desk.merchant_id)),
    )
    return desk.page(view)


def _break_row(
    row: BreakRow, accounts: dict[str, GatewayAccountRow], payment_of: dict[str, str]
) -> console_views.BreakRow:
    """The amount is what the gateway says less what we say; in two currencies, what the gateway says."""
    account = accounts.get(row.gateway_account_id)
    same_currency = row.currency == row.actual_currency or not row.actual_currency
    expected_minor = (row.expected_minor or 0) if same_currency else 0
    payment_id = payment_of.get(row.movement_id or "", "")
    return console_views.BreakRow(
        id=row.id,
        kind=row.kind,
        reason=row.reason,
        amount=Money((row.actual_minor or 0) - expected_minor, row.currency if same_currency else row.actual_currency),
        age_days=(clock_port.now() - row.occurred_at).days,
        gateway=account.gateway if account else "",
        account=account.label if account else "",
        reference=payment_id or row.line_id or "",
        payment_url=f"/console/payments/{payment_id}" if payment_id else "",
        status=row.state.value,
    )


ROUTES = [console_home, reconciliation_page]
