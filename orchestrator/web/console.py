"""The operator's console: payments and their timelines, invoices, reconciliation, webhooks. Behind a session."""

import re
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from currency.money import Money
from invoicing import service as invoicing
from invoicing.store import InvoiceRecord, find_invoice_by_id
from orchestrator import clock_port
from orchestrator.access.scopes import Scope
from orchestrator.gateways import store as gateway_store
from orchestrator.gateways.store import GatewayAccountRow
from orchestrator.ledger import store as ledger_store
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow
from orchestrator.reconciliation import service as reconciliation
from orchestrator.reconciliation import store as reconciliation_store
from orchestrator.reconciliation.store import BreakRow
from orchestrator.refunds import service as refunds
from orchestrator.web import console_views, csrf, replies, sessions
from orchestrator.web.presenters import in_test_mode
from orchestrator.web.sessions import ConsoleSession
from orchestrator.web.timeline import TimelineFacts, path_of, timeline_view
from orchestrator.webhooks import store as webhook_store

PAGE_ROWS = 25
BREAK_ROWS = 200

_CURSOR = re.compile(r"(?:pay|inv)_[0-9a-f]{1,36}")


class _Desk:
    """What every console page needs: who is there, the merchant's accounts, and the frame with its token."""

    def __init__(self, session: ConsoleSession, accounts: list[GatewayAccountRow], csrf_token: str) -> None:
        self.merchant_id = session.merchant.id
        self.accounts = {row.id: row for row in accounts}
        self.csrf_token = csrf_token
        self.shell = console_views.Shell(session.merchant.name, csrf_token, in_test_mode(accounts), session.who)

    def page(self, view: object) -> Response[str]:
        return replies.page(view, cookies=(csrf.cookie_of(self.csrf_token),))


async def _desk(request: Request[Any, Any, Any], scope: Scope) -> _Desk:
    """Raises LoginNeeded, Forbidden."""
    session = await sessions.need(request, scope)
    return _Desk(session, await gateway_store.accounts_of(session.merchant.id), csrf.token_of(request))


@get("/console")
async def console_home(request: Request[Any, Any, Any]) -> Response[None]:
    """The console begins with the payments."""
    await sessions.session_of(request)
    return replies.redirect(sessions.HOME)


@get("/console/payments")
async def payments_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest payments; htmx asks for older ones as rows only."""
    desk = await _desk(request, Scope.PAYMENTS_READ)
    found = await payment_store.payments_of(desk.merchant_id, limit=PAGE_ROWS + 1, before_id=_cursor(request))
    rows = tuple([await _payment_row(payment) for payment in found[:PAGE_ROWS]])
    next_url = f"/console/payments?before={rows[-1].id}" if len(found) > PAGE_ROWS else ""
    page = console_views.PaymentRowsView(rows, next_url)
    return desk.page(page if request.headers.get("hx-request") else console_views.PaymentsView(desk.shell, page))


@get("/console/payments/{payment_id:str}")
async def payment_page(request: Request[Any, Any, Any], payment_id: FromPath[str]) -> Response[str]:
    """One payment's timeline. Raises NotFound, also for another merchant's payment."""
    desk = await _desk(request, Scope.PAYMENTS_READ)
    payment = await payments.get(desk.merchant_id, payment_id)
    facts = TimelineFacts(
        story=await payments.story(payment, exchanges=True),
        accounts=desk.accounts,
        webhooks=await webhook_store.messages_of(payment_id),
        transfers=await ledger_store.transfers_of(payment_id),
        refunds=await refunds.of_payment(payment_id),
        invoice=await _invoice_link(payment),
    )
    return desk.page(timeline_view(facts, desk.shell))


@get("/console/invoices")
async def invoices_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest invoices and drafts."""
    desk = await _desk(request, Scope.INVOICES_READ)
    found = await invoicing.list_invoices(desk.merchant_id, limit=PAGE_ROWS + 1, before_id=_cursor(request))
    shown = found[:PAGE_ROWS]
    next_url = f"/console/invoices?before={shown[-1].id}" if len(found) > PAGE_ROWS else ""
    return desk.page(console_views.InvoicesView(desk.shell, tuple(_invoice_row(row) for row in shown), next_url))


@get("/console/reconciliation")
async def reconciliation_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Open breaks, oldest first."""
    desk = await _desk(request, Scope.FINANCE_READ)
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


def _cursor(request: Request[Any, Any, Any]) -> str | None:
    before = request.query_params.get("before", "")
    return before if _CURSOR.fullmatch(before) else None


async def _payment_row(payment: PaymentRow) -> console_views.PaymentRow:
    return console_views.PaymentRow(
        id=payment.id,
        url=f"/console/payments/{payment.id}",
        created_at=payment.created_at,
        amount=payment.amount,
        status=payment.status.value,
        path=path_of(await payments.story(payment)),
        reference=payment.reference or "",
        description=payment.description,
    )


async def _invoice_link(payment: PaymentRow) -> console_views.LinkView | None:
    """The invoice that the payment is for; `source` begins with its id (billing.payment_for)."""
    if payment.source is None or not payment.source.startswith("inv_"):
        return None
    invoice = await find_invoice_by_id(payment.source.partition("/")[0])
    return console_views.LinkView(invoice.number or invoice.id, f"/i/{invoice.public_token}") if invoice else None


def _invoice_row(invoice: InvoiceRecord) -> console_views.InvoiceRow:
    return console_views.InvoiceRow(
        number=invoice.number or "",
        url=f"/i/{invoice.public_token}" if invoice.number else "",
        buyer_name=invoice.draft.buyer.name,
        issued_on=invoice.issue_date,
        due_on=invoice.due_date,
        total=invoice.total,
        due=invoice.owed,
        state=invoice.state.value,
    )


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
