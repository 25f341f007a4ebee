"""Recipients of splits at Adyen, and money moved to them and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from adyen_served import EUR, Body, Served, adyen, reason_of, served, whole_adyen

from currency.money import Money
from orchestrator.gateways.facets import TransferOrder
from routing.outcomes import OutcomeKind


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


TRANSFER = TransferOrder("key_1", "BA-THEIRS", EUR, "CAP1", "pay_1", "line_1")


def transfer(status: str = "booked", value: int = 1230) -> Body:
    return {
        "id": "TR1",
        "status": status,
        "amount": {"value": value, "currency": "EUR"},
        "balanceAccountId": "BA-OURS",
        "counterparty": {"balanceAccountId": "BA-THEIRS"},
    }


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (transfer(), OutcomeKind.APPROVED),
        (transfer("authorised"), OutcomeKind.PENDING),
        (transfer("refused"), OutcomeKind.DECLINED),
        (transfer(value=1), OutcomeKind.UNKNOWN),
        ({}, OutcomeKind.UNKNOWN),
    ],
)
def test_transfer_to_a_recipient(at: Served, facets: Any, reply: Body, kind: OutcomeKind) -> None:
    at.answer("POST /btl/v4/transfers", 200, reply)
    assert facets.transfers.transfer(TRANSFER).kind is kind
    taken = at.only()
    assert (taken.headers["x-api-key"], taken.headers["idempotency-key"]) == ("BP-key", "key_1")
    assert (taken.body["balanceAccountId"], taken.body["counterparty"]) == (
        "BA-OURS",
        {"balanceAccountId": "BA-THEIRS"},
    )
    assert (taken.body["category"], taken.body["amount"]) == ("internal", {"value": 1230, "currency": "EUR"})


def test_transfer_is_taken_back_by_one_the_other_way(at: Served, facets: Any) -> None:
    at.answer("GET /btl/v4/transfers/TR1", 200, transfer())
    at.answer("POST /btl/v4/transfers", 200, transfer(value=30) | {"id": "TR2"})
    answer = facets.transfers.reverse("TR1", Money(30, "EUR"), "key_2")
    assert (answer.kind, answer.value) == (OutcomeKind.APPROVED, "TR2")
    assert at.taken[1].body["balanceAccountId"] == "BA-THEIRS"
    assert at.taken[1].body["counterparty"] == {"balanceAccountId": "BA-OURS"}


@pytest.mark.parametrize(
    ("capabilities", "ready", "missing"),
    [
        ({"receivePayments": {"allowed": True}, "sendToTransferInstrument": {"allowed": True}}, True, ""),
        ({"receiveFromPlatformPayments": {"allowed": True}, "sendToTransferInstrument": {"allowed": True}}, True, ""),
        (
            {
                "receivePayments": {"allowed": True},
                "sendToTransferInstrument": {
                    "allowed": False,
                    "verificationStatus": "invalid",
                    "problems": [{"verificationErrors": [{"code": "2_8151", "message": "bank account not verified"}]}],
                },
            },
            False,
            "sendToTransferInstrument: bank account not verified",
        ),
        (
            {
                "receivePayments": {"allowed": True, "enabled": False, "verificationStatus": "pending"},
                "sendToTransferInstrument": {"allowed": True},
            },
            False,
            "receivePayments: pending",
        ),
        (
            {},
            False,
            "receiveFromPlatformPayments: not requested; sendToTransferInstrument: not requested",
        ),
    ],
)
def test_recipient_is_ready_when_it_may_receive_and_be_paid_out(
    at: Served, facets: Any, capabilities: Body, ready: bool, missing: str
) -> None:
    at.answer("GET /bcl/v2/balanceAccounts/BA1", 200, {"id": "BA1", "status": "active", "accountHolderId": "AH1"})
    at.answer("GET /bcl/v2/accountHolders/AH1", 200, {"id": "AH1", "status": "active", "capabilities": capabilities})
    recipient = facets.transfers.recipient("BA1").value
    assert (recipient.ready, recipient.missing) == (ready, missing)


def test_closed_balance_account_is_not_ready(at: Served, facets: Any) -> None:
    allowed = {"receivePayments": {"allowed": True}, "sendToTransferInstrument": {"allowed": True}}
    at.answer("GET /bcl/v2/balanceAccounts/BA1", 200, {"id": "BA1", "status": "closed", "accountHolderId": "AH1"})
    at.answer("GET /bcl/v2/accountHolders/AH1", 200, {"id": "AH1", "status": "active", "capabilities": allowed})
    assert facets.transfers.recipient("BA1").value.missing == "balance account is closed"


def test_balance_account_that_is_not_set_is_said_plainly(at: Served) -> None:
    at.answer("GET /btl/v4/transfers/TR1", 200, transfer())
    with adyen(at) as gateway:
        assert gateway.facets.transfers is not None
        answers = (gateway.facets.transfers.transfer(TRANSFER), gateway.facets.transfers.reverse("TR1", EUR, "key_1"))
    for answer in answers:
        assert reason_of(answer) == "merchant_config"
        assert "balance_account" in answer.detail
    assert not any(taken.method == "POST" for taken in at.taken)


def test_transfer_to_nobody_is_refused_unsent(at: Served, facets: Any) -> None:
    answer = facets.transfers.transfer(replace(TRANSFER, recipient=""))
    assert answer.decline is not None
    assert answer.decline.gateway_code == "recipient_not_onboarded"
    assert at.taken == []
