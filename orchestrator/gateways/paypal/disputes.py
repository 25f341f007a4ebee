"""Disputes at PayPal: read, accept, answer. Customer Disputes v1, which the SDK does not have.

https://developer.paypal.com/docs/api/customer-disputes/v1/
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from urllib3.filepost import encode_multipart_formdata

from orchestrator.gateways.answers import answer_from, declined
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Dispute, EvidenceFile, EvidenceOrder
from orchestrator.gateways.paypal.connection import PayPalConnection, PlainRequest, answer_of_call
from orchestrator.gateways.paypal.dispute_mapping import read_dispute
from orchestrator.gateways.paypal.mapping import GATEWAY, link_of, read_refusal
from orchestrator.gateways.transport import Reply
from routing.outcomes import OutcomeKind

_PATH = "/v1/customer/disputes"
_TYPES = {
    "receipt": "PROOF_OF_RECEIPT_COPY",
    "proof_of_delivery": "PROOF_OF_DELIVERY_SIGNATURE",
    "customer_communication": "MERCHANT_RESPONSE",
    "refund_policy": "RETURN_POLICY",
    "service_documentation": "PROOF_FOR_SOFTWARE_OR_SERVICE_DELIVERED",
    "proof_of_refund": "PROOF_OF_REFUND_OUTSIDE_PAYPAL",
}
_CARRIERS = frozenset({"UPS", "USPS", "FEDEX", "DHL", "TNT", "ROYAL_MAIL", "PARCELFORCE"})
_MAX_FILE_BYTES = 10 * 1024 * 1024  # "Individual files must be smaller than 10 MB", "up to 50 MB … for a case"
_MAX_CASE_BYTES = 50 * 1024 * 1024
_MAX_NOTES_CHARS = 2000


class PayPalDisputes:
    """Implements Disputes. PayPal keeps the PayPal-Request-Id of these calls for 72 hours."""

    def __init__(self, connection: PayPalConnection) -> None:
        self._paypal = connection

    def fetch(self, dispute_id: str) -> Answer[Dispute]:
        """By the dispute's id (`PP-…`), or by the id of the capture that is disputed, which has no dash."""
        if "-" not in dispute_id:
            return self._of_capture(dispute_id)
        answer = self._shown(dispute_id)
        value = read_dispute(answer.value) if answer.value is not None else None
        return Answer(answer.kind, value, answer.decline, detail=answer.detail, exchange=answer.exchange)

    def accept(self, dispute_id: str, idempotency_key: str) -> Answer[None]:
        """Refunds the disputed amount from our balance. A lost answer is settled by `fetch`: it is LOST then."""
        body = {"note": "The claim is accepted.", "accept_claim_type": "REFUND"}
        path = f"{_PATH}/{quote(dispute_id)}/accept-claim"
        return self._sent(PlainRequest("POST", path, idempotency_key, json_body=body))

    def submit_evidence(self, order: EvidenceOrder) -> Answer[None]:
        """Documents, notes and tracking in one request, where PayPal is waiting for ours: the dispute is read first."""
        if problem := _problem_of(order):
            return _declined("invalid_request", problem)
        shown = self._shown(order.dispute_id)
        if shown.value is None:
            return _without_value(shown)
        if _has_answered(shown.value):
            return Answer(OutcomeKind.APPROVED, detail="the evidence is there already")
        if not _may_answer(shown.value):
            return _declined("invalid_state", "PayPal asks us for no evidence in this dispute now")
        content, content_type = _multipart(order)
        path = f"{_PATH}/{quote(order.dispute_id)}/provide-evidence"
        return self._sent(PlainRequest("POST", path, order.idempotency_key, content=content, content_type=content_type))

    def _of_capture(self, capture_id: str) -> Answer[Dispute]:
        tape = self._paypal.request(PlainRequest("GET", _PATH, query={"disputed_transaction_id": capture_id}))
        listed: Answer[str] = answer_of_call(tape, _first_listed)
        if listed.value is None:
            return Answer(listed.kind, None, listed.decline, detail=listed.detail, exchange=listed.exchange)
        return self.fetch(listed.value)

    def _shown(self, dispute_id: str) -> Answer[dict[str, Any]]:
        def read(reply: Reply) -> Answer[dict[str, Any]]:
            if reply.status >= 400 or reply.body is None:
                return answer_from(read_refusal(reply))
            read_dispute(reply.body)  # what cannot be read is not believed
            return Answer(OutcomeKind.APPROVED, reply.body)

        return answer_of_call(self._paypal.request(PlainRequest("GET", f"{_PATH}/{quote(dispute_id)}")), read)

    def _sent(self, request: PlainRequest) -> Answer[None]:
        def read(reply: Reply) -> Answer[None]:
            if reply.status >= 400:
                return answer_from(read_refusal(reply))
            if reply.body is None and reply.status != 204:
                raise ValueError("no JSON object")
            return Answer(OutcomeKind.APPROVED)

        return answer_of_call(self._paypal.request(request), read)


