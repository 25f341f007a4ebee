"""Stripe's adapter: payment intents created empty, confirmed through the vault, captured by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, assert_never

import stripe
from stripe import StripeClient

from currency.exponents import AmountNotRepresentable, to_gateway_minor
from orchestrator import clock_port
from orchestrator.gateways.answers import invalid_call, looked_up, not_representable, probe_result, settle
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
from orchestrator.gateways.stripe.capabilities import CAPABILITIES
from orchestrator.gateways.stripe.mapping import GATEWAY, read_intent, read_refund, read_reply, translate_event
from orchestrator.gateways.transport import GatewaySession, record
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.outcomes import Outcome

# The SDK's switch is global to the process; its header would carry timings of one account's calls in another's.
stripe.enable_telemetry = False

SIGNATURE_TOLERANCE_S = 300  # https://docs.stripe.com/webhooks#replay-attacks; the SDK checks the past only
REFUNDS_PAGE = 100


class StripeGateway:
    """One Stripe account. `secret_key` and `webhook_secrets` are its credentials; sessions are the account's own."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
    facets = Facets()
    authorise_steps: tuple[OperationKind, ...] = (OperationKind.CREATE, OperationKind.CONFIRM)
    can_look_up = True
    resend_window_s = 23 * 3600  # keys live at least 24 h: https://docs.stripe.com/api/idempotent_requests

    def __init__(
        self,
        secret_key: str,
        webhook_secrets: tuple[str, ...],
        direct: GatewaySession,
        through_vault: GatewaySession,
        vault: VaultSettings,
        base_url: str = "",
    ) -> None:
        self._sessions = (direct, through_vault)
        self._vault = vault
        self._webhook_secrets = webhook_secrets
        self._direct = _client(secret_key, direct, base_url)
        self._through_vault = _client(secret_key, through_vault, base_url)

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        if call.kind is not OperationKind.CREATE and not call.gateway_payment_id:
            return invalid_call(GATEWAY, f"{call.kind} needs the payment intent's id")
        if call.kind is OperationKind.CONFIRM and not isinstance(call.credential, CardCredential):
            return invalid_call(GATEWAY, "confirm needs a card")
        try:
            send = self._sender(call)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        vault = self._vault if call.kind is OperationKind.CONFIRM else None
        return settle(record(send), GATEWAY, lambda reply: read_reply(call, reply), vault=vault)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Read the intent (or its refunds) by id. Without an id nothing is proven: Stripe's search lags behind."""
        if not call.gateway_payment_id:
            return LookupResult(Lookup.UNAVAILABLE, detail="the payment intent's id is not known")
        if call.kind is OperationKind.REFUND:
            return self._look_up_refund(call)
        tape = record(lambda: self._direct.v1.payment_intents.retrieve(call.gateway_payment_id))
        return looked_up(tape, GATEWAY, lambda intent: read_intent(call, intent))

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Check `Stripe-Signature` against every secret, both ways in time, then translate."""
        verify_signature(headers, body, self._webhook_secrets, now_s=int(clock_port.now().timestamp()))
        try:
            event = json.loads(body)
            return [translate_event(event)]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise WebhookRejected(f"signed, but not an event: {error!r}") from error

    def probe(self) -> str:
        """Read the balance: any key that may take payments may do that."""
        return probe_result(record(lambda: self._direct.v1.balance.retrieve()))

    def close(self) -> None:
        """Close both sessions' connections."""
        for session in self._sessions:
            session.close()

    def _sender(self, call: OperationCall) -> Callable[[], object]:
        options: Any = {"idempotency_key": call.operation_id}
        intents, intent_id = self._direct.v1.payment_intents, call.gateway_payment_id
        match call.kind:
            case OperationKind.CREATE:
                created = _create_params(call)
                return lambda: intents.create(created, options)
            case OperationKind.CONFIRM:
                confirmed = _confirm_params(call, self._vault)
                return lambda: self._through_vault.v1.payment_intents.confirm(intent_id, confirmed, options)
            case OperationKind.COMPLETE:
                return lambda: intents.retrieve(intent_id)
            case OperationKind.CAPTURE:
                captured: Any = {"amount_to_capture": to_gateway_minor(call.amount, GATEWAY)}
                return lambda: intents.capture(intent_id, captured, options)
            case OperationKind.VOID:
                return lambda: intents.cancel(intent_id, {}, options)
            case OperationKind.REFUND:
                refund = _refund_params(call)
                return lambda: self._direct.v1.refunds.create(refund, options)
            case _:
                assert_never(call.kind)

    def _look_up_refund(self, call: OperationCall) -> LookupResult:
        params: Any = {"payment_intent": call.gateway_payment_id, "limit": REFUNDS_PAGE}
        tape = record(lambda: self._direct.v1.refunds.list(params))
        return looked_up(tape, GATEWAY, lambda page: _own_refund(call, page))


