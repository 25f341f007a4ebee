"""Adyen's webhooks: standard notifications, signed item by item, and the newer ones, signed as a whole in a header."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from simulators.adyen.wire import new_reference, stamp, to_adyen
from simulators.world import Charge, Endpoint, Signed, World

Item = dict[str, Any]
_SIGNED_FIELDS = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


def signature(item: Item, hmac_key_hex: str) -> str:
    """Base64 HMAC-SHA256 over eight fields joined by colons, nothing escaped.

    docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures.
    """
    amount = item.get("amount", {})
    fields = [str(item.get(name, "")) for name in _SIGNED_FIELDS]
    fields += [str(amount.get("value", "")), str(amount.get("currency", "")), item["eventCode"], item["success"]]
    digest = hmac.new(bytes.fromhex(hmac_key_hex), ":".join(fields).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def payment_item(
    charge: Charge, event_code: str, at: datetime, *, success: bool, reason: str = "", brand: str = "visa"
) -> Item:
    """An item about the payment itself (AUTHORISATION)."""
    return {
        "additionalData": {},
        "amount": to_adyen(charge.amount_minor, charge.currency),
        "eventCode": event_code,
        "eventDate": stamp(at),
        "merchantAccountCode": charge.account,
        "merchantReference": charge.reference,
        "operations": ["CANCEL", "CAPTURE", "REFUND"] if success else [],
        "paymentMethod": brand,
        "pspReference": charge.id,
        "reason": reason,
        "success": "true" if success else "false",
    }


def modification_item(
    charge: Charge,
    event_code: str,
    at: datetime,
    *,
    psp_reference: str,
    reference: str,
    minor: int,
    reason: str = "",
    brand: str = "visa",
    success: bool | None = None,
) -> Item:
    """An item about a capture, cancel or refund; a `reason` says why it did not happen, unless `success` is said."""
    happened = not reason if success is None else success
    item = payment_item(charge, event_code, at, success=happened, reason=reason, brand=brand)
    del item["operations"]
    return {
        **item,
        "amount": to_adyen(minor, charge.currency),
        "merchantReference": reference or charge.reference,
        "originalReference": charge.id,
        "pspReference": psp_reference,
    }


def account_item(account: str, event_code: str, at: datetime, *, psp_reference: str, reason: str) -> Item:
    """An item about no payment (REPORT_AVAILABLE: pspReference is the file's name, reason its address)."""
    return {
        "additionalData": {},
        "amount": {"value": 0, "currency": "EUR"},
        "eventCode": event_code,
        "eventDate": stamp(at),
        "merchantAccountCode": account,
        "merchantReference": "",
        "pspReference": psp_reference,
        "reason": reason,
        "success": "true",
    }


def token_event(kind: str, at: datetime, event_id: str, data: dict[str, str]) -> Item:
    """A recurring.token.* webhook (TokenizationNotification v1); it is no item and has no envelope."""
    return {
        "createdAt": stamp(at),
        "data": data,
        "environment": "test",
        "eventId": event_id,
        "type": kind,
        "version": "1",
    }


def encoded(item: Item) -> bytes:
    """The item as a notice keeps it: unsigned, and not in its envelope yet."""
    return json.dumps(item).encode()


def sign(world: World, endpoint: Endpoint, body: bytes) -> Signed:
    """Signs the item with the endpoint's key and adds HTTP Basic credentials where the endpoint has them."""
    item, key = json.loads(body), endpoint.secrets.get("hmac_key", "")
    return _sealed(item, key, endpoint) if "eventCode" in item else _signed_whole(body, key, endpoint)


def forged(world: World, endpoint: Endpoint) -> Signed:
    """A successful AUTHORISATION of a payment that never was, signed with a key that nobody gave us."""
    now = world.clock.now()
    charge = Charge("adyen", endpoint.account, new_reference(), "att_forged", "pay_forged", 4200, "EUR", now)
    return _sealed(payment_item(charge, "AUTHORISATION", now, success=True), "00" * 32, endpoint)


def _sealed(item: Item, hmac_key: str, endpoint: Endpoint) -> Signed:
    signed = dict(item)
    if hmac_key:
        signed["additionalData"] = {**item["additionalData"], "hmacSignature": signature(item, hmac_key)}
    envelope = {"live": "false", "notificationItems": [{"NotificationRequestItem": signed}]}
    return Signed(json.dumps(envelope).encode(), _headers(endpoint))


def _signed_whole(body: bytes, hmac_key: str, endpoint: Endpoint) -> Signed:
    """Base64 HMAC-SHA256 of the raw body, in header hmacsignature."""
    headers = _headers(endpoint)
    if hmac_key:
        digest = hmac.new(bytes.fromhex(hmac_key), body, hashlib.sha256).digest()
        headers |= {"hmacsignature": base64.b64encode(digest).decode(), "protocol": "HmacSHA256"}
    return Signed(body, headers)


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if user := endpoint.secrets.get("username"):
        pair = f"{user}:{endpoint.secrets.get('password', '')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers
