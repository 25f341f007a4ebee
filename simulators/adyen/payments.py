"""POST /payments and /payments/details, and what /paymentMethods offers."""

from __future__ import annotations

from typing import Any

from simulators.adyen import tokens
from simulators.adyen.authorisations import decide, needs_challenge, new_charge, verdict_on
from simulators.adyen.orders import Order, order_of
from simulators.adyen.redirects import begin_redirect, conclude
from simulators.adyen.state import state_of
from simulators.adyen.wire import RequestRefused, error, refused
from simulators.asgi import Response, json_response
from simulators.methods import methods_of
from simulators.scenarios import raw_code
from simulators.world import World

Body = dict[str, Any]
_UPDATES = ("CardChanged", "CardExpiryChanged", "CloseAccount")


def pay(world: World, account: str, body: Body, declined_for: str | None, checkout: str = "") -> Response:
    """A refusal is an HTTP 200; only a request that cannot be tried is a 422."""
    order = order_of(world, account, body, checkout)
    _refuse_to_connect(order)
    status = _updated_account(world, order)
    if status:
        order = order_of(world, account, body, checkout)
    charge = new_charge(world, order)
    if order.instrument.type in ("ideal", "paypal") and not declined_for:
        return json_response(begin_redirect(world, order, charge))
    if not declined_for and needs_challenge(order):
        return json_response(begin_redirect(world, order, charge))
    answer = decide(world, order, charge, verdict_on(world, order, declined_for))
    if status:
        answer["additionalData"]["realtimeAccountUpdaterStatus"] = status
    return json_response(answer)


def complete(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """details.redirectResult: what became of a redirect, the same however often it is asked."""
    redirect_result = str((body.get("details") or {}).get("redirectResult", ""))
    redirect = state_of(world).redirect_of(redirect_result)
    if redirect is None or redirect.outcome is None or not _is_of_caller(world, redirect.order, account):
        raise refused("174", "Unable to decrypt data")
    return json_response(conclude(world, redirect, declined_for))


def payment_methods(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """What a shopper may pay this amount with, and what they have stored."""
    currency = (body.get("amount") or {}).get("currency", "EUR")
    allowed, blocked = body.get("allowedPaymentMethods") or [], body.get("blockedPaymentMethods") or []
    methods: list[Body] = [{"brands": ["visa", "mc", "amex"], "name": "Cards", "type": "scheme"}]
    methods.append({"name": "PayPal", "type": "paypal"})
    if currency == "EUR":
        methods.append({"name": "SEPA Direct Debit", "type": "sepadirectdebit"})
        if body.get("countryCode", "NL") == "NL":
            methods.append({"name": "iDEAL", "type": "ideal"})
    shown = [m for m in methods if m["type"] not in blocked and (not allowed or m["type"] in allowed)]
    answer: Body = {"paymentMethods": shown}
    if (shopper := body.get("shopperReference")) and (stored := tokens.offered(world, account, str(shopper))):
        answer["storedPaymentMethods"] = stored
    return json_response(answer)


def _is_of_caller(world: World, order: Order, account: str) -> bool:
    """The request names no merchant account: any that the caller's API key is for will do."""
    keys = [world.accounts.get(("adyen", name), {}).get("api_key") for name in (order.account, account)]
    return keys[0] is not None and keys[0] == keys[1]


def _refuse_to_connect(order: Order) -> None:
    """additionalData.RequestedTestErrorResponseCode: one error is final, after the other the key may be tried again."""
    if order.requested_error == "NO_CONNECTION_AVAILABLE":
        raise RequestRefused(error(500, "904", "Unable To Process", "internal", transient_error="true"))
    if order.requested_error == "IOEXCEPTION_RECEIVED":
        raise RequestRefused(error(500, "904", "Unable To Process", "internal"), is_final=True)


def _updated_account(world: World, order: Order) -> str:
    """What the account updater of a stored card finds out, where a scenario on operation `token` orders it by code."""
    method = methods_of(world).find("adyen", order.account, order.instrument.stored)
    orders = any(s.operation == "token" and s.gateway in ("adyen", "*") for s in world.scenarios)
    if method is None or not orders:
        return ""
    trouble = world.take_scenario("adyen", "token", account=order.account, reference=order.reference)
    status = raw_code(trouble.declined_for) if trouble else ""
    if status in _UPDATES:
        tokens.update_account(world, method, status)
    return status if status in _UPDATES else ""
