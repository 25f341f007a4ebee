"""Only what the gateway signed, lately and for this account, is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.gateways.adyen.webhooks import (
    Notification,
    WebhookSecrets,
    signed_text,
    translate_item,
    verified_items,
    verify_basic_auth,
)
from orchestrator.gateways.base import WebhookRejected
from orchestrator.gateways.stripe.webhooks import translate_event, trim, verify

NOW = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())
SECRET = "whsec_for_this_test"
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
OLD_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
VECTORS = Path(__file__).parents[3] / "../shared/reference/webhook_vectors.json"


def verify_signature(headers: dict[str, str], body: bytes, secrets: tuple[str, ...], *, now_s: int) -> None:
    """Stripe's first two steps."""
    verify(trim(headers, body), secrets, now_s=now_s)


def stripe_header(body: bytes, *, at: int = NOW, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest}"}


def test_stripe_signature_by_the_current_or_the_previous_secret_is_accepted() -> None:
    verify_signature(stripe_header(b"{}"), b"{}", (SECRET,), now_s=NOW)
    verify_signature(stripe_header(b"{}", secret="whsec_old"), b"{}", (SECRET, "whsec_old"), now_s=NOW)


@pytest.mark.parametrize("at", [NOW - 301, NOW + 301])
def test_stripe_signature_from_another_time_is_refused(at: int) -> None:
    with pytest.raises(WebhookRejected, match="from now"):
        verify_signature(stripe_header(b"{}", at=at), b"{}", (SECRET,), now_s=NOW)


def test_stripe_signature_over_another_body_is_refused() -> None:
    with pytest.raises(WebhookRejected, match="no signature matches"):
        verify_signature(stripe_header(b"{}"), b"[]", (SECRET,), now_s=NOW)


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=ab", "t=x,v1=ab", "t=1,t=2,v1=ab", "t=١,v1=ab", "t=1,v1=é", "t=99999999999999,v1=ab", "=,="],
)
def test_stripe_header_that_is_malformed_is_refused(header: str) -> None:
    with pytest.raises(WebhookRejected):
        verify_signature({"stripe-signature": header}, b"{}", (SECRET,), now_s=NOW)


def test_stripe_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(WebhookRejected, match="no webhook secret"):
        verify_signature(stripe_header(b"{}", secret=""), b"{}", ("",), now_s=NOW)


def test_stripe_body_that_is_not_utf8_is_refused_not_crashed_on() -> None:
    with pytest.raises(WebhookRejected):
        verify_signature(stripe_header(b"{}"), b"\xff\xfe", (SECRET,), now_s=NOW)


def test_stripe_event_of_an_unknown_or_thin_kind_is_ignored() -> None:
    assert translate_event({"id": "evt_1", "type": "customer.created", "data": {"object": {}}}).kind == "ignored"
    thin = {"id": "evt_2", "object": "v2.core.event", "type": "v1.payment_intent.succeeded", "snapshot_event": "evt_1"}
    assert (translate_event(thin).kind, translate_event(thin).event_key) == ("ignored", "evt_2")


def test_stripe_event_that_says_less_than_it_should_is_ignored_not_guessed() -> None:
    broken = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
    assert translate_event(broken).kind == "ignored"


def adyen_item(key: str = KEY, **changes: Any) -> dict[str, Any]:
    item: dict[str, Any] = {
        "pspReference": "PSP1",
        "merchantAccountCode": "Shop",
        "merchantReference": "att_1",
        "amount": {"currency": "EUR", "value": 1230},
        "eventCode": "AUTHORISATION",
        "success": "true",
    } | changes
    digest = hmac.new(bytes.fromhex(key), signed_text(item).encode(), hashlib.sha256).digest()
    return item | {"additionalData": {"hmacSignature": base64.b64encode(digest).decode()}}


def batch(*items: object) -> bytes:
    wrapped = [{"NotificationRequestItem": item} for item in items]
    return json.dumps({"live": "false", "notificationItems": wrapped}).encode()


def shop(*keys: str) -> WebhookSecrets:
    return WebhookSecrets("Shop", keys)


def test_adyen_items_by_the_current_and_the_previous_key_are_accepted() -> None:
    assert len(verified_items(batch(adyen_item(), adyen_item(OLD_KEY)), shop(KEY, OLD_KEY))) == 2


def test_adyen_batch_is_refused_whole_when_only_its_second_item_is_forged() -> None:
    forged = adyen_item() | {"amount": {"currency": "EUR", "value": 999999}}
    with pytest.raises(WebhookRejected, match="does not match"):
        verified_items(batch(adyen_item(), forged), shop(KEY))


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"[]",
        b"{}",
        batch(),
        batch("text"),
        batch({"pspReference": "PSP1"}),
        batch(adyen_item() | {"additionalData": None}),
        batch(adyen_item() | {"additionalData": {"hmacSignature": "ä"}}),
        batch(adyen_item(success=True)),
        batch(adyen_item(merchantAccountCode="Another")),
        batch(*[adyen_item()] * 101),
    ],
)
def test_adyen_body_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRejected):
        verified_items(body, shop(KEY))


def test_adyen_webhook_without_a_key_is_refused() -> None:
    with pytest.raises(WebhookRejected, match="no HMAC key"):
        verified_items(batch(adyen_item()), shop())


def test_adyen_basic_authentication_is_compared() -> None:
    good = base64.b64encode(b"user:pass").decode()
    verify_basic_auth(Notification(b"", f"Basic {good}", ""), "user", "pass")
    for header in ("", "Basic xyz", f"Bearer {good}"):
        with pytest.raises(WebhookRejected):
            verify_basic_auth(Notification(b"", header, ""), "user", "pass")


def test_adyen_capture_is_told_by_our_operation_and_the_payment_it_belongs_to() -> None:
    item = adyen_item(eventCode="CAPTURE", pspReference="PSP2", originalReference="PSP1", merchantReference="op_1")
    message = translate_item(item)
    assert (message.kind, message.event_key) == ("payment.captured", "PSP2:CAPTURE:true")
    assert (message.gateway_payment_id, message.gateway_operation_id) == ("PSP1", "PSP2")
    assert (message.operation_reference, message.reference) == ("op_1", "")


@pytest.mark.parametrize(
    ("code", "success", "kind"),
    [
        ("AUTHORISATION", "false", "payment.declined"),
        ("CAPTURE", "false", "capture.failed"),
        ("CAPTURE_FAILED", "true", "capture.failed"),
        ("REFUND", "false", "refund.failed"),
        ("REFUNDED_REVERSED", "true", "refund.failed"),
        ("CANCELLATION", "false", "void.failed"),
        ("SOMETHING_NEW", "true", "ignored"),
    ],
)
def test_adyen_event_codes_in_our_words(code: str, success: str, kind: str) -> None:
    assert translate_item(adyen_item(eventCode=code, success=success)).kind == kind


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared reference vectors are not here")
def test_published_vectors_hold() -> None:
    vectors = json.loads(VECTORS.read_text())
    for vector in vectors["stripe"]:
        headers = {"stripe-signature": vector["header"]}
        verify_signature(headers, vector["payload"].encode(), (vector["secret"],), now_s=1600000000)
    for vector in vectors["adyen_standard"]["vectors"]:
        item = vector["item"] | {"additionalData": {"hmacSignature": vector["expected"]}}
        assert verified_items(batch(item), WebhookSecrets(item["merchantAccountCode"], (vector["hmac_key_hex"],)))
