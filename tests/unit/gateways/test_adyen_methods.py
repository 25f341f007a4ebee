"""Cards kept at Adyen: saved, authenticated, listed, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from adyen_served import CARD, CONTRACTS, Body, Served, fits, reason_of, served, whole_adyen

from orchestrator.gateways.credentials import (
    Agreement,
    IdealCredential,
    NetworkTokenCredential,
    SavedCredential,
    Shopper,
    StoredUse,
)
from orchestrator.gateways.facets import CompleteSave, CustomerOrder, SaveOrder
from routing.outcomes import OutcomeKind

SAVE = SaveOrder(
    "key_1", "pm_1", CARD, "cus_0001", StoredUse(agreement=Agreement.SUBSCRIPTION), "https://shop.example/back"
)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


def card_check(result: str = "Authorised", **additional: str) -> Body:
    amount = {"value": 0, "currency": "EUR"}
    data = {"expiryDate": "3/2030", "cardSummary": "4242", "networkTxReference": "VISA-TX"} | additional
    shown = {"type": "scheme", "brand": "visa"}
    return {
        "resultCode": result,
        "pspReference": "PSP1",
        "amount": amount,
        "paymentMethod": shown,
        "additionalData": data,
    }


def test_customer_is_our_own_reference_and_nothing_is_sent(at: Served, facets: Any) -> None:
    answer = facets.methods.save_customer(CustomerOrder("key_1", "cus_0001", Shopper()))
    assert (answer.kind, answer.value, at.taken) == (OutcomeKind.APPROVED, "cus_0001", [])


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
@pytest.mark.parametrize("credential", [CARD, NetworkTokenCredential("tok_2", "visa", "4242", 3, 2030)])
def test_saving_is_a_payment_of_zero_through_the_vault(at: Served, facets: Any, credential: Any) -> None:
    facets.methods.save(replace(SAVE, credential=credential))
    taken = at.only()
    assert (taken.path, taken.vaulted, taken.headers["idempotency-key"]) == ("/v72/payments", True, "key_1")
    fits("PaymentRequest", taken.body)
    assert taken.body["amount"] == {"value": 0, "currency": "EUR"}
    assert (taken.body["storePaymentMethod"], taken.body["shopperReference"]) == (True, "cus_0001")
    assert (taken.body["recurringProcessingModel"], taken.body["reference"]) == ("Subscription", "pm_1")
    assert taken.body["authenticationData"]["threeDSRequestData"]["nativeThreeDS"] == "disabled"


def test_saved_card_is_told_with_what_a_later_charge_needs(at: Served, facets: Any) -> None:
    at.answer("POST /v72/payments", 200, card_check(**{"tokenization.storedPaymentMethodId": "STORED1"}))
    answer = facets.methods.save(SAVE)
    method = answer.value
    assert (answer.kind, method.gateway_token, method.gateway_customer) == (OutcomeKind.APPROVED, "STORED1", "cus_0001")
    assert (method.brand, method.last4, method.expiry_month, method.expiry_year) == ("visa", "4242", 3, 2030)
    assert (method.network_transaction_id, method.setup_id) == ("VISA-TX", "PSP1")


def test_token_that_comes_by_webhook_leaves_saving_pending(at: Served, facets: Any) -> None:
    at.answer("POST /v72/payments", 200, card_check())
    answer = facets.methods.save(SAVE)
    assert (answer.kind, answer.value.gateway_token) == (OutcomeKind.PENDING, "")


def test_card_check_of_another_amount_is_not_believed(at: Served, facets: Any) -> None:
    body = card_check(**{"tokenization.storedPaymentMethodId": "STORED1"}) | {"amount": {"value": 1, "currency": "EUR"}}
    at.answer("POST /v72/payments", 200, body)
    assert facets.methods.save(SAVE).kind is OutcomeKind.UNKNOWN


def test_saving_that_asks_for_authentication_is_completed(at: Served, facets: Any) -> None:
    action = {"type": "redirect", "url": "https://bank.example/", "method": "GET"}
    at.answer("POST /v72/payments", 200, {"resultCode": "RedirectShopper", "action": action})
    begun = facets.methods.save(SAVE)
    assert begun.kind is OutcomeKind.ACTION_REQUIRED
    assert (begun.value.setup_id, begun.value.gateway_token) == ("pm_1", "")
    at.answer("POST /v72/payments/details", 200, card_check(**{"tokenization.storedPaymentMethodId": "STORED1"}))
    done = facets.methods.complete_save(CompleteSave("key_2", "pm_1", "cus_0001", {"redirectResult": "X6"}))
    assert (done.kind, done.value.gateway_token) == (OutcomeKind.APPROVED, "STORED1")
    assert at.taken[-1].body == {"details": {"redirectResult": "X6"}}


def test_saving_is_completed_only_with_what_the_shopper_brought(at: Served, facets: Any) -> None:
    answer = facets.methods.complete_save(CompleteSave("key_2", "pm_1", "cus_0001", {}))
    assert (answer.kind, at.taken) == (OutcomeKind.ACTION_REQUIRED, [])


def test_card_that_is_refused_is_not_saved(at: Served, facets: Any) -> None:
    at.answer("POST /v72/payments", 200, card_check("Refused") | {"refusalReasonCode": "6"})
    answer = facets.methods.save(SAVE)
    assert (reason_of(answer), answer.value) == ("expired_card", None)


@pytest.mark.parametrize("credential", [IdealCredential(), SavedCredential("S1", "cus_0001")])
def test_what_cannot_be_saved_by_itself_is_refused_unsent(at: Served, facets: Any, credential: Any) -> None:
    answer = facets.methods.save(replace(SAVE, credential=credential))
    assert reason_of(answer) == "card_type_not_supported"
    assert at.taken == []


def test_lost_answer_to_saving_is_unknown_and_settled_by_the_list(at: Served, facets: Any) -> None:
    at.answer("POST /v72/payments", 500)
    assert facets.methods.save(SAVE).kind is OutcomeKind.UNKNOWN
    resource = {"id": "STORED1", "type": "scheme", "brand": "visa", "lastFour": "4242"}
    at.answer("GET /v72/storedPaymentMethods", 200, {"storedPaymentMethods": [resource]})
    answer = facets.methods.saved("cus/1 &x")
    assert [one.gateway_token for one in answer.value] == ["STORED1"]
    assert at.taken[-1].path.endswith("?shopperReference=cus%2F1%20%26x&merchantAccount=Shop")


def test_credential_is_forgotten(at: Served, facets: Any) -> None:
    at.answer("DELETE /v72/storedPaymentMethods/STORED1", 204, b"")
    assert facets.methods.detach("STORED1", "cus_0001", "key_1").kind is OutcomeKind.APPROVED
    assert at.only().path == "/v72/storedPaymentMethods/STORED1?shopperReference=cus_0001&merchantAccount=Shop"


@pytest.mark.parametrize(("left", "kind"), [([], OutcomeKind.APPROVED), (["STORED1"], OutcomeKind.DECLINED)])
def test_refusal_to_forget_is_settled_by_what_is_left(
    at: Served, facets: Any, left: list[str], kind: OutcomeKind
) -> None:
    at.answer("DELETE /v72/storedPaymentMethods/STORED1", 422, {"errorCode": "803", "message": "not found"})
    at.answer("GET /v72/storedPaymentMethods", 200, {"storedPaymentMethods": [{"id": token} for token in left]})
    assert facets.methods.detach("STORED1", "cus_0001", "key_1").kind is kind


def test_refusal_to_forget_stays_one_where_the_list_cannot_be_read(at: Served, facets: Any) -> None:
    at.answer("DELETE /v72/storedPaymentMethods/STORED1", 422, {"errorCode": "803", "message": "not found"})
    at.answer("GET /v72/storedPaymentMethods", 500)
    assert facets.methods.detach("STORED1", "cus_0001", "key_1").kind is OutcomeKind.DECLINED
