"""PayPal's adapter: orders created without payment source, authorised through the vault, captured by authorization."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, assert_never

from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.models.amount_with_breakdown import AmountWithBreakdown
from paypalserversdk.models.capture_request import CaptureRequest
from paypalserversdk.models.card_experience_context import CardExperienceContext
from paypalserversdk.models.card_request import CardRequest
from paypalserversdk.models.checkout_payment_intent import CheckoutPaymentIntent
from paypalserversdk.models.money import Money as PayPalMoney
from paypalserversdk.models.order_authorize_request import OrderAuthorizeRequest
from paypalserversdk.models.order_authorize_request_payment_source import OrderAuthorizeRequestPaymentSource
from paypalserversdk.models.order_request import OrderRequest
from paypalserversdk.models.purchase_unit_request import PurchaseUnitRequest
from paypalserversdk.models.refund_request import RefundRequest
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from currency.exponents import AmountNotRepresentable, to_gateway_decimal
from orchestrator.gateways.answers import by_status, invalid_call, looked_up, not_representable, probe_result, settle
from orchestrator.gateways.base import Lookup, LookupResult, OperationCall, OperationKind, WebhookMessage
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.facets import Facets
from orchestrator.gateways.paypal.capabilities import CAPABILITIES
from orchestrator.gateways.paypal.mapping import (
    GATEWAY,
    captures_of,
    read_capture,
    read_order,
    read_reply,
    read_void,
)
from orchestrator.gateways.paypal.webhooks import PayPalWebhookVerifier
from orchestrator.gateways.transport import GatewaySession, Tape, record
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.outcomes import Outcome, OutcomeKind

TOKEN_PATH = "/v1/oauth2/token"  # noqa: S105 - a path
_AS_WRITTEN = "return=representation"  # without it an answer is a stub without the payments


class PayPalGateway:
    """One PayPal REST app. The access token is fetched directly, never through the vault, and shared."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
    facets = Facets()
    authorise_steps: tuple[OperationKind, ...] = (OperationKind.CREATE, OperationKind.CONFIRM)
    can_look_up = True
    resend_window_s = 5 * 3600  # order keys live 6 h (paypal-server-sdk, orders_controller.py); payments' 45 days

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        webhooks: PayPalWebhookVerifier,
        direct: GatewaySession,
        through_vault: GatewaySession,
        vault: VaultSettings,
        base_url: str = "",
        live: bool = False,
    ) -> None:
        self._sessions = (direct, through_vault)
        self._vault = vault
        self._webhooks = webhooks
        self._token: Any = None
        self._token_lock = threading.Lock()
        self._configure = _configuration(client_id, client_secret, base_url, live, self._provide_token)
        self._connect()

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        problem = _problem_of(call)
        if problem:
            return invalid_call(GATEWAY, problem)
        try:
            send = self._sender(call)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        vault = self._vault if call.kind is OperationKind.CONFIRM else None
        tape = self._record(send)
        if tape.last(skip=TOKEN_PATH) is None:
            return _no_token(tape)
        return settle(tape, GATEWAY, lambda reply: read_reply(call, reply), vault=vault, skip=TOKEN_PATH)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Read by order, authorization, or capture; see Gateway. A refund without its id can only be re-sent."""
        reading = self._reader(call)
        if reading is None:
            return LookupResult(Lookup.UNAVAILABLE, detail="the id by which to ask is not known")
        send, read = reading
        return looked_up(self._record(send), GATEWAY, read, skip=TOKEN_PATH)

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Check certificate, signature and age, then translate. Raises WebhookRejected."""
        return self._webhooks.verify(headers, body)

    def probe(self) -> str:
        """Fetch a fresh access token."""
        return probe_result(record(lambda: self._direct.oauth_2.fetch_token()))

    def close(self) -> None:
        """Close both sessions' connections, and the certificates' one."""
        for session in self._sessions:
            session.close()
        self._webhooks.close()

    def _connect(self) -> None:
        direct, through_vault = self._sessions
        self._direct = PaypalServersdkClient(config=self._configure(direct))
        self._through_vault = PaypalServersdkClient(config=self._configure(through_vault))

    def _record(self, send: Callable[[], object]) -> Tape:
        """Run a call; a token that PayPal no longer takes (401: nothing was processed) is replaced once."""
        used = self._token
        tape = record(send)
        exchange = tape.last(skip=TOKEN_PATH)
        if used is None or exchange is None or exchange.reply is None or exchange.reply.status != 401:
            return tape
        with self._token_lock:
            if self._token is used:
                self._token = None
                self._connect()  # each client also keeps the token for itself
        return record(send)

    def _provide_token(self, held: Any, auth: Any) -> Any:
        """The SDK asks here before each call. Locked, because the SDK's own refresh is not and fetches several."""
        with self._token_lock:
            if self._token is None or auth.is_token_expired(self._token):
                self._token = self._direct.oauth_2.fetch_token()
            return self._token

    def _sender(self, call: OperationCall) -> Callable[[], object]:
        options: dict[str, Any] = {"paypal_request_id": call.operation_id, "prefer": _AS_WRITTEN}
        match call.kind:
            case OperationKind.CREATE:
                options["body"] = _order_request(call)
                return lambda: self._direct.orders.create_order(options)
            case OperationKind.CONFIRM:
                options |= {"id": call.gateway_payment_id, "body": _authorize_request(call, self._vault)}
                return lambda: self._through_vault.orders.authorize_order(options)
            case OperationKind.COMPLETE:
                options |= {"id": call.gateway_payment_id, "body": OrderAuthorizeRequest()}
                return lambda: self._direct.orders.authorize_order(options)
            case OperationKind.CAPTURE:
                body = CaptureRequest(amount=_amount(call), final_capture=True)
                options |= {"authorization_id": call.gateway_operation_id, "body": body}
                return lambda: self._direct.payments.capture_authorized_payment(options)
            case OperationKind.VOID:
                options["authorization_id"] = call.gateway_operation_id
                return lambda: self._direct.payments.void_payment(options)
            case OperationKind.REFUND:
                refund = RefundRequest(amount=_amount(call), custom_id=call.operation_id)
                options |= {"capture_id": call.gateway_operation_id, "body": refund}
                return lambda: self._direct.payments.refund_captured_payment(options)
            case _:
                assert_never(call.kind)

    def _reader(
        self, call: OperationCall
    ) -> tuple[Callable[[], object], Callable[[dict[str, Any]], Outcome | None]] | None:
        order_id, operation_id = call.gateway_payment_id, call.gateway_operation_id
        match call.kind:
            case OperationKind.CREATE | OperationKind.CONFIRM | OperationKind.COMPLETE:
                if not order_id:
                    return None
                return self._read_order(order_id), lambda order: _of_order(call, order)
            case OperationKind.CAPTURE:
                if not order_id:
                    return None
                return self._read_order(order_id), lambda order: _capture_in(call, order)
            case OperationKind.VOID:
                if not operation_id:
                    return None
                options = {"authorization_id": operation_id}
                return lambda: self._direct.payments.get_authorized_payment(options), lambda a: read_void(call, a)
            case OperationKind.REFUND:
                # What a REFUND call carries is the capture's id; the refund's own was in the answer that was lost.
                return None
            case _:
                assert_never(call.kind)

    def _read_order(self, order_id: str) -> Callable[[], object]:
        return lambda: self._direct.orders.get_order({"id": order_id})


