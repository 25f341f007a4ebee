"""POST /forward: a stored or given card sent to somebody else's API, its fields put in place of placeholders.

docs.adyen.com/online-payments/tokenization/forward-payment-details. Where requests may go is the vault's list of
destinations: the simulators, and what a tester adds.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx2

from simulators.adyen import tokens
from simulators.adyen.orders import card_of
from simulators.adyen.wire import missing, new_reference, refused
from simulators.asgi import Response, json_response
from simulators.methods import methods_of
from simulators.network_tokens import network_token_for, new_cryptogram
from simulators.vault.destinations import may_reach
from simulators.world import Card, World

Body = dict[str, Any]
_LONGEST_BODY = 20_000  # characters, CheckoutOutgoingForwardRequest
_TIMEOUT_S = 30.0
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_METHODS = ("post", "put", "patch")
_KEPT_HEADERS = ("content-type", "request-id", "retry-after")


async def forward(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """The other side's answer, whatever it is, is an HTTP 200 with it in `response`."""
    shopper = tokens.shopper_of(body)
    card, token = _card(world, account, shopper, body)
    options = body.get("options") or {}
    outgoing = body.get("request") or {}
    method, url = _destination(world, body, outgoing)
    values = _values(world, card, options, body)
    text = _filled(str(outgoing["body"]), values)
    credentials = {"credentials": str(outgoing.get("credentials", ""))}
    headers = {str(k): _filled(str(v), credentials) for k, v in (outgoing.get("headers") or {}).items()}
    if options.get("dryRun") is True:
        masked = _filled(str(outgoing["body"]), dict.fromkeys(values, "*****"))
        reply: Body = {"status": 200, "headers": {}, "body": masked}
    else:
        reply = await _send(method, url, headers, text)
    if not token and options.get("tokenize") is True and int(reply["status"]) < 300:
        token = tokens.keep_card(world, account, shopper, card).token
    answer: Body = {"pspReference": new_reference(), "response": reply}
    if token:
        answer["storedPaymentMethodId"] = token
    if body.get("merchantReference"):
        answer["merchantReference"] = str(body["merchantReference"])
    return json_response(answer)


def _card(world: World, account: str, shopper: str, body: Body) -> tuple[Card, str]:
    given, token = body.get("paymentMethod") or {}, str(body.get("storedPaymentMethodId") or "")
    if not token:
        if not given:
            raise missing("storedPaymentMethodId")
        return card_of(given), ""
    method = methods_of(world).find("adyen", account, token)
    if method is None or method.customer_id != shopper or method.card is None:
        raise refused("803", "PaymentDetail not found")
    kept, cvc = method.card, str(given.get("cvc") or "")
    return Card(kept.number, kept.expiry_month, kept.expiry_year, cvc, kept.holder), token


def _destination(world: World, body: Body, outgoing: Body) -> tuple[str, str]:
    method = str(outgoing.get("httpMethod", ""))
    if method not in _METHODS:
        raise missing("request.httpMethod")
    if not isinstance(outgoing.get("body"), str):
        raise missing("request.body")
    if len(outgoing["body"]) > _LONGEST_BODY:
        raise refused("702", "request.body has more than 20,000 characters", status=400)
    base_url = str(body.get("baseUrl") or "")
    if not base_url:
        raise missing("baseUrl")
    url = base_url + str(outgoing.get("urlSuffix") or "")
    if urlsplit(url).netloc != urlsplit(base_url).netloc or not may_reach(world, url):
        raise refused("010", "The destination is not on the list of allowed destinations", 403, "security")
    return method, url


def _values(world: World, card: Card, options: Body, body: Body) -> dict[str, str]:
    """By placeholder. With options.networkToken.useNetworkToken the number and expiry are the token's."""
    wanted = options.get("networkToken") or {}
    number, month, year = card.number, card.expiry_month, card.expiry_year
    values = {"holderName": card.holder, "cvc": card.cvc}
    if wanted.get("useNetworkToken") is True:
        token = network_token_for(world, card)
        number, month, year = token.number, token.expiry_month, token.expiry_year
        if wanted.get("includeCryptogram") is True:
            values["cryptogram"] = new_cryptogram(world, token)
    return values | {"number": number, "expiryMonth": f"{month:02d}", "expiryYear": str(year)}


def _filled(text: str, values: dict[str, str]) -> str:
    """Escaped where the text is JSON. Raises RequestRefused for a placeholder that means nothing."""
    is_json = text.lstrip().startswith(("{", "["))

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise refused("702", f"Unknown placeholder {match[1]}", status=400)
        return json.dumps(values[match[1]])[1:-1] if is_json else values[match[1]]

    return _PLACEHOLDER.sub(value_of, text)


async def _send(method: str, url: str, headers: dict[str, str], text: str) -> Body:
    named = {"content-type": "application/json", **{k.lower(): v for k, v in headers.items()}}
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, follow_redirects=False) as client:
            answer = await client.request(method.upper(), url, content=text.encode(), headers=named)
    except httpx2.HTTPError:
        # what Adyen answers then is not documented
        raise refused("904", "Unable To Process", 500, "internal") from None
    kept = {name: value for name, value in answer.headers.items() if name in _KEPT_HEADERS}
    return {"status": answer.status_code, "headers": kept, "body": answer.text}
