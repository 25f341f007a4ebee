"""What the payer does in the browser: approves or cancels in the wallet, pays at the bank, proves to be the holder."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from simulators.asgi import App, Request, Response, html_response, see_other
from simulators.challenge_page import render_challenge
from simulators.currencies import to_decimal
from simulators.issuer import CHALLENGE_PASSWORD
from simulators.paypal import pages, paying, resources
from simulators.paypal.sandbox import CHALLENGE_FAILED, CHALLENGE_PASSED, FRICTIONLESS
from simulators.paypal.state import Authentication, Instrument, Order, OrderStatus, SetupToken, State
from simulators.paypal.vault import BUYER
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import not_found
from simulators.world import World

_WALLET = {"approve": "Continue to pay", "cancel": "Cancel and return to the shop"}
_BANK = {"approve": "Pay", "fail": "Let the bank refuse", "cancel": "Cancel"}
_AGREEMENT = {"approve": "Agree and continue", "cancel": "Cancel and return to the shop"}


class Approval:
    """Routes bound to one world; none of them needs a token."""

    def __init__(self, world: World, state: State, app: App) -> None:
        self._world, self._state = world, state
        for path, show, answer in (
            ("/checkoutnow", self._wallet, self._answer_wallet),
            ("/payment/ideal", self._bank, self._answer_bank),
            ("/challenge/{id}", self._challenge, self._answer_challenge),
            ("/agreements/approve", self._agreement, self._answer_agreement),
        ):
            app.route("GET", path, show)
            app.route("POST", path, answer)

    # the wallet

    async def _wallet(self, request: Request) -> Response:
        order = self._order(request.query.get("token", ""), ("paypal", ""))
        if order is None:
            return not_found().response()
        text = f"{BUYER['name']['given_name']}, do you want to pay {_amount(order)} with PayPal?"
        return html_response(pages.render("Pay with PayPal", text, f"/checkoutnow?token={order.id}", _WALLET))

    async def _answer_wallet(self, request: Request) -> Response:
        order = self._order(request.query.get("token", ""), ("paypal", ""))
        if order is None:
            return not_found().response()
        if _form(request).get("answer") != "approve":
            return _back(order.cancel_url, token=order.id)
        if order.status in (OrderStatus.CREATED, OrderStatus.PAYER_ACTION_REQUIRED):  # the first answer counts
            self._approve(order)
        return _back(order.return_url, token=order.id, PayerID=str(BUYER["payer_id"]))

    def _approve(self, order: Order) -> None:
        if order.instrument is None:
            order.instrument = Instrument("paypal")
        order.payer = dict(BUYER)
        order.status, order.updated_at = OrderStatus.APPROVED, self._world.clock.now()
        tell(self._world, order.account, "CHECKOUT.ORDER.APPROVED", resources.order(order, self._state))

    # the bank

    async def _bank(self, request: Request) -> Response:
        order = self._order(request.query.get("token", ""), ("ideal",))
        if order is None:
            return not_found().response()
        text = f"Your bank asks you to pay {_amount(order)} with iDEAL."
        return html_response(pages.render("iDEAL", text, f"/payment/ideal?token={order.id}", _BANK))

    async def _answer_bank(self, request: Request) -> Response:
        """The order completes itself: ORDER_COMPLETE_ON_PAYMENT_APPROVAL."""
        order = self._order(request.query.get("token", ""), ("ideal",))
        if order is None:
            return not_found().response()
        answer = _form(request).get("answer")
        if order.status is OrderStatus.PAYER_ACTION_REQUIRED and answer == "approve":
            assert order.instrument is not None
            order.payer = {"name": {"given_name": str(order.instrument.shown["name"])}}
            order.instrument.shown["iban_last_chars"] = "3002"
            order.status = OrderStatus.APPROVED
            tell(self._world, order.account, "CHECKOUT.ORDER.APPROVED", resources.order(order, self._state))
            paying.complete(self._world, self._state, order, None)
        if order.status is OrderStatus.COMPLETED:
            return _back(order.return_url, token=order.id)
        error = "payer_cancelled" if answer == "cancel" else "processing_error"
        return _back(order.cancel_url, token=order.id, errorcode=error)

    # the card's holder

    async def _challenge(self, request: Request, id: str) -> Response:
        order = self._order(id, ("card",))
        if order is None or order.instrument is None:
            return not_found().response()
        if order.instrument.challenge == "frictionless":
            assert order.instrument.card is not None
            return self._authenticated(order, FRICTIONLESS[order.instrument.card.number])
        return html_response(render_challenge(f"/challenge/{id}", _amount(order)))

    async def _answer_challenge(self, request: Request, id: str) -> Response:
        order = self._order(id, ("card",))
        if order is None:
            return not_found().response()
        passed = _form(request).get("password") == CHALLENGE_PASSWORD
        return self._authenticated(order, CHALLENGE_PASSED if passed else CHALLENGE_FAILED)

    def _authenticated(self, order: Order, result: Authentication) -> Response:
        assert order.instrument is not None
        if order.status is OrderStatus.PAYER_ACTION_REQUIRED:  # the first answer counts
            order.instrument.authentication = result
            order.status, order.updated_at = OrderStatus.APPROVED, self._world.clock.now()
        return _back(order.return_url, token=order.id)

    # consent to be saved

    async def _agreement(self, request: Request) -> Response:
        token = self._setup_token(request)
        if token is None:
            return not_found().response()
        action = f"/agreements/approve?approval_session_id={token.id}"
        if token.challenge == "frictionless":
            return self._agreed(token)
        if token.method == "card":
            return html_response(render_challenge(action, "0.00"))
        text = str(token.shown.get("description") or "The shop wants to charge your PayPal account later.")
        return html_response(pages.render("Save PayPal for later", text, action, _AGREEMENT))

    async def _answer_agreement(self, request: Request) -> Response:
        token = self._setup_token(request)
        if token is None:
            return not_found().response()
        form = _form(request)
        wanted = ("password", CHALLENGE_PASSWORD) if token.method == "card" else ("answer", "approve")
        if form.get(wanted[0]) == wanted[1]:
            return self._agreed(token)
        return _back(token.cancel_url, approval_token_id=token.id, approval_session_id=token.id)

    def _agreed(self, token: SetupToken) -> Response:
        if token.status == "PAYER_ACTION_REQUIRED":
            token.status = "APPROVED"
            if token.method == "paypal":
                token.shown |= {name: BUYER[name] for name in ("email_address", "payer_id", "name")}
        return _back(token.return_url, approval_token_id=token.id, approval_session_id=token.id)

    # inside

    def _order(self, id: str, methods: tuple[str, ...]) -> Order | None:
        """Of one of the methods; "" is for an order that has none yet."""
        order = self._state.orders.get(id)
        if order is None:
            return None
        method = order.instrument.method if order.instrument else ""
        return order if method in methods else None

    def _setup_token(self, request: Request) -> SetupToken | None:
        return self._state.setup_tokens.get(request.query.get("approval_session_id", ""))


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


def _amount(order: Order) -> str:
    return f"{to_decimal(order.minor, order.currency)} {order.currency}"


def _back(url: str, **query: str) -> Response:
    """To the shop, with the query added; a page where there is no shop to go to."""
    if not url:
        return html_response(pages.CLOSED)
    return see_other(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}")
