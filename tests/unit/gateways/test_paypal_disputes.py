"""Disputes at PayPal: where they stand, whose money has moved, and how they are answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import pytest
from paypal_served import CONTRACTS, EUR, PayPalServer, fits, paypal_server

from orchestrator.gateways.base import Gateway
from orchestrator.gateways.facets import DisputeStatus, EvidenceFile, EvidenceOrder
from orchestrator.gateways.paypal.dispute_mapping import read_dispute
from routing.outcomes import OutcomeKind

DISPUTES = "paypal-customer_disputes_v1.json"


@pytest.fixture
def paypal() -> Iterator[PayPalServer]:
    with paypal_server() as server:
        yield server


@pytest.fixture
def gateway(paypal: PayPalServer) -> Iterator[Gateway]:
    adapter = paypal.gateway()
    yield adapter
    adapter.close()


def dispute(**given: Any) -> dict[str, Any]:
    return {
        "dispute_id": "PP-D-1",
        "reason": "UNAUTHORISED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_amount": {"currency_code": "EUR", "value": "12.30"},
        "disputed_transactions": [{"seller_transaction_id": "CAP1", "custom": "att_1"}],
        "seller_response_due_date": "2026-04-30T10:00:00.000Z",
    } | given


def ended(code: str, stage: str = "CHARGEBACK", **given: Any) -> dict[str, Any]:
    outcome = {"dispute_outcome": {"outcome_code": code}}
    return dispute(status="RESOLVED", dispute_life_cycle_stage=stage, **outcome, **given)


def moved(kind: str, value: str, reason: str = "DISPUTE_SETTLEMENT") -> dict[str, Any]:
    amount = {"currency_code": "EUR", "value": value}
    return {"affected_party": "SELLER", "type": kind, "amount": amount, "reason": reason}


@pytest.mark.parametrize(
    ("shown", "status", "withdrawn"),
    [
        (dispute(), DisputeStatus.NEEDS_RESPONSE, True),
        (dispute(dispute_life_cycle_stage="INQUIRY"), DisputeStatus.INQUIRY, False),
        (dispute(status="UNDER_REVIEW"), DisputeStatus.UNDER_REVIEW, True),
        (dispute(status="WAITING_FOR_BUYER_RESPONSE"), DisputeStatus.UNDER_REVIEW, True),
        (ended("RESOLVED_SELLER_FAVOUR"), DisputeStatus.WON, False),
        (ended("CANCELED_BY_BUYER", "INQUIRY"), DisputeStatus.CLOSED, False),
        (ended("RESOLVED_BUYER_FAVOUR"), DisputeStatus.LOST, True),
        (ended("RESOLVED_BUYER_FAVOUR", "INQUIRY"), DisputeStatus.LOST, True),
        (ended("RESOLVED_WITH_PAYOUT", money_movements=[moved("DEBIT", "12.30")]), DisputeStatus.LOST, True),
        (
            ended("RESOLVED_WITH_PAYOUT", money_movements=[moved("DEBIT", "12.30"), moved("CREDIT", "12.30")]),
            DisputeStatus.WON,
            False,
        ),
        (
            ended("RESOLVED_WITH_PAYOUT", money_movements=[moved("DEBIT", "20", "DISPUTE_FEE")]),
            DisputeStatus.WON,
            False,
        ),
    ],
)
def test_dispute_stands_where_stage_outcome_and_money_say(
    shown: dict[str, Any], status: DisputeStatus, withdrawn: bool
) -> None:
    read = read_dispute(shown)
    assert (read.status, read.funds_withdrawn) == (status, withdrawn)


def test_dispute_is_read_with_its_deadline_and_the_capture_it_is_about(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", "/v1/customer/disputes/PP-D-1", 200, dispute())
    assert gateway.facets.disputes is not None
    read = gateway.facets.disputes.fetch("PP-D-1").value
    assert read is not None
    assert (read.reason, read.gateway_reason, read.amount) == ("fraud", "UNAUTHORISED", EUR)
    assert read.gateway_operation_id == "CAP1"
    assert read.evidence_due_at == datetime(2026, 4, 30, 10, tzinfo=UTC)
    assert paypal.asked()[0].headers["authorization"] == "Bearer A21-secret-token"


def test_dispute_is_found_by_the_capture_that_was_taken_back(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", "/v1/customer/disputes", 200, {"items": [{"dispute_id": "PP-D-1"}]})
    paypal.answer("GET", "/v1/customer/disputes/PP-D-1", 200, dispute())
    assert gateway.facets.disputes is not None
    read = gateway.facets.disputes.fetch("CAP1").value
    assert read is not None
    assert read.dispute_id == "PP-D-1"
    assert paypal.asked()[0].query == "disputed_transaction_id=CAP1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, OutcomeKind.APPROVED), (422, OutcomeKind.DECLINED), (404, OutcomeKind.DECLINED), (500, OutcomeKind.UNKNOWN)],
)
def test_claim_is_accepted_by_one_call_under_its_key(
    paypal: PayPalServer, gateway: Gateway, status: int, kind: OutcomeKind
) -> None:
    path = "/v1/customer/disputes/PP-D-1/accept-claim"
    paypal.answer("POST", path, status, {"links": []} if status == 200 else {"name": "ACTION_NOT_ALLOWED"})
    assert gateway.facets.disputes is not None
    assert gateway.facets.disputes.accept("PP-D-1", "key").kind is kind
    asked = paypal.asked()[0]
    assert (asked.headers["paypal-request-id"], asked.json["accept_claim_type"]) == ("key", "REFUND")


PDF = EvidenceFile("receipt", "receipt.pdf", "application/pdf", b"%PDF-1.4 Ada Lovelace\x00\xff")
EVIDENCE = EvidenceOrder("key", "PP-D-1", "It was delivered.", (PDF,), "1Z999", "Hermes")


def parts_of(asked: Any) -> dict[str, tuple[str, bytes]]:
    """The parts of a multipart body by name, each with its content type."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + asked.body).get_payload()
    assert isinstance(parts, list)
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in parts
    }


