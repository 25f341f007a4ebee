"""The Disputes API (DisputeService v30): which defence there is, its documents, and the decision to defend or accept.

What cannot be done is an HTTP 200 with success=false and a message; the messages are ours.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from simulators.adyen import disputes
from simulators.adyen.wire import missing
from simulators.asgi import Response, json_response
from simulators.disputes import Dispute, DisputeKind, DisputeState, disputes_of
from simulators.world import World

Body = dict[str, Any]

# docs.adyen.com/risk-management/disputes-api: what may be uploaded, and how large it may be
_SIZES = {"application/pdf": 2_000_000, "image/jpeg": 10_000_000, "image/jpg": 10_000_000, "image/tiff": 10_000_000}
_SUPPLY = ("SupplyDefenseMaterial", {"TIDorInvoice": "Optional", "DefenseMaterial": "Required"})
# as in the contract's example, which is of a dispute over goods
_OF_GOODS = (
    ("GoodsNotReturned", {"TIDorInvoice": "Optional", "GoodsNotReturned": "Required"}),
    ("GoodsRepairedOrReplaced", {"TIDorInvoice": "Optional", "GoodsRepairedOrReplaced": "Required"}),
    ("GoodsWereAsDescribed", {"GoodsWereAsDescribed": "Required", "TIDorInvoice": "Required"}),
)


class _Impossible(Exception):
    """Why a dispute cannot be dealt with like this."""


def retrieve_reasons(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /retrieveApplicableDefenseReasons."""
    try:
        dispute = _dispute(world, account, body)
    except _Impossible as trouble:
        return _result(str(trouble))
    reasons = [
        {
            "defenseReasonCode": code,
            "defenseDocumentTypes": [
                {"available": kind in dispute.evidence, "defenseDocumentTypeCode": kind, "requirementLevel": level}
                for kind, level in documents.items()
            ],
            "satisfied": _is_satisfied(dispute, documents),
        }
        for code, documents in _reasons(dispute)
    ]
    return json_response({"defenseReasons": reasons, "disputeServiceResult": {"success": True}})


def supply_document(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /supplyDefenseDocument: one or more documents in base64."""
    try:
        dispute = _open_dispute(world, account, body)
        if not body.get("defenseDocuments"):
            raise missing("defenseDocuments")
        kinds = {kind for _, documents in _reasons(dispute) for kind in documents}
        supplied = {str(d.get("defenseDocumentTypeCode")): _checked(d, kinds) for d in body["defenseDocuments"]}
    except _Impossible as trouble:
        return _result(str(trouble))
    dispute.evidence |= supplied
    return _result()


def delete_document(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /deleteDisputeDefenseDocument."""
    try:
        dispute = _open_dispute(world, account, body)
        if dispute.evidence.pop(str(body.get("defenseDocumentType")), None) is None:
            raise _Impossible("No defense document of this type was supplied")
    except _Impossible as trouble:
        return _result(str(trouble))
    return _result()


def defend(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /defendDispute: needs the documents that its reason requires."""
    if not body.get("defenseReasonCode"):
        raise missing("defenseReasonCode")
    try:
        dispute = _open_dispute(world, account, body)
        documents = dict(_reasons(dispute)).get(str(body["defenseReasonCode"]))
        if documents is None:
            raise _Impossible("The defense reason does not apply to this dispute")
        if not _is_satisfied(dispute, documents):
            raise _Impossible("Required defense documents are missing")
    except _Impossible as trouble:
        return _result(str(trouble))
    disputes.defend(world, dispute)
    return _result()


def accept(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /acceptDispute. A request for information asks a question and cannot be accepted."""
    try:
        dispute = _open_dispute(world, account, body)
        if dispute.kind is DisputeKind.INQUIRY:
            raise _Impossible("A request for information cannot be accepted")
    except _Impossible as trouble:
        return _result(str(trouble))
    disputes.accept(world, dispute)
    return _result()


def _dispute(world: World, account: str, body: Body) -> Dispute:
    if not body.get("disputePspReference"):
        raise missing("disputePspReference")
    dispute = disputes_of(world).get(str(body["disputePspReference"]))
    if dispute is None or (dispute.gateway, dispute.account) != ("adyen", account):
        raise _Impossible("Dispute not found")
    return dispute


def _open_dispute(world: World, account: str, body: Body) -> Dispute:
    dispute = _dispute(world, account, body)
    if dispute.state is not DisputeState.NEEDS_RESPONSE:
        raise _Impossible("The dispute can no longer be defended")
    return dispute


def _reasons(dispute: Dispute) -> tuple[tuple[str, dict[str, str]], ...]:
    return (*_OF_GOODS, _SUPPLY) if dispute.reason == "not_as_described" else (_SUPPLY,)


def _is_satisfied(dispute: Dispute, documents: dict[str, str]) -> bool:
    return all(kind in dispute.evidence for kind, level in documents.items() if level == "Required")


def _checked(document: Body, kinds: set[str]) -> str:
    """The content type and size of a document, as evidence is kept here."""
    if document.get("defenseDocumentTypeCode") not in kinds:
        raise _Impossible("The defense document type does not apply to this dispute")
    content_type = str(document.get("contentType"))
    if content_type not in _SIZES:
        raise _Impossible(f"The content type must be one of {', '.join(_SIZES)}")
    try:
        content = base64.b64decode(str(document.get("content", "")), validate=True)
    except binascii.Error:
        raise _Impossible("The content must be in base64") from None
    if not 0 < len(content) <= _SIZES[content_type]:
        raise _Impossible("The document is empty or too large")
    return f"{content_type}, {len(content)} bytes"


def _result(problem: str = "") -> Response:
    result: Body = {"success": False, "errorMessage": problem} if problem else {"success": True}
    return json_response({"disputeServiceResult": result})
