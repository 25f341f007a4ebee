"""What Adyen's answers do not prove: errors that tell nothing, and results that are of another payment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from adyen_served import EUR, KEY, Body, Served, adyen, call, reason_of, served, whole_adyen

from currency.money import Money
from orchestrator.gateways.adyen.adapter import AdyenCredentials, AdyenGateway
from orchestrator.gateways.adyen.mapping import read_reply
from orchestrator.gateways.adyen.webhooks import WebhookSecrets
from orchestrator.gateways.base import OperationKind, Split
from orchestrator.gateways.facets import CompleteSave, ForwardRequest, ReportOrder, TransferOrder
from orchestrator.gateways.transport import Reply
from routing.outcomes import Outcome, OutcomeKind

WRITES = [OperationKind.CONFIRM, OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.VOID]
BROUGHT = {"redirectResult": "from-the-address-bar"}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


def answered(
    kind: OperationKind, body: Body, status: int = 200, headers: dict[str, str] | None = None, **given: Any
) -> Outcome:
    return read_reply(call(kind, **given), Reply(status, headers or {}, body))


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize(("status", "code"), [(408, "00_408"), (424, "29_001"), (425, "1")])
def test_error_that_is_not_about_our_request_proves_nothing(kind: OperationKind, status: int, code: str) -> None:
    assert answered(kind, {"errorCode": code, "message": "No."}, status).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("kind", WRITES)
def test_error_that_adyen_calls_transient_says_nothing_of_the_request_before_it(kind: OperationKind) -> None:
    body = {"errorCode": "14_999", "message": "try again"}
    assert answered(kind, body, 422, {"Transient-Error": "true"}).kind is OutcomeKind.UNKNOWN
    assert answered(kind, body, 422, {"transient-error": "false"}).kind is OutcomeKind.DECLINED


def test_too_many_calls_are_not_reached_though_transient() -> None:
    outcome = answered(OperationKind.CONFIRM, {}, 429, {"transient-error": "true", "Retry-After": "3"})
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.NOT_REACHED, 3.0)


def result(code: str = "Authorised", **changes: Any) -> Body:
    amount = {"value": 1230, "currency": "EUR"}
    return {"resultCode": code, "pspReference": "PSP-OTHER", "amount": amount, **changes}


@pytest.mark.parametrize("code", ["Authorised", "Refused", "Received"])
def test_result_of_another_payment_ends_nothing_of_this_one(code: str) -> None:
    body = result(code, merchantReference="att_another")
    outcome = answered(OperationKind.COMPLETE, body, gateway_payment_id="PSP1", action_result=BROUGHT)
    assert (outcome.kind, outcome.gateway_payment_id) == (OutcomeKind.ACTION_REQUIRED, "PSP1")


def test_answer_to_a_payment_that_names_another_is_not_believed() -> None:
    body = result(merchantReference="att_another")
    assert answered(OperationKind.CONFIRM, body).kind is OutcomeKind.UNKNOWN


def test_result_that_names_our_attempt_is_believed_under_whatever_reference() -> None:
    body = result(merchantReference="att_1")
    outcome = answered(OperationKind.COMPLETE, body, gateway_payment_id="PSP1", action_result=BROUGHT)
    assert (outcome.kind, outcome.gateway_payment_id) == (OutcomeKind.APPROVED, "PSP-OTHER")


@pytest.mark.parametrize("code", ["Authorised", "Refused"])
def test_result_that_names_no_payment_waits_for_the_signed_word(code: str) -> None:
    body = result(code)
    outcome = answered(OperationKind.COMPLETE, body, gateway_payment_id="PSP1", action_result=BROUGHT)
    assert (outcome.kind, outcome.gateway_payment_id) == (OutcomeKind.PENDING, "PSP1")


def test_result_under_the_payments_own_reference_is_believed() -> None:
    body = result(pspReference="PSP1")
    outcome = answered(OperationKind.COMPLETE, body, gateway_payment_id="PSP1", action_result=BROUGHT)
    assert outcome.kind is OutcomeKind.APPROVED


def test_card_of_another_shopper_is_not_kept_for_this_one(at: Served, facets: Any) -> None:
    told = {"tokenization.storedPaymentMethodId": "S1", "tokenization.shopperReference": "cus_another"}
    at.answer("POST /v72/payments/details", 200, result(amount={"value": 0, "currency": "EUR"}, additionalData=told))
    answer = facets.methods.complete_save(CompleteSave("k", "pm_1", "cus_0001", BROUGHT))
    assert (answer.kind, answer.value) == (OutcomeKind.UNKNOWN, None)


def test_page_whose_payment_is_on_its_way_is_pending(at: Served, facets: Any) -> None:
    page = {"id": "PL1", "url": "https://pay", "status": "paymentPending", "amount": {"value": 1, "currency": "EUR"}}
    at.answer("GET /v72/paymentLinks/PL1", 200, page)
    answer = facets.checkout.fetch("PL1")
    assert (answer.kind, answer.value.page_id) == (OutcomeKind.PENDING, "PL1")


@pytest.mark.parametrize(
    "path",
    [
        "/reports/download/MerchantAccount/AnotherShop/settlement_7.csv",
        "/reports/download/MerchantAccount/Shop2/settlement_7.csv",
        "/reports/download/CompanyAccount/Company/settlement_7.csv",
        "/reports/download/MerchantAccount/Shop/../AnotherShop/settlement_7.csv",
    ],
)
def test_report_of_another_account_is_not_ours(at: Served, facets: Any, path: str) -> None:
    answer = facets.settlements.report(ReportOrder("k", NOW, NOW, at.url + path))
    assert reason_of(answer) == "invalid_request"
    assert at.taken == []


@pytest.mark.parametrize("moved", [{"value": 1229, "currency": "EUR"}, {"value": 5000, "currency": "USD"}])
def test_more_than_was_transferred_is_not_taken_back(at: Served, facets: Any, moved: Body) -> None:
    sent = {"id": "T1", "amount": moved, "counterparty": {"balanceAccountId": "BA-SELLER"}, "status": "booked"}
    at.answer("GET /btl/v4/transfers/T1", 200, sent)
    answer = facets.transfers.reverse("T1", EUR, "k")
    assert reason_of(answer) == "invalid_request"
    assert at.paths() == ["GET /btl/v4/transfers/T1"]


def test_forwarding_and_what_is_forwarded_have_keys_of_their_own(at: Served, facets: Any) -> None:
    at.answer("POST /v72/forward", 200, {"response": {"status": 200, "body": "{}"}})
    request = ForwardRequest("POST", "https://other.example/", {"Idempotency-Key": "key_1"}, "application/json", "{}")
    facets.forwarding.forward("S1", "cus_0001", request, "key_1")
    assert at.only().headers["idempotency-key"] not in ("", "key_1")


def test_key_that_cannot_be_sent_is_not_told_to_anyone(at: Served) -> None:
    with adyen(at, api_key="AQE-hush\n") as gateway:
        outcome = gateway.perform(call())
        assert "AQE-hush" not in outcome.detail + gateway.probe()
    assert outcome.kind is OutcomeKind.DECLINED
    assert at.taken == []


def test_secrets_are_not_shown_where_objects_are() -> None:
    secrets = WebhookSecrets("Shop", (KEY,), ("user", "hush"))
    shown = repr(AdyenCredentials("AQE-hush", secrets, report_user=("user", "hush"), balance_platform_api_key="hush"))
    assert "Shop" in shown
    assert "hush" not in shown
    assert KEY not in shown


def test_amounts_that_differ_from_iso_are_the_same_in_every_split(at: Served) -> None:
    with whole_adyen(at) as gateway:
        assert isinstance(gateway, AdyenGateway)
        assert gateway.facets.transfers is not None
        order = TransferOrder("k", "BA-SELLER", Money(10, "CLP"), "PSP1", "pay_1")
        at.answer(
            "POST /btl/v4/transfers",
            200,
            {"id": "T1", "status": "booked", "amount": {"value": 1000, "currency": "CLP"}},
        )
        assert gateway.facets.transfers.transfer(order).kind is OutcomeKind.APPROVED
    assert at.only().body["amount"] == {"value": 1000, "currency": "CLP"}


@pytest.mark.parametrize("minor", [0, -1])
def test_part_of_nothing_or_less_is_refused_before_any_call(at: Served, minor: int) -> None:
    parts = (Split("BA1", Money(minor, "EUR")), Split("BA2", Money(100, "EUR")))
    with adyen(at) as gateway:
        assert reason_of_outcome(gateway.perform(call(splits=parts))) == "invalid_request"
    assert at.taken == []


def reason_of_outcome(outcome: Outcome) -> str:
    return outcome.decline.reason if outcome.decline else outcome.kind.value
