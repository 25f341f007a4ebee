"""Kept cards on the move: from Adyen to another gateway, and from another to Adyen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from adyen_served import CARD, CONTRACTS, Body, Served, fits, reason_of, served, whole_adyen

from orchestrator.gateways.credentials import Agreement, StoredUse
from orchestrator.gateways.facets import CARD_PLACES, ForwardReply, ForwardRequest, SaveOrder
from routing.outcomes import OutcomeKind

SAVE = SaveOrder(
    "key_1", "pm_1", CARD, "cus_0001", StoredUse(agreement=Agreement.SUBSCRIPTION), "https://shop.example/back"
)
FORWARD = ForwardRequest(
    "POST",
    "https://api.example/v1/payment_methods?x=1",
    {"Authorization": "Bearer sk_test_theirs", "Idempotency-Key": "theirs"},
    "application/json",
    json.dumps({"n": "{number}", "m": "{expiry_month}", "y": "{expiry_year}", "e": "{expiry}", "h": "{holder}"}),
)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_card_is_sent_on_with_adyens_own_places_for_it(at: Served, facets: Any) -> None:
    at.answer("POST /v72/forward", 200, {"response": {"status": 402, "body": '{"id": "x"}', "headers": {}}})
    answer = facets.forwarding.forward("STORED1", "cus_0001", FORWARD, "key_1")
    assert (answer.kind, answer.value) == (OutcomeKind.APPROVED, ForwardReply(402, '{"id": "x"}'))
    taken = at.only()
    fits("CheckoutForwardRequest", taken.body)
    assert (taken.body["baseUrl"], taken.body["request"]["urlSuffix"]) == (
        "https://api.example",
        "/v1/payment_methods?x=1",
    )
    sent = json.loads(taken.body["request"]["body"])
    assert sent == {
        "n": "{{number}}",
        "m": "{{expiryMonth}}",
        "y": "{{expiryYear}}",
        "e": "{{expiryYear}}-{{expiryMonth}}",
        "h": "{{holderName}}",
    }
    headers = taken.body["request"]["headers"]
    assert (headers["Authorization"], taken.body["request"]["credentials"]) == (
        "Bearer {{credentials}}",
        "sk_test_theirs",
    )
    assert (headers["Idempotency-Key"], headers["Content-Type"]) == ("theirs", "application/json")


def test_every_place_but_the_cvc_can_be_filled(at: Served, facets: Any) -> None:
    for place in CARD_PLACES:
        answer = facets.forwarding.forward("STORED1", "cus_0001", replace(FORWARD, body=place), "key_1")
        assert (answer.decline is not None) is (place == "{cvc}")


@pytest.mark.parametrize(
    "changed", [{"method": "DELETE"}, {"url": "/v1/payment_methods"}, {"body": "x" * 20_001}, {"body": "{cvc}"}]
)
def test_what_adyen_cannot_send_on_is_refused_unsent(at: Served, facets: Any, changed: Body) -> None:
    answer = facets.forwarding.forward("STORED1", "cus_0001", replace(FORWARD, **changed), "key_1")
    assert reason_of(answer) == "invalid_request"
    assert at.taken == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"response": {"body": "x"}}, OutcomeKind.UNKNOWN),
        (200, {}, OutcomeKind.UNKNOWN),
        (500, {}, OutcomeKind.UNKNOWN),
        (422, {"errorCode": "167", "message": "no such token"}, OutcomeKind.DECLINED),
        (429, {}, OutcomeKind.NOT_REACHED),
    ],
)
def test_whether_the_other_side_may_have_acted(
    at: Served, facets: Any, status: int, body: Body, kind: OutcomeKind
) -> None:
    at.answer("POST /v72/forward", status, body)
    assert facets.forwarding.forward("STORED1", "cus_0001", FORWARD, "key_1").kind is kind


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_card_of_another_gateway_is_kept_without_being_charged(at: Served, facets: Any) -> None:
    request = facets.mirror.save_request(SAVE)
    assert (request.method, request.url) == ("POST", f"{at.url}/v72/storedPaymentMethods")
    assert (request.headers["X-API-Key"], request.headers["Idempotency-Key"]) == ("AQE-key", "key_1")
    body = json.loads(request.body)
    fits("StoredPaymentMethodRequest", body)
    assert {"{number}", "{expiry_month}", "{expiry_year}"} <= set(body["paymentMethod"].values())
    assert "{cvc}" not in request.body


def test_mirrored_card_is_told(facets: Any) -> None:
    stored = {"id": "KHQ1", "type": "scheme", "lastFour": "1111", "expiryMonth": "03", "expiryYear": "2030"}
    answer = facets.mirror.read_saved(SAVE, ForwardReply(201, json.dumps(stored)))
    assert (answer.kind, answer.value.gateway_token, answer.value.gateway_customer) == (
        OutcomeKind.APPROVED,
        "KHQ1",
        "cus_0001",
    )


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (ForwardReply(201, "{}"), OutcomeKind.UNKNOWN),
        (ForwardReply(201, "<html>"), OutcomeKind.UNKNOWN),
        (ForwardReply(500, '{"errorCode": "101", "message": "Internal error"}'), OutcomeKind.UNKNOWN),
        (ForwardReply(422, '{"errorCode": "101", "message": "Invalid card number"}'), OutcomeKind.DECLINED),
        (ForwardReply(429, "{}"), OutcomeKind.NOT_REACHED),
    ],
)
def test_mirrored_card_that_was_not_kept(facets: Any, reply: ForwardReply, kind: OutcomeKind) -> None:
    assert facets.mirror.read_saved(SAVE, reply).kind is kind
