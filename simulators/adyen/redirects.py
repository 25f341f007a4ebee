"""Shoppers sent away and back: the bank's challenge of a card, and the simulated pages of iDEAL and PayPal.

A card is authorised when /payments/details is asked; iDEAL and PayPal are paid on their own pages, so the outcome is
told by webhook whether or not the shopper comes back.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from simulators.adyen.answers import answer_of
from simulators.adyen.authorisations import decide, verdict_on
from simulators.adyen.orders import Order
from simulators.adyen.pages import gone_page, wallet_page
from simulators.adyen.refusals import NOT_AUTHENTICATED, PLAIN, SHOPPER_CANCELLED, Refusal
from simulators.adyen.state import Outcome, Redirect, state_of
from simulators.adyen.webhooks import encoded, payment_item
from simulators.asgi import Request, Response, html_response, see_other
from simulators.challenge_page import render_challenge
from simulators.currencies import to_decimal
from simulators.issuer import CHALLENGE_PASSWORD
from simulators.world import Charge, World

Body = dict[str, Any]
OPEN_FOR = timedelta(hours=12)  # the contract's OFFER_CLOSED: "For cards, offers expire after 12 hours by default"
_CHOICES = {
    "pay": Outcome.PASSED,
    "refuse": Outcome.FAILED,
    "cancel": Outcome.CANCELLED,
    "pending": Outcome.PENDING,
}


def begin_redirect(world: World, order: Order, charge: Charge) -> Body:
    """The answer that sends the shopper away. No pspReference is told yet."""
    state, id = state_of(world), secrets.token_hex(12)
    state.redirects[id] = Redirect(order, charge, "eyJ" + secrets.token_urlsafe(48))
    world.at(world.clock.now() + OPEN_FOR, "adyen", "close_offer", redirect=id)
    kind = order.instrument.type if order.instrument.card is None else "scheme"
    page = "challenge" if kind == "scheme" else "redirect"
    action = {"type": "redirect", "method": "GET", "paymentMethodType": kind, "url": f"{state.base_url}/{page}/{id}"}
    return {"resultCode": "RedirectShopper", "action": action}


def conclude(world: World, redirect: Redirect, declined_for: str | None) -> Body:
    """The final answer, made once."""
    if redirect.answer is not None:
        return redirect.answer
    order = redirect.order
    if redirect.outcome is Outcome.EXPIRED:
        # What Adyen answers then is not documented; that nothing was authorised is.
        redirect.answer = answer_of(order, redirect.charge, SHOPPER_CANCELLED, {})
        return redirect.answer
    is_card = order.instrument.card is not None
    refusal = _refusal_of(redirect.outcome, is_card) or verdict_on(world, order, declined_for)
    redirect.answer = decide(world, order, redirect.charge, refusal, was_challenged=is_card)
    return redirect.answer


def _refusal_of(outcome: Outcome | None, is_card: bool) -> Refusal | None:
    match outcome:
        case Outcome.FAILED:
            return NOT_AUTHENTICATED if is_card else PLAIN
        case Outcome.CANCELLED:
            return SHOPPER_CANCELLED
        case Outcome.PENDING:
            return Refusal("", "", "Pending")
        case _:
            return None


def close_offer(world: World, facts: dict[str, Any]) -> None:
    """Timer: the shopper never came back. Told by OFFER_CLOSED."""
    redirect = state_of(world).redirects[str(facts["redirect"])]
    if redirect.answer is not None:
        return
    redirect.outcome = Outcome.EXPIRED
    charge = redirect.charge
    item = payment_item(charge, "OFFER_CLOSED", world.clock.now(), success=True, brand=redirect.order.instrument.brand)
    del item["operations"]
    world.notify("adyen", charge.account, "OFFER_CLOSED", encoded(item))


class RedirectPages:
    """What the shopper sees, bound to one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def challenge(self, request: Request, id: str) -> Response:
        redirect = state_of(self._world).redirects.get(id)
        if redirect is None or redirect.outcome is Outcome.EXPIRED:
            return html_response(gone_page(), 404)
        return html_response(render_challenge(f"/challenge/{id}", _amount(redirect.charge)))

    async def answer_challenge(self, request: Request, id: str) -> Response:
        redirect = state_of(self._world).redirects.get(id)
        if redirect is None:
            return html_response(gone_page(), 404)
        if redirect.outcome is None:  # the first answer counts
            password = dict(parse_qsl(request.body.decode())).get("password")
            redirect.outcome = Outcome.PASSED if password == CHALLENGE_PASSWORD else Outcome.FAILED
        return _back(redirect)

    async def wallet(self, request: Request, id: str) -> Response:
        redirect = state_of(self._world).redirects.get(id)
        if redirect is None or redirect.outcome is Outcome.EXPIRED:
            return html_response(gone_page(), 404)
        return html_response(wallet_page(f"/redirect/{id}", redirect.order.instrument.type, _amount(redirect.charge)))

    async def answer_wallet(self, request: Request, id: str) -> Response:
        redirect = state_of(self._world).redirects.get(id)
        choice = dict(parse_qsl(request.body.decode())).get("choice", "")
        if redirect is None or choice not in _CHOICES:
            return html_response(gone_page(), 404)
        if redirect.outcome is None:
            redirect.outcome = _CHOICES[choice]
            conclude(self._world, redirect, None)
        return _back(redirect)


def _amount(charge: Charge) -> str:
    return f"{to_decimal(charge.amount_minor, charge.currency)} {charge.currency}"


def _back(redirect: Redirect) -> Response:
    url = redirect.order.return_url
    return see_other(f"{url}{'&' if '?' in url else '?'}redirectResult={quote(redirect.redirect_result)}")
