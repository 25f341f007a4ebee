"""Kept cards on the move: Adyen sends one that it keeps to another gateway, and keeps one that another sends.

https://docs.adyen.com/online-payments/tokenization/forward-payment-details
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from orchestrator.gateways.adyen.clients import AdyenServices
from orchestrator.gateways.adyen.mapping import GATEWAY, error_answer, object_of, read_error, read_stored
from orchestrator.gateways.adyen.payment_request import model_of
from orchestrator.gateways.answers import answer_from, answer_of, invalid_call
from orchestrator.gateways.facets import Answer, ForwardReply, ForwardRequest, SavedMethod, SaveOrder
from orchestrator.gateways.transport import Reply, record
from routing.outcomes import OutcomeKind

MAX_BODY_CHARS = 20_000  # of a forwarded body (Checkout v72, CheckoutOutgoingForwardRequest)
_METHODS = ("post", "put", "patch")

# Our places for card data, and what Adyen replaces. A CVC is never kept, so there is none to send.
_PLACES = {
    "{number}": "{{number}}",
    "{expiry_month}": "{{expiryMonth}}",
    "{expiry_year}": "{{expiryYear}}",
    "{expiry}": "{{expiryYear}}-{{expiryMonth}}",
    "{holder}": "{{holderName}}",
}
_CREDENTIAL_HEADERS = ("authorization", "x-api-key")


class AdyenForwarding:
    """The sending side."""

    def __init__(self, services: AdyenServices, merchant_account: str) -> None:
        self._api = services.recurring
        self._merchant = merchant_account

    def forward(
        self, gateway_token: str, gateway_customer: str, request: ForwardRequest, idempotency_key: str
    ) -> Answer[ForwardReply]:
        """An error reply of Adyen's own means that it sent nothing on, but for its 5xx.

        Keys are unique in a company account, to which the other side may belong too: the two requests have their own
        (https://docs.adyen.com/development-resources/api-idempotency).
        """
        problem = _problem_of(request)
        if problem:
            return answer_from(invalid_call(GATEWAY, problem))
        body = {
            "merchantAccount": self._merchant,
            "shopperReference": gateway_customer,
            "storedPaymentMethodId": gateway_token,
            **_destination(request),
        }
        tape = record(lambda: self._api.forward(body, idempotency_key=f"{idempotency_key}:forward"))
        return answer_of(tape, GATEWAY, _read_forwarded)


class AdyenMirror:
    """The receiving side: `/storedPaymentMethods` keeps a card without charging or checking it."""

    def __init__(self, checkout_url: str, api_key: str, merchant_account: str) -> None:
        self._url = f"{checkout_url}/storedPaymentMethods"
        self._api_key = api_key
        self._merchant = merchant_account

    def save_request(self, order: SaveOrder) -> ForwardRequest:
        body = {
            "merchantAccount": self._merchant,
            "shopperReference": order.gateway_customer,
            "recurringProcessingModel": model_of(order.use.agreement),
            "paymentMethod": {
                "type": "scheme",
                "number": "{number}",
                "expiryMonth": "{expiry_month}",
                "expiryYear": "{expiry_year}",
            },
        }
        headers = {"X-API-Key": self._api_key, "Idempotency-Key": order.idempotency_key}
        return ForwardRequest("POST", self._url, headers, "application/json", json.dumps(body))

    def read_saved(self, order: SaveOrder, reply: ForwardReply) -> Answer[SavedMethod]:
        """What came back through the forwarding gateway: not believed where it cannot be read."""
        try:
            body = json.loads(reply.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return Answer(OutcomeKind.UNKNOWN, detail=f"HTTP {reply.status}, an answer that could not be read")
        if reply.status >= 500:
            return Answer(OutcomeKind.UNKNOWN, detail=f"Adyen answered HTTP {reply.status}: it may have acted")
        if reply.status >= 400:
            return answer_from(read_error(Reply(reply.status, {}, body)))
        if not body.get("id"):
            return Answer(OutcomeKind.UNKNOWN, detail="an answer without a token")
        return Answer(OutcomeKind.APPROVED, read_stored(body, order.gateway_customer))


def _problem_of(request: ForwardRequest) -> str:
    if request.method.lower() not in _METHODS:
        return f"Adyen forwards {', '.join(_METHODS)} only, not {request.method}"
    if "{cvc}" in request.body:
        return "Adyen keeps no CVC to forward"
    if urlsplit(request.url).scheme not in ("http", "https"):
        return "the address to forward to must be absolute"
    if len(_with_places(request.body)) > MAX_BODY_CHARS:
        return f"Adyen forwards a body of at most {MAX_BODY_CHARS} characters"
    return ""


def _destination(request: ForwardRequest) -> dict[str, Any]:
    address = urlsplit(request.url)
    headers, credentials = _headers(request.headers)
    outgoing: dict[str, Any] = {
        "httpMethod": request.method.lower(),
        "urlSuffix": address.path + (f"?{address.query}" if address.query else ""),
        "headers": headers | {"Content-Type": request.content_type},
        "body": _with_places(request.body),
    }
    outgoing |= {"credentials": credentials} if credentials else {}
    return {"baseUrl": f"{address.scheme}://{address.netloc}", "request": outgoing}


def _headers(headers: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The headers, with the other gateway's credentials in the field that Adyen has for them."""
    sent, credentials = {}, ""
    for name, value in headers.items():
        if not credentials and name.lower() in _CREDENTIAL_HEADERS:
            scheme, space, credentials = value.rpartition(" ")
            value = f"{scheme}{space}{{{{credentials}}}}"
        sent[name] = value
    return sent, credentials


def _with_places(body: str) -> str:
    for ours, theirs in _PLACES.items():
        body = body.replace(ours, theirs)
    return body


def _read_forwarded(reply: Reply) -> Answer[ForwardReply]:
    if error := error_answer(reply):
        return error
    theirs = object_of(reply)["response"]
    status = theirs["status"]
    if not isinstance(status, int):
        raise ValueError("the other side's status is missing")
    return Answer(OutcomeKind.APPROVED, ForwardReply(status, str(theirs.get("body") or "")))