def _problem_of(call: OperationCall) -> str:
    if call.kind is OperationKind.CREATE:
        return ""
    if call.kind in (OperationKind.CONFIRM, OperationKind.COMPLETE):
        if not call.gateway_payment_id:
            return f"{call.kind} needs the order's id"
        return (
            "confirm needs a card"
            if call.kind is OperationKind.CONFIRM and not isinstance(call.credential, CardCredential)
            else ""
        )
    return "" if call.gateway_operation_id else f"{call.kind} needs the id of the authorization or capture"


def _no_token(tape: Tape) -> Outcome:
    """The call itself was never made, for want of a token. Refused credentials are a decline, the rest NOT_REACHED."""
    token = tape.last()
    if token is None:
        return invalid_call(GATEWAY, f"the request could not be built: {tape.raised!r}")
    if token.reply is not None and 400 <= token.reply.status < 500:
        return settle(tape, GATEWAY, lambda reply: by_status(GATEWAY, reply, "PayPal gave no access token"))
    return Outcome(
        OutcomeKind.NOT_REACHED, detail="no access token from PayPal: nothing sent", exchange=token.redacted()
    )


def _of_order(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    if call.kind is OperationKind.CREATE:
        return Outcome(OutcomeKind.APPROVED, call.amount, gateway_payment_id=order["id"])
    return read_order(call, order)


def _capture_in(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    """The order's capture of this attempt: there is one, the final one; one that stands goes before one refused."""
    captures = captures_of(order)
    standing = [c for c in captures if c.get("status") not in ("DECLINED", "FAILED")]
    found = next(iter(standing or captures), None)
    return read_capture(call, found) if found else None


def _order_request(call: OperationCall) -> OrderRequest:
    value = to_gateway_decimal(call.amount, GATEWAY)
    optional = {"description": call.description[:127]} if call.description else {}
    unit = PurchaseUnitRequest(
        amount=AmountWithBreakdown(call.amount.currency, value),
        reference_id=call.payment_id,
        custom_id=call.attempt_id,
        invoice_id=call.attempt_id,  # PayPal's reports name a transaction by it
        **optional,
    )
    return OrderRequest(intent=CheckoutPaymentIntent.AUTHORIZE, purchase_units=[unit])


def _authorize_request(call: OperationCall, vault: VaultSettings) -> OrderAuthorizeRequest:
    if not isinstance(call.credential, CardCredential):
        raise ValueError("a card is needed")
    shown = expressions_for(call.credential, vault)
    optional: dict[str, Any] = {"security_code": shown.cvc} if shown.cvc else {}
    optional |= {"name": call.credential.holder} if call.credential.holder else {}
    if call.return_url:  # without it PayPal's 3-D Secure page has nowhere to send the payer back to
        optional["experience_context"] = CardExperienceContext(call.return_url, call.return_url)
    # PayPal wants year and month in one field of a fixed form, which two expressions would not surely give.
    expiry = f"{call.credential.expiry_year:04d}-{call.credential.expiry_month:02d}"
    card = CardRequest(number=shown.number, expiry=expiry, **optional)
    return OrderAuthorizeRequest(payment_source=OrderAuthorizeRequestPaymentSource(card=card))


def _amount(call: OperationCall) -> PayPalMoney:
    return PayPalMoney(call.amount.currency, to_gateway_decimal(call.amount, GATEWAY))


def _configuration(
    client_id: str, client_secret: str, base_url: str, live: bool, token_provider: Callable[[Any, Any], Any]
) -> Callable[[GatewaySession], Configuration]:
    """Makes the SDK's configuration for a session; by hand, since `from_environment` overwrites the environment."""
    environment = Environment.PRODUCTION if live else Environment.SANDBOX

    class OwnConfiguration(Configuration):  # type: ignore[misc]
        """The address table of this account only: the SDK's is one for the whole process."""

        environments = {environment: {Server.DEFAULT: base_url}} if base_url else Configuration.environments

    credentials = ClientCredentialsAuthCredentials(client_id, client_secret, o_auth_token_provider=token_provider)
    return lambda session: OwnConfiguration(
        http_client_instance=session,
        max_retries=0,
        environment=environment,
        client_credentials_auth_credentials=credentials,
    )
