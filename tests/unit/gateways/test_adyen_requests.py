"""What Adyen's SDK puts on the wire for us, against Adyen's published Checkout contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from adyen_served import CARD, CONTRACTS, Body, Served, adyen, call, fits, served

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationKind, Split
from orchestrator.gateways.credentials import (
    Agreement,
    Browser,
    CardCredential,
    Credential,
    IdealCredential,
    Initiator,
    Mandate,
    Method,
    NetworkTokenCredential,
    PayPalWalletCredential,
    SavedCredential,
    SepaDebitCredential,
    Shopper,
    StoredUse,
)
from routing.outcomes import Outcome, OutcomeKind

pytestmark = pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")

TOKEN = NetworkTokenCredential("tok_2", "visa", "4242", 3, 2030, eci="05")
KEPT = SavedCredential("STORED1", "cus_0001", brand="visa")
SEPA = SepaDebitCredential(
    "DE87123456781234567890",
    "Ada",
    "ada@shop.example",
    Mandate("MD1", datetime(2026, 1, 2, tzinfo=UTC), ip="192.0.2.7"),
)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


def performed(at: Served, kind: OperationKind = OperationKind.CONFIRM, **given: Any) -> Outcome:
    with adyen(at) as gateway:
        return gateway.perform(call(kind, **given))


def payment(at: Served, credential: Credential, **given: Any) -> Body:
    """The `/payments` request of a credential, once it fits the contract."""
    performed(at, credential=credential, **given)
    taken = at.only()
    assert (taken.method, taken.path, taken.headers["idempotency-key"]) == ("POST", "/v72/payments", "op_1")
    assert taken.headers["x-api-key"] == "AQE-key"
    fits("PaymentRequest", taken.body)
    return taken.body


@pytest.mark.parametrize(
    ("credential", "vaulted"),
    [(CARD, True), (TOKEN, True), (KEPT, False), (PayPalWalletCredential(), False), (SEPA, False)],
)
def test_only_what_is_in_the_vault_goes_through_it(at: Served, credential: Credential, vaulted: bool) -> None:
    payment(at, credential)
    assert at.only().vaulted is vaulted


def test_card_is_authorised_only_and_not_tried_again_behind_our_back(at: Served) -> None:
    request = payment(at, CARD)
    fits("CardDetails", request["paymentMethod"])
    assert request["paymentMethod"]["number"] == "tok_1.number"
    assert request["additionalData"] == {"manualCapture": "true", "retry.skipRetry": "true"}
    assert "captureDelayHours" not in request
    assert (request["reference"], request["shopperInteraction"]) == ("att_1", "Ecommerce")


def test_automatic_capture_is_at_once_whatever_the_account_does_by_itself(at: Served) -> None:
    request = payment(at, CARD, capture=CaptureMode.AUTOMATIC)
    assert (request["captureDelayHours"], request["additionalData"]["manualCapture"]) == (0, "false")


def test_redirect_is_asked_for_with_the_shoppers_own_browser(at: Served) -> None:
    browser = Browser("text/html", "Firefox", "de", 30, 900, 1600, -60, java_enabled=True)
    shopper = Shopper("ada@shop.example", "Ada", "192.0.2.7", "DE", "de-DE", browser)
    request = payment(at, CARD, shopper=shopper)
    assert request["authenticationData"] == {"threeDSRequestData": {"nativeThreeDS": "disabled"}}
    shown = request["browserInfo"]
    assert (shown["userAgent"], shown["timeZoneOffset"], shown["javaEnabled"]) == ("Firefox", -60, True)
    told = {name: request[name] for name in ("shopperEmail", "shopperIP", "countryCode", "shopperLocale")}
    assert list(told.values()) == ["ada@shop.example", "192.0.2.7", "DE", "de-DE"]


def test_shopper_whose_browser_is_not_known_still_has_one(at: Served) -> None:
    assert payment(at, CARD)["browserInfo"]["userAgent"]


def test_network_token_carries_its_cryptogram_and_a_month_of_two_digits(at: Served) -> None:
    request = payment(at, TOKEN)
    fits("CardDetails", request["paymentMethod"])
    method = request["paymentMethod"]
    assert (method["type"], method["number"], method["expiryMonth"]) == ("networkToken", "tok_2.network_token", "03")
    assert request["mpiData"]["tokenAuthenticationVerificationValue"] == "tok_2.cryptogram"
    assert request["mpiData"]["eci"] == "05"


def test_network_token_without_a_cryptogram_proves_nothing(at: Served) -> None:
    token = NetworkTokenCredential("tok_2", "visa", "4242", 3, 2030, has_cryptogram=False)
    assert "mpiData" not in payment(at, token)


def test_customer_who_comes_back_pays_with_what_is_kept(at: Served) -> None:
    request = payment(at, KEPT)
    assert request["paymentMethod"] == {"type": "scheme", "storedPaymentMethodId": "STORED1"}
    assert (request["shopperInteraction"], request["recurringProcessingModel"]) == ("ContAuth", "CardOnFile")
    assert request["shopperReference"] == "cus_0001"
    assert "authenticationData" in request


@pytest.mark.parametrize(
    ("agreement", "model"),
    [
        (Agreement.SUBSCRIPTION, "Subscription"),
        (Agreement.UNSCHEDULED, "UnscheduledCardOnFile"),
        (Agreement.CARD_ON_FILE, "UnscheduledCardOnFile"),
    ],
)
def test_charge_by_the_merchant_says_so_and_refers_to_the_first_payment(
    at: Served, agreement: Agreement, model: str
) -> None:
    use = StoredUse(Initiator.MERCHANT, agreement, network_transaction_id="VISA-TX")
    request = payment(at, KEPT, stored_use=use)
    assert (request["shopperInteraction"], request["recurringProcessingModel"]) == ("ContAuth", model)
    assert request["additionalData"]["networkTxReference"] == "VISA-TX"
    assert not {"authenticationData", "browserInfo"} & set(request)


def test_card_of_the_vault_is_charged_by_the_merchant_too(at: Served) -> None:
    card = CardCredential("tok_1", "visa", "4242", 3, 2030, has_cvc=False)
    use = StoredUse(Initiator.MERCHANT, Agreement.SUBSCRIPTION, "VISA-TX")
    request = payment(at, card, stored_use=use)
    assert request["additionalData"]["networkTxReference"] == "VISA-TX"
    assert "cvc" not in request["paymentMethod"]


def test_payment_that_saves_names_whose_it_is_and_what_for(at: Served) -> None:
    request = payment(at, CARD, save=StoredUse(agreement=Agreement.SUBSCRIPTION), gateway_customer="cus_0001")
    assert (request["storePaymentMethod"], request["shopperReference"]) == (True, "cus_0001")
    assert (request["recurringProcessingModel"], request["shopperInteraction"]) == ("Subscription", "Ecommerce")


def test_ideal_is_captured_at_once_and_redirects(at: Served) -> None:
    request = payment(at, IdealCredential(), capture=CaptureMode.AUTOMATIC)
    fits("IdealDetails", request["paymentMethod"])
    assert (request["countryCode"], request["additionalData"]) == ("NL", {"manualCapture": "false"})
    assert "captureDelayHours" not in request


def test_sepa_debit_names_account_and_holder(at: Served) -> None:
    request = payment(at, SEPA)
    fits("SepaDirectDebitDetails", request["paymentMethod"])
    assert (request["shopperEmail"], request["shopperIP"]) == ("ada@shop.example", "192.0.2.7")
    assert request["countryCode"] == "DE"


def test_kept_bank_account_is_never_a_card_on_file(at: Served) -> None:
    kept = SavedCredential("STORED2", "cus_0001", method=Method.IDEAL)
    request = payment(at, kept)
    assert request["paymentMethod"]["type"] == "sepadirectdebit"
    assert request["recurringProcessingModel"] == "UnscheduledCardOnFile"


def test_wallet_goes_by_redirect(at: Served) -> None:
    request = payment(at, PayPalWalletCredential("ada@shop.example"))
    fits("PayPalDetails", request["paymentMethod"])
    assert request["paymentMethod"]["subtype"] == "redirect"


def test_splits_and_what_is_left_for_us_come_to_the_whole(at: Served) -> None:
    splits = (Split("BA1", Money(1000, "EUR"), "line_1"), Split("BA2", Money(200, "EUR")))
    parts = payment(at, CARD, splits=splits)["splits"]
    assert [part["type"] for part in parts] == ["BalanceAccount", "BalanceAccount", "Commission"]
    assert [part["amount"]["value"] for part in parts] == [1000, 200, 30]
    assert [part.get("account") for part in parts] == ["BA1", "BA2", None]
    assert len({part["reference"] for part in parts}) == 3


def test_splits_that_are_the_whole_leave_no_commission(at: Served) -> None:
    parts = payment(at, CARD, splits=(Split("BA1", Money(1230, "EUR")),))["splits"]
    assert [part["type"] for part in parts] == ["BalanceAccount"]


@pytest.mark.parametrize(
    ("kind", "path", "schema"),
    [
        (OperationKind.CAPTURE, "/v72/payments/PSP1/captures", "PaymentCaptureRequest"),
        (OperationKind.REFUND, "/v72/payments/PSP1/refunds", "PaymentRefundRequest"),
    ],
)
def test_capture_and_refund_are_split_as_the_payment_is(
    at: Served, kind: OperationKind, path: str, schema: str
) -> None:
    performed(at, kind, splits=(Split("BA1", Money(1000, "EUR")),))
    taken = at.only()
    assert (taken.path, taken.headers["idempotency-key"]) == (path, "op_1")
    fits(schema, taken.body)
    assert [part["amount"]["value"] for part in taken.body["splits"]] == [1000, 230]


def test_amounts_are_written_with_adyens_own_exponent(at: Served) -> None:
    assert payment(at, CARD, amount=Money(1000, "ISK"))["amount"] == {"value": 100000, "currency": "ISK"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"splits": (Split("", Money(1, "EUR")),)}, "merchant_config"),
        ({"splits": (Split("BA1", Money(1231, "EUR")),)}, "invalid_request"),
        ({"splits": (Split("BA1", Money(1, "USD")),)}, "invalid_request"),
        ({"credential": None}, "invalid_request"),
        ({"credential": IdealCredential()}, "invalid_request"),
        ({"save": StoredUse()}, "invalid_request"),
        ({"amount": Money(100, "MGA")}, "currency_not_supported"),
        ({"kind": OperationKind.CREATE}, "invalid_request"),
        ({"kind": OperationKind.CAPTURE, "gateway_payment_id": ""}, "invalid_request"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(at: Served, given: Body, reason: str) -> None:
    kind = given.pop("kind", OperationKind.CONFIRM)
    outcome = performed(at, kind, **given)
    assert outcome.kind is OutcomeKind.DECLINED
    assert outcome.decline is not None
    assert outcome.decline.reason == reason
    assert at.taken == []


def test_recipient_that_is_not_onboarded_leaves_another_gateway_free_to_try(at: Served) -> None:
    outcome = performed(at, splits=(Split("", Money(1, "EUR"), "line_1"),))
    assert outcome.decline is not None
    assert (outcome.decline.gateway_code, outcome.decline.action_cit.value) == (
        "recipient_not_onboarded",
        "failover_now",
    )


def test_shopper_who_comes_back_with_nothing_leaves_the_action_open(at: Served) -> None:
    assert performed(at, OperationKind.COMPLETE).kind is OutcomeKind.ACTION_REQUIRED
    assert at.taken == []


def test_ids_with_test_and_live_in_them_are_left_alone(at: Served) -> None:
    performed(at, OperationKind.CAPTURE, gateway_payment_id="PSP-live-1")
    assert at.only().path == "/v72/payments/PSP-live-1/captures"


def test_same_operation_is_the_same_bytes_each_time(at: Served) -> None:
    performed(at, credential=TOKEN)
    performed(at, credential=TOKEN)
    assert at.taken[0].body == at.taken[1].body