def test_evidence_is_one_form_of_documents_and_what_they_are(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", "/v1/customer/disputes/PP-D-1", 200, dispute())
    paypal.answer("POST", "/v1/customer/disputes/PP-D-1/provide-evidence", 200, {"links": []})
    assert gateway.facets.disputes is not None
    answer = gateway.facets.disputes.submit_evidence(EVIDENCE)
    assert answer.kind is OutcomeKind.APPROVED
    parts = parts_of(paypal.asked()[-1])
    assert parts["evidence-file"] == ("application/pdf", PDF.content)
    given = json.loads(parts["input"][1])["evidences"]
    assert [one["evidence_type"] for one in given] == ["PROOF_OF_RECEIPT_COPY", "PROOF_OF_FULFILLMENT"]
    assert given[0]["documents"] == [{"name": "receipt.pdf"}]
    tracking = given[1]["evidence_info"]["tracking_info"][0]
    assert tracking == {"carrier_name": "OTHER", "carrier_name_other": "Hermes", "tracking_number": "1Z999"}
    assert "Ada Lovelace" not in json.dumps(answer.exchange)
    if CONTRACTS.exists():
        for evidence in given:
            fits(DISPUTES, "evidence", evidence)


def test_same_evidence_is_the_same_bytes_each_time(paypal: PayPalServer, gateway: Gateway) -> None:
    paypal.answer("GET", "/v1/customer/disputes/PP-D-1", 200, dispute())
    assert gateway.facets.disputes is not None
    for _ in range(2):
        gateway.facets.disputes.submit_evidence(EVIDENCE)
    first, second = (asked for asked in paypal.asked() if asked.method == "POST")
    assert first.body == second.body


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (dispute(status="UNDER_REVIEW", evidences=[{"source": "SUBMITTED_BY_SELLER"}]), OutcomeKind.APPROVED),
        (dispute(status="UNDER_REVIEW"), OutcomeKind.DECLINED),
        (ended("RESOLVED_SELLER_FAVOUR"), OutcomeKind.DECLINED),
    ],
)
def test_evidence_that_is_there_or_not_asked_for_is_not_sent(
    paypal: PayPalServer, gateway: Gateway, shown: dict[str, Any], kind: OutcomeKind
) -> None:
    paypal.answer("GET", "/v1/customer/disputes/PP-D-1", 200, shown)
    assert gateway.facets.disputes is not None
    assert gateway.facets.disputes.submit_evidence(EVIDENCE).kind is kind
    assert [asked.method for asked in paypal.asked()] == ["GET"]
