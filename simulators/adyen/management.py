"""The Management API v3, as far as webhooks of a merchant account and the caller's own credential go.

docs.adyen.com/api-explorer/Management/3. Its errors are problem documents, not the Checkout API's.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2

from simulators.adyen.gate import DEFAULT_COMPANY
from simulators.adyen.state import State, state_of
from simulators.adyen.webhooks import account_item, encoded, sign
from simulators.adyen.wire import RequestRefused, new_reference
from simulators.asgi import Response, json_response
from simulators.world import Endpoint, World

Body = dict[str, Any]
_TIMEOUT_S = 10.0
_DEFAULT_PAGE, _LARGEST_PAGE = 10, 100
_REQUIRED = ("active", "communicationFormat", "type", "url")
_OPTIONAL = (
    *("acceptsExpiredCertificate", "acceptsSelfSignedCertificate", "acceptsUntrustedRootCertificate"),
    *("additionalSettings", "description", "encryptionProtocol", "networkType", "populateSoapActionHeader", "username"),
)
_TYPES = ("standard", "report-notification")

# docs.adyen.com/development-resources/webhooks/webhook-types: what a standard webhook is sent unless it excludes it,
# and what only if it includes it
_DEFAULT_EVENTS = frozenset(
    (
        *("AUTHORISATION", "AUTHORISATION_ADJUSTMENT", "CANCELLATION", "CANCEL_OR_REFUND", "CAPTURE", "CAPTURE_FAILED"),
        *("CHARGEBACK", "CHARGEBACK_REVERSED", "EXPIRE", "INFORMATION_SUPPLIED", "NOTIFICATION_OF_CHARGEBACK"),
        *("DISPUTE_DEFENSE_PERIOD_ENDED", "ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "OFFER_CLOSED", "PREARBITRATION_LOST"),
        *("PREARBITRATION_WON", "REFUND", "REFUNDED_REVERSED", "REFUND_FAILED", "REPORT_AVAILABLE"),
        *("REQUEST_FOR_INFORMATION", "SECOND_CHARGEBACK", "TECHNICAL_CANCEL"),
    )
)
_EVENTS_OF_REPORTS = frozenset({"REPORT_AVAILABLE"})
_TESTABLE = ("AUTHORISATION", "CHARGEBACK_REVERSED", "REFUNDED_REVERSED", "REPORT_AVAILABLE")


def problem(status: int, code: str, message: str, kind: str = "validation") -> Response:
    """An RFC 7807 document; Adyen's code is the status and a number of its own."""
    titles = {400: "Bad request", 401: "Unauthorized", 403: "Forbidden", 404: "Entity was not found"}
    body = {
        "type": f"https://docs.adyen.com/errors/{'security' if status in (401, 403) else kind}",
        "title": titles.get(status, "Invalid request provided" if status == 422 else "Error"),
        "status": status,
        "detail": message,
        "requestId": new_reference(),
        "errorCode": {401: "00_401", 403: "00_403", 404: "30_112"}.get(status, f"00_{status}"),
    }
    return json_response(body, status)


