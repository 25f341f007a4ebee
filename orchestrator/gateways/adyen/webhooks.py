"""Adyen's notifications in three steps: trim to what matters, verify every signature, translate.

Two forms: the standard one, a batch of items that are signed one by one, and the newer one (token life cycle), whose
raw body is signed in a header. https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.gateways.adyen.disputes import read_dispute
from orchestrator.gateways.adyen.mapping import money_of
from orchestrator.gateways.base import WebhookMessage, WebhookRejected, WebhookUnreadable

MAX_BODY_BYTES = 1024 * 1024
MAX_ITEMS = 100  # of one notification batch

# eventCode -> (our kind when success is "true", when it is "false"); "" means: not acted on. What is not here is
# ignored: among others AUTHORISATION_ADJUSTMENT (we never adjust), NOTIFICATION_OF_FRAUD (an issuer's report, no
# dispute), and PAYOUT_* with PAIDOUT_REVERSED, which tell of payouts to third parties: one to the merchant's own bank
# is told by no standard notification, only by the settlement report.
# https://docs.adyen.com/development-resources/webhooks/webhook-types
# https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
EVENTS = {
    "AUTHORISATION": ("payment.authorised", "payment.declined"),
    "OFFER_CLOSED": ("payment.declined", ""),  # the shopper left before paying
    "EXPIRE": ("payment.expired", ""),
    "CAPTURE": ("payment.captured", "capture.failed"),
    "CAPTURE_FAILED": ("capture.failed", ""),
    "CANCELLATION": ("payment.canceled", "void.failed"),
    "TECHNICAL_CANCEL": ("payment.canceled", "void.failed"),
    "REFUND": ("refund.succeeded", "refund.failed"),
    "REFUND_FAILED": ("refund.failed", ""),
    "REFUNDED_REVERSED": ("refund.failed", ""),
    "REQUEST_FOR_INFORMATION": ("dispute.inquiry", ""),
    "NOTIFICATION_OF_CHARGEBACK": ("dispute.inquiry", ""),  # announced; the funds leave with CHARGEBACK
    "CHARGEBACK": ("dispute.opened", ""),  # a direct debit that was returned, too
    "SECOND_CHARGEBACK": ("dispute.opened", ""),  # after CHARGEBACK_REVERSED: the funds leave again
    "CHARGEBACK_REVERSED": ("dispute.won", ""),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": ("dispute.won", ""),
    "PREARBITRATION_WON": ("dispute.won", ""),
    "SCHEME_ARBITRATION_WON": ("dispute.won", ""),
    "PREARBITRATION_LOST": ("dispute.lost", ""),
    "SCHEME_ARBITRATION_LOST": ("dispute.lost", ""),
    "DISPUTE_DEFENSE_PERIOD_ENDED": ("dispute.lost", ""),  # not defended in time, or accepted
    "INFORMATION_SUPPLIED": ("dispute.updated", ""),
    "ISSUER_COMMENTS": ("dispute.updated", ""),
    "PREARBITRATION_OPEN": ("dispute.updated", ""),
    "PREARBITRATION_ACCEPTED": ("dispute.updated", ""),
    "PREARBITRATION_DECLINED": ("dispute.updated", ""),
    "PREARBITRATION_ISSUER_WITHDRAWN": ("dispute.updated", ""),
    "SCHEME_ARBITRATION": ("dispute.updated", ""),
    "RECURRING_CONTRACT": ("method.saved", ""),
    "REPORT_AVAILABLE": ("report.available", ""),
}

# About the payment itself: pspReference is the payment's. The others have their own, and the payment's as original.
_ABOUT_PAYMENT = ("AUTHORISATION", "OFFER_CLOSED", "EXPIRE")

# https://docs.adyen.com/api-explorer/Tokenization-webhooks/1/post/recurring.token.disabled
_TOKEN_EVENTS = {
    "recurring.token.created": "method.saved",
    "recurring.token.alreadyExisting": "method.saved",
    "recurring.token.updated": "method.updated",
    "recurring.token.disabled": "method.detached",
}


@dataclass(frozen=True, slots=True)
class Notification:
    """What is left of the request: the body and the only two headers that are looked at."""

    body: bytes
    authorization: str
    signature: str  # of the raw body; empty for the standard form


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What an account's notifications are checked with. `basic_auth` (user, password) where it is set at Adyen."""

    merchant_account: str
    hmac_keys: tuple[str, ...] = field(repr=False)  # hex, any of them
    basic_auth: tuple[str, str] | None = field(default=None, repr=False)


