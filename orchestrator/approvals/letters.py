"""The mail that tells admins of a request that touches where money goes. Written so that a victim notices in time."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate

from orchestrator.approvals.states import ApprovalKind
from orchestrator.approvals.store import ApprovalRow
from orchestrator.settings import get_settings

_WHAT = {
    ApprovalKind.BANK_DETAILS: "a change of the bank details that invoices print",
    ApprovalKind.POLICY: "a looser limit for refunds and payouts without approval",
    ApprovalKind.REFUND: "a refund",
    ApprovalKind.CREDIT_PAYOUT: "a payout of a customer's credit",
}


def letter(row: ApprovalRow, step: str, merchant_name: str, addresses: list[str]) -> EmailMessage:
    """One mail for all admins. Its Message-ID names the step, so that a repetition is recognised."""
    message = EmailMessage()
    message["From"] = get_settings().mail_from
    message["To"] = ", ".join(addresses)
    message["Subject"] = f"{merchant_name}: {_WHAT[row.kind]} was {step}"
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{row.id}.{step}@clearway>"
    lines = [
        f"At {merchant_name}, {_WHAT[row.kind]} was {step}.",
        "",
        f"Request        {row.id}",
        f"Asked for by   {row.requested_by} at {row.requested_at:%Y-%m-%d %H:%M} UTC",
    ]
    if row.decided_by:
        lines.append(f"Decided by     {row.decided_by}")
    if row.kind is ApprovalKind.BANK_DETAILS:
        told = row.payload["told"]
        lines.append(f"Account        ends in {told['iban_ends']} (until now: {told['previous_iban_ends'] or 'none'})")
    if row.due_at and step == "approved":
        lines += ["", f"It has its effect at {row.due_at:%Y-%m-%d %H:%M} UTC."]
    lines += ["", "If you do not know of this, reject the request at once, and revoke whoever asked for it."]
    message.set_content("\n".join(lines))
    return message
