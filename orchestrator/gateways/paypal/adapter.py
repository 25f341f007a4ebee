"""PayPal's adapter: orders created without payment source, then authorised or captured with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from paypalserversdk.models.order_authorize_request import OrderAuthorizeRequest
from paypalserversdk.models.order_capture_request import OrderCaptureRequest

from currency.exponents import AmountNotRepresentable
from orchestrator.gateways.answers import looked_up, not_representable
from orchestrator.gateways.base import (
    CaptureMode,
    Lookup,
    LookupResult,
    OperationCall,
    OperationKind,
    WebhookMessage,
)
from orchestrator.gateways.credentials import in_vault
from orchestrator.gateways.facets import Facets
from orchestrator.gateways.paypal.capabilities import CAPABILITIES
from orchestrator.gateways.paypal.connection import AS_WRITTEN, TOKEN_PATH, PayPalConnection, outcome_of_call
from orchestrator.gateways.paypal.mapping import (
    GATEWAY,
    not_canceled,
    our_capture,
    our_refund,
    read_before,
    read_order,
    read_reply,
    read_void,
    read_void_of_order,
)
from orchestrator.gateways.paypal.orders import (
    authorize_request,
    capture_order_request,
    capture_request,
    confirm_request,
    order_request,
    refund_request,
)
from orchestrator.gateways.paypal.refusals import refusal_of
from orchestrator.gateways.paypal.sources import needs_approval
from orchestrator.gateways.paypal.webhooks import PayPalWebhookVerifier, translated
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import Outcome, OutcomeKind

Read = Callable[[dict[str, Any]], Outcome | None]


class PayPalGateway:
    """One PayPal REST app."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
    authorise_steps: tuple[OperationKind, ...] = (OperationKind.CREATE, OperationKind.CONFIRM)
    can_look_up = True
    resend_window_s = 5 * 3600  # order keys live 6 h (paypal-server-sdk, orders_controller.py); payments' 45 days

    def __init__(
        self, connection: PayPalConnection, webhooks: PayPalWebhookVerifier, vault: VaultSettings, facets: Facets
    ) -> None:
        self._paypal = connection
        self._webhooks = webhooks
        self._vault = vault
        self.facets = facets

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        if refused := refusal_of(call):
            return refused
        if call.kind is OperationKind.VOID and not call.gateway_operation_id:
            return self._leave_order(call)
        try:
            intent = "CAPTURE" if call.capture is CaptureMode.AUTOMATIC else "AUTHORIZE"
            if _reads_first(call):
                order = self._order_before(call)
                if isinstance(order, Outcome):
                    return order
                intent = str(order.get("intent") or intent)
            send = self._sender(call, intent)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        vault = self._vault if in_vault(call.credential) else None
        return outcome_of_call(self._paypal.record(send), lambda reply: read_reply(call, reply), vault)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Read the order, which holds its authorization, captures and refunds, or the authorization; see Gateway."""
        reading = self._reader(call)
        if reading is None:
            return LookupResult(Lookup.UNAVAILABLE, detail="the id by which to ask is not known")
        send, read = reading
        return looked_up(self._paypal.record(send), GATEWAY, read, skip=TOKEN_PATH)

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Trim, check certificate, signature and age, then translate. Raises WebhookRejected."""
        return self._webhooks.read(headers, body)

    def translate_webhook(self, body: bytes) -> list[WebhookMessage]:
        """What was verified before, in our words of today."""
        return translated(body)

    def probe(self) -> str:
        """Fetch a fresh access token."""
        return self._paypal.probe()

    def close(self) -> None:
        """Close both sessions' connections, and the certificates' one."""
        self._paypal.close()
        self._webhooks.close()

    def _leave_order(self, call: OperationCall) -> Outcome:
        """No call closes an order; without its payer's approval nothing can be taken by one. So it is read."""
        tape = self._paypal.record(self._read_order(call))
        found = looked_up(tape, GATEWAY, lambda order: read_void_of_order(call, order), skip=TOKEN_PATH)
        if found.outcome is not None:
            return found.outcome
        if found.state is Lookup.OPEN:
            return not_canceled(call, "the payer has approved the order, or it may be paid this moment")
        return Outcome(OutcomeKind.NOT_REACHED, gateway_payment_id=call.gateway_payment_id, detail=found.detail)

    def _order_before(self, call: OperationCall) -> dict[str, Any] | Outcome:
        """The order as it stands, or the outcome where it already has one or could not be read."""
        orders: list[dict[str, Any]] = []

        def read(order: dict[str, Any]) -> Outcome | None:
            orders.append(order)
            return read_before(call, order)

        tape = self._paypal.record(self._read_order(call))
        found = looked_up(tape, GATEWAY, read, skip=TOKEN_PATH)
        if found.outcome is not None:
            return found.outcome
        if found.state is Lookup.OPEN:
            return orders[0]
        return outcome_of_call(tape, lambda reply: read_reply(call, reply))

    def _sender(self, call: OperationCall, intent: str) -> Callable[[], object]:
        options = self._options(call)
        match call.kind:
            case OperationKind.CREATE:
                options["body"] = order_request(call)
                return lambda: self._paypal.direct.orders.create_order(options)
            case OperationKind.CONFIRM if needs_approval(call.credential):
                options |= {"id": call.gateway_payment_id, "body": confirm_request(call, self._vault)}
                return lambda: self._paypal.direct.orders.confirm_order(options)
            case OperationKind.CONFIRM | OperationKind.COMPLETE:
                return self._payer(call, intent, options)
            case OperationKind.CAPTURE:
                options |= {"authorization_id": call.gateway_operation_id, "body": capture_request(call)}
                return lambda: self._paypal.direct.payments.capture_authorized_payment(options)
            case OperationKind.VOID:
                options["authorization_id"] = call.gateway_operation_id
                return lambda: self._paypal.direct.payments.void_payment(options)
            case OperationKind.REFUND:
                options |= {"capture_id": call.gateway_operation_id, "body": refund_request(call)}
                return lambda: self._paypal.direct.payments.refund_captured_payment(options)
            case _:
                assert_never(call.kind)

    def _payer(self, call: OperationCall, intent: str, options: dict[str, Any]) -> Callable[[], object]:
        """Authorises or captures the order: with the credential, or with what the payer has approved."""
        paypal, through_vault = self._paypal, in_vault(call.credential)
        confirms = call.kind is OperationKind.CONFIRM
        options["id"] = call.gateway_payment_id
        if intent == "CAPTURE":
            options["body"] = capture_order_request(call, self._vault) if confirms else OrderCaptureRequest()
            return lambda: paypal.client(through_vault).orders.capture_order(options)
        options["body"] = authorize_request(call, self._vault) if confirms else OrderAuthorizeRequest()
        return lambda: paypal.client(through_vault).orders.authorize_order(options)

    def _options(self, call: OperationCall) -> dict[str, Any]:
        """The headers of a write. `confirm_order` has no PayPal-Request-Id and leaves it out."""
        options: dict[str, Any] = {"paypal_request_id": call.operation_id, "prefer": AS_WRITTEN}
        return options | self._on_behalf(call)

    def _on_behalf(self, call: OperationCall) -> dict[str, Any]:
        """A payment whose payee is somebody else is acted upon in the payee's name."""
        if not call.splits:
            return {}
        return {"paypal_auth_assertion": self._paypal.assertion(call.splits[0].recipient)}

    def _reader(self, call: OperationCall) -> tuple[Callable[[], object], Read] | None:
        order_id, operation_id = call.gateway_payment_id, call.gateway_operation_id
        match call.kind:
            case OperationKind.CREATE | OperationKind.CONFIRM | OperationKind.COMPLETE:
                return (self._read_order(call), lambda order: _of_order(call, order)) if order_id else None
            case OperationKind.CAPTURE:
                return (self._read_order(call), lambda order: our_capture(call, order)) if order_id else None
            case OperationKind.REFUND:
                # No call searches refunds; the order lists its own, with our id.
                return (self._read_order(call), lambda order: our_refund(call, order)) if order_id else None
            case OperationKind.VOID if not operation_id:
                return (self._read_order(call), lambda order: read_void_of_order(call, order)) if order_id else None
            case OperationKind.VOID:
                options = {"authorization_id": operation_id, **self._on_behalf(call)}
                read: Read = lambda authorization: read_void(call, authorization)  # noqa: E731
                return lambda: self._paypal.direct.payments.get_authorized_payment(options), read
            case _:
                assert_never(call.kind)

    def _read_order(self, call: OperationCall) -> Callable[[], object]:
        options = {"id": call.gateway_payment_id, **self._on_behalf(call)}
        return lambda: self._paypal.direct.orders.get_order(options)


def _reads_first(call: OperationCall) -> bool:
    """What has no idempotency key, and what the payer may already have brought to its end."""
    if call.kind is OperationKind.CONFIRM:
        return needs_approval(call.credential)
    return call.kind is OperationKind.COMPLETE


def _of_order(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    if call.kind is OperationKind.CREATE:
        return Outcome(OutcomeKind.APPROVED, call.amount, gateway_payment_id=order["id"])
    objection = read_before(call, order) if call.kind is OperationKind.COMPLETE else None
    return objection or read_order(call, order)
