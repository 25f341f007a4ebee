"""The simulated Stripe: disputes from their opening to the issuer's last word, and the files that go with them."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
import stripe
from sim_driving import Receiver, Simulators, wait_until
from sim_stripe_shop import Shop, open_shop, said

FEE = 1500


@pytest.fixture
def shop(simulators: Simulators) -> Shop:
    return open_shop(simulators)


def disputed(shop: Shop, method: str = "pm_card_createDispute") -> Any:
    intent = shop.pay(method)
    wait_until(lambda: len(shop.api.disputes.list({"payment_intent": intent.id}).data) == 1)
    return shop.api.disputes.list({"payment_intent": intent.id}).data[0]


def told(receiver: Receiver) -> list[str]:
    return [kind for kind, _ in map(said, (body for _, body in receiver.taken)) if kind.startswith("charge.dispute")]


@pytest.mark.parametrize(
    ("method", "status", "reason", "case_type", "held"),
    [
        ("pm_card_createDispute", "needs_response", "fraudulent", "chargeback", 2000 + FEE),
        ("pm_card_createDisputeProductNotReceived", "needs_response", "product_not_received", "chargeback", 2000 + FEE),
        ("pm_card_createDisputeInquiry", "warning_needs_response", "fraudulent", "inquiry", 0),
    ],
)
def test_a_test_card_is_disputed_as_soon_as_it_is_charged(
    shop: Shop, method: str, status: str, reason: str, case_type: str, held: int
) -> None:
    dispute = disputed(shop, method)
    assert (dispute.status, dispute.reason, dispute.amount) == (status, reason, 2000)
    assert dispute.payment_method_details.card.case_type == case_type
    assert sum(-row.net for row in dispute.balance_transactions) == held
    book = shop.book()
    assert book["disputed_minor"] + book["dispute_fees_minor"] == held
    assert dispute.is_charge_refundable is (held == 0)
    assert shop.api.charges.retrieve(dispute.charge).disputed is True


def test_a_charged_back_payment_is_not_refunded_and_an_inquiry_is(shop: Shop) -> None:
    charged_back, asked = disputed(shop), disputed(shop, "pm_card_createDisputeInquiry")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.refunds.create({"charge": charged_back.charge})
    assert refused.value.code == "charge_disputed"
    shop.api.refunds.create({"charge": asked.charge})
    assert shop.api.disputes.retrieve(asked.id).status == "warning_closed"


def test_evidence_may_be_staged_before_it_is_sent(shop: Shop) -> None:
    dispute = disputed(shop)
    staged = shop.api.disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False})
    assert (staged.status, staged.evidence.customer_name) == ("needs_response", "Ada")
    assert (staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (True, 0)
    sent = shop.api.disputes.update(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.disputes.update(dispute.id, {"evidence": {"customer_name": "Eve"}})


def test_winning_evidence_brings_amount_and_fee_back(shop: Shop, receiver: Receiver) -> None:
    shop.listen(receiver)
    dispute = disputed(shop)
    won = shop.api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert won.status == "won"
    book = shop.book()
    assert (book["disputed_minor"], book["dispute_fees_minor"]) == (0, 0)
    words = ("created", "funds_withdrawn", "updated", "closed", "funds_reinstated")
    wait_until(lambda: set(told(receiver)) == {f"charge.dispute.{word}" for word in words})


def test_losing_evidence_closes_it_as_lost(shop: Shop) -> None:
    dispute = disputed(shop)
    lost = shop.api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    assert (lost.status, shop.book()["disputed_minor"]) == ("lost", 2000)


def test_an_inquiry_may_become_a_chargeback(shop: Shop) -> None:
    dispute = disputed(shop, "pm_card_createDisputeInquiry")
    text = {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}}
    assert shop.api.disputes.update(dispute.id, text).status == "needs_response"
    assert shop.book()["disputed_minor"] == 2000


def test_an_unanswered_chargeback_is_lost_when_its_day_is_over(shop: Shop) -> None:
    dispute = disputed(shop)
    shop.advance(19)
    assert shop.api.disputes.retrieve(dispute.id).status == "needs_response"
    shop.advance(2)
    late = shop.api.disputes.retrieve(dispute.id)
    assert (late.status, late.evidence_details.past_due) == ("lost", True)
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.disputes.update(dispute.id, {"evidence": {"customer_name": "Ada"}})


def test_an_inquiry_that_comes_to_nothing_is_closed_after_120_days(shop: Shop) -> None:
    dispute = disputed(shop, "pm_card_createDisputeInquiry")
    shop.advance(121)
    assert shop.api.disputes.retrieve(dispute.id).status == "warning_closed"


def test_closing_gives_in(shop: Shop) -> None:
    dispute = disputed(shop)
    assert shop.api.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.disputes.close(dispute.id)


@pytest.mark.parametrize("status", ["won", "lost"])
def test_a_dispute_is_opened_and_decided_from_outside(shop: Shop, status: str) -> None:
    intent = shop.pay()
    order = {"gateway": "stripe", "account": shop.account, "charge": intent.latest_charge, "kind": "chargeback"}
    opened = shop.simulators.post("/disputes", **order, reason="duplicate", minor=700)
    dispute = shop.api.disputes.retrieve(opened["id"])
    assert (dispute.amount, dispute.reason, dispute.payment_intent) == (700, "duplicate", intent.id)
    shop.simulators.post(f"/disputes/{dispute.id}/decide", outcome=status)
    assert shop.api.disputes.retrieve(dispute.id).status == status


# files


def named(name: str, content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


def test_a_file_is_uploaded_read_and_named_in_evidence(shop: Shop) -> None:
    content = b"%PDF-1.7 receipt"
    file = shop.api.files.create({"purpose": "dispute_evidence", "file": named("receipt.pdf", content)})
    assert (file.type, file.size, file.filename) == ("pdf", len(content), "receipt.pdf")
    kept = requests.get(file.url, headers={"authorization": f"Bearer {shop.key}"}, timeout=20)
    assert kept.content == content
    dispute = disputed(shop)
    shown = shop.api.disputes.update(dispute.id, {"evidence": {"receipt": file.id}, "submit": False})
    assert shown.evidence.receipt == file.id
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.disputes.update(dispute.id, {"evidence": {"receipt": "file_nowhere"}, "submit": False})


def test_a_file_of_another_format_is_no_evidence(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not supported"):
        shop.api.files.create({"purpose": "dispute_evidence", "file": named("a.txt", b"hello")})


def test_an_upload_is_replayed_though_its_boundary_differs(shop: Shop) -> None:
    made = {
        shop.api.files.create(
            {"purpose": "dispute_evidence", "file": named("a.pdf", b"%PDF")}, {"idempotency_key": "file-1"}
        ).id
        for _ in range(2)
    }
    assert len(made) == 1
