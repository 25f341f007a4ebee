"""Stripe's adapter: payment intents created empty, confirmed with the credential, captured as the call says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never
from urllib.parse import quote

from currency.exponents import AmountNotRepresentable
from orchestrator import clock_port
from orchestrator.gateways.answers import (
    invalid_call,
    looked_up,
    not_representable,
    probe_result,
    settle,
    splits_refused,
)
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
from orchestrator.gateways.stripe import params, webhooks
from orchestrator.gateways.stripe.capabilities import CAPABILITIES
from orchestrator.gateways.stripe.catalogue import StripeCatalogue
from orchestrator.gateways.stripe.checkout import StripeCheckout
from orchestrator.gateways.stripe.client import PAGE_ROWS, every_row, keyed, open_account, rows_of
from orchestrator.gateways.stripe.disputes import StripeDisputes
from orchestrator.gateways.stripe.endpoints import StripeEndpoints
from orchestrator.gateways.stripe.forwarding import StripeForwarding, StripeMirror
from orchestrator.gateways.stripe.mapping import read_intent, read_refund, read_reply
from orchestrator.gateways.stripe.methods import StripeMethods
from orchestrator.gateways.stripe.params import GATEWAY
from orchestrator.gateways.stripe.settlement import StripeSettlements
from orchestrator.gateways.stripe.transfers import StripeTransfers
from orchestrator.gateways.transport import GatewaySession, record
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import Outcome


class StripeGateway:
    """One Stripe account. `secret_key` and `webhook_secrets` are its credentials; sessions are the account's own."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
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
        self._webhook_secrets = webhook_secrets
        self._account = account = open_account(secret_key, direct, through_vault, vault, base_url)
        self._direct = account.direct
        self.facets = Facets(
            methods=StripeMethods(account),
            disputes=StripeDisputes(account),
            settlements=StripeSettlements(account),
            endpoints=StripeEndpoints(account),
            forwarding=StripeForwarding(account),
            mirror=StripeMirror(account),
            checkout=StripeCheckout(account),
            catalogue=StripeCatalogue(account),
            transfers=StripeTransfers(account),
        )

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        refusal = _refusal(call)
        if refusal is not None:
            return refusal
        try:
            send = self._sender(call)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        vault = self._account.vault if _through_vault(call) else None
        return settle(record(send), GATEWAY, lambda reply: read_reply(call, reply), vault=vault)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Read the intent (or its refunds) by id; where the id is lost, by our reference in its metadata."""
        if not call.gateway_payment_id:
            return self._search(call)
        if call.kind is OperationKind.REFUND:
            return self._look_up_refund(call)
        expanded: Any = {"expand": params.EXPAND_CHARGE}
        tape = record(lambda: self._direct.v1.payment_intents.retrieve(call.gateway_payment_id, expanded))
        return looked_up(tape, GATEWAY, lambda intent: read_intent(call, intent))

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Check `Stripe-Signature` against every secret, both ways in time, then translate."""
        trimmed = webhooks.trim(headers, body)
        webhooks.verify(trimmed, self._webhook_secrets, now_s=int(clock_port.now().timestamp()))
        return webhooks.translate(trimmed.body, live=self._account.live)

    def translate_webhook(self, body: bytes) -> list[WebhookMessage]:
        """What was verified before, in our words of today."""
        return webhooks.translate(body, live=self._account.live)

    def probe(self) -> str:
        """Read the balance: any key that may take payments may do that."""
        return probe_result(record(lambda: self._direct.v1.balance.retrieve()))

    def close(self) -> None:
        """Close both sessions' connections."""
        for session in self._sessions:
            session.close()

    def _sender(self, call: OperationCall) -> Callable[[], object]:
        """The SDK's call. By `raw_request`, which sends the same and leaves out objects that nobody looks at: the
        recorded reply is what is read (https://github.com/stripe/stripe-python#custom-requests)."""
        client = self._account.through_vault if _through_vault(call) else self._direct
        path, keyed_so = _path_of(call), keyed(call.operation_id)
        asked: params.Params
        match call.kind:
            case OperationKind.CREATE:
                asked = params.created_intent(call)
            case OperationKind.CONFIRM:
                asked = params.confirmed_intent(call, self._account.vault)
            case OperationKind.COMPLETE:
                return lambda: client.raw_request("get", path, expand=params.EXPAND_CHARGE)
            case OperationKind.CAPTURE:
                asked = params.captured_intent(call)
            case OperationKind.VOID:
                asked = {}
            case OperationKind.REFUND:
                asked = params.refund(call)
            case _:
                assert_never(call.kind)
        return lambda: client.raw_request("post", path, **asked, **keyed_so)

    def _search(self, call: OperationCall) -> LookupResult:
        """Found is certain, not found is not: https://docs.stripe.com/search#data-freshness."""
        if call.kind is OperationKind.REFUND:
            return LookupResult(Lookup.UNAVAILABLE, detail="the payment intent's id is not known")
        query: Any = {"query": f"metadata['clearway_attempt']:'{call.attempt_id}'", "limit": 2}
        tape = record(lambda: self._direct.v1.payment_intents.search(query))
        result = looked_up(tape, GATEWAY, lambda page: _found(call, page))
        if result.state is Lookup.OPEN and result.outcome is None:
            return LookupResult(Lookup.UNAVAILABLE, detail="Stripe's search does not know it yet, which proves nothing")
        return result

    def _look_up_refund(self, call: OperationCall) -> LookupResult:
        asked: Any = {"payment_intent": call.gateway_payment_id, "limit": PAGE_ROWS}
        tape = record(lambda: every_row(self._direct.v1.refunds.list(asked)))
        return looked_up(tape, GATEWAY, lambda _: _own_refund(call, rows_of(tape)))


