"""Disputes at Adyen: given in to, or answered with documents."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from adyen_served import CONTRACTS, Body, Served, fits, reason_of, served, whole_adyen

from orchestrator.gateways.facets import EvidenceFile, EvidenceOrder
from routing.outcomes import OutcomeKind

DISPUTES = "POST /ca/services/DisputeService/v30"
PDF = EvidenceFile("receipt", "receipt.pdf", "application/pdf", b"PDF")


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


def defences(*reasons: tuple[str, dict[str, str]]) -> Body:
    shown = [
        {
            "defenseReasonCode": code,
            "satisfied": False,
            "defenseDocumentTypes": [
                {"defenseDocumentTypeCode": document, "requirementLevel": level, "available": False}
                for document, level in documents.items()
            ],
        }
        for code, documents in reasons
    ]
    return {"disputeServiceResult": {"success": True}, "defenseReasons": shown}


def test_dispute_cannot_be_read(at: Served, facets: Any) -> None:
    assert facets.disputes.fetch("DP1").kind is OutcomeKind.DECLINED
    assert at.taken == []


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_dispute_is_accepted(at: Served, facets: Any) -> None:
    at.answer(f"{DISPUTES}/acceptDispute", 200, {"disputeServiceResult": {"success": True}})
    assert facets.disputes.accept("DP1", "key_1").kind is OutcomeKind.APPROVED
    fits("AcceptDisputeRequest", at.only().body, "adyen-DisputeService-v30")
    assert at.only().headers["idempotency-key"] == "key_1"


def test_refusal_with_a_good_status_is_a_refusal(at: Served, facets: Any) -> None:
    told = {"disputeServiceResult": {"success": False, "errorMessage": "Dispute is not open"}}
    at.answer(f"{DISPUTES}/acceptDispute", 200, told)
    answer = facets.disputes.accept("DP1", "key_1")
    assert (reason_of(answer), answer.detail) == ("invalid_state", "Dispute is not open")


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_evidence_is_supplied_and_then_the_defence_is_made(at: Served, facets: Any) -> None:
    at.answer(
        f"{DISPUTES}/retrieveApplicableDefenseReasons",
        200,
        defences(("GoodsNotReturned", {"TIDorInvoice": "Optional", "GoodsNotReturned": "Required"})),
    )
    for call in ("supplyDefenseDocument", "defendDispute"):
        at.answer(f"{DISPUTES}/{call}", 200, {"disputeServiceResult": {"success": True}})
    letter = EvidenceFile("customer_communication", "letter.png", "image/png", b"PNG")
    answer = facets.disputes.submit_evidence(EvidenceOrder("key_1", "DP1", files=(letter, PDF)))
    assert answer.kind is OutcomeKind.APPROVED
    assert [path.rpartition("/")[2] for path in at.paths()] == [
        "retrieveApplicableDefenseReasons",
        "supplyDefenseDocument",
        "defendDispute",
    ]
    for taken, schema in zip(
        at.taken, ("DefenseReasonsRequest", "SupplyDefenseDocumentRequest", "DefendDisputeRequest"), strict=True
    ):
        fits(schema, taken.body, "adyen-DisputeService-v30")
    supplied = {one["defenseDocumentTypeCode"]: one["content"] for one in at.taken[1].body["defenseDocuments"]}
    assert supplied == {
        "TIDorInvoice": base64.b64encode(b"PDF").decode(),
        "GoodsNotReturned": base64.b64encode(b"PNG").decode(),
    }
    assert at.taken[2].body["defenseReasonCode"] == "GoodsNotReturned"


@pytest.mark.parametrize(
    ("offered", "wanted", "files", "says"),
    [
        (defences(), "", (PDF,), "no defence"),
        (defences(("A", {}), ("B", {"X": "Required"})), "", (PDF,), "one of: A (no document required); B (X)"),
        (defences(("A", {})), "B", (PDF,), "B is not offered"),
        (defences(("A", {"X": "Required", "Y": "Required"})), "A", (PDF,), "needs a document for: Y"),
        (defences(("A", {"X": "Required"})), "A", (PDF, PDF), "join 2 files"),
    ],
)
def test_evidence_that_does_not_do_is_refused_with_what_would(
    at: Served, facets: Any, offered: Body, wanted: str, files: tuple[EvidenceFile, ...], says: str
) -> None:
    at.answer(f"{DISPUTES}/retrieveApplicableDefenseReasons", 200, offered)
    order = EvidenceOrder("key_1", "DP1", files=files, gateway_reason_code=wanted)
    answer = facets.disputes.submit_evidence(order)
    assert reason_of(answer) == "invalid_request"
    assert says in answer.detail
    assert len(at.taken) == 1


def test_defence_is_not_made_when_its_documents_did_not_arrive(at: Served, facets: Any) -> None:
    at.answer(f"{DISPUTES}/retrieveApplicableDefenseReasons", 200, defences(("A", {"X": "Required"})))
    at.answer(f"{DISPUTES}/supplyDefenseDocument", 500)
    answer = facets.disputes.submit_evidence(EvidenceOrder("key_1", "DP1", files=(PDF,)))
    assert answer.kind is OutcomeKind.UNKNOWN
    assert len(at.taken) == 2
