"""Adyen's adapter: one `/payments` call through the vault, modifications answered by webhook, no reading call."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from Adyen import AdyenClient
from Adyen.services.checkout import AdyenCheckoutApi
from requests.auth import HTTPBasicAuth

from currency.exponents import AmountNotRepresentable, to_gateway_minor
from orchestrator.gateways.adyen.capabilities import CAPABILITIES
from orchestrator.gateways.adyen.mapping import GATEWAY, read_reply, translate_item
from orchestrator.gateways.answers import invalid_call, not_done_yet, not_representable, probe_result, settle
from orchestrator.gateways.base import (
    Lookup,
    LookupResult,
    OperationCall,
    OperationKind,
    WebhookMessage,
    WebhookRejected,
)
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.facets import Facets
from orchestrator.gateways.transport import GatewaySession, record
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.outcomes import Outcome

API_VERSION = "v72"
MAX_ITEMS = 100  # of one notification batch


class AdyenGateway:
    """One Adyen merchant account. `hmac_keys` are hex; `basic_auth` (user, password) guards the webhook where set."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
    facets = Facets()
    authorise_steps: tuple[OperationKind, ...] = (OperationKind.CONFIRM,)
    can_look_up = False
    # Keys live at least 7 days: https://docs.adyen.com/development-resources/api-idempotency; one day margin.
    resend_window_s = 6 * 24 * 3600

    def __init__(
        self,
        api_key: str,
        merchant_account: str,
        hmac_keys: tuple[str, ...],
        basic_auth: tuple[str, str] | None,
        direct: GatewaySession,
        through_vault: GatewaySession,
        vault: VaultSettings,
        base_url: str = "",
        live_endpoint_prefix: str = "",
    ) -> None:
        self._sessions = (direct, through_vault)
        self._vault = vault
        self._merchant = merchant_account
        self._hmac_keys = hmac_keys
        self._basic_auth = basic_auth
        self._direct = _checkout(api_key, direct, base_url, live_endpoint_prefix)
        self._through_vault = _checkout(api_key, through_vault, base_url, live_endpoint_prefix)

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        if call.kind in (OperationKind.CAPTURE, OperationKind.REFUND) and not call.gateway_payment_id:
            return invalid_call(GATEWAY, f"{call.kind} needs the payment's pspReference")
        if call.kind is OperationKind.COMPLETE and not _details_request(call)["details"]:
            return not_done_yet(call.gateway_payment_id, "the return carries no result of the challenge")
        if call.kind is OperationKind.CONFIRM and not isinstance(call.credential, CardCredential):
            return invalid_call(GATEWAY, "confirm needs a card")
        try:
            send = self._sender(call)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        if send is None:
            return invalid_call(GATEWAY, "Adyen has no create step")
        vault = self._vault if call.kind is OperationKind.CONFIRM else None
        return settle(record(send), GATEWAY, lambda reply: read_reply(call, reply), vault=vault)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Always UNAVAILABLE: Adyen has no call to read a payment. Its webhook or the identical request settles it."""
        return LookupResult(Lookup.UNAVAILABLE, detail="Adyen has no call that reads a payment")

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Check Basic authentication where set, then every item's signature, then translate. Raises WebhookRejected."""
        if self._basic_auth is not None:
            verify_basic_auth(headers, *self._basic_auth)
        return [translate_item(item) for item in verified_items(body, self._hmac_keys, self._merchant)]

    def probe(self) -> str:
        """Ask for the payment methods: reads only, and needs the right key and merchant account."""
        request = {"merchantAccount": self._merchant}
        return probe_result(record(lambda: self._direct.payments_api.payment_methods(request)))

    def close(self) -> None:
        """Close both sessions' connections."""
        for session in self._sessions:
            session.close()

    def _sender(self, call: OperationCall) -> Callable[[], object] | None:
        key = call.operation_id
        payments, changes = self._direct.payments_api, self._direct.modifications_api
        match call.kind:
            case OperationKind.CREATE:
                return None
            case OperationKind.CONFIRM:
                payment = self._payment_request(call)
                return lambda: self._through_vault.payments_api.payments(payment, idempotency_key=key)
            case OperationKind.COMPLETE:
                details = _details_request(call)
                return lambda: payments.payments_details(details, idempotency_key=key)
            case OperationKind.CAPTURE:
                change = self._modification(call)
                return lambda: changes.capture_authorised_payment(change, call.gateway_payment_id, idempotency_key=key)
            case OperationKind.VOID:
                return self._void(call)
            case OperationKind.REFUND:
                change = self._modification(call)
                return lambda: changes.refund_captured_payment(change, call.gateway_payment_id, idempotency_key=key)
            case _:
                assert_never(call.kind)

    def _void(self, call: OperationCall) -> Callable[[], object]:
        """By pspReference where it is known; else by our reference, which is how a lost authorisation is undone."""
        request = {"merchantAccount": self._merchant, "reference": call.operation_id}
        changes, psp = self._direct.modifications_api, call.gateway_payment_id
        if psp:
            return lambda: changes.cancel_authorised_payment_by_psp_reference(
                request, psp, idempotency_key=call.operation_id
            )
        by_reference = request | {"paymentReference": call.attempt_id}
        return lambda: changes.cancel_authorised_payment(by_reference, idempotency_key=call.operation_id)

    def _modification(self, call: OperationCall) -> dict[str, Any]:
        return {"merchantAccount": self._merchant, "amount": _amount(call), "reference": call.operation_id}

    def _payment_request(self, call: OperationCall) -> dict[str, Any]:
        if not isinstance(call.credential, CardCredential):
            raise ValueError("a card is needed")
        shown = expressions_for(call.credential, self._vault)
        method = {
            "type": "scheme",
            "number": shown.number,
            "expiryMonth": shown.expiry_month,
            "expiryYear": shown.expiry_year,
        }
        method |= {"cvc": shown.cvc} if shown.cvc else {}
        method |= {"holderName": call.credential.holder} if call.credential.holder else {}
        return {
            "merchantAccount": self._merchant,
            "amount": _amount(call),
            "reference": call.attempt_id,
            "paymentMethod": method,
            "returnUrl": call.return_url or "https://localhost/",
            "channel": "Web",
            "shopperInteraction": "Ecommerce",
            "browserInfo": _browser_info(),
            # We orchestrate: no capture before an attempt has won, no second try behind our back.
            "additionalData": {"manualCapture": "true", "retry.skipRetry": "true"},
            "metadata": {"clearway_payment": call.payment_id},
        }


