"""Meridian's adapter: plain HTTP over the account's sessions. The payment is authorised in one step."""

from __future__ import annotations

from typing import Any

from currency.exponents import AmountNotRepresentable
from orchestrator import clock_port
from orchestrator.gateways.answers import looked_up, not_representable, probe_result, settle
from orchestrator.gateways.base import LookupResult, OperationCall, OperationKind, WebhookMessage
from orchestrator.gateways.credentials import in_vault
from orchestrator.gateways.facets import Facets
from orchestrator.gateways.kinds import AccountSetup
from orchestrator.gateways.transport import Tape, record
from routing.outcomes import Outcome
from tests.fourth_gateway.meridian import webhooks
from tests.fourth_gateway.meridian.capabilities import CAPABILITIES
from tests.fourth_gateway.meridian.mapping import GATEWAY, found, read_payment, read_reply
from tests.fourth_gateway.meridian.params import NotOffered, body_of, path_of

LIVE, SANDBOX = "https://api.meridian.example/v1", "https://sandbox.meridian.example/v1"


class MeridianGateway:
    """One Meridian account."""

    name: str = GATEWAY
    capabilities = CAPABILITIES
    authorise_steps: tuple[OperationKind, ...] = (OperationKind.CONFIRM,)
    can_look_up = True
    resend_window_s = 23 * 3600  # keys are kept for 24 h (API.md, Idempotency)

    def __init__(self, setup: AccountSetup) -> None:
        self._setup = setup
        self._url = setup.endpoints.base_url or (LIVE if setup.endpoints.live else SANDBOX)
        self._headers = {"Authorization": f"Bearer {setup.credentials['api_key']}"}
        self._webhook_secrets = setup.present("webhook_secret", "webhook_secret_previous")
        self.facets = Facets()

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation; see Gateway."""
        try:
            path, body = path_of(call), body_of(call, self._setup.vault)
        except AmountNotRepresentable as error:
            return not_representable(GATEWAY, error)
        except NotOffered as refusal:
            return refusal.outcome
        vault = self._setup.vault if in_vault(call.credential) else None
        session = self._setup.through_vault if vault else self._setup.direct
        headers = {**self._headers, "Idempotency-Key": call.operation_id}
        tape = record(lambda: session.post(self._url + path, json=body, headers=headers))
        return settle(tape, GATEWAY, lambda reply: read_reply(call, reply), vault=vault)

    def look_up(self, call: OperationCall) -> LookupResult:
        """Read the payment by its id; where the answer with the id was lost, by our reference."""
        if call.gateway_payment_id:
            tape = self._get(f"/payments/{call.gateway_payment_id}")
            return looked_up(tape, GATEWAY, lambda payment: read_payment(call, payment))
        tape = self._get("/payments", reference=call.attempt_id)
        return looked_up(tape, GATEWAY, lambda page: read_payment(call, found(page)))

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Trim, verify, translate; see Gateway."""
        trimmed = webhooks.trim(headers, body)
        webhooks.verify(trimmed, self._webhook_secrets, now_s=int(clock_port.now().timestamp()))
        return webhooks.translate(trimmed.body)

    def translate_webhook(self, body: bytes) -> list[WebhookMessage]:
        """What was verified before; see Gateway."""
        return webhooks.translate(body)

    def probe(self) -> str:
        """List the payments of a reference that nobody has: it takes a key that may take payments."""
        return probe_result(self._get("/payments", reference="probe"))

    def close(self) -> None:
        """Close both sessions' connections."""
        self._setup.direct.close()
        self._setup.through_vault.close()

    def _get(self, path: str, **query: str) -> Tape:
        session: Any = self._setup.direct
        return record(lambda: session.get(self._url + path, params=query, headers=self._headers))
