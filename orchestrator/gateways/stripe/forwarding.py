"""Cards on their way: Stripe's Vault and Forward as the sender, a setup intent as the receiver.

https://docs.stripe.com/payments/forwarding. Stripe opens it on request, for destinations that it knows.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import stripe

from orchestrator.gateways.answers import answer_from, invalid_call, without_bodies
from orchestrator.gateways.facets import CARD_PLACES, Answer, ForwardReply, ForwardRequest, SavedMethod, SaveOrder
from orchestrator.gateways.stripe.client import Account, ask, done, keyed
from orchestrator.gateways.stripe.mapping import read_failure
from orchestrator.gateways.stripe.methods import read_setup
from orchestrator.gateways.stripe.params import GATEWAY, future_usage
from orchestrator.gateways.transport import Reply
from routing.outcomes import OutcomeKind

API_URL = "https://api.stripe.com"

# https://docs.stripe.com/api/forwarding/request/create
_REPLACEMENTS = {
    "{number}": "card_number",
    "{expiry_month}": "card_expiry",
    "{expiry_year}": "card_expiry",
    "{expiry}": "card_expiry",
    "{cvc}": "card_cvc",
    "{holder}": "cardholder_name",
}


class StripeForwarding:
    """See Forwarding."""

    def __init__(self, account: Account) -> None:
        self._v1 = account.direct.v1

    def forward(
        self, gateway_token: str, gateway_customer: str, request: ForwardRequest, idempotency_key: str
    ) -> Answer[ForwardReply]:
        """Stripe fills the fields by the destination's form, so the places are left empty. It sends POST only.

        The key makes one outbound request of it, and is another than the one that goes along with the request
        (https://docs.stripe.com/api/forwarding/request). The exchange is kept without bodies: in them are the other
        gateway's credentials and what it keeps.
        """
        if request.method.upper() != "POST":
            return answer_from(invalid_call(GATEWAY, f"Stripe forwards by POST only, not by {request.method}"))
        body = request.body
        for place in CARD_PLACES:
            body = body.replace(place, "")
        asked: Any = {
            "payment_method": gateway_token,
            "url": request.url,
            "replacements": sorted({_REPLACEMENTS[place] for place in CARD_PLACES if place in request.body}),
            "request": {"body": body, "headers": _headers(request)},
        }
        answer = ask(lambda: self._v1.forwarding.requests.create(asked, keyed(f"{idempotency_key}:forward")), _read)
        return without_bodies(_proven(answer), "request", "reply")


class StripeMirror:
    """See Mirror.

    By a setup intent that is created and confirmed in one request: a payment method that is only created is kept for
    nobody, and attaching it takes a second request without the card, which leaves it unready for later charges
    (https://docs.stripe.com/api/payment_methods/attach).
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def save_request(self, order: SaveOrder) -> ForwardRequest:
        """The raw request with this account's key in it."""
        fields = {
            "confirm": "true",
            "customer": order.gateway_customer,
            "usage": future_usage(order.use),
            "allowed_payment_method_types[0]": "card",
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": "{number}",
            "payment_method_data[card][exp_month]": "{expiry_month}",
            "payment_method_data[card][exp_year]": "{expiry_year}",
            "metadata[clearway_method]": order.method_id,
            "expand[0]": "payment_method",
            "expand[1]": "latest_attempt",
        }
        if order.return_url:
            fields["return_url"] = order.return_url
        return ForwardRequest(
            method="POST",
            url=f"{self._account.base_url or API_URL}/v1/setup_intents",
            headers={
                "Authorization": f"Bearer {self._account.secret_key}",
                "Idempotency-Key": order.idempotency_key,
                "Stripe-Version": stripe.api_version,
            },
            content_type="application/x-www-form-urlencoded",
            body=urlencode(fields, safe="{}"),
        )

    def read_saved(self, order: SaveOrder, reply: ForwardReply) -> Answer[SavedMethod]:
        """Stripe's own answer, as the forwarding gateway tells it. What cannot be read is UNKNOWN."""
        try:
            body = json.loads(reply.body)
            if not isinstance(body, dict) or reply.status >= 500:
                raise ValueError(f"HTTP {reply.status} without an object")
            if reply.status < 400:
                return read_setup(body)
            failure: Answer[SavedMethod] = answer_from(read_failure(Reply(reply.status, {}, body)))
            return failure
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            detail = f"Stripe's forwarded answer could not be read: {error!r}"
            return Answer(OutcomeKind.UNKNOWN, detail=detail)


def _headers(request: ForwardRequest) -> list[dict[str, str]]:
    """Stripe writes the content type itself."""
    return [{"name": name, "value": value} for name, value in request.headers.items() if name.lower() != "content-type"]


def _read(forwarded: dict[str, Any]) -> Answer[ForwardReply]:
    told = forwarded["response_details"]
    return done(ForwardReply(int(told["status"]), str(told.get("body") or "")))


def _proven(answer: Answer[ForwardReply]) -> Answer[ForwardReply]:
    """Stripe answers 402 only when it had no connection yet, 502 and 504 for all else.

    https://docs.stripe.com/changelog/basil/2025-03-31/vault-forward-api-returns-402
    """
    code = answer.decline.gateway_code if answer.decline else ""
    reply = answer.exchange.get("reply")
    if code.startswith("forwarding_api_") and isinstance(reply, dict) and reply.get("status") == 402:
        return replace(answer, kind=OutcomeKind.NOT_REACHED, detail="Stripe had no connection to the other gateway")
    return answer