class _SessionClient:
    """Adyen's HTTP client over our session: its own opens a connection per call and cannot split its time-outs.

    Signature as `Adyen.httpclient.HTTPClient.request`: returns (reply text, request text, status, reply headers).
    """

    user_agent = "clearway"

    def __init__(self, session: GatewaySession) -> None:
        self._session = session

    def request(
        self,
        method: str,
        url: str,
        json: object = None,
        data: object = None,
        username: str = "",
        password: str = "",
        xapikey: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[str, str, int, Mapping[str, str]]:
        sent = dict(headers or {}) | ({"x-api-key": xapikey} if xapikey else {})
        auth = HTTPBasicAuth(username, password) if username else None
        response = self._session.request(method, url, json=json, data=data, headers=sent, auth=auth)  # type: ignore[arg-type]
        return response.text, "", response.status_code, response.headers


def verified_items(body: bytes, hmac_keys: tuple[str, ...], merchant_account: str) -> list[dict[str, Any]]:
    """Every item of a notification, all of them verified. Raises WebhookRejected for the whole batch if one is not.

    Own code: the SDK's checks only the first item (Adyen/util.py). Signed string and key:
    https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures. Signatures carry no time, so the
    caller must dedupe by event key.
    """
    keys = [_hmac_key(key) for key in hmac_keys if key]
    if not keys:
        raise WebhookRejected("no HMAC key is set for this account")
    try:
        wrapped = json.loads(body)["notificationItems"]
        items = [one["NotificationRequestItem"] for one in wrapped]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise WebhookRejected(f"not a notification: {type(error).__name__}") from error
    if not items or len(items) > MAX_ITEMS:
        raise WebhookRejected(f"a batch of {len(items)} items")
    for item in items:
        _verify_item(item, keys)
        if item["merchantAccountCode"] != merchant_account:
            raise WebhookRejected("signed for another merchant account")
    return items


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


def verify_basic_auth(headers: Mapping[str, str], username: str, password: str) -> None:
    """Check `Authorization: Basic`, which Adyen sends when the webhook is set up so. Raises WebhookRejected."""
    header = next((value for key, value in headers.items() if key.lower() == "authorization"), "")
    scheme, _, encoded = header.strip().partition(" ")
    expected = base64.b64encode(f"{username}:{password}".encode())
    if scheme.lower() != "basic" or not hmac.compare_digest(encoded.strip().encode(), expected):
        raise WebhookRejected("Basic authentication is missing or wrong")


def _verify_item(item: object, keys: list[bytes]) -> None:
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
    computed = [base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()) for key in keys]
    # Every key is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(given.strip().encode(), one) for one in computed]
    if not any(matches):
        raise WebhookRejected("an item's signature does not match")


def _hmac_key(key: str) -> bytes:
    try:
        return binascii.unhexlify(key.strip())
    except (ValueError, binascii.Error) as error:
        raise WebhookRejected("the account's HMAC key is not hexadecimal") from error


def _checkout(api_key: str, session: GatewaySession, base_url: str, live_prefix: str) -> AdyenCheckoutApi:
    client = AdyenClient(
        xapikey=api_key, platform="live" if live_prefix else "test", live_endpoint_prefix=live_prefix or None
    )
    client.http_client = _SessionClient(session)
    client.http_init = True
    checkout = AdyenCheckoutApi(client=client)
    if base_url:
        # The only hook there is: the version setting would corrupt other services' URLs (Adyen/client.py).
        for service in (checkout.payments_api, checkout.modifications_api):
            service.baseUrl = f"{base_url.rstrip('/')}/{API_VERSION}"
    return checkout


def _details_request(call: OperationCall) -> dict[str, Any]:
    names = ("redirectResult", "threeDSResult", "MD", "PaRes", "payload")
    details = {name: call.action_result[name] for name in names if name in call.action_result}
    carried = call.action_result.get("paymentData")
    return {"details": details} | ({"paymentData": carried} if carried else {})


def _amount(call: OperationCall) -> dict[str, Any]:
    return {"value": to_gateway_minor(call.amount, GATEWAY), "currency": call.amount.currency}


def _browser_info() -> dict[str, Any]:
    """A browser in general: the shopper's own is not known here, and the redirect flow reads the real one itself."""
    return {
        "acceptHeader": "text/html,application/xhtml+xml",
        "colorDepth": 24,
        "javaEnabled": False,
        "javaScriptEnabled": True,
        "language": "en",
        "screenHeight": 1080,
        "screenWidth": 1920,
        "timeZoneOffset": 0,
        "userAgent": "Mozilla/5.0",
    }