_INTENTS = "/v1/payment_intents"
_VERBS = {OperationKind.CONFIRM: "/confirm", OperationKind.CAPTURE: "/capture", OperationKind.VOID: "/cancel"}


def _path_of(call: OperationCall) -> str:
    match call.kind:
        case OperationKind.CREATE:
            return _INTENTS
        case OperationKind.REFUND:
            return "/v1/refunds"
        case kind:
            return f"{_INTENTS}/{quote(call.gateway_payment_id, safe='')}{_VERBS.get(kind, '')}"


def _through_vault(call: OperationCall) -> bool:
    return call.kind is OperationKind.CONFIRM and in_vault(call.credential)


def _refusal(call: OperationCall) -> Outcome | None:
    """What is not sent: the mistake is ours, or the account's; another gateway may do it."""
    opening = call.kind in (OperationKind.CREATE, OperationKind.CONFIRM)
    if call.kind is not OperationKind.CREATE and not call.gateway_payment_id:
        return invalid_call(GATEWAY, f"{call.kind} needs the payment intent's id")
    if call.kind is OperationKind.CONFIRM and call.credential is None:
        return invalid_call(GATEWAY, "confirm needs a credential")
    if opening and call.capture is CaptureMode.MANUAL and params.captured_at_once_only(call.credential):
        kind = params.method_type(call.credential)
        return invalid_call(
            GATEWAY, f"{kind} cannot be authorised first: ask for it with capture {CaptureMode.AUTOMATIC}"
        )
    if call.kind is OperationKind.CREATE and call.save is not None and not params.customer_of(call):
        return invalid_call(GATEWAY, params.LACKS_CUSTOMER)
    if opening and call.save is not None and params.lacks_consent(call.credential, call.shopper):
        return invalid_call(GATEWAY, params.LACKS_CONSENT)
    return splits_refused(GATEWAY, call)


def _found(call: OperationCall, page: dict[str, Any]) -> Outcome | None:
    intents = page["data"]
    if len(intents) > 1:
        raise ValueError("several intents have this reference")
    return read_intent(call, intents[0]) if intents else None


def _own_refund(call: OperationCall, refunds: list[dict[str, Any]]) -> Outcome | None:
    for refund in refunds:
        if (refund.get("metadata") or {}).get("clearway_operation") == call.operation_id:
            return read_refund(refund, call.amount)
    return None
