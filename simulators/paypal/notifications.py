"""Webhooks v1: registration of endpoints, the events that were sent, and PayPal's own check of a signature."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from simulators.paypal.signing import CERT_PATH
from simulators.paypal.state import State
from simulators.paypal.webhooks import EVENT_TYPES, tell_again
from simulators.paypal.wire import Json, Refused, RefusedByName, link, new_id, not_found
from simulators.world import Endpoint, World

_MOST_WEBHOOKS = 10  # developer.paypal.com/api/webhooks/v1/errors/webhook_number_limit_exceeded
_PATH = "/v1/notifications/webhooks"


def create(world: World, account: str, body: Json) -> Endpoint:
    """POST /v1/notifications/webhooks. Raises Refused or RefusedByName.

    PayPal takes addresses of HTTPS on port 443 only; those of this machine stand in for them.
    """
    url = _url(body.get("url"))
    existing = _of(world, account)
    if any(each.url == url for each in existing):
        raise RefusedByName("WEBHOOK_URL_ALREADY_EXISTS", "url")
    if len(existing) >= _MOST_WEBHOOKS:
        raise RefusedByName("WEBHOOK_NUMBER_LIMIT_EXCEEDED")
    id = new_id()
    endpoint = Endpoint("paypal", account, url, {"webhook_id": id}, id, _events(body.get("event_types")))
    world.register_endpoint(endpoint)
    return endpoint


def _url(url: object) -> str:
    if not isinstance(url, str) or urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname:
        raise RefusedByName("VALIDATION_ERROR", "url")
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        raise RefusedByName("VALIDATION_ERROR", "url")
    return url


def _events(types: object) -> frozenset[str]:
    if not isinstance(types, list) or not types:
        raise RefusedByName("VALIDATION_ERROR", "event_types")
    names = [each.get("name") if isinstance(each, dict) else None for each in types]
    for index, name in enumerate(names):
        if name != "*" and name not in EVENT_TYPES:
            raise RefusedByName("VALIDATION_ERROR", f"event_types[{index}].name")
    return frozenset(str(name) for name in names)


def _of(world: World, account: str) -> list[Endpoint]:
    return [e for e in world.endpoints_of("paypal", account) if e.secrets.get("webhook_id")]


def endpoint_of(world: World, account: str, id: str) -> Endpoint:
    """By the webhook's id, also where it was not this API that registered it. Raises Refused."""
    found = next((each for each in _of(world, account) if each.secrets["webhook_id"] == id), None)
    if found is None:
        raise not_found()
    return found


def patch(world: World, account: str, id: str, operations: object) -> Endpoint:
    """PATCH: replaces /url and /event_types. Raises Refused or RefusedByName."""
    endpoint = endpoint_of(world, account, id)
    if not isinstance(operations, list):
        raise Refused("MALFORMED_REQUEST_JSON")
    url, events = endpoint.url, endpoint.events
    for operation in operations:
        if operation.get("op") != "replace":
            raise RefusedByName("VALIDATION_ERROR", "op")
        if operation.get("path") == "/url":
            url = _url(operation.get("value"))
        elif operation.get("path") == "/event_types":
            events = _events(operation.get("value"))
        else:
            raise RefusedByName("VALIDATION_ERROR", "path")
    if any(each.url == url for each in _of(world, account) if each is not endpoint):
        raise RefusedByName("WEBHOOK_URL_ALREADY_EXISTS", "url")
    endpoint.url, endpoint.events = url, events
    return endpoint


def delete(world: World, account: str, id: str) -> None:
    """Raises Refused."""
    endpoint = endpoint_of(world, account, id)
    world.remove_endpoint("paypal", account, endpoint.id)


def show(endpoint: Endpoint, state: State) -> Json:
    id = endpoint.secrets["webhook_id"]
    url = f"{state.base_url}{_PATH}/{id}"
    names = sorted(endpoint.events) or ["*"]
    links = [link(url, "self", "GET"), link(url, "update", "PATCH"), link(url, "delete", "DELETE")]
    return {"id": id, "url": endpoint.url, "event_types": [_shown_type(n) for n in names], "links": links}


def _shown_type(name: str) -> Json:
    if name == "*":
        return {"name": "*", "description": "ALL"}
    return {"name": name, "description": EVENT_TYPES[name][2], "status": "ENABLED"}


def listed(world: World, account: str, state: State) -> Json:
    return {"webhooks": [show(each, state) for each in _of(world, account)]}


def types(names: frozenset[str] | None = None) -> Json:
    """All event types, or those of one webhook."""
    shown = sorted(EVENT_TYPES if names is None else names)
    return {"event_types": [_shown_type(name) for name in shown]}


# events


def events(state: State, account: str, query: dict[str, str]) -> Json:
    """GET /v1/notifications/webhooks-events: latest first. Raises Refused."""
    size = query.get("page_size", "10")
    if not size.isdigit() or not 1 <= int(size) <= 300:
        raise Refused("INVALID_PARAMETER_VALUE", "page_size")
    wanted = query.get("event_type")
    found = [e for owner, e in state.events.values() if owner == account and wanted in (None, e["event_type"])]
    found.reverse()
    shown = found[: int(size)]
    return {"events": shown, "count": len(shown), "links": [link(f"{state.base_url}{_PATH}-events", "self", "GET")]}


def event(state: State, account: str, id: str) -> Json:
    """Raises Refused."""
    owner, found = state.events.get(id, ("", {}))
    if owner != account:
        raise not_found()
    return found


def resend(world: World, state: State, account: str, id: str) -> Json:
    """POST …/resend: to every webhook that wants it. Raises Refused."""
    found = event(state, account, id)
    tell_again(world, account, found)
    return found


# signatures


def verify(state: State, account: str, world: World, raw: bytes, body: Json) -> Json:
    """POST /v1/notifications/verify-webhook-signature: over the event's bytes as they stand in the request.

    developer.paypal.com/api/rest/webhooks/rest. Raises Refused.
    """
    names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")
    for name in (*names, "webhook_event"):
        if not body.get(name):
            raise RefusedByName("VALIDATION_ERROR", name)
    known = any(each.secrets["webhook_id"] == body["webhook_id"] for each in _of(world, account))
    is_ours = urlsplit(str(body["cert_url"])).path == CERT_PATH + state.signer.cert_id
    signed = known and is_ours and body["auth_algo"] == "SHA256withRSA"
    is_good = signed and state.signer.verifies(
        _event_bytes(raw),
        str(body["transmission_id"]),
        str(body["transmission_time"]),
        str(body["webhook_id"]),
        str(body["transmission_sig"]),
    )
    return {"verification_status": "SUCCESS" if is_good else "FAILURE"}


def _event_bytes(raw: bytes) -> bytes:
    """The value of `webhook_event`, unchanged: what is decoded and encoded again has other bytes."""
    text = raw.decode()
    start = text.index(":", text.index('"webhook_event"')) + 1
    start += len(text[start:]) - len(text[start:].lstrip())
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[start:end].encode()
