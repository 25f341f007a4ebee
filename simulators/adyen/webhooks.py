"""Adyen's standard notifications: the item, its signature, and the envelope that it is sent in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from simulators.adyen.wire import new_reference, to_adyen
from simulators.world import Builder, Charge, Endpoint, Signed, World

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
        "eventDate": at.isoformat(timespec="seconds"),
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
) -> Item:
    """An item about a capture, cancel or refund; a `reason` says why it did not happen."""
    item = payment_item(charge, event_code, at, success=not reason, reason=reason, brand=brand)
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
        "eventDate": at.isoformat(timespec="seconds"),
        "merchantAccountCode": account,
        "merchantReference": "",
        "pspReference": psp_reference,
        "reason": reason,
        "success": "true",
    }


def builder(item: Item) -> Builder:
    """Signs the item with the endpoint's key and adds HTTP Basic credentials where the endpoint has them."""

    def build(endpoint: Endpoint) -> Signed:
        return _sealed(item, endpoint.secrets.get("hmac_key", ""), endpoint)

    return build


def forged(world: World, account: str) -> Builder:
    """A successful AUTHORISATION of a payment that never was, signed with a key that nobody gave us."""
    now = world.clock.now()
    charge = Charge("adyen", account, new_reference(), "att_forged", "pay_forged", 4200, "EUR", now)
    item = payment_item(charge, "AUTHORISATION", now, success=True)

    def build(endpoint: Endpoint) -> Signed:
        return _sealed(item, "00" * 32, endpoint)

    return build


def _sealed(item: Item, hmac_key: str, endpoint: Endpoint) -> Signed:
    signed = dict(item)
    if hmac_key:
        signed["additionalData"] = {**item["additionalData"], "hmacSignature": signature(item, hmac_key)}
    envelope = {"live": "false", "notificationItems": [{"NotificationRequestItem": signed}]}
    headers = {"content-type": "application/json"}
    if user := endpoint.secrets.get("username"):
        pair = f"{user}:{endpoint.secrets.get('password', '')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return Signed(json.dumps(envelope).encode(), headers)
