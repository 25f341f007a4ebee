"""Adyen's adapter: one `/payments` call, modifications answered by webhook, no reading call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from currency.exponents import AmountNotRepresentable
from orchestrator.gateways.adyen.capabilities import CAPABILITIES
from orchestrator.gateways.adyen.checkout import AdyenCheckout
from orchestrator.gateways.adyen.clients import addresses_of, services_of
from orchestrator.gateways.adyen.disputes import AdyenDisputes
from orchestrator.gateways.adyen.endpoints import AdyenEndpoints
from orchestrator.gateways.adyen.forwarding import AdyenForwarding, AdyenMirror
from orchestrator.gateways.adyen.mapping import GATEWAY, read_reply
from orchestrator.gateways.adyen.methods import AdyenMethods
from orchestrator.gateways.adyen.payment_request import (
    details_request,
    modification_request,
    payment_request,
    refused_unsent,
)
from orchestrator.gateways.adyen.settlement import AdyenSettlements
from orchestrator.gateways.adyen.transfers import AdyenTransfers
from orchestrator.gateways.adyen.webhooks import WebhookSecrets, receive, translate
from orchestrator.gateways.answers import invalid_call, not_representable, probe_result, settle
from orchestrator.gateways.base import Lookup, LookupResult, OperationCall, OperationKind, WebhookMessage
from orchestrator.gateways.credentials import in_vault
from orchestrator.gateways.facets import Facets
from orchestrator.gateways.transport import GatewaySession, record
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class AdyenCredentials:
    """One merchant account's. `report_user` and the balance platform's are for those who have them."""

    api_key: str = field(repr=False)
    webhooks: WebhookSecrets
    live_endpoint_prefix: str = ""
    report_user: tuple[str, str] | None = field(default=None, repr=False)
    balance_platform_api_key: str = field(default="", repr=False)
    balance_account: str = ""

    @property
    def merchant_account(self) -> str:
        return self.webhooks.merchant_account


class AdyenGateway:
    """One Adyen merchant account."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
    authorise_steps: tuple[OperationKind, ...] = (OperationKind.CONFIRM,)
    can_look_up = False
    # Keys live at least 7 days: https://docs.adyen.com/development-resources/api-idempotency; one day margin.
    resend_window_s = 6 * 24 * 3600

    def __init__(
        self,
        credentials: AdyenCredentials,
        direct: GatewaySession,
        through_vault: GatewaySession,
        vault: VaultSettings,
        base_url: str = "",
    ) -> None:
        at = addresses_of(base_url, credentials.live_endpoint_prefix)
        self._sessions = (direct, through_vault)
        self._vault = vault
        self._merchant = credentials.merchant_account
        self._webhook_secrets = credentials.webhooks
        self._direct = services_of(credentials.api_key, direct, at)
        self._through_vault = services_of(credentials.api_key, through_vault, at)
        # A balance platform has keys of its own; the merchant account's serves where it was given both.
        platform = services_of(credentials.balance_platform_api_key or credentials.api_key, direct, at)
        self.facets = Facets(
            methods=AdyenMethods(self._direct, self._through_vault, self._merchant, vault),
            disputes=AdyenDisputes(self._direct, self._merchant),
            settlements=AdyenSettlements(direct, at.reports, self._merchant, credentials.report_user),
            endpoints=AdyenEndpoints(self._direct, self._merchant, credentials.webhooks.basic_auth),
            forwarding=AdyenForwarding(self._direct, self._merchant),
            mirror=AdyenMirror(at.checkout, credentials.api_key, self._merchant),
            checkout=AdyenCheckout(self._direct, self._merchant),
            transfers=AdyenTransfers(platform, credentials.balance_account),
        )

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        if (refused := refused_unsent(call)) is not None:
            return refused
        try:
            send = self._sender(call)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        if send is None:
            return invalid_call(GATEWAY, f"Adyen has no {call.kind} step")
        vault = self._vault if self._by_vault(call) else None
        return settle(record(send), GATEWAY, lambda reply: read_reply(call, reply), vault=vault)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Always UNAVAILABLE: Adyen has no call to read a payment. Its webhook or the identical request settles it."""
        return LookupResult(Lookup.UNAVAILABLE, detail="Adyen has no call that reads a payment")

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Trim, verify (Basic authentication where set, every signature), translate. Raises WebhookRejected."""
        return receive(headers, body, self._webhook_secrets)

    def translate_webhook(self, body: bytes) -> list[WebhookMessage]:
        """What was verified before, in our words of today."""
        return translate(body)

    def probe(self) -> str:
        """Ask for the payment methods: reads only, and needs the right key and merchant account."""
        request = {"merchantAccount": self._merchant}
        return probe_result(record(lambda: self._direct.payments.payment_methods(request)))

    def close(self) -> None:
        """Close both sessions' connections."""
        for session in self._sessions:
            session.close()

    @staticmethod
    def _by_vault(call: OperationCall) -> bool:
        return call.kind is OperationKind.CONFIRM and in_vault(call.credential)

    def _sender(self, call: OperationCall) -> Callable[[], object] | None:
        key, psp = call.operation_id, call.gateway_payment_id
        changes = self._direct.modifications
        match call.kind:
            case OperationKind.CREATE:
                return None
            case OperationKind.CONFIRM:
                payment = payment_request(call, self._merchant, self._vault)
                payments = (self._through_vault if self._by_vault(call) else self._direct).payments
                return lambda: payments.payments(payment, idempotency_key=key)
            case OperationKind.COMPLETE:
                details = details_request(call.action_result)
                return lambda: self._direct.payments.payments_details(details, idempotency_key=key)
            case OperationKind.CAPTURE:
                change = modification_request(call, self._merchant)
                return lambda: changes.capture_authorised_payment(change, psp, idempotency_key=key)
            case OperationKind.VOID:
                return self._void(call)
            case OperationKind.REFUND:
                change = modification_request(call, self._merchant)
                return lambda: changes.refund_captured_payment(change, psp, idempotency_key=key)
            case _:
                assert_never(call.kind)

    def _void(self, call: OperationCall) -> Callable[[], object]:
        """By pspReference where it is known; else by our reference, which is how a lost authorisation is undone."""
        request = {"merchantAccount": self._merchant, "reference": call.operation_id}
        changes, key, psp = self._direct.modifications, call.operation_id, call.gateway_payment_id
        if psp:
            return lambda: changes.cancel_authorised_payment_by_psp_reference(request, psp, idempotency_key=key)
        by_reference = request | {"paymentReference": call.attempt_id}
        return lambda: changes.cancel_authorised_payment(by_reference, idempotency_key=key)