def receive(headers: Mapping[str, str], body: bytes, secrets: WebhookSecrets) -> list[WebhookMessage]:
    """Trim, verify, translate. Raises WebhookRejected; then nothing of the batch is believed."""
    notification = trim(headers, body)
    if secrets.basic_auth is not None:
        verify_basic_auth(notification, *secrets.basic_auth)
    if notification.signature and not _is_standard(notification.body):
        return [translate_token_event(verified_event(notification, secrets))]
    return [translate_item(item) for item in verified_items(notification.body, secrets)]


def translate(body: bytes) -> list[WebhookMessage]:
    """What was verified before, in either of the two forms. Raises WebhookUnreadable."""
    if not _is_standard(body):
        return [translate_token_event(_event(body))]
    try:
        return [translate_item(one["NotificationRequestItem"]) for one in json.loads(body)["notificationItems"]]
    except (LookupError, TypeError) as error:
        raise WebhookUnreadable(f"signed, but not a notification: {error!r}") from error


def trim(headers: Mapping[str, str], body: bytes) -> Notification:
    """Raises WebhookRejected for a body that is too large."""
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRejected(f"a body of more than {MAX_BODY_BYTES} bytes")
    plain = {name.lower(): value for name, value in headers.items()}
    return Notification(body, plain.get("authorization", "")[:1000], plain.get("hmacsignature", "")[:1000])


def verify_basic_auth(notification: Notification, username: str, password: str) -> None:
    """Check `Authorization: Basic`, which Adyen sends when the webhook is set up so. Raises WebhookRejected."""
    scheme, _, encoded = notification.authorization.strip().partition(" ")
    expected = base64.b64encode(f"{username}:{password}".encode())
    if scheme.lower() != "basic" or not hmac.compare_digest(encoded.strip().encode(), expected):
        raise WebhookRejected("Basic authentication is missing or wrong")


def verified_items(body: bytes, secrets: WebhookSecrets) -> list[dict[str, Any]]:
    """Every item of a standard notification, all of them verified. Raises WebhookRejected for all if one is not.

    Own code: the SDK's checks only the first item (Adyen/util.py). Signatures carry no time, so the caller must dedupe
    by event key.
    """
    keys = _keys(secrets)
    try:
        wrapped = json.loads(body)["notificationItems"]
        items = [one["NotificationRequestItem"] for one in wrapped]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise WebhookRejected(f"not a notification: {type(error).__name__}") from error
    if not items or len(items) > MAX_ITEMS:
        raise WebhookRejected(f"a batch of {len(items)} items")
    for item in items:
        _verify_item(item, keys)
        if item["merchantAccountCode"] != secrets.merchant_account:
            raise WebhookRejected("signed for another merchant account")
    return items


def verified_event(notification: Notification, secrets: WebhookSecrets) -> dict[str, Any]:
    """The event of a notification whose raw body is signed in a header. Raises WebhookRejected."""
    _verify(notification.body, notification.signature, _keys(secrets), "the body's signature does not match")
    event = _event(notification.body)
    if event["data"]["merchantAccount"] != secrets.merchant_account:
        raise WebhookRejected("signed for another merchant account")
    return event


def _event(body: bytes) -> dict[str, Any]:
    """Raises WebhookUnreadable where it has not what every event of a stored credential has."""
    try:
        event = json.loads(body)
        shaped = isinstance(event, dict) and isinstance(event["data"], dict) and "merchantAccount" in event["data"]
        shaped = shaped and all(isinstance(event[name], str) for name in ("type", "eventId"))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise WebhookUnreadable(f"signed, but not an event: {error!r}") from error
    if not shaped:
        raise WebhookUnreadable("signed, but not an event: fields of another type")
    return dict(event)


def signed_text(item: Mapping[str, Any]) -> str:
    """What an item's signature covers: eight values joined by colons, nothing escaped, missing ones empty."""
    amount = item.get("amount") or {}
    values = (
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    )
    return ":".join("" if value is None else str(value) for value in values)


