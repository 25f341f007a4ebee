"""The console's approvals: what waits for another person, in words, and approving or rejecting it."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from currency.formatting import format_money
from currency.money import Money
from orchestrator.access import store as access_store
from orchestrator.access import user_store
from orchestrator.access.scopes import Scope
from orchestrator.approvals import service, store
from orchestrator.approvals.states import OPEN, ApprovalKind, ApprovalState
from orchestrator.approvals.store import ApprovalRow
from orchestrator.errors import ClearwayError
from orchestrator.http import queries
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    acting,
    ask_back,
    cursor,
    done,
    is_confirmed,
    older_url,
    open_desk,
    posted,
)
from orchestrator.web.console_work_views import ApprovalLine, ApprovalsView
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.locales import DEFAULT_LOCALE
from orchestrator.web.wording import grouped_iban

PLACE = "/console/approvals"
ROWS, KEYS_MAX, NOTE_CHARS_MAX = 50, 500, 500
DONE = {
    "approved": "Approved. It is done by itself, at once or when its time of waiting is over.",
    "rejected": "Rejected. It is not done.",
}
_WHAT = {
    ApprovalKind.REFUND: "Refund",
    ApprovalKind.BANK_DETAILS: "Other bank details on invoices",
    ApprovalKind.POLICY: "A looser approval policy",
    ApprovalKind.CREDIT_PAYOUT: "Payout of a customer's credit",
}


@get(PLACE)
async def approvals_page(request: Request[Any, Any, Any]) -> Response[str]:
    """What waits for a decision; with `?show=all` everything that was asked, newest first."""
    return await _page(request, await open_desk(request, Scope.FINANCE_READ), done(request, DONE))


@post(PLACE + "/{approval_id:str}/approve", request_max_body_size=BODY_MAX_BYTES)
async def approve(request: Request[Any, Any, Any], approval_id: FromPath[str]) -> Response[Any]:
    """Approve another's request. Raises NotFound."""
    return await _decide(request, approval_id, "approve")


@post(PLACE + "/{approval_id:str}/reject", request_max_body_size=BODY_MAX_BYTES)
async def reject(request: Request[Any, Any, Any], approval_id: FromPath[str]) -> Response[Any]:
    """Reject a request, or withdraw one's own. Raises NotFound."""
    return await _decide(request, approval_id, "reject")


async def _decide(request: Request[Any, Any, Any], approval_id: str, verb: str) -> Response[Any]:
    desk, form = await posted(request, Scope.FINANCE)
    row, note = await service.get(desk.merchant_id, approval_id), text_of(form, "note").strip()[:NOTE_CHARS_MAX]
    if not is_confirmed(form):
        line = (await _lines(desk, [row]))[0]
        said = (f"Asked for by {line.asked_by}.", *(f"{label}: {value}" for label, value in line.details))
        title, button = f"{verb.capitalize()}: {line.what}?", verb.capitalize()
        return ask_back(desk, form, title, said, f"{PLACE}/{approval_id}/{verb}", button, PLACE)
    try:
        if verb == "approve":
            await service.approve(desk.merchant_id, approval_id, note)
        else:
            await service.reject(desk.merchant_id, approval_id, note)
    except ClearwayError as refused:
        return await _page(request, desk, Said.no(refused))
    return replies.redirect(f"{PLACE}?done={'approved' if verb == 'approve' else 'rejected'}")


async def _page(request: Request[Any, Any, Any], desk: Desk, said: Said = NOTHING_SAID) -> Response[str]:
    shows_all = request.query_params.get("show") == "all"
    if shows_all:
        found = await store.approvals_of(desk.merchant_id, limit=ROWS + 1, before_id=cursor(request, "apr"))
    else:
        found = [row for state in OPEN for row in await store.approvals_of(desk.merchant_id, limit=ROWS, state=state)]
    shown = found[:ROWS] if shows_all else found
    older = older_url(PLACE, shown[-1].id, {"show": "all"}) if shows_all and len(found) > ROWS else ""
    lines = await _lines(desk, shown)
    return desk.page(ApprovalsView(desk.shell, lines, shows_all, older, said.notice, said.error), said.status)


async def _lines(desk: Desk, rows: list[ApprovalRow]) -> tuple[ApprovalLine, ...]:
    names = await _names(desk.merchant_id)
    payments = await queries.payments_by_id([row.subject for row in rows if row.kind is ApprovalKind.REFUND])
    currencies = {payment.id: payment.currency for payment in payments.values()}
    return tuple(_line(desk, row, names, currencies) for row in rows)


async def _names(merchant_id: str) -> dict[str, str]:
    """Actors as people know them: e-mail addresses, and the names of keys."""
    users = {f"user:{row.id}": row.email for row in await user_store.members(merchant_id)}
    keys = await access_store.api_keys_of(merchant_id, limit=KEYS_MAX)
    return {**users, **{f"key:{row.id}": f"API key “{row.name}”" for row in keys}, "shell:": "the command line"}


def _line(desk: Desk, row: ApprovalRow, names: Mapping[str, str], currencies: Mapping[str, str]) -> ApprovalLine:
    decides, is_own = desk.may(Scope.FINANCE), row.requested_by == acting()
    is_refund = row.kind is ApprovalKind.REFUND
    return ApprovalLine(
        id=row.id,
        kind=row.kind.value,
        what=_WHAT[row.kind],
        details=_details(row, currencies.get(row.subject, "")),
        state=row.state.value,
        asked_by=names.get(row.requested_by, row.requested_by),
        asked_at=row.requested_at,
        expires_at=row.expires_at,
        decided_by=names.get(row.decided_by, row.decided_by) if row.decided_by else "",
        note=row.note,
        failure=row.failure or "",
        due_at=row.due_at if row.state is ApprovalState.APPROVED else None,
        subject_url=f"/console/payments/{row.subject}" if is_refund else "",
        result_id=row.result_id or "",
        may_approve=decides and row.state is ApprovalState.PENDING and not is_own,
        may_reject=decides and row.state in OPEN,
        is_own=is_own,
    )


def _details(row: ApprovalRow, currency: str) -> tuple[tuple[str, str], ...]:
    """The payload in words."""
    payload = row.payload
    match row.kind:
        case ApprovalKind.REFUND:
            amount = format_money(Money(int(payload["amount_minor"]), currency), DEFAULT_LOCALE) if currency else "?"
            return (("Amount", amount), ("Payment", row.subject), ("Reason", str(payload["reason"]) or "none given"))
        case ApprovalKind.BANK_DETAILS:
            return (("New account", _bank(payload["new"])), ("Until now", _bank(payload["previous"])))
        case ApprovalKind.POLICY:
            return (("New limits", _limits(payload["new"])), ("Until now", _limits(payload["previous"])))
        case ApprovalKind.CREDIT_PAYOUT:
            amount = format_money(Money(int(payload["amount_minor"]), str(payload["currency"])), DEFAULT_LOCALE)
            return (("Amount", amount), ("Customer", row.subject), ("Reference", str(payload["reference"])))


def _bank(details: Mapping[str, str] | None) -> str:
    if not details:
        return "none"
    return ", ".join(filter(None, (details.get("holder"), grouped_iban(details.get("iban", "")), details.get("bic"))))


def _limits(limits: Mapping[str, int]) -> str:
    shown = [f"{format_money(Money(minor, code), DEFAULT_LOCALE)}" for code, minor in sorted(limits.items())]
    return f"refunds and payouts above {', '.join(shown)}" if shown else "no refund or payout needs an approval"


ROUTES = [approvals_page, approve, reject]
