"""PayPal's own page: an order with the wallet as its source, approved by the payer and then completed by us.

https://developer.paypal.com/docs/api/orders/v2/
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from paypalserversdk.models.amount_with_breakdown import AmountWithBreakdown
from paypalserversdk.models.order_request import OrderRequest
from paypalserversdk.models.payment_source import PaymentSource
from paypalserversdk.models.paypal_wallet import PaypalWallet
from paypalserversdk.models.purchase_unit_request import PurchaseUnitRequest

from currency.exponents import AmountNotRepresentable, to_gateway_decimal
from orchestrator.gateways.answers import answer_from, not_representable
from orchestrator.gateways.facets import Answer, CheckoutOrder, HostedPage
from orchestrator.gateways.paypal.connection import AS_WRITTEN, PayPalConnection, answer_of_call
from orchestrator.gateways.paypal.mapping import GATEWAY, captures_of, link_of, money_of, read_refusal
from orchestrator.gateways.paypal.refusals import refused
from orchestrator.gateways.paypal.sources import wallet_pages
from orchestrator.gateways.transport import Reply
from routing.outcomes import Outcome, OutcomeKind

_TAKEN = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")


class PayPalCheckout:
    """Implements HostedCheckout. The page is the order; its id is the payment's, and COMPLETE takes the money."""

    def __init__(self, connection: PayPalConnection) -> None:
        self._paypal = connection

    def open(self, order: CheckoutOrder) -> Answer[HostedPage]:
        """The page's address is in the value: no money can move before the payer approves and we complete the order."""
        if order.gateway_price:
            return answer_from(refused("invalid_request", "PayPal has no prices: give amount and description"))
        try:
            request = _order_request(order)
        except AmountNotRepresentable as error:
            return answer_from(not_representable(GATEWAY, error))
        options = {"paypal_request_id": order.idempotency_key, "prefer": AS_WRITTEN, "body": request}
        answer = answer_of_call(self._paypal.record(lambda: self._paypal.direct.orders.create_order(options)), _read)
        page = answer.value
        if page is None or page.amount == order.amount:
            return answer
        return answer_from(Outcome(OutcomeKind.UNKNOWN, detail="PayPal's order has another amount: look into it"))

    def fetch(self, page_id: str) -> Answer[HostedPage]:
        """`approved` when the payer has agreed: COMPLETE takes the money, or tells what became of it where it is not
        there yet. An order that lapsed is `expired`."""
        tape = self._paypal.record(lambda: self._paypal.direct.orders.get_order({"id": page_id}))

        def read(reply: Reply) -> Answer[HostedPage]:
            if reply.status == 404:  # PayPal forgets an order that nobody approved, after 3 hours by default
                return Answer(OutcomeKind.APPROVED, HostedPage(page_id, "", "expired", page_id))
            return _read(reply)

        return answer_of_call(tape, read)

    def expire(self, page_id: str, idempotency_key: str) -> Answer[HostedPage]:
        """Declined: PayPal has no call that closes an order. It lapses by itself, after 3 hours by default, and until
        then only COMPLETE takes money: what is not completed is not paid. APPROVED where it has come to its end."""
        answer = self.fetch(page_id)
        page = answer.value
        if page is None or page.status in ("paid", "expired"):
            return answer
        declined = answer_from(refused("invalid_state", "PayPal closes no order; it lapses unless it is completed"))
        return replace(declined, exchange=answer.exchange)


def _order_request(order: CheckoutOrder) -> OrderRequest:
    optional = {"description": order.description[:127]} if order.description else {}
    unit = PurchaseUnitRequest(
        amount=AmountWithBreakdown(order.amount.currency, to_gateway_decimal(order.amount, GATEWAY)),
        reference_id=order.payment_id,
        custom_id=order.attempt_id,
        invoice_id=order.attempt_id,
        **optional,
    )
    pages = wallet_pages(order.return_url, order.cancel_url, order.shopper.locale)
    wallet = PaypalWallet(experience_context=pages)
    return OrderRequest(intent="CAPTURE", purchase_units=[unit], payment_source=PaymentSource(paypal=wallet))


def _read(reply: Reply) -> Answer[HostedPage]:
    if reply.status >= 400 or reply.body is None:
        return answer_from(read_refusal(reply))
    return Answer(OutcomeKind.APPROVED, _page(reply.body))


def _page(order: dict[str, Any]) -> HostedPage:
    url = link_of(order, "payer-action", "approve")
    amount = money_of(order["purchase_units"][0]["amount"])
    return HostedPage(order["id"], url, _status(order), order["id"], amount)


def _status(order: dict[str, Any]) -> str:
    if any(capture.get("status") in _TAKEN for capture in captures_of(order)):
        return "paid"
    if order.get("status") == "VOIDED":
        return "expired"
    return "approved" if order.get("status") in ("APPROVED", "COMPLETED") else "open"
