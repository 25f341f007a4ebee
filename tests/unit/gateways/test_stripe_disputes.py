"""Disputes at Stripe: read, given in to, answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stripe_served import EUR, Served, serving

from orchestrator.gateways.facets import (
    Answer,
    DisputeStatus,
    EvidenceFile,
    EvidenceOrder,
)
from routing.outcomes import OutcomeKind

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def reason_of(answer: Answer[Any]) -> str:
    assert answer.kind is OutcomeKind.DECLINED, answer
    assert answer.decline is not None
    return answer.decline.reason


def dispute(status: str = "needs_response", **changes: Any) -> dict[str, Any]:
    shown = {"id": "dp_1", "object": "dispute", "amount": 1230, "currency": "eur", "status": status}
    shown |= {"reason": "fraudulent", "charge": "ch_1", "payment_intent": "pi_1", "balance_transactions": []}
    return shown | {"evidence_details": {"due_by": int(AT.timestamp()), "submission_count": 0}} | changes


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("warning_needs_response", DisputeStatus.INQUIRY),
        ("warning_closed", DisputeStatus.CLOSED),
        ("prevented", DisputeStatus.CLOSED),
        ("needs_response", DisputeStatus.NEEDS_RESPONSE),
        ("appeal_needs_response", DisputeStatus.NEEDS_RESPONSE),
        ("appeal_under_review", DisputeStatus.UNDER_REVIEW),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
    ],
)
def test_dispute_is_told_in_our_words(served: Served, status: str, ours: DisputeStatus) -> None:
    served.will_say(dispute(status))
    assert served.stripe.facets.disputes is not None
    told = served.stripe.facets.disputes.fetch("dp_1").value
    assert told is not None
    assert (told.status, told.reason, told.gateway_reason) == (ours, "fraud", "fraudulent")
    assert (told.amount, told.evidence_due_at, told.gateway_payment_id) == (EUR, AT, "pi_1")


@pytest.mark.parametrize(("rows", "away"), [([], False), ([-1230], True), ([-1230, 1230], False)])
def test_funds_are_away_while_more_was_taken_than_given_back(served: Served, rows: list[int], away: bool) -> None:
    served.will_say(dispute(balance_transactions=[{"amount": amount} for amount in rows]))
    assert served.stripe.facets.disputes is not None
    told = served.stripe.facets.disputes.fetch("dp_1").value
    assert told is not None
    assert told.funds_withdrawn is away


def test_dispute_status_that_is_new_is_not_guessed(served: Served) -> None:
    served.will_say(dispute("brand_new"))
    assert served.stripe.facets.disputes is not None
    assert served.stripe.facets.disputes.fetch("dp_1").kind is OutcomeKind.UNKNOWN


def test_giving_in_closes_the_dispute_under_our_key(served: Served) -> None:
    served.will_say(dispute("lost"))
    assert served.stripe.facets.disputes is not None
    assert served.stripe.facets.disputes.accept("dp_1", "key_1").kind is OutcomeKind.APPROVED
    assert (served.last.path, served.last.headers["idempotency-key"]) == ("/v1/disputes/dp_1/close", "key_1")


def test_evidence_is_uploaded_and_submitted_with_the_text(served: Served) -> None:
    submitted = dispute("under_review", evidence_details={"submission_count": 1})
    served.will_say({"id": "file_1", "object": "file"}, {"id": "file_2", "object": "file"}, submitted)
    files = (
        EvidenceFile("receipt", "receipt.pdf", "application/pdf", b"%PDF-1.7 the receipt"),
        EvidenceFile("proof_of_delivery", "signed.png", "image/png", b"\x89PNG"),
    )
    order = EvidenceOrder("key_1", "dp_1", "They got it.", files, tracking_number="1Z")
    assert served.stripe.facets.disputes is not None
    answer = served.stripe.facets.disputes.submit_evidence(order)
    assert answer.kind is OutcomeKind.APPROVED
    upload, _, update = served.asked
    assert upload.path == "/v1/files"
    assert 'filename="receipt.pdf"' in upload.body
    assert "%PDF-1.7 the receipt" in upload.body
    assert [one.headers["idempotency-key"] for one in served.asked] == ["key_1:0", "key_1:1", "key_1"]
    assert update.form == {
        "evidence[uncategorized_text]": "They got it.",
        "evidence[shipping_tracking_number]": "1Z",
        "evidence[receipt]": "file_1",
        "evidence[shipping_documentation]": "file_2",
        "submit": "true",
    }
    assert "They got it." not in str(answer.exchange)


def test_evidence_is_not_submitted_when_an_upload_is_lost(served: Served) -> None:
    served.will_say((500, {}))
    files = (EvidenceFile("receipt", "receipt.pdf", "application/pdf", b"the receipt"),)
    assert served.stripe.facets.disputes is not None
    answer = served.stripe.facets.disputes.submit_evidence(EvidenceOrder("key_1", "dp_1", files=files))
    assert (answer.kind, len(served.asked)) == (OutcomeKind.UNKNOWN, 1)
    assert "the receipt" not in str(answer.exchange)


def test_two_documents_for_one_field_are_refused_before_any_call(served: Served) -> None:
    files = tuple(EvidenceFile(kind, "a.pdf", "application/pdf", b"x") for kind in ("other", "proof_of_refund"))
    assert served.stripe.facets.disputes is not None
    answer = served.stripe.facets.disputes.submit_evidence(EvidenceOrder("key_1", "dp_1", files=files))
    assert (reason_of(answer), served.asked) == ("invalid_request", [])
