"""What happens with an approval when its time comes: it is carried out, or expires; and the admins' mails about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access.actor import SYSTEM, act_as
from orchestrator.approvals import bank_details, letters, policy, service, store
from orchestrator.approvals.states import ApprovalKind, ApprovalState
from orchestrator.approvals.store import ApprovalRow
from orchestrator.billing import mail, payout_approvals
from orchestrator.errors import ClearwayError
from orchestrator.log import logger
from orchestrator.outbox import Later
from orchestrator.refunds import four_eyes
from orchestrator.settings import get_settings

_log = logger(__name__)

_DO: dict[ApprovalKind, Callable[[ApprovalRow], Awaitable[None]]] = {
    ApprovalKind.REFUND: four_eyes.carry_out,
    ApprovalKind.BANK_DETAILS: bank_details.change,
    ApprovalKind.POLICY: policy.change,
    ApprovalKind.CREDIT_PAYOUT: payout_approvals.carry_out,
}


async def look(approval_id: str) -> Later | None:
    """Safe to repeat: what is carried out says so in the transaction that does it."""
    row, now = await store.approval(approval_id), clock_port.now()
    if row is None or row.state not in (ApprovalState.PENDING, ApprovalState.APPROVED):
        return None
    if row.state is ApprovalState.PENDING:
        if now < row.expires_at:
            return Later(row.expires_at)
        await service.expire(row, now)
        return None
    if row.due_at is not None and now < row.due_at:
        return Later(row.due_at)
    act_as(SYSTEM)
    try:
        await _DO[row.kind](row)
    except ClearwayError as refused:
        if refused.status >= 500:
            raise
        await service.failed(row, refused.detail, now)
    return None


async def write(subject: str) -> Later | None:
    """Mail every admin, and the merchant's own address; without SMTP there is the event, and a line in the log."""
    approval_id, _, step = subject.partition("/")
    row = await store.approval(approval_id)
    if row is None:
        return None
    merchant = await access.get_merchant(row.merchant_id)
    addresses = {*await store.admin_addresses(row.merchant_id), str(merchant.profile.get("email") or "")} - {""}
    if not get_settings().smtp_url.get_secret_value() or not addresses:
        _log.warning("approval.not_mailed", approval_id=row.id, step=step)
        return None
    await mail.send(letters.letter(row, step, merchant.name, sorted(addresses)))
    return None
