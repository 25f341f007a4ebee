"""How another gateway asks PayPal to keep a card that it forwards: one request to the vault, with our token."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.gateways.answers import answer_from
from orchestrator.gateways.facets import Answer, ForwardReply, ForwardRequest, SavedMethod, SaveOrder
from orchestrator.gateways.paypal.connection import PayPalConnection
from orchestrator.gateways.paypal.mapping import read_refusal
from orchestrator.gateways.paypal.method_mapping import read_payment_token
from orchestrator.gateways.paypal.sources import customer_fields
from orchestrator.gateways.transport import Reply
from routing.outcomes import Outcome, OutcomeKind


class PayPalMirror:
    """Implements Mirror. The card is kept without verification: nobody is there who could approve it."""

    def __init__(self, connection: PayPalConnection) -> None:
        self._paypal = connection

    def save_request(self, order: SaveOrder) -> ForwardRequest:
        """POST /v3/vault/payment-tokens with the card. The bearer token in it lives for some hours: send it now.

        Raises what the network or PayPal raise where there is no token; then nothing can be forwarded.
        """
        card = {"number": "{number}", "expiry": "{expiry}", "name": "{holder}"}
        body: dict[str, Any] = {"payment_source": {"card": card}}
        if order.gateway_customer:
            body["customer"] = customer_fields(order.gateway_customer)
        return ForwardRequest(
            method="POST",
            url=f"{self._paypal.base_url}/v3/vault/payment-tokens",
            headers={
                "Authorization": f"Bearer {self._paypal.bearer()}",
                "PayPal-Request-Id": order.idempotency_key,
                "Accept": "application/json",
            },
            content_type="application/json",
            body=json.dumps(body),
        )

    def read_saved(self, order: SaveOrder, reply: ForwardReply) -> Answer[SavedMethod]:
        if reply.status >= 500:
            return Answer(OutcomeKind.UNKNOWN, detail=f"PayPal answered HTTP {reply.status}: it may have kept the card")
        try:
            body = json.loads(reply.body)
            if reply.status >= 400:
                return answer_from(read_refusal(Reply(reply.status, {}, body)))
            return Answer(OutcomeKind.APPROVED, read_payment_token(body))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            detail = f"HTTP {reply.status}, an answer that could not be read: {error!r}"
            return answer_from(Outcome(OutcomeKind.UNKNOWN, detail=detail))
