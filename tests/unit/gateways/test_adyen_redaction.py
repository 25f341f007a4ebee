"""What the timeline keeps of Adyen's requests and replies, over whole transcripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from adyen_served import CARD, Body, Served, adyen, call, served, whole_adyen

from orchestrator.gateways.base import Gateway, OperationCall, OperationKind
from orchestrator.gateways.credentials import (
    Mandate,
    NetworkTokenCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import EvidenceFile, EvidenceOrder, ForwardRequest, SaveOrder

SHOPPER = Shopper("ada@shop.example", "Ada Lovelace", "192.0.2.7", "DE", "de-DE")
MANDATE = Mandate("MD1", datetime(2026, 1, 2, tzinfo=UTC))
ANSWER: Body = {
    "resultCode": "Authorised",
    "pspReference": "PSP1",
    "amount": {"value": 1230, "currency": "EUR"},
    "additionalData": {
        "tokenization.storedPaymentMethodId": "STORED-TOKEN",
        "recurring.recurringDetailReference": "STORED-TOKEN",
        "cavv": "CAVV-VALUE",
        "cardHolderName": "Ada Lovelace",
        "expiryDate": "03/2030",
        "networkTxReference": "VISA-TX",
        "refusalReasonRaw": "AUTHORISED",
    },
}
SECRETS = (
    "tok_1",
    "AQE-key",
    "STORED-TOKEN",
    "CAVV-VALUE",
    "Ada",
    "ada@shop.example",
    "192.0.2.7",
    "DE87123456781234567890",
    "sk_test_theirs",
    "their-own-reply",
    "UERG",
    "2030",
)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


def performed(**given: object) -> Callable[[Gateway], dict[str, object]]:
    made: OperationCall = call(shopper=SHOPPER, **given)
    return lambda gateway: gateway.perform(made).exchange


def saved(gateway: Gateway) -> dict[str, object]:
    assert gateway.facets.methods is not None
    return gateway.facets.methods.save(SaveOrder("k", "pm_1", CARD, "cus_0001", StoredUse(), shopper=SHOPPER)).exchange


def listed(gateway: Gateway) -> dict[str, object]:
    assert gateway.facets.methods is not None
    return gateway.facets.methods.saved("cus_0001").exchange


def detached(gateway: Gateway) -> dict[str, object]:
    assert gateway.facets.methods is not None
    return gateway.facets.methods.detach("STORED-TOKEN", "cus_0001", "k").exchange


def forwarded(gateway: Gateway) -> dict[str, object]:
    assert gateway.facets.forwarding is not None
    request = ForwardRequest(
        "POST",
        "https://api.example/v1/payment_methods",
        {"Authorization": "Bearer sk_test_theirs"},
        "application/x-www-form-urlencoded",
        "card[number]={number}&billing_details[name]=Ada",
    )
    return gateway.facets.forwarding.forward("STORED-TOKEN", "cus_0001", request, "k").exchange


def defended(gateway: Gateway) -> dict[str, object]:
    assert gateway.facets.disputes is not None
    file = EvidenceFile("receipt", "r.pdf", "application/pdf", b"PDF")
    return gateway.facets.disputes.submit_evidence(EvidenceOrder("k", "DP1", files=(file,))).exchange


@pytest.mark.parametrize(
    ("act", "kept"),
    [
        (performed(credential=CARD), ("PSP1", "VISA-TX", "1230", "att_1")),
        (performed(credential=NetworkTokenCredential("tok_1", "visa", "4242", 3, 2030)), ("networkToken",)),
        (performed(credential=SavedCredential("STORED-TOKEN", "cus_0001")), ("cus_0001", "ContAuth")),
        (
            performed(credential=SepaDebitCredential("DE87123456781234567890", "Ada", "ada@shop.example", MANDATE)),
            ("sepadirectdebit",),
        ),
        (saved, ("pm_1", "cus_0001")),
        (listed, ("visa", "1111")),
        (detached, ("DELETE", "cus_0001")),
        (forwarded, ("https://api.example", "/v1/payment_methods", "201")),
        (defended, ("DP1",)),
    ],
)
def test_nothing_secret_or_personal_is_kept_and_what_support_needs_is(
    at: Served, act: Callable[[Gateway], dict[str, object]], kept: tuple[str, ...]
) -> None:
    at.answer("POST /v72/payments", 200, ANSWER)
    resource = {"id": "STORED-TOKEN", "brand": "visa", "lastFour": "1111", "holderName": "Ada", "type": "scheme"}
    at.answer("GET /v72/storedPaymentMethods", 200, {"storedPaymentMethods": [resource]})
    at.answer("DELETE /v72/storedPaymentMethods/STORED-TOKEN", 204, b"")
    response = {"status": 201, "body": '{"id": "their-own-reply"}', "headers": {}}
    at.answer("POST /v72/forward", 200, {"response": response})
    document = {"defenseDocumentTypeCode": "DefenseMaterial", "requirementLevel": "Required", "available": False}
    reasons = [{"defenseReasonCode": "R1", "satisfied": False, "defenseDocumentTypes": [document]}]
    told: Body = {"disputeServiceResult": {"success": True}}
    disputes = "POST /ca/services/DisputeService/v30"
    at.answer(f"{disputes}/retrieveApplicableDefenseReasons", 200, told | {"defenseReasons": reasons})
    at.answer(f"{disputes}/supplyDefenseDocument", 200, told)
    at.answer(f"{disputes}/defendDispute", 200, told)
    with adyen(at) as gateway:
        shown = str(act(gateway))
    assert "reply" in shown
    for word in kept:
        assert word in shown
    for secret in SECRETS:
        assert secret not in shown


@pytest.mark.parametrize("name", ["redirectResult", "threeDSResult", "MD", "PaRes", "payload"])
def test_what_the_shopper_brought_back_is_not_kept(at: Served, name: str) -> None:
    at.answer("POST /v72/payments/details", 200, ANSWER)
    asked = call(OperationKind.COMPLETE, action_result={name: "BROUGHT-BACK", "paymentData": "BROUGHT-BACK"})
    with adyen(at) as gateway:
        shown = str(gateway.perform(asked).exchange)
    assert "BROUGHT-BACK" not in shown
    assert "PSP1" in shown


def test_what_is_posted_to_the_bank_is_not_kept(at: Served) -> None:
    data = {"MD": "FOR-THE-BANK", "PaReq": "FOR-THE-BANK", "TermUrl": "https://shop.example/return"}
    action = {"type": "redirect", "url": "https://bank.example/", "method": "POST", "data": data}
    at.answer("POST /v72/payments", 200, {"resultCode": "RedirectShopper", "pspReference": "PSP1", "action": action})
    with adyen(at) as gateway:
        outcome = gateway.perform(call())
    assert "FOR-THE-BANK" not in str(outcome.exchange)
    assert outcome.next_action is not None
    assert outcome.next_action.data["PaReq"] == "FOR-THE-BANK"


def test_recipient_is_kept_without_who_is_behind_it(at: Served) -> None:
    at.answer("GET /bcl/v2/balanceAccounts/BA1", 200, {"id": "BA1", "status": "active", "accountHolderId": "AH1"})
    contact = {"email": "ada@shop.example", "phone": {"number": "+31"}, "fullPhoneNumber": "+3120-Ada"}
    holder = {"id": "AH1", "status": "active", "description": "Ada Lovelace", "contactDetails": contact}
    at.answer("GET /bcl/v2/accountHolders/AH1", 200, holder)
    with whole_adyen(at) as gateway:
        assert gateway.facets.transfers is not None
        shown = str(gateway.facets.transfers.recipient("BA1").exchange)
    assert "AH1" in shown
    assert "Ada" not in shown
    assert "ada@" not in shown
