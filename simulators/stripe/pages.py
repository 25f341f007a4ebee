"""What a shopper sees: the bank's challenge, the page of iDEAL or PayPal, and the hosted checkout."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

from simulators.asgi import Request, Response, html_response, see_other
from simulators.challenge_page import render_challenge
from simulators.currencies import to_decimal
from simulators.issuer import CHALLENGE_PASSWORD
from simulators.stripe import checkout, payments, setups
from simulators.stripe.amounts import to_world
from simulators.stripe.checkout import Checkout
from simulators.stripe.errors import StripeError
from simulators.stripe.form import Form
from simulators.stripe.objects import Intent, IntentStatus, Session, Setup, SetupStatus
from simulators.stripe.page_views import render_checkout, render_consent, render_nothing
from simulators.stripe.state import state_of
from simulators.world import World


class Pages:
    def __init__(self, world: World) -> None:
        self._world = world
        self._state = state_of(world)
        self._checkout = Checkout(world)

    async def challenge(self, request: Request, id: str) -> Response:
        waiting = self._waiting(id)
        if waiting is None:
            return html_response(render_nothing(), 404)
        return html_response(render_challenge(f"/challenge/{id}", _amount_of(waiting)))

    async def answer_challenge(self, request: Request, id: str) -> Response:
        return self._finish(id, _posted(request).get("password", "") == CHALLENGE_PASSWORD)

    async def consent(self, request: Request, id: str) -> Response:
        waiting = self._waiting(id)
        if waiting is None:
            return html_response(render_nothing(), 404)
        method = self._state.methods[waiting.awaiting if isinstance(waiting, Intent) else waiting.payment_method]
        return html_response(render_consent(f"/redirect/{id}", method.type, _amount_of(waiting)))

    async def answer_consent(self, request: Request, id: str) -> Response:
        return self._finish(id, _posted(request).get("result", "") == "succeeded")

    async def hosted(self, request: Request, id: str) -> Response:
        session = self._state.sessions.get(id)
        if session is None or session.status != "open":
            return html_response(render_nothing(), 404)
        return html_response(self._render(session, ""))

    async def pay(self, request: Request, id: str) -> Response:
        """Pays, sends away to authenticate, or shows the page again with what is wrong."""
        session = self._state.sessions.get(id)
        if session is None or session.status != "open":
            return html_response(render_nothing(), 404)
        back = f"{self._world.urls.get('stripe', '')}/c/pay/{id}/return"
        try:
            intent = self._checkout.pay(session, _method_data(_posted(request)), back)
        except StripeError as error:
            return html_response(self._render(session, str(error)), 402)
        if intent.status is IntentStatus.REQUIRES_ACTION and intent.next_action:
            return see_other(str(intent.next_action["redirect_to_url"]["url"]))
        return see_other(_success_url(session))

    async def returned(self, request: Request, id: str) -> Response:
        session = self._state.sessions.get(id)
        if session is None:
            return html_response(render_nothing(), 404)
        if session.status == "complete":
            return see_other(_success_url(session))
        return html_response(self._render(session, "The payment was not completed. Try again or pay another way."))

    # inside

    def _waiting(self, id: str) -> Intent | Setup | None:
        intent, setup = self._state.intents.get(id), self._state.setups.get(id)
        if intent is not None and intent.status is IntentStatus.REQUIRES_ACTION:
            return intent
        return setup if setup is not None and setup.status is SetupStatus.REQUIRES_ACTION else None

    def _finish(self, id: str, agreed: bool) -> Response:
        intent, setup = self._state.intents.get(id), self._state.setups.get(id)
        if intent is not None:
            passed = payments.finish_authentication(self._world, intent, agreed)
            if intent.session:
                checkout.complete(self._world, self._state.sessions[intent.session], intent)
            return _back(intent.return_url, "payment_intent", id, intent.client_secret, passed)
        if setup is not None:
            passed = setups.finish_authentication(self._world, setup, agreed)
            return _back(setup.return_url, "setup_intent", id, setup.client_secret, passed)
        return html_response(render_nothing(), 404)

    def _render(self, session: Session, trouble: str) -> str:
        amount = _readable(session.amount, session.currency)
        return render_checkout(session, amount, trouble)


def _posted(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def _back(return_url: str, kind: str, id: str, secret: str, passed: bool) -> Response:
    result = {
        kind: id,
        f"{kind}_client_secret": secret,
        "redirect_status": "succeeded" if passed else "failed",
    }
    if not return_url:
        return html_response(render_nothing())
    joint = "&" if "?" in return_url else "?"
    return see_other(f"{return_url}{joint}{urlencode(result)}")


def _success_url(session: Session) -> str:
    return session.success_url.replace("{CHECKOUT_SESSION_ID}", session.id)


def _method_data(posted: dict[str, str]) -> Form:
    kind = posted.get("method", "card")
    data: Form = {"type": kind, "billing_details": dict(_billing(posted))}
    if kind == "card":
        month, _, year = posted.get("expiry", "").replace(" ", "").partition("/")
        number = posted.get("number", "").replace(" ", "")
        data["card"] = {"number": number, "exp_month": month, "exp_year": year, "cvc": posted.get("cvc", "")}
    if kind == "sepa_debit":
        data["sepa_debit"] = {"iban": posted.get("iban", "")}
    return data


def _billing(posted: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, posted[name]) for name in ("name", "email") if posted.get(name))


def _amount_of(waiting: Intent | Setup) -> str:
    return _readable(waiting.amount, waiting.currency) if isinstance(waiting, Intent) else "nothing (to save it)"


def _readable(amount: int, currency: str) -> str:
    upper = currency.upper()
    return f"{to_decimal(to_world(amount, upper), upper)} {upper}"