def me(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """GET /me: the credential that the API key is of, and the merchant accounts it may act for."""
    held = world.accounts["adyen", account]
    company, key = held.get("company", DEFAULT_COMPANY), held["api_key"]
    merchants = [
        name for (gateway, name), has in world.accounts.items() if gateway == "adyen" and has.get("api_key") == key
    ]
    return json_response(
        {
            "id": "S2-" + account.encode().hex().upper()[:32],
            "username": f"ws@Company.{company}",
            "clientKey": "test_" + account.encode().hex().upper()[:32],
            "companyName": company,
            "active": True,
            "allowedIpAddresses": [],
            "allowedOrigins": [],
            "associatedMerchantAccounts": merchants,
            "roles": ["Checkout webservice role", "Management API—Webhooks read and write", "Merchant Recurring role"],
            "_links": {"self": {"href": f"{state_of(world).base_url}/v3/me"}},
        }
    )


def create(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /merchants/{merchantId}/webhooks."""
    for name in _REQUIRED:
        if name not in body:
            raise _invalid(name, "is required")
    if body["type"] not in _TYPES:
        raise _invalid("type", f"is none of {', '.join(_TYPES)}, which are simulated")
    id, state = "S2-" + secrets.token_hex(20).upper(), state_of(world)
    shown: Body = {"id": id, "hasError": False, "hasPassword": False, "accountReference": account}
    state.webhooks[id] = shown
    world.register_endpoint(Endpoint("adyen", account, "", {}, id=id))
    try:
        _apply(world, account, id, body)
    except RequestRefused:
        _forget(world, account, id)
        raise
    return json_response(_linked(state, account, shown))


def listed(world: World, account: str, query: Body, declined_for: str | None) -> Response:
    """GET /merchants/{merchantId}/webhooks?pageNumber&pageSize."""
    try:
        size, number = int(query.get("pageSize", _DEFAULT_PAGE)), int(query.get("pageNumber", 1))
    except ValueError:
        raise _invalid("pageNumber", "is no number") from None
    if not (1 <= size <= _LARGEST_PAGE and number >= 1):
        raise _invalid("pageSize", "is not 1 to 100")
    state = state_of(world)
    mine = [_linked(state, account, w) for w in state.webhooks.values() if w["accountReference"] == account]
    page = mine[(number - 1) * size : number * size]
    total = {"itemsTotal": len(mine), "pagesTotal": -(-len(mine) // size)}
    return json_response({"accountReference": account, "data": page, **total})


def get(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    return json_response(_linked(state_of(world), account, _webhook(world, account, id)))


def update(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """PATCH: what it names, the rest stays."""
    shown = _webhook(world, account, id)
    _apply(world, account, id, body)
    return json_response(_linked(state_of(world), account, shown))


def delete(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    _webhook(world, account, id)
    _forget(world, account, id)
    return Response(204)


def generate_hmac(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """POST …/generateHmac: a new key, in force at once."""
    _webhook(world, account, id)
    key = secrets.token_hex(32).upper()
    _endpoint(world, account, id).secrets["hmac_key"] = key
    return json_response({"hmacKey": key})


async def test(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """POST …/test: sends a notification of each of `types`, AUTHORISATION by default, and says how it was taken."""
    _webhook(world, account, id)
    events = body.get("types") or ["AUTHORISATION"]
    for event in events:
        if event not in _TESTABLE:
            raise _invalid("types", f"names {event}, which cannot be tested here")
    endpoint = _endpoint(world, account, id)
    return json_response({"data": [await _tested(world, endpoint, event) for event in events]})


async def _tested(world: World, endpoint: Endpoint, event: str) -> Body:
    now = world.clock.now()
    item = account_item(endpoint.account, event, now, psp_reference=new_reference(), reason="")
    item |= {"merchantReference": "testMerchantRef1", "amount": {"value": 1000, "currency": "EUR"}}
    signed, began = sign(world, endpoint, encoded(item)), time.monotonic()
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, follow_redirects=False) as client:
            answer = await client.post(endpoint.url, content=signed.body, headers=signed.headers)
        status, output = answer.status_code, answer.text
    except httpx2.HTTPError as trouble:
        status, output = 0, type(trouble).__name__
    return {
        "merchantId": endpoint.account,
        "output": output[:1000],
        "requestSent": signed.body.decode(),
        "responseCode": str(status) if status else "",
        "responseTime": f"{round((time.monotonic() - began) * 1000)} ms",
        "status": "success" if 200 <= status < 300 else "failed",
    }


def _apply(world: World, account: str, id: str, body: Body) -> None:
    shown, endpoint = state_of(world).webhooks[id], _endpoint(world, account, id)
    if "url" in body and urlsplit(str(body["url"])).scheme not in ("http", "https"):
        raise _invalid("url", "is no http or https URL")
    if body.get("communicationFormat", "json") != "json":
        raise _invalid("communicationFormat", "is not json, which alone is simulated")
    shown |= {name: body[name] for name in (*_REQUIRED, *_OPTIONAL) if name in body}
    if "password" in body:
        endpoint.secrets["password"], shown["hasPassword"] = str(body["password"]), bool(body["password"])
    if "username" in body:
        endpoint.secrets["username"] = str(body["username"])
    endpoint.url, endpoint.enabled = str(shown["url"]), shown["active"] is True
    endpoint.events = _wanted(shown)


def _wanted(shown: Body) -> frozenset[str]:
    if shown["type"] == "report-notification":
        return _EVENTS_OF_REPORTS
    settings = shown.get("additionalSettings") or {}
    return (_DEFAULT_EVENTS | set(settings.get("includeEventCodes", []))) - set(settings.get("excludeEventCodes", []))


def _forget(world: World, account: str, id: str) -> None:
    del state_of(world).webhooks[id]
    world.remove_endpoint("adyen", account, id)


def _webhook(world: World, account: str, id: str) -> Body:
    shown = state_of(world).webhooks.get(id)
    if shown is None or shown["accountReference"] != account:
        raise RequestRefused(problem(404, "30_112", "Webhook not found"))
    return shown


def _endpoint(world: World, account: str, id: str) -> Endpoint:
    return next(e for e in world.endpoints_of("adyen", account) if e.id == id)


def _linked(state: State, account: str, shown: Body) -> Body:
    base = f"{state.base_url}/v3/merchants/{account}"
    here = f"{base}/webhooks/{shown['id']}"
    links = {"self": here, "generateHmac": f"{here}/generateHmac", "testWebhook": f"{here}/test", "merchant": base}
    return {**shown, "_links": {name: {"href": href} for name, href in links.items()}}


def _invalid(name: str, why: str) -> RequestRefused:
    document = json.loads(problem(422, "", f"{name} {why}").body)
    document["invalidFields"] = [{"name": name, "message": why}]
    return RequestRefused(json_response(document, 422))
