"""Our webhook address at Stripe: https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

from typing import Any

import stripe

from orchestrator.gateways.facets import Answer, Endpoint
from orchestrator.gateways.stripe.client import Account, ask, done, keyed
from orchestrator.gateways.stripe.webhooks import TRANSLATED
from routing.outcomes import OutcomeKind


class StripeEndpoints:
    """See Endpoints."""

    def __init__(self, account: Account) -> None:
        self._v1 = account.direct.v1

    def register(self, url: str, idempotency_key: str) -> Answer[Endpoint]:
        """Events come in the SDK's API version, whatever the account's is. Only this answer has the secret."""
        asked: Any = {
            "url": url,
            "enabled_events": list(TRANSLATED),
            "api_version": stripe.api_version,
            "description": "Clearway",
        }
        return ask(lambda: self._v1.webhook_endpoints.create(asked, keyed(idempotency_key)), _read)

    def fetch(self, endpoint_id: str) -> Answer[Endpoint]:
        return ask(lambda: self._v1.webhook_endpoints.retrieve(endpoint_id), _read)

    def enable(self, endpoint_id: str) -> Answer[Endpoint]:
        """Stripe turns an endpoint off that fails for days. Says the same each time, so it needs no key."""
        asked: Any = {"disabled": False, "enabled_events": list(TRANSLATED)}
        return ask(lambda: self._v1.webhook_endpoints.update(endpoint_id, asked), _read)

    def remove(self, endpoint_id: str) -> Answer[None]:
        """One that is not there any more is APPROVED: it is what was wanted."""
        answer = ask(lambda: self._v1.webhook_endpoints.delete(endpoint_id), lambda _: done(None))
        missing = answer.decline is not None and answer.decline.gateway_code == "resource_missing"
        return Answer(OutcomeKind.APPROVED, exchange=answer.exchange) if missing else answer


def _read(endpoint: dict[str, Any]) -> Answer[Endpoint]:
    secret = endpoint.get("secret")
    return done(
        Endpoint(
            endpoint_id=endpoint["id"],
            url=endpoint["url"],
            enabled=endpoint["status"] == "enabled",
            secrets={"webhook_secret": secret} if secret else {},
        )
    )
