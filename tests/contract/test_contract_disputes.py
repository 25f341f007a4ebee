"""Disputes at every gateway: read, given in to, answered with evidence; inquiries are no chargebacks."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from simulated_accounts import EUR_12_30, GATEWAYS, Account
from test_contract_payments import authorised, captured
from verb_calls import Case, Connect, Prepared, Result, call_of, cases_of, comes_to, is_missing

from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.facets import Disputes, DisputeStatus, EvidenceFile, EvidenceOrder
from routing.outcomes import OutcomeKind

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def disputes_of(account: Account) -> Disputes:
    facet = account.gateway.facets.disputes
    assert facet is not None, f"{account.gateway.name} has no disputes"
    return facet


def opened(account: Account, kind: str = "chargeback") -> str:
    """The gateway's id of a dispute of a captured payment."""
    call, done = authorised(account)
    captured(account, call, done)
    dispute: dict[str, Any] = account.world.post(
        "/disputes", gateway=account.gateway.name, account=account.name, reference=call.attempt_id, kind=kind
    )
    return str(dispute["id"])


def evidence(dispute_id: str) -> EvidenceOrder:
    proof = EvidenceFile("proof_of_delivery", "delivery.pdf", "application/pdf", PDF)
    return EvidenceOrder(
        f"op_{secrets.token_hex(8)}", dispute_id, "It was delivered.", (proof,), "1Z999AA10123456784", "UPS"
    )


@call_of(Verb.FETCH_DISPUTE)
def fetch_dispute(account: Account) -> Prepared:
    dispute_id = opened(account)
    return Prepared(lambda: disputes_of(account).fetch(dispute_id))


@call_of(Verb.ACCEPT_DISPUTE)
def accept_dispute(account: Account) -> Prepared:
    dispute_id, key = opened(account), f"op_{secrets.token_hex(8)}"
    return Prepared(lambda: disputes_of(account).accept(dispute_id, key))


@call_of(Verb.SUBMIT_EVIDENCE)
def submit_evidence(account: Account) -> Prepared:
    order = evidence(opened(account))
    return Prepared(lambda: disputes_of(account).submit_evidence(order))


@comes_to(Verb.FETCH_DISPUTE, OutcomeKind.DECLINED, "stripe", "paypal")
def dispute_that_is_not_there(account: Account) -> Result:
    nowhere = {"stripe": "du_nowhere", "paypal": "PP-R-AAA-1"}
    return disputes_of(account).fetch(nowhere[account.gateway.name])


@comes_to(Verb.ACCEPT_DISPUTE, OutcomeKind.DECLINED)
def dispute_that_was_given_up_already(account: Account) -> Result:
    dispute_id = opened(account)
    first = disputes_of(account).accept(dispute_id, f"op_{secrets.token_hex(8)}")
    assert first.kind is OutcomeKind.APPROVED, first
    return disputes_of(account).accept(dispute_id, f"op_{secrets.token_hex(8)}")


@comes_to(Verb.SUBMIT_EVIDENCE, OutcomeKind.DECLINED)
def evidence_for_a_dispute_that_is_over(account: Account) -> Result:
    dispute_id = opened(account)
    account.world.post(f"/disputes/{dispute_id}/decide", outcome="lost")
    return disputes_of(account).submit_evidence(evidence(dispute_id))


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize(("kind", "told"), [("chargeback", "dispute.opened"), ("inquiry", "dispute.inquiry")])
def test_opening_is_told_with_the_payment_and_amount(connect: Connect, gateway: str, kind: str, told: str) -> None:
    account = connect(gateway)
    dispute_id = opened(account, kind)
    message = account.told(told, gateway_operation_id=dispute_id)
    assert message.amount == EUR_12_30
    assert message.gateway_payment_id or message.reference


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_decision_is_told(connect: Connect, gateway: str, outcome: str) -> None:
    account = connect(gateway)
    dispute_id = opened(account)
    account.world.post(f"/disputes/{dispute_id}/decide", outcome=outcome)
    assert account.told(f"dispute.{outcome}", gateway_operation_id=dispute_id)


@pytest.mark.parametrize("gateway", [g for g in GATEWAYS if not is_missing(g, Verb.FETCH_DISPUTE)])
def test_inquiry_has_taken_no_funds_and_a_chargeback_has(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    inquiry = disputes_of(account).fetch(opened(account, "inquiry")).value
    chargeback = disputes_of(account).fetch(opened(account)).value
    assert inquiry is not None
    assert chargeback is not None
    assert (inquiry.status, inquiry.funds_withdrawn) == (DisputeStatus.INQUIRY, False)
    assert (chargeback.status, chargeback.funds_withdrawn) == (DisputeStatus.NEEDS_RESPONSE, True)
    assert chargeback.amount == EUR_12_30
    assert chargeback.evidence_due_at is not None


def disputed_minor(account: Account) -> int:
    return sum(book["disputed_minor"] for book in account.world.get("/books") if book["account"] == account.name)


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_answered_dispute_ends_as_the_bank_decides_and_the_books_follow(
    connect: Connect, gateway: str, outcome: str
) -> None:
    account = connect(gateway)
    dispute_id = opened(account)
    account.told("dispute.opened", gateway_operation_id=dispute_id)
    assert disputed_minor(account) == EUR_12_30.minor
    answered = disputes_of(account).submit_evidence(evidence(dispute_id))
    assert answered.kind is OutcomeKind.APPROVED, answered
    account.told("dispute.updated", gateway_operation_id=dispute_id)
    if not is_missing(gateway, Verb.FETCH_DISPUTE):
        fetched = disputes_of(account).fetch(dispute_id).value
        assert fetched is not None
        assert fetched.status is DisputeStatus.UNDER_REVIEW
    account.world.post(f"/disputes/{dispute_id}/decide", outcome=outcome)
    account.told(f"dispute.{outcome}", gateway_operation_id=dispute_id)
    assert disputed_minor(account) == (0 if outcome == "won" else EUR_12_30.minor)
