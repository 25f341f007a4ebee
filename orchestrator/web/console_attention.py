"""The console's page of all that waits for a person, and trying parked work again."""

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post

from orchestrator import clock_port, outbox
from orchestrator.access import audit
from orchestrator.access.scopes import Scope
from orchestrator.approvals import store as approval_store
from orchestrator.approvals.states import ApprovalState
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.http import queries
from orchestrator.installation import service as installation
from orchestrator.ledger import verification
from orchestrator.payments import reviews
from orchestrator.payments.records import OperationRow
from orchestrator.web import console_queries, replies
from orchestrator.web.console_desk import NOTHING_SAID, Desk, Said, done, open_desk, posted
from orchestrator.web.console_webhooks import warnings_of
from orchestrator.web.console_work_views import AttentionView, ReviewRow
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.timeline import review_url, webhook_views
from orchestrator.webhooks import log
from orchestrator.webhooks.log import Filter

PLACE = "/console/attention"
REVIEWS_MAX, WEBHOOKS_MAX, INCIDENTS_MAX, APPROVALS_MAX, DISPUTES_MAX = 100, 20, 50, 100, 100
INCIDENT_DAYS = 7
DUE_SOON = timedelta(days=3)
DONE = {
    "again": "It is tried again. If it fails once more it comes back here.",
    "resolved": "The verdict is kept with the operation, and its payment went on from it.",
}


@get(PLACE)
async def attention_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Operations for a person to settle, and as far as one may see them: webhooks, work, findings, incidents."""
    desk = await open_desk(request, Scope.PAYMENTS_READ)
    return await _page(desk, done(request, DONE))


@post(f"{PLACE}/try-again", request_max_body_size=BODY_MAX_BYTES)
async def try_again(request: Request[Any, Any, Any]) -> Response[Any]:
    """Have parked work tried again, now and then by its schedule."""
    desk, form = await posted(request, Scope.OPERATE)
    wanted = text_of(form, "row")
    row = next((row for row in await console_queries.parked_jobs(desk.merchant_id) if str(row.id) == wanted), None)
    if row is None:
        return await _page(desk, Said.no(Conflict("This work is not parked any more.")))
    now = clock_port.now()
    async with transaction():
        await outbox.enqueue(row.topic, row.subject, now)
        said = {"topic": row.topic}
        await audit.record(desk.merchant_id, audit.Action.WORK_TRIED_AGAIN, row.subject, now, after=said)
    return replies.redirect(f"{PLACE}?done=again")


async def _page(desk: Desk, said: Said = NOTHING_SAID) -> Response[str]:
    operates, finance = desk.may(Scope.OPERATE_READ), desk.may(Scope.FINANCE_READ)
    waiting = await reviews.waiting(desk.merchant_id, limit=REVIEWS_MAX)
    view = AttentionView(
        shell=desk.shell,
        reviews=await _review_rows(desk, waiting),
        frozen_because=await installation.why_frozen(),
        warnings=await _warnings(desk) if operates else (),
        webhooks=await _parked_webhooks(desk) if operates else (),
        jobs=tuple(await console_queries.parked_jobs(desk.merchant_id)) if operates else (),
        findings=await _findings(desk.merchant_id) if finance else None,
        approvals=await _approvals(desk.merchant_id) if finance else None,
        disputes=await _disputes_due(desk.merchant_id),
        incidents=await _incidents(desk.merchant_id),
        incident_days=INCIDENT_DAYS,
        may_operate=desk.may(Scope.OPERATE),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


async def _review_rows(desk: Desk, waiting: list[OperationRow]) -> tuple[ReviewRow, ...]:
    attempts = await queries.attempts_by_payment([op.payment_id for op in waiting])
    by_id = {attempt.id: attempt for found in attempts.values() for attempt in found}
    return tuple(
        ReviewRow(
            url=review_url(op),
            payment_id=op.payment_id,
            kind=op.kind.value,
            amount=op.amount,
            gateway=by_id[op.attempt_id].gateway,
            account=desk.label_of(by_id[op.attempt_id].gateway_account_id),
            state=op.state.value if op.outcome is None else op.outcome.value,
            sent_at=op.sent_at,
            tries=op.tries,
        )
        for op in waiting
    )


async def _warnings(desk: Desk) -> tuple[str, ...]:
    return tuple([text for id_, row in desk.accounts.items() for text in await warnings_of(id_, row.label)])


async def _parked_webhooks(desk: Desk) -> tuple[Any, ...]:
    found = await log.newest(Filter(tuple(desk.accounts), state="parked"), limit=WEBHOOKS_MAX)
    return tuple(webhook_views(row, desk.accounts)[0] for row in found)


async def _findings(merchant_id: str) -> int:
    run = await verification.last()
    return sum(finding.merchant_id == merchant_id for finding in run.findings) if run else 0


async def _approvals(merchant_id: str) -> int:
    return len(await approval_store.approvals_of(merchant_id, limit=APPROVALS_MAX, state=ApprovalState.PENDING))


async def _disputes_due(merchant_id: str) -> int:
    """How many disputes have to be answered within DUE_SOON, or should have been."""
    soon = clock_port.now() + DUE_SOON
    rows = await console_queries.disputes_to_answer(merchant_id, limit=DISPUTES_MAX)
    return sum(row.evidence_due_at is not None and row.evidence_due_at < soon for row in rows)


async def _incidents(merchant_id: str) -> tuple[Any, ...]:
    since = clock_port.now() - timedelta(days=INCIDENT_DAYS)
    return tuple(await queries.events_of(merchant_id, limit=INCIDENTS_MAX, event_type="incident.*", created_from=since))


ROUTES = [attention_page, try_again]
