"""Hosted pages that take a payment: payment links (POST /paymentLinks) and sessions (POST /sessions, mode hosted).

docs.adyen.com/unified-commerce/pay-by-link and …/online-payments/build-your-integration (hosted checkout).
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from simulators.adyen.pages import checkout_page, done_page, gone_page
from simulators.adyen.payments import complete, pay, payment_methods
from simulators.adyen.state import Checkout, state_of
from simulators.adyen.wire import RequestRefused, error, from_adyen, refused, stamp
from simulators.asgi import Request, Response, html_response, json_response, see_other
from simulators.currencies import to_decimal
from simulators.world import World

Body = dict[str, Any]
LINK_LASTS, LINK_LASTS_AT_MOST = timedelta(hours=24), timedelta(days=70)
SESSION_LASTS, SESSION_LASTS_AT_MOST = timedelta(hours=1), timedelta(hours=24)
_OF_THE_PAYMENT = (
    *("additionalData", "amount", "captureDelayHours", "countryCode", "merchantOrderReference", "metadata"),
    *("recurringProcessingModel", "reference", "shopperReference", "shopperEmail", "splits"),
)
_NOT_SHOWN = ("applicationInfo", "storePaymentMethodMode")
_FINISHED = {"Authorised": "completed", "PartiallyAuthorised": "completed", "Received": "paymentPending"}


def create_link(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /paymentLinks."""
    checkout = _opened(world, account, body, "PL", LINK_LASTS, LINK_LASTS_AT_MOST)
    return json_response(_shown_link(world, checkout), 201)


