"""Disputes at Stripe: https://docs.stripe.com/api/disputes and https://docs.stripe.com/disputes/api."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from orchestrator.gateways.answers import answer_from, invalid_call, outcome_of, without_bodies
from orchestrator.gateways.facets import Answer, Dispute, DisputeStatus, EvidenceFile, EvidenceOrder
from orchestrator.gateways.stripe.client import Account, ask, done, keyed
from orchestrator.gateways.stripe.mapping import id_of, money_of
from orchestrator.gateways.stripe.params import GATEWAY
from routing.outcomes import OutcomeKind

_STATUSES = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "prevented": DisputeStatus.CLOSED,  # settled before it became a chargeback
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "appeal_needs_response": DisputeStatus.NEEDS_RESPONSE,  # a won one that was reopened
    "under_review": DisputeStatus.UNDER_REVIEW,
    "appeal_under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}

# https://docs.stripe.com/disputes/categories
_REASONS = {
    "fraudulent": "fraud",
    "debit_not_authorized": "fraud",
    "product_not_received": "not_received",
    "product_unacceptable": "not_as_described",
    "duplicate": "duplicate",
    "subscription_canceled": "canceled",
    "credit_not_processed": "credit_not_processed",
    "unrecognized": "unrecognised",
}

# https://docs.stripe.com/api/disputes/evidence_object; each field takes one file.
_FIELDS = {
    "receipt": "receipt",
    "proof_of_delivery": "shipping_documentation",
    "customer_communication": "customer_communication",
    "refund_policy": "refund_policy",
    "service_documentation": "service_documentation",
    "proof_of_refund": "uncategorized_file",
    "other": "uncategorized_file",
}


class StripeDisputes:
    """See Disputes."""

    def __init__(self, account: Account) -> None:
        self._v1 = account.direct.v1

    def fetch(self, dispute_id: str) -> Answer[Dispute]:
        """Read it. The evidence that lies with it names people, so the reply is not kept."""
        answer = ask(lambda: self._v1.disputes.retrieve(dispute_id), lambda dispute: done(read_dispute(dispute)))
        return without_bodies(answer, "reply")

    def accept(self, dispute_id: str, idempotency_key: str) -> Answer[None]:
        """Close it, which cannot be taken back."""
        answer = ask(lambda: self._v1.disputes.close(dispute_id, None, keyed(idempotency_key)), _closed)
        return without_bodies(answer, "reply")

    def submit_evidence(self, order: EvidenceOrder) -> Answer[None]:
        """Upload the files, then submit them with the text. Stripe takes evidence once: nothing can be added later."""
        fields = [_FIELDS[file.kind] for file in order.files]
        if len(set(fields)) < len(fields):
            doubled = next(file.kind for file in order.files if fields.count(_FIELDS[file.kind]) > 1)
            message = f"files: Stripe takes one document for {_FIELDS[doubled]} ({doubled}); join them into one PDF"
            return answer_from(invalid_call(GATEWAY, message))
        evidence: dict[str, str] = _written(order)
        for position, (field, file) in enumerate(zip(fields, order.files, strict=True)):
            uploaded = self._upload(file, f"{order.idempotency_key}:{position}")
            if uploaded.value is None:
                return answer_from(outcome_of(uploaded))  # nothing was submitted yet: it is safe to repeat
            evidence[field] = uploaded.value
        asked: Any = {"evidence": evidence, "submit": True}
        answer = ask(
            lambda: self._v1.disputes.update(order.dispute_id, asked, keyed(order.idempotency_key)), _submitted
        )
        return without_bodies(answer, "request", "reply")

    def _upload(self, file: EvidenceFile, idempotency_key: str) -> Answer[str]:
        """Its own address and form: https://docs.stripe.com/file-upload."""
        asked: Any = {"purpose": "dispute_evidence", "file": _Document(file)}
        answer = ask(
            lambda: self._v1.files.create(asked, keyed(idempotency_key)), lambda uploaded: done(str(uploaded["id"]))
        )
        return without_bodies(answer, "request")


class _Document(io.BytesIO):
    """A file as the SDK's form writer wants it: it reads it, and takes its `name`."""

    def __init__(self, file: EvidenceFile) -> None:
        super().__init__(file.content)
        self.name = file.name


def read_dispute(dispute: dict[str, Any]) -> Dispute:
    """A dispute object in our words. Funds are away while more was withdrawn than given back. Raises ValueError."""
    status = _STATUSES.get(dispute["status"])
    if status is None:
        raise ValueError(f"dispute status {dispute['status']}")
    due = (dispute.get("evidence_details") or {}).get("due_by")
    return Dispute(
        dispute_id=dispute["id"],
        status=status,
        amount=money_of(dispute, "amount"),
        reason=_REASONS.get(dispute["reason"], "other"),
        gateway_reason=str(dispute["reason"]),
        gateway_payment_id=id_of(dispute.get("payment_intent")),
        gateway_operation_id=id_of(dispute.get("charge")),
        evidence_due_at=datetime.fromtimestamp(due, UTC) if due else None,
        funds_withdrawn=sum(row["amount"] for row in dispute.get("balance_transactions") or ()) < 0,
    )


def _closed(dispute: dict[str, Any]) -> Answer[None]:
    if dispute["status"] not in ("lost", "warning_closed"):
        raise ValueError(f"closed, and its status is {dispute['status']}")
    return Answer(OutcomeKind.APPROVED)


def _submitted(dispute: dict[str, Any]) -> Answer[None]:
    if not dispute["evidence_details"]["submission_count"]:
        raise ValueError("Stripe does not count it as submitted")
    return Answer(OutcomeKind.APPROVED)


def _written(order: EvidenceOrder) -> dict[str, str]:
    texts = {
        "uncategorized_text": order.explanation,
        "shipping_tracking_number": order.tracking_number,
        "shipping_carrier": order.tracking_carrier,
    }
    return {field: text for field, text in texts.items() if text}
