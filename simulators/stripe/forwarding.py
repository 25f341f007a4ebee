"""Vault and Forward: a request to another processor, with the card filled in on the way.

docs.stripe.com/payments/forwarding. Destinations are set up with Stripe; here they are those of the vault: the
other simulators, and what a tester adds.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2

from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError, invalid
from simulators.stripe.form import Form, listed, mapping, metadata, only, required, text
from simulators.stripe.methods import find_method
from simulators.stripe.objects import PaymentMethod, new_id, unix
from simulators.stripe.paging import page
from simulators.stripe.state import table
from simulators.vault.destinations import as_served, may_reach
from simulators.world import Card, World

_KINDS = ("card_cvc", "card_expiry", "card_number", "cardholder_name", "request_signature")
_FIELDS = {
    "card_number": ("number", "cardNumber", "card_number"),
    "card_cvc": ("cvc", "security_code", "cvv", "card_cvc"),
    "cardholder_name": ("holderName", "name", "cardholder_name"),
    "month": ("expiryMonth", "expiry_month", "exp_month"),
    "year": ("expiryYear", "expiry_year", "exp_year"),
    "expiry": ("expiry", "expirationDate"),
}
"""How the destinations name the fields: the configuration that Stripe keeps for each of them."""
_KEPT = timedelta(days=30)
_TIMEOUT_S = 30.0
_SECRET_HEADERS = ("key", "auth", "token", "secret")


class Forwarding:
    def __init__(self, world: World) -> None:
        self._world = world
        self._table = table(world, "forward")

    async def create(self, call: Call) -> dict[str, Any]:
        only(call.form, "metadata", "payment_method", "replacements", "request", "url")
        url = self._destination(required(call.form, "url"))
        method = find_method(self._world, call.account, required(call.form, "payment_method"), status=400)
        if method.card is None:
            raise _wrong("Only card PaymentMethods can be forwarded.", "payment_method")
        kinds = self._replacements(call.form, method.card)
        sent = mapping(call.form, "request")
        body, shown_body = _filled(required(sent, "body"), method.card, kinds)
        headers = {text(pair, "name"): text(pair, "value") for pair in listed(sent, "headers")}
        started = time.monotonic()
        answer = await self._send(url, body, headers)
        duration_ms = int((time.monotonic() - started) * 1000)
        if "card_cvc" in kinds:
            _forget_cvc(method)
        shown = {
            "id": new_id("fwdreq"),
            "object": "forwarding.request",
            "created": unix(self._world.clock.now()),
            "livemode": False,
            "metadata": metadata(call.form),
            "payment_method": method.id,
            "replacements": kinds,
            "request_context": {
                "destination_duration": duration_ms,
                "destination_ip_address": urlsplit(url).hostname or "",
            },
            "request_details": {"body": shown_body, "headers": _redacted(headers), "http_method": "POST"},
            "response_details": {
                "body": _without(answer.text, method.card),
                "headers": [{"name": name, "value": value} for name, value in answer.headers.items()],
                "status": answer.status_code,
            },
            "url": url,
        }
        return self._table.add(call.account, shown)

    def retrieve(self, call: Call) -> dict[str, Any]:
        shown = self._table.find(call.account, call.id)
        if shown not in self._kept(call.account):
            raise StripeError(404, f"No such forwarding request: '{call.id}'", code="resource_missing", param="id")
        return shown

    def list_all(self, call: Call) -> dict[str, Any]:
        return page("/v1/forwarding/requests", self._kept(call.account), call.form)

    def _kept(self, account: str) -> list[dict[str, Any]]:
        since = unix(self._world.clock.now() - _KEPT)
        return [shown for shown in self._table.of(account) if shown["created"] >= since]

    def _destination(self, url: str) -> str:
        if not may_reach(self._world, url):
            raise _wrong(f"The url {url} is not one of the destinations that are set up for your account.", "url")
        return as_served(self._world, url)

    def _replacements(self, form: Form, card: Card) -> list[str]:
        kinds = [str(kind) for kind in listed(form, "replacements")]
        if not kinds:
            raise invalid("Missing required param: replacements.", "replacements", "parameter_missing")
        for kind in kinds:
            if kind not in _KINDS:
                raise invalid(f"Invalid replacements: {kind}", "replacements")
        if "card_cvc" in kinds and not card.cvc:
            raise _wrong("The PaymentMethod has no card_cvc (any more).", "replacements")
        return kinds

    async def _send(self, url: str, body: str, headers: dict[str, str]) -> httpx2.Response:
        """Once, and without following a redirect."""
        sent = {**headers, "content-type": "application/json"}
        async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, follow_redirects=False) as client:
            try:
                return await client.post(url, content=body.encode(), headers=sent)
            except httpx2.TimeoutException as late:
                code = "forwarding_api_upstream_connection_timeout"
                raise StripeError(504, "The destination did not answer in time.", type="api_error", code=code) from late
            except httpx2.HTTPError as broken:
                code = "forwarding_api_upstream_connection_error"
                raise StripeError(502, "The destination could not be reached.", type="api_error", code=code) from broken


def _filled(body: str, card: Card, kinds: list[str]) -> tuple[str, str]:
    """The body to send, and the one to keep. Raises StripeError for a body that is not JSON or has no place."""
    try:
        parsed = json.loads(body)
    except ValueError:
        raise _wrong("The request body must be JSON.", "request[body]") from None
    masked = replace(card, number=f"{card.number[:6]}******{card.number[-4:]}", cvc="***")
    real, shown = json.loads(body), parsed
    if not _fill(real, card, kinds):
        raise _wrong("The request body has no empty field for the card.", "request[body]")
    _fill(shown, masked, kinds)
    return json.dumps(real), json.dumps(shown)


def _fill(node: Any, card: Card, kinds: list[str]) -> bool:
    """Empty fields of each object that has one for a card number."""
    if isinstance(node, list):
        return sum(_fill(each, card, kinds) for each in node) > 0
    if not isinstance(node, dict):
        return False
    inner = sum(_fill(value, card, kinds) for value in node.values()) > 0  # every one of them, not the first
    if not any(name in node for name in _FIELDS["card_number"]):
        return inner
    values = {"card_number": card.number, "card_cvc": card.cvc, "cardholder_name": card.holder or "Card Holder"}
    wanted = {kind: value for kind, value in values.items() if kind in kinds}
    if "card_expiry" in kinds:
        month = f"{card.expiry_month:02d}"
        wanted |= {"month": month, "year": str(card.expiry_year), "expiry": f"{card.expiry_year}-{month}"}
    for kind, value in wanted.items():
        for name in _FIELDS[kind]:
            if node.get(name) == "":
                node[name] = value
    return True


def _forget_cvc(method: PaymentMethod) -> None:
    """It expires with its use (docs.stripe.com/payments/forwarding)."""
    assert method.card is not None
    method.card = replace(method.card, cvc="")


def _redacted(headers: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "value": "[REDACTED]" if any(word in name.lower() for word in _SECRET_HEADERS) else value}
        for name, value in headers.items()
    ]


def _without(answer: str, card: Card) -> str:
    return answer.replace(card.number, f"{card.number[:6]}******{card.number[-4:]}")


def _wrong(message: str, param: str) -> StripeError:
    return invalid(message, param, "forwarding_api_invalid_parameter")
