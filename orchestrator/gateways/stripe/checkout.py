"""Stripe's own payment page: https://docs.stripe.com/api/checkout/sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from currency.exponents import to_gateway_minor
from orchestrator.gateways.facets import Answer, CheckoutOrder, HostedPage
from orchestrator.gateways.stripe.client import Account, ask, done, keyed
from orchestrator.gateways.stripe.mapping import id_of, money_of
from orchestrator.gateways.stripe.params import GATEWAY
from routing.outcomes import OutcomeKind


class StripeCheckout:
    """See HostedCheckout."""

    def __init__(self, account: Account) -> None:
        self._sessions = account.direct.v1.checkout.sessions

    def open(self, order: CheckoutOrder) -> Answer[HostedPage]:
        """A page of one item. One of another amount than asked is not believed: the price at Stripe is another."""

        def send() -> object:
            asked: Any = _params(order)
            return self._sessions.create(asked, keyed(order.idempotency_key))

        def read(session: dict[str, Any]) -> Answer[HostedPage]:
            answer = read_page(session)
            if answer.value is None or answer.value.amount != order.amount:
                raise ValueError(f"the page {session['id']} is of another amount")
            return answer

        return ask(send, read)

    def fetch(self, page_id: str) -> Answer[HostedPage]:
        return ask(lambda: self._sessions.retrieve(page_id), read_page)

    def expire(self, page_id: str, idempotency_key: str) -> Answer[HostedPage]:
        """Close it. One that is paid or closed already is refused by Stripe; then the answer is how it stands."""
        answer = ask(lambda: self._sessions.expire(page_id, None, keyed(idempotency_key)), read_page)
        if answer.kind is not OutcomeKind.DECLINED:
            return answer
        stands = self.fetch(page_id)
        closed = stands.value is not None and stands.value.status != "open"
        return stands if closed or stands.kind is OutcomeKind.PENDING else answer


def read_page(session: dict[str, Any]) -> Answer[HostedPage]:
    """PENDING where the customer is done and a bank debit is not: https://docs.stripe.com/payments/checkout/fulfillment."""
    status = session["status"]
    paid = status == "complete" and session["payment_status"] == "paid"
    page = HostedPage(
        page_id=session["id"],
        url=str(session.get("url") or ""),
        status="paid" if paid else "expired" if status == "expired" else "open",
        gateway_payment_id=id_of(session.get("payment_intent")),
        amount=money_of(session, "amount_total"),
    )
    if status == "complete" and not paid:
        return replace(done(page), kind=OutcomeKind.PENDING, detail="the customer is done, the money is on its way")
    return done(page)


def _params(order: CheckoutOrder) -> dict[str, Any]:
    metadata = {"clearway_payment": order.payment_id, "clearway_attempt": order.attempt_id}
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"quantity": 1, **_item(order)}],
        "success_url": order.return_url,
        "cancel_url": order.cancel_url,
        "client_reference_id": order.attempt_id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
    }
    if order.description:
        params["payment_intent_data"]["description"] = order.description
    if order.shopper.email:
        params["customer_email"] = order.shopper.email
    return params


def _item(order: CheckoutOrder) -> dict[str, Any]:
    if order.gateway_price:
        return {"price": order.gateway_price}
    amount = {"currency": order.amount.currency.lower(), "unit_amount": to_gateway_minor(order.amount, GATEWAY)}
    return {"price_data": {**amount, "product_data": {"name": order.description or order.payment_id}}}