def verify_signature(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], *, now_s: int) -> None:
    """Check a `Stripe-Signature` header: https://docs.stripe.com/webhooks#verify-manually. Raises WebhookRejected.

    Own code, because the SDK's accepts a signature dated in the future (stripe/_webhook.py) and one secret only.
    """
    if not any(secrets):
        raise WebhookRejected("no webhook secret is set for this account")
    header = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), "").strip()
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for key, _, value in pairs if key == "t"]
    given = [value for key, _, value in pairs if key == "v1"]
    if len(stamps) != 1 or not given or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) <= 12):
        raise WebhookRejected("the signature header is missing or malformed")
    signed = stamps[0].encode() + b"." + body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets if secret]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(one.encode(), other) for one in given for other in expected]
    if not any(matches):
        raise WebhookRejected("no signature matches")
    if abs(now_s - int(stamps[0])) > SIGNATURE_TOLERANCE_S:
        raise WebhookRejected(f"signed at {stamps[0]}, more than {SIGNATURE_TOLERANCE_S} s from now")


def _client(secret_key: str, session: GatewaySession, base_url: str) -> StripeClient:
    addresses: Any = {"api": base_url} if base_url else None
    return StripeClient(
        secret_key,
        base_addresses=addresses,
        max_network_retries=0,  # the resolver decides about re-sending, not the SDK
        http_client=stripe.RequestsClient(session=session),
    )


def _create_params(call: OperationCall) -> Any:
    params = {
        "amount": to_gateway_minor(call.amount, GATEWAY),
        "currency": call.amount.currency.lower(),
        "capture_method": "manual",
        "payment_method_types": ["card"],
        "metadata": {"clearway_payment": call.payment_id, "clearway_attempt": call.attempt_id},
    }
    return params | ({"description": call.description} if call.description else {})


def _confirm_params(call: OperationCall, vault: VaultSettings) -> Any:
    if not isinstance(call.credential, CardCredential):
        raise ValueError("a card is needed")
    shown = expressions_for(call.credential, vault)
    card = {"number": shown.number, "exp_month": shown.expiry_month, "exp_year": shown.expiry_year}
    data: dict[str, Any] = {"type": "card", "card": card | ({"cvc": shown.cvc} if shown.cvc else {})}
    if call.credential.holder:
        data["billing_details"] = {"name": call.credential.holder}
    return {"payment_method_data": data} | ({"return_url": call.return_url} if call.return_url else {})


def _refund_params(call: OperationCall) -> Any:
    return {
        "payment_intent": call.gateway_payment_id,
        "amount": to_gateway_minor(call.amount, GATEWAY),
        "metadata": {
            "clearway_operation": call.operation_id,
            "clearway_payment": call.payment_id,
            "clearway_attempt": call.attempt_id,
        },
    }


def _own_refund(call: OperationCall, page: dict[str, Any]) -> Outcome | None:
    for refund in page["data"]:
        if (refund.get("metadata") or {}).get("clearway_operation") == call.operation_id:
            return read_refund(refund, call.amount)
    return None
