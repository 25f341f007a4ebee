"""Adyen's own payment page: a payment link that is paid once.

https://docs.adyen.com/unified-commerce/pay-by-link/payment-links/api
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from currency.exponents import AmountNotRepresentable
from currency.money import Money
from orchestrator.gateways.adyen.clients import AdyenServices
from orchestrator.gateways.adyen.mapping import GATEWAY, error_answer, money_of, object_of
from orchestrator.gateways.adyen.payment_request import amount_of, shopper_fields
from orchestrator.gateways.answers import answer_from, answer_of, invalid_call, not_representable
from orchestrator.gateways.facets import Answer, CheckoutOrder, HostedPage
from orchestrator.gateways.transport import Reply, record
from routing.outcomes import OutcomeKind

MAX_DESCRIPTION_CHARS = 280

_STATUSES = {
    "active": "open",
    "paymentPending": "open",
    "completed": "paid",
    "paid": "paid",
    "expired": "expired",
}


class AdyenCheckout:
    """Payment links. The payment itself is told by the AUTHORISATION webhook, by our attempt id."""

    def __init__(self, services: AdyenServices, merchant_account: str) -> None:
        self._api = services.links
        self._merchant = merchant_account

    def open(self, order: CheckoutOrder) -> Answer[HostedPage]:
        """`cancel_url` has no place at Adyen: the page has one way back, after paying."""
        if order.gateway_price:
            return answer_from(invalid_call(GATEWAY, "Adyen has no catalogue: give amount and description"))
        try:
            request = self._request(order)
        except AmountNotRepresentable as error:
            return answer_from(not_representable(GATEWAY, error))
        return self._page(
            lambda: self._api.payment_links(request, idempotency_key=order.idempotency_key), asked=order.amount
        )

    def fetch(self, page_id: str) -> Answer[HostedPage]:
        return self._page(lambda: self._api.get_payment_link(page_id))

    def expire(self, page_id: str, idempotency_key: str) -> Answer[HostedPage]:
        request = {"status": "expired"}
        return self._page(lambda: self._api.update_payment_link(request, page_id, idempotency_key=idempotency_key))

    def _page(self, send: Callable[[], object], asked: Money | None = None) -> Answer[HostedPage]:
        return answer_of(record(send), GATEWAY, lambda reply: _read_page(reply, asked))

    def _request(self, order: CheckoutOrder) -> dict[str, Any]:
        return {
            "merchantAccount": self._merchant,
            "amount": amount_of(order.amount),
            "reference": order.attempt_id,
            "description": order.description[:MAX_DESCRIPTION_CHARS],
            "returnUrl": order.return_url,
            "reusable": False,
            "manualCapture": False,
            "metadata": {"clearway_payment": order.payment_id},
            **{name: value for name, value in shopper_fields(order.shopper).items() if name != "shopperIP"},
        }


def _read_page(reply: Reply, asked: Money | None) -> Answer[HostedPage]:
    if error := error_answer(reply):
        return error
    body = object_of(reply)
    amount = money_of(body["amount"])
    page = HostedPage(str(body["id"]), str(body["url"]), _STATUSES[body["status"]], amount=amount)
    if asked is not None and amount != asked:
        return Answer(
            OutcomeKind.UNKNOWN, page, detail=f"the page is for {amount.minor} {amount.currency} (minor units)"
        )
    if body["status"] == "paymentPending":
        return Answer(OutcomeKind.PENDING, page, detail="the shopper is done, the money is on its way")
    return Answer(OutcomeKind.APPROVED, page)
