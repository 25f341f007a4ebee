"""Disputes at Adyen: told by webhook, answered by documents. No call reads a dispute.

Disputes API v30: https://docs.adyen.com/risk-management/disputes-api
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from currency.money import Money
from orchestrator.gateways.adyen.clients import AdyenServices
from orchestrator.gateways.adyen.mapping import GATEWAY, error_answer, object_of
from orchestrator.gateways.answers import answer_from, answer_of, declined, invalid_call, outcome_of
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, Dispute, DisputeStatus, EvidenceFile, EvidenceOrder
from orchestrator.gateways.transport import Reply, record
from routing.outcomes import OutcomeKind

# What each kind of evidence is likely called; a defence names its own documents, and any other file takes what is left.
_DOCUMENTS = {
    "receipt": ("TIDorInvoice",),
    "proof_of_refund": ("ProofOfRefund", "InvoiceShowingCreditedAmount"),
}
_GENERIC = "DefenseMaterial"  # a document of any kind, where the defence takes one
_MUST = ("Required", "AlternativeRequired")

# The networks' reason codes in our words: Visa (10.4), Mastercard (4837), American Express (F29), SEPA returns (MD06).
_REASONS = {
    "fraud": "10.1 10.2 10.3 10.4 10.5 4837 4840 4849 4870 4871 F10 F14 F24 F29 F30 F31",
    "not_received": "13.1 4855 C08",
    "not_as_described": "13.3 13.4 13.5 C31 C32",
    "duplicate": "12.6 12.6.1 12.6.2 4834 C14 P08",
    "canceled": "13.2 13.7 4841 C05 C28",
    "credit_not_processed": "13.6 4860 C02 C04",
    "unrecognised": "4863 MD01 MD06",
}
_REASON_OF = {code: reason for reason, codes in _REASONS.items() for code in codes.split()}

_STATUS_OF = {
    "dispute.inquiry": DisputeStatus.INQUIRY,
    "dispute.opened": DisputeStatus.NEEDS_RESPONSE,
    "dispute.updated": DisputeStatus.UNDER_REVIEW,
    "dispute.won": DisputeStatus.WON,
    "dispute.lost": DisputeStatus.LOST,
}


def read_dispute(item: Mapping[str, Any], kind: str, amount: Money) -> Dispute:
    """The dispute that a verified notification item tells of. Reason and due date are not signed: for display."""
    told = item.get("additionalData") or {}
    code = str(told.get("chargebackReasonCode") or told.get("rfiReasonCode") or "").strip()
    return Dispute(
        dispute_id=str(item["pspReference"]),
        status=_STATUS_OF[kind],
        amount=amount,
        reason=_REASON_OF.get(code, "other"),
        gateway_reason=code or str(item.get("reason") or "")[:80],
        gateway_payment_id=str(item.get("originalReference") or ""),
        gateway_operation_id=str(told.get("capturePspReference") or ""),
        evidence_due_at=_moment(told.get("defensePeriodEndsAt")),
        funds_withdrawn=kind == "dispute.opened",
    )


class AdyenDisputes:
    """Accepting and defending. Both are final at Adyen: repeated, they are answered with an error, never done twice."""

    def __init__(self, services: AdyenServices, merchant_account: str) -> None:
        self._api = services.disputes
        self._merchant = merchant_account

    def fetch(self, dispute_id: str) -> Answer[Dispute]:
        """Always refused: Adyen has no call that reads a dispute; its webhooks carry what is known."""
        return answer_from(invalid_call(GATEWAY, "Adyen has no call that reads a dispute: its webhooks tell"))

    def accept(self, dispute_id: str, idempotency_key: str) -> Answer[None]:
        request = self._request(dispute_id)
        return self._told(lambda: self._api.accept_dispute(request, idempotency_key=idempotency_key))

    def submit_evidence(self, order: EvidenceOrder) -> Answer[None]:
        """Ask which defences there are, supply the documents of one, then defend with it.

        `gateway_reason_code` may be left empty where Adyen offers one defence only. Adyen takes documents and no text:
        `explanation` and tracking must be in one of them.
        """
        offered = self._defences(order.dispute_id)
        if offered.kind is not OutcomeKind.APPROVED or offered.value is None:
            return answer_from(outcome_of(offered))
        defence = _chosen(offered.value, order.gateway_reason_code)
        if isinstance(defence, str):
            return answer_from(invalid_call(GATEWAY, defence))
        documents = _assigned(defence, order.files)
        if isinstance(documents, str):
            return answer_from(invalid_call(GATEWAY, documents))
        if documents:
            supplied = self._supply(order, documents)
            if supplied.kind is not OutcomeKind.APPROVED:
                return supplied
        request = self._request(order.dispute_id) | {"defenseReasonCode": defence.code}
        return self._told(lambda: self._api.defend_dispute(request, idempotency_key=order.idempotency_key))

    def _defences(self, dispute_id: str) -> Answer[tuple[Defence, ...]]:
        request = self._request(dispute_id)
        return answer_of(
            record(lambda: self._api.retrieve_applicable_defense_reasons(request)), GATEWAY, _read_defences
        )

    def _supply(self, order: EvidenceOrder, documents: Sequence[tuple[str, EvidenceFile]]) -> Answer[None]:
        contents = [
            {
                "defenseDocumentTypeCode": code,
                "contentType": file.content_type,
                "content": base64.b64encode(file.content).decode(),
            }
            for code, file in documents
        ]
        request = self._request(order.dispute_id) | {"defenseDocuments": contents}
        # Supplying a document again replaces it, so the order's own key is left for the defence itself.
        return self._told(lambda: self._api.supply_defense_document(request))

    def _request(self, dispute_id: str) -> dict[str, Any]:
        return {"merchantAccountCode": self._merchant, "disputePspReference": dispute_id}

    def _told(self, send: Callable[[], object]) -> Answer[None]:
        return answer_of(record(send), GATEWAY, _read_result)


@dataclass(frozen=True, slots=True)
class Defence:
    """A way to defend that Adyen offers; `documents` are (type code, requirement level)."""

    code: str
    documents: tuple[tuple[str, str], ...]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(code for code, level in self.documents if level in _MUST)

    def shown(self) -> str:
        return f"{self.code} ({', '.join(self.required) or 'no document required'})"


def _read_defences(reply: Reply) -> Answer[tuple[Defence, ...]]:
    refused = _read_result(reply)
    if refused.kind is not OutcomeKind.APPROVED:
        return answer_from(outcome_of(refused))
    defences = tuple(
        Defence(
            str(reason["defenseReasonCode"]),
            tuple(
                (str(one["defenseDocumentTypeCode"]), str(one["requirementLevel"]))
                for one in reason.get("defenseDocumentTypes") or ()
            ),
        )
        for reason in object_of(reply).get("defenseReasons") or ()
    )
    return Answer(OutcomeKind.APPROVED, defences)


def _read_result(reply: Reply) -> Answer[None]:
    if error := error_answer(reply):
        return error
    result = object_of(reply)["disputeServiceResult"]
    if result["success"] is True:
        return Answer(OutcomeKind.APPROVED)
    text = str(result.get("errorMessage") or "Adyen refused without a reason")
    return answer_from(declined(decline_for(GATEWAY, "clearway", "invalid_state", text)))


def _chosen(defences: Sequence[Defence], wanted: str) -> Defence | str:
    """The defence to use, or what is wrong."""
    known = "; ".join(defence.shown() for defence in defences)
    if not defences:
        return "Adyen offers no defence for this dispute any more: it can only be accepted"
    if not wanted and len(defences) > 1:
        return f"gateway_reason_code is needed, one of: {known}"
    found = next((defence for defence in defences if defence.code == (wanted or defences[0].code)), None)
    return found or f"gateway_reason_code {wanted} is not offered for this dispute; it is one of: {known}"


def _assigned(defence: Defence, files: Sequence[EvidenceFile]) -> list[tuple[str, EvidenceFile]] | str:
    """Each file to a document of the defence, required ones first; or what is missing. A type takes one document."""
    free = [code for code, _ in sorted(defence.documents, key=lambda one: one[1] not in _MUST)]
    assigned: list[tuple[str, EvidenceFile]] = []
    waiting: list[EvidenceFile] = []
    for file in files:
        code = next((code for code in (file.kind, *_DOCUMENTS.get(file.kind, ())) if code in free), None)
        if code is None:
            waiting.append(file)
        else:
            free.remove(code)
            assigned.append((code, file))
    for file in waiting:
        if not free:
            return f"{defence.code} takes {len(defence.documents)} documents: join {len(files)} files into fewer"
        code = _GENERIC if _GENERIC in free else free[0]
        free.remove(code)
        assigned.append((code, file))
    missing = [code for code in defence.required if code in free]
    return f"{defence.code} needs a document for: {', '.join(missing)}" if missing else assigned


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
