"""Adyen's notifications: both forms, every event that we act on, and what is never believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest
from adyen_served import CONTRACTS, EUR, KEY, Body, adyen, served

from currency.money import Money
from orchestrator.gateways.adyen.webhooks import (
    EVENTS,
    MAX_BODY_BYTES,
    WebhookSecrets,
    receive,
    signed_text,
    translate_item,
    trim,
)
from orchestrator.gateways.base import WEBHOOK_KINDS, WebhookMessage, WebhookRejected
from orchestrator.gateways.facets import DisputeStatus

TOKEN_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
SECRETS = WebhookSecrets("Shop", (KEY, TOKEN_KEY))


def mac(signed: bytes, key: str) -> str:
    return base64.b64encode(hmac.new(bytes.fromhex(key), signed, hashlib.sha256).digest()).decode()


def item(code: str, **changes: Any) -> Body:
    told: Body = {
        "pspReference": "PSP2",
        "originalReference": "PSP1",
        "merchantAccountCode": "Shop",
        "merchantReference": "att_1",
        "amount": {"currency": "EUR", "value": 1230},
        "eventCode": code,
        "success": "true",
    } | changes
    signature = mac(signed_text(told).encode(), KEY)
    return told | {"additionalData": {**(changes.get("additionalData") or {}), "hmacSignature": signature}}


def standard(*items: Body) -> bytes:
    return json.dumps({"notificationItems": [{"NotificationRequestItem": one} for one in items]}).encode()


def told(code: str, **changes: Any) -> WebhookMessage:
    (message,) = receive({}, standard(item(code, **changes)), SECRETS)
    return message


def token_event(type_: str = "recurring.token.updated", **changes: Any) -> bytes:
    data = {"merchantAccount": "Shop", "shopperReference": "cus_0001", "storedPaymentMethodId": "STORED1"}
    event = {"createdAt": "2026-01-02T00:00:00Z", "environment": "test", "eventId": "EV1", "type": type_, "data": data}
    return json.dumps(event | changes).encode()


def signed_header(body: bytes, key: str = TOKEN_KEY) -> dict[str, str]:
    return {"HmacSignature": mac(body, key)}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("EXPIRE", "payment.expired"),
        ("OFFER_CLOSED", "payment.declined"),
        ("REQUEST_FOR_INFORMATION", "dispute.inquiry"),
        ("NOTIFICATION_OF_CHARGEBACK", "dispute.inquiry"),
        ("CHARGEBACK", "dispute.opened"),
        ("CHARGEBACK_REVERSED", "dispute.won"),
        ("SECOND_CHARGEBACK", "dispute.opened"),
        ("PREARBITRATION_WON", "dispute.won"),
        ("PREARBITRATION_LOST", "dispute.lost"),
        ("DISPUTE_DEFENSE_PERIOD_ENDED", "dispute.lost"),
        ("INFORMATION_SUPPLIED", "dispute.updated"),
        ("RECURRING_CONTRACT", "method.saved"),
        ("REPORT_AVAILABLE", "report.available"),
        ("AUTHORISATION_ADJUSTMENT", "ignored"),
        ("NOTIFICATION_OF_FRAUD", "ignored"),
        ("PAYOUT_THIRDPARTY", "ignored"),
        ("CANCEL_OR_REFUND", "ignored"),
    ],
)
def test_event_in_our_words(code: str, kind: str) -> None:
    assert told(code).kind == kind


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_every_event_that_we_act_on_is_one_of_adyens() -> None:
    published = json.loads((CONTRACTS / "adyen-Webhooks-v1.json").read_text())["webhooks"]
    assert {f"/{code}" for code in EVENTS} <= set(published)


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the shared contracts are not here")
def test_every_published_example_is_translated_into_a_kind_that_there_is() -> None:
    examples = json.loads((CONTRACTS / "adyen-Webhooks-v1.json").read_text())["components"]["examples"]
    items = [
        one["NotificationRequestItem"]
        for example in examples.values()
        for one in example["value"].get("notificationItems", ())
    ]
    assert len(items) > 30
    for one in items:
        message = translate_item({"success": "true", "merchantReference": "", **one})
        assert message.kind in WEBHOOK_KINDS
        assert message.kind != "ignored" or one["eventCode"] not in EVENTS or one["success"] == "false"


def test_expiry_and_abandoned_page_are_about_the_payment_itself() -> None:
    expired = told("EXPIRE", pspReference="PSP1", originalReference=None)
    assert (expired.gateway_payment_id, expired.success) == ("PSP1", True)
    closed = told("OFFER_CLOSED", pspReference="PSP1", originalReference=None)
    assert (closed.gateway_payment_id, closed.success) == ("PSP1", False)


def test_chargeback_takes_the_funds_and_says_until_when_it_can_be_answered() -> None:
    about = {
        "chargebackReasonCode": " 10.4",
        "defensePeriodEndsAt": "2026-02-01T03:03:07+02:00",
        "capturePspReference": "CAP1",
    }
    message = told("CHARGEBACK", additionalData=about)
    dispute = message.dispute
    assert dispute is not None
    assert (dispute.dispute_id, dispute.gateway_payment_id, dispute.gateway_operation_id) == ("PSP2", "PSP1", "CAP1")
    assert (dispute.status, dispute.funds_withdrawn, dispute.amount) == (DisputeStatus.NEEDS_RESPONSE, True, EUR)
    assert (dispute.reason, dispute.gateway_reason) == ("fraud", "10.4")
    assert dispute.evidence_due_at == datetime.fromisoformat("2026-02-01T03:03:07+02:00")


def test_announced_chargeback_has_moved_no_funds_yet() -> None:
    dispute = told("NOTIFICATION_OF_CHARGEBACK").dispute
    assert dispute is not None
    assert (dispute.status, dispute.funds_withdrawn, dispute.reason) == (DisputeStatus.INQUIRY, False, "other")


def test_dispute_survives_being_stored() -> None:
    message = told("CHARGEBACK", additionalData={"defensePeriodEndsAt": "2026-02-01T03:03:07+02:00"})
    assert msgspec.convert(json.loads(msgspec.json.encode(message)), WebhookMessage) == message


@pytest.mark.parametrize("due", ["", "soon", "2026-02-01", None, 7])
def test_due_date_that_is_none_is_left_out(due: object) -> None:
    dispute = told("CHARGEBACK", additionalData={"defensePeriodEndsAt": due}).dispute
    assert dispute is not None
    assert dispute.evidence_due_at is None


@pytest.mark.parametrize(("action", "kind"), [("cancel", "payment.canceled"), ("refund", "refund.succeeded")])
def test_cancel_or_refund_by_hand_is_whichever_it_was(action: str, kind: str) -> None:
    assert told("CANCEL_OR_REFUND", additionalData={"modification.action": action}).kind == kind


def test_report_is_named_by_what_is_signed() -> None:
    message = told(
        "REPORT_AVAILABLE", pspReference="settlement_batch_7.csv", originalReference=None, reason="https://x"
    )
    assert (message.gateway_operation_id, message.amount) == ("settlement_batch_7.csv", None)


def test_kept_credential_is_named_by_what_is_signed() -> None:
    message = told("RECURRING_CONTRACT", pspReference="STORED1", amount={"currency": "USD", "value": 0})
    assert (message.gateway_operation_id, message.gateway_payment_id) == ("STORED1", "PSP1")


def test_amount_that_cannot_be_read_is_kept_for_later() -> None:
    assert told("CAPTURE", amount={"currency": "EUR", "value": "1.5"}).kind == "ignored"


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("recurring.token.created", "method.saved"),
        ("recurring.token.alreadyExisting", "method.saved"),
        ("recurring.token.updated", "method.updated"),
        ("recurring.token.disabled", "method.detached"),
        ("recurring.token.something_new", "ignored"),
    ],
)
def test_life_of_a_token_in_our_words(type_: str, kind: str) -> None:
    body = token_event(type_)
    (message,) = receive(signed_header(body), body, SECRETS)
    assert (message.kind, message.gateway_operation_id) == (kind, "STORED1")


def test_two_updates_of_one_token_are_two_messages() -> None:
    bodies = [token_event(), token_event(createdAt="2026-01-03T00:00:00Z"), token_event()]
    keys = [receive(signed_header(body), body, SECRETS)[0].event_key for body in bodies]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (token_event(), "00" * 32),
        (token_event(data={"merchantAccount": "Another", "storedPaymentMethodId": "S"}), TOKEN_KEY),
        (token_event(data=None), TOKEN_KEY),
        (token_event(eventId=7), TOKEN_KEY),
        (b"[]", TOKEN_KEY),
        (b"\xff", TOKEN_KEY),
    ],
)
def test_event_that_is_not_what_it_claims_is_refused(body: bytes, key: str) -> None:
    with pytest.raises(WebhookRejected):
        receive(signed_header(body, key), body, SECRETS)


def test_event_changed_by_one_byte_is_refused() -> None:
    body = token_event()
    with pytest.raises(WebhookRejected, match="does not match"):
        receive(signed_header(body), body + b" ", SECRETS)


def test_event_without_its_header_is_refused() -> None:
    with pytest.raises(WebhookRejected):
        receive({}, token_event(), SECRETS)


def test_header_does_not_spare_a_standard_notification_its_own_signatures() -> None:
    forged = item("AUTHORISATION") | {"amount": {"currency": "EUR", "value": 1}}
    body = standard(forged)
    with pytest.raises(WebhookRejected, match="an item's signature"):
        receive(signed_header(body), body, SECRETS)


def test_body_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(WebhookRejected, match="more than"):
        trim({}, b" " * (MAX_BODY_BYTES + 1))


def test_only_two_headers_are_looked_at() -> None:
    kept = trim({"Authorization": "Basic x", "HMACSIGNATURE": "s", "cookie": "c"}, b"{}")
    assert (kept.authorization, kept.signature) == ("Basic x", "s")
    assert "c" not in (kept.authorization, kept.signature)


@pytest.fixture
def address() -> Iterator[Any]:
    with served() as at:
        yield at


def test_account_takes_all_of_its_keys(address: Any) -> None:
    body = token_event()
    with adyen(address, hmac_key_previous="ab" * 32, token_hmac_key=TOKEN_KEY) as gateway:
        assert gateway.verify_webhook(signed_header(body), body)
        assert gateway.verify_webhook({}, standard(item("CAPTURE")))[0].amount == Money(1230, "EUR")


def test_basic_authentication_is_asked_for_where_it_is_set(address: Any) -> None:
    body = standard(item("CAPTURE"))
    right = "Basic " + base64.b64encode(b"user:pass").decode()
    with adyen(address, webhook_username="user", webhook_password="pass") as gateway:
        assert gateway.verify_webhook({"authorization": right}, body)
        with pytest.raises(WebhookRejected):
            gateway.verify_webhook({}, body)