def _first_listed(reply: Reply) -> Answer[str]:
    if reply.status >= 400 or reply.body is None:
        return answer_from(read_refusal(reply))
    items = reply.body.get("items") or []
    if not items:
        return _declined("invalid_request", "PayPal knows no dispute of this transaction")
    return Answer(OutcomeKind.APPROVED, str(items[0]["dispute_id"]))


def _without_value(shown: Answer[dict[str, Any]]) -> Answer[None]:
    return Answer(shown.kind, None, shown.decline, detail=shown.detail, exchange=shown.exchange)


def _declined(code: str, message: str) -> Answer[Any]:
    return answer_from(declined(decline_for(GATEWAY, "clearway", code, message)))


def _problem_of(order: EvidenceOrder) -> str:
    if not (order.explanation or order.files or order.tracking_number):
        return "give an explanation, files or a tracking number"
    if len(order.explanation) > _MAX_NOTES_CHARS:
        return f"explanation: PayPal takes {_MAX_NOTES_CHARS} characters at most; shorten it"
    if any(len(file.content) > _MAX_FILE_BYTES for file in order.files):
        return "files: PayPal takes files of 10 MB at most; make it smaller"
    if sum(len(file.content) for file in order.files) > _MAX_CASE_BYTES:
        return "files: PayPal takes 50 MB for a case; leave some out"
    return ""


def _has_answered(dispute: dict[str, Any]) -> bool:
    """Nobody asks for more, and what we gave is there: an earlier try got through."""
    ours = any(one.get("source") == "SUBMITTED_BY_SELLER" for one in dispute.get("evidences") or [])
    return ours and dispute.get("status") == "UNDER_REVIEW"


def _may_answer(dispute: dict[str, Any]) -> bool:
    """ "In case the link is not present in the response, you can't provide evidence." """
    if dispute.get("status") == "RESOLVED":
        return False
    return bool(link_of(dispute, "provide-evidence")) or dispute.get("status") == "WAITING_FOR_SELLER_RESPONSE"


def _multipart(order: EvidenceOrder) -> tuple[bytes, str]:
    """`input` says what the files are, by their names. The boundary is of the key: the same bytes each time."""
    evidences = [_evidence(file, order.explanation) for file in order.files]
    if order.tracking_number:
        evidences.append(
            {"evidence_type": "PROOF_OF_FULFILLMENT", "evidence_info": {"tracking_info": [_tracking(order)]}}
        )
    if not order.files and order.explanation:
        evidences.append({"evidence_type": "OTHER", "notes": order.explanation})
    fields: list[tuple[str, Any]] = [
        ("input", ("input.json", json.dumps({"evidences": evidences}), "application/json"))
    ]
    fields += [("evidence-file", (file.name, file.content, file.content_type)) for file in order.files]
    boundary = hashlib.sha256(order.idempotency_key.encode()).hexdigest()[:32]
    content, content_type = encode_multipart_formdata(fields, boundary)
    return content, content_type


def _evidence(file: EvidenceFile, notes: str) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "evidence_type": _TYPES.get(file.kind, "OTHER"),
        "documents": [{"name": file.name}],
    }
    return evidence | ({"notes": notes} if notes else {})


def _tracking(order: EvidenceOrder) -> dict[str, str]:
    """PayPal's own word for the carrier where it has one, else `OTHER` with the name in full."""
    carrier = order.tracking_carrier.upper().replace(" ", "_")
    if carrier in _CARRIERS:
        return {"carrier_name": carrier, "tracking_number": order.tracking_number}
    return {
        "carrier_name": "OTHER",
        "carrier_name_other": order.tracking_carrier or "unnamed",
        "tracking_number": order.tracking_number,
    }