def translate_item(item: dict[str, Any]) -> WebhookMessage:
    """One verified item in our words; what we do not act on is `ignored`.

    Only signed fields decide (references, amount, eventCode, success); `reason`, `eventDate` and `additionalData` are
    not signed and are carried for display. A report's name is its signed pspReference.
    """
    code, success = item["eventCode"], item["success"] == "true"
    kind = _kind_of(item, success)
    psp, original = item["pspReference"], str(item.get("originalReference") or "")
    try:
        amount = money_of(item["amount"]) if _has_amount(kind) and item.get("amount") else None
    except (LookupError, TypeError, ValueError):
        kind, amount = "", None  # stored raw: it can be replayed once it is understood
    ours = str(item.get("merchantReference") or "")
    return WebhookMessage(
        f"{psp}:{code}:{item['success']}",
        code,
        kind or "ignored",
        gateway_payment_id=psp if code == "AUTHORISATION" else original or (psp if code in _ABOUT_PAYMENT else ""),
        gateway_operation_id=psp,
        operation_reference=ours if ours.startswith("op_") else "",
        reference="" if ours.startswith("op_") else ours,
        amount=amount,
        success=success and not kind.endswith((".failed", ".declined")),
        occurred_at=str(item.get("eventDate") or ""),
        decline_code="" if success else str(item.get("reason") or "")[:80],
        dispute=read_dispute(item, kind, amount) if kind.startswith("dispute.") and amount else None,
    )


def translate_token_event(event: dict[str, Any]) -> WebhookMessage:
    """One verified event of a stored credential; `updated` is also how a network's account updater is told."""
    data, type_ = event["data"], event["type"]
    token = str(data.get("storedPaymentMethodId") or "")
    created_at = str(event.get("createdAt") or "")
    return WebhookMessage(
        f"{event['eventId']}:{type_}:{token}:{created_at}"[:200],
        type_,
        _TOKEN_EVENTS.get(type_, "ignored") if token else "ignored",
        gateway_payment_id=event["eventId"] if type_ == "recurring.token.created" else "",
        gateway_operation_id=token,
        occurred_at=created_at,
    )


def _is_standard(body: bytes) -> bool:
    """Which of the two forms it claims to be; either is then verified in its own way."""
    try:
        return "notificationItems" in json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return False


def _kind_of(item: Mapping[str, Any], success: bool) -> str:
    if item["eventCode"] == "CANCEL_OR_REFUND" and success:
        # Made by hand in Adyen's Customer Area: the field that says which of the two is not signed, but whichever it
        # is, the money is the customer's again.
        action = str((item.get("additionalData") or {}).get("modification.action") or "")
        return {"cancel": "payment.canceled", "refund": "refund.succeeded"}.get(action, "")
    return EVENTS.get(item["eventCode"], ("", ""))[0 if success else 1]


def _has_amount(kind: str) -> bool:
    return bool(kind) and not kind.startswith(("report.", "method."))


def _verify_item(item: object, keys: Sequence[bytes]) -> None:
    if not isinstance(item, dict):
        raise WebhookRejected("an item is not an object")
    try:
        given = item["additionalData"]["hmacSignature"]
        text = signed_text(item)
        shaped = all(
            isinstance(item[key], str) for key in ("pspReference", "eventCode", "success", "merchantAccountCode")
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise WebhookRejected(f"an item lacks a field: {error!r}") from error
    if not isinstance(given, str) or not shaped:
        raise WebhookRejected("an item has fields of another type")
    # Half of a surrogate pair has no UTF-8: nobody signed it, and it must not become the bytes of another text.
    _verify(text.encode("utf-8", "surrogatepass"), given, keys, "an item's signature does not match")


def _verify(signed: bytes, given: str, keys: Sequence[bytes], complaint: str) -> None:
    computed = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys]
    # Every key is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(given.strip().encode("utf-8", "replace"), one) for one in computed]
    if not any(matches):
        raise WebhookRejected(complaint)


def _keys(secrets: WebhookSecrets) -> list[bytes]:
    keys = [_hmac_key(key) for key in secrets.hmac_keys if key]
    if not keys:
        raise WebhookRejected("no HMAC key is set for this account")
    return keys


def _hmac_key(key: str) -> bytes:
    try:
        return binascii.unhexlify(key.strip())
    except (ValueError, binascii.Error) as error:
        raise WebhookRejected("the account's HMAC key is not hexadecimal") from error
