"""Our webhook address as registered at PayPal: Webhooks Management v1, which the SDK does not have.

https://developer.paypal.com/docs/api/webhooks/v1/
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from orchestrator.gateways.answers import answer_from
from orchestrator.gateways.facets import Answer, Endpoint
from orchestrator.gateways.paypal.connection import PayPalConnection, PlainRequest, answer_of_call
from orchestrator.gateways.paypal.events import EVENT_TYPES
from orchestrator.gateways.paypal.mapping import read_refusal
from orchestrator.gateways.transport import Reply
from routing.outcomes import OutcomeKind

_PATH = "/v1/notifications/webhooks"
_WANTED: list[dict[str, str]] = [{"name": name} for name in EVENT_TYPES]


class PayPalEndpoints:
    """Implements Endpoints. The id of a webhook is part of what PayPal signs, so it is the secret that we are given."""

    def __init__(self, connection: PayPalConnection) -> None:
        self._paypal = connection

    def register(self, url: str, idempotency_key: str) -> Answer[Endpoint]:
        """An address is registered once: one that is there already is taken, and set to the events that we want."""
        listed = self._listed()
        if listed.value is None:
            return Answer(listed.kind, None, listed.decline, detail=listed.detail, exchange=listed.exchange)
        there = next((endpoint for endpoint in listed.value if endpoint.url == url), None)
        if there is not None:
            known = Answer(OutcomeKind.APPROVED, there, exchange=listed.exchange)
            return known if there.enabled else self.enable(there.endpoint_id)
        body = {"url": url, "event_types": _WANTED}
        return self._one(PlainRequest("POST", _PATH, idempotency_key, json_body=body))

    def fetch(self, endpoint_id: str) -> Answer[Endpoint]:
        return self._one(PlainRequest("GET", f"{_PATH}/{quote(endpoint_id)}"))

    def enable(self, endpoint_id: str) -> Answer[Endpoint]:
        """PayPal has no switch: an endpoint is on when it is subscribed to what we want. Replacing twice is once."""
        body = [{"op": "replace", "path": "/event_types", "value": _WANTED}]
        return self._one(PlainRequest("PATCH", f"{_PATH}/{quote(endpoint_id)}", json_body=body))

    def remove(self, endpoint_id: str) -> Answer[None]:
        def read(reply: Reply) -> Answer[None]:
            if reply.status in (204, 404):
                return Answer(OutcomeKind.APPROVED)
            return answer_from(read_refusal(reply))

        return answer_of_call(self._paypal.request(PlainRequest("DELETE", f"{_PATH}/{quote(endpoint_id)}")), read)

    def _listed(self) -> Answer[list[Endpoint]]:
        def read(reply: Reply) -> Answer[list[Endpoint]]:
            if reply.status >= 400 or reply.body is None:
                return answer_from(read_refusal(reply))
            return Answer(OutcomeKind.APPROVED, [_endpoint(one) for one in reply.body.get("webhooks") or []])

        return answer_of_call(self._paypal.request(PlainRequest("GET", _PATH)), read)

    def _one(self, request: PlainRequest) -> Answer[Endpoint]:
        def read(reply: Reply) -> Answer[Endpoint]:
            if reply.status >= 400 or reply.body is None:
                return answer_from(read_refusal(reply))
            return Answer(OutcomeKind.APPROVED, _endpoint(reply.body))

        return answer_of_call(self._paypal.request(request), read)


def _endpoint(webhook: dict[str, Any]) -> Endpoint:
    events = webhook.get("event_types") or []
    on = {str(event["name"]) for event in events if event.get("status", "ENABLED") == "ENABLED"}
    return Endpoint(
        endpoint_id=webhook["id"],
        url=webhook["url"],
        enabled="*" in on or on >= set(EVENT_TYPES),
        secrets={"webhook_id": webhook["id"]},
    )