def get_link(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    return json_response(_shown_link(world, _link(world, account, id)))


def update_link(world: World, account: str, id: str, body: Body, declined_for: str | None) -> Response:
    """PATCH /paymentLinks/{id}: its one use is to let an active link expire."""
    checkout = _link(world, account, id)
    if body.get("status") != "expired" or checkout.status != "active":
        raise refused("880", "The status of the payment link cannot be changed to this")
    _set_status(world, checkout, "expired")
    return json_response(_shown_link(world, checkout))


def create_session(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /sessions. Its page exists in mode hosted only; the components of the other mode are not simulated."""
    if not body.get("returnUrl"):
        raise refused("14_030", "Return URL is missing.")
    checkout = _opened(world, account, body, "CS", SESSION_LASTS, SESSION_LASTS_AT_MOST)
    shown = {k: v for k, v in body.items() if k not in _NOT_SHOWN}
    shown |= {"id": checkout.id, "expiresAt": stamp(checkout.expires_at), "merchantAccount": account}
    if body.get("mode") == "hosted":
        shown["url"] = _page_url(world, checkout)
    else:
        shown["sessionData"] = "Ab02b4c0!" + secrets.token_urlsafe(96)
    return json_response(shown, 201)


def get_session(world: World, account: str, id: str, query: Body, declined_for: str | None) -> Response:
    """GET /sessions/{id}?sessionResult=… with what the shopper brought back."""
    checkout = state_of(world).checkouts.get(id)
    if checkout is None or checkout.is_link or not checkout.result or query.get("sessionResult") != checkout.result:
        raise refused("14_042", "The session result is not valid for this session")
    return json_response({"id": id, "reference": checkout.request["reference"], "status": checkout.status})


def expire_checkout(world: World, facts: dict[str, Any]) -> None:
    """Timer: the page is not to be used any more."""
    checkout = state_of(world).checkouts[str(facts["checkout"])]
    if checkout.status == "active":
        _set_status(world, checkout, "expired")


class CheckoutPages:
    """The page itself, bound to one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def show(self, request: Request, id: str) -> Response:
        checkout = self._open(id)
        return self._form(checkout) if checkout else html_response(gone_page(), 404)

    async def submit(self, request: Request, id: str) -> Response:
        checkout = self._open(id)
        if checkout is None:
            return html_response(gone_page(), 404)
        method = dict(parse_qsl(request.body.decode()))
        returns = f"{_page_url(self._world, checkout)}/return"
        body = {name: checkout.request[name] for name in _OF_THE_PAYMENT if name in checkout.request}
        body |= {"paymentMethod": method, "returnUrl": returns, "channel": "Web"}
        if checkout.request.get("manualCapture") is True:
            body["additionalData"] = {**body.get("additionalData", {}), "manualCapture": "true"}
        if checkout.request.get("storePaymentMethodMode") == "enabled":
            body["storePaymentMethod"] = True
        try:
            answer = json.loads(pay(self._world, checkout.account, body, None, checkout.id).body)
        except RequestRefused as wrong:
            return self._form(checkout, json.loads(wrong.response.body)["message"])
        if answer["resultCode"] == "RedirectShopper":
            return see_other(answer["action"]["url"])
        return self._finish(checkout, answer)

    async def come_back(self, request: Request, id: str) -> Response:
        checkout = self._open(id)
        if checkout is None:
            return html_response(gone_page(), 404)
        details = {"details": {"redirectResult": request.query.get("redirectResult", "")}}
        try:
            answer = json.loads(complete(self._world, checkout.account, details, None).body)
        except RequestRefused:
            return html_response(gone_page(), 404)
        return self._finish(checkout, answer)

    def _open(self, id: str) -> Checkout | None:
        checkout = state_of(self._world).checkouts.get(id)
        is_open = checkout is not None and checkout.status == "active"
        return checkout if is_open else None

    def _form(self, checkout: Checkout, problem: str = "") -> Response:
        offered = json.loads(payment_methods(self._world, checkout.account, checkout.request, None).body)
        methods = [m["type"] for m in offered["paymentMethods"] if m["type"] != "sepadirectdebit"]
        minor, currency = from_adyen(checkout.request["amount"])
        amount = f"{to_decimal(minor, currency)} {currency}"
        what = str(checkout.request.get("description") or checkout.request["reference"])
        return html_response(checkout_page(f"/pay/{checkout.id}", amount, what, methods, problem))

    def _finish(self, checkout: Checkout, answer: Body) -> Response:
        status = _FINISHED.get(answer["resultCode"], "")
        if not status and checkout.is_link:
            return self._form(checkout, "Your payment was refused. Try again, or pay in another way.")
        checkout.payments.append(answer["pspReference"])
        if not checkout.request.get("reusable"):
            _set_status(self._world, checkout, status or "refused")
        if checkout.is_link:
            return html_response(done_page("Thank you. Your payment was made.", checkout.request.get("returnUrl", "")))
        checkout.result = secrets.token_urlsafe(48)
        query = urlencode({"sessionId": checkout.id, "sessionResult": checkout.result})
        url = str(checkout.request["returnUrl"])
        return see_other(f"{url}{'&' if '?' in url else '?'}{query}")


def _opened(
    world: World, account: str, body: Body, prefix: str, lasts: timedelta, lasts_at_most: timedelta
) -> Checkout:
    from_adyen(body.get("amount"))
    if not body.get("reference"):
        raise refused("130", "Reference Missing")
    now = world.clock.now()
    expires_at = _moment(body["expiresAt"]) if body.get("expiresAt") else now + lasts
    if not now < expires_at <= now + lasts_at_most:
        raise refused("702", "expiresAt is in the past or too far in the future", status=400)
    checkout = Checkout(f"{prefix}{secrets.token_hex(8).upper()}", account, body, expires_at)
    state_of(world).checkouts[checkout.id] = checkout
    world.at(expires_at, "adyen", "expire_checkout", checkout=checkout.id)
    return checkout


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise refused("702", "expiresAt must be in ISO 8601 format with a time zone offset", status=400)
    return moment


def _link(world: World, account: str, id: str) -> Checkout:
    checkout = state_of(world).checkouts.get(id)
    keys = [
        world.accounts.get(("adyen", a), {}).get("api_key") for a in (account, checkout.account if checkout else "")
    ]
    if checkout is None or not checkout.is_link or keys[0] != keys[1]:
        raise RequestRefused(error(404, "000", "Not Found", "internal"))
    return checkout


def _set_status(world: World, checkout: Checkout, status: str) -> None:
    checkout.status, checkout.updated_at = status, world.clock.now()


def _shown_link(world: World, checkout: Checkout) -> Body:
    shown = {k: v for k, v in checkout.request.items() if k not in _NOT_SHOWN}
    shown |= {
        "id": checkout.id,
        "merchantAccount": checkout.account,
        "status": checkout.status,
        "url": _page_url(world, checkout),
        "expiresAt": stamp(checkout.expires_at),
        "reusable": bool(checkout.request.get("reusable", False)),
    }
    if checkout.updated_at:
        shown["updatedAt"] = stamp(checkout.updated_at)
    return shown


def _page_url(world: World, checkout: Checkout) -> str:
    return f"{state_of(world).base_url}/pay/{checkout.id}"
