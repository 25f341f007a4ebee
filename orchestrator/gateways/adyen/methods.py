"""Kept credentials at Adyen. A shopper is no object there: the shopperReference is our own customer id.

https://docs.adyen.com/online-payments/tokenization
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from currency.exponents import AmountNotRepresentable
from currency.money import Money
from orchestrator.gateways.adyen.clients import AdyenServices
from orchestrator.gateways.adyen.mapping import (
    GATEWAY,
    error_answer,
    object_of,
    read_kept,
    read_result,
    read_stored,
)
from orchestrator.gateways.adyen.payment_request import (
    NO_RETURN_URL,
    amount_of,
    authentication_fields,
    details_request,
    keeping_fields,
    method_fields,
    shopper_fields,
)
from orchestrator.gateways.answers import (
    answer_from,
    answer_of,
    declined,
    invalid_call,
    not_done_yet,
    not_representable,
)
from orchestrator.gateways.authentication import NO_WISH, AuthenticationWish
from orchestrator.gateways.credentials import brand_of, in_vault, method_of
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.facets import Answer, CompleteSave, CustomerOrder, SavedMethod, SaveOrder
from orchestrator.gateways.transport import Reply, record
from orchestrator.gateways.vault import VaultSettings
from routing.authentication import Wanted
from routing.outcomes import OutcomeKind

_WITH_VALUE = (OutcomeKind.APPROVED, OutcomeKind.PENDING, OutcomeKind.ACTION_REQUIRED)


class AdyenMethods:
    """Customers and their kept credentials."""

    def __init__(
        self, direct: AdyenServices, through_vault: AdyenServices, merchant_account: str, vault: VaultSettings
    ) -> None:
        self._direct, self._through_vault = direct, through_vault
        self._merchant = merchant_account
        self._vault = vault

    def save_customer(self, order: CustomerOrder) -> Answer[str]:
        """APPROVED with our own id, and nothing is sent: Adyen knows a shopper by the reference of what is kept."""
        customer = order.gateway_customer or order.customer_id
        if not 3 <= len(customer) <= 256:
            return answer_from(invalid_call(GATEWAY, "customer_id must have 3 to 256 characters"))
        return Answer(OutcomeKind.APPROVED, customer, detail="Adyen has no customers: the shopperReference is ours")

    def save(self, order: SaveOrder) -> Answer[SavedMethod]:
        """A payment of zero that keeps the card, so that it is checked and authenticated.

        https://docs.adyen.com/online-payments/tokenization/create-tokens. PENDING where the token comes by webhook.
        """
        if not in_vault(order.credential):
            text = f"{method_of(order.credential)} is kept with a payment only, or is kept already"
            return answer_from(declined(decline_for(GATEWAY, "clearway", "method_not_supported", text)))
        try:
            request = self._save_request(order)
        except AmountNotRepresentable as error:
            return answer_from(not_representable(GATEWAY, error))
        tape = record(lambda: self._through_vault.payments.payments(request, idempotency_key=order.idempotency_key))
        brand = brand_of(order.credential)
        return answer_of(
            tape,
            GATEWAY,
            lambda reply: _read_save(reply, order.gateway_customer, order.method_id, order.currency, brand),
            vault=self._vault,
        )

    def complete_save(self, order: CompleteSave) -> Answer[SavedMethod]:
        details = details_request(dict(order.action_result))
        if not details["details"]:
            return answer_from(not_done_yet(order.setup_id, "the return carries no result of the challenge"))
        tape = record(lambda: self._direct.payments.payments_details(details, idempotency_key=order.idempotency_key))
        return answer_of(tape, GATEWAY, lambda reply: _read_save(reply, order.gateway_customer, order.setup_id))

    def saved(self, gateway_customer: str) -> Answer[tuple[SavedMethod, ...]]:
        query = self._query(gateway_customer)
        tape = record(lambda: self._direct.recurring.get_tokens_for_stored_payment_details(query_parameters=query))
        return answer_of(tape, GATEWAY, lambda reply: _read_list(reply, gateway_customer))

    def detach(self, gateway_token: str, gateway_customer: str, idempotency_key: str) -> Answer[None]:
        """A refusal is settled by reading: what is not in the shopper's list any more is forgotten."""
        query = self._query(gateway_customer)
        tape = record(
            lambda: self._direct.recurring.delete_token_for_stored_payment_details(
                quote(gateway_token, safe=""), idempotency_key=idempotency_key, query_parameters=query
            )
        )
        answer = answer_of(tape, GATEWAY, _read_detached)
        if answer.kind is not OutcomeKind.DECLINED:
            return answer
        left = self.saved(gateway_customer)
        gone = left.value is not None and all(one.gateway_token != gateway_token for one in left.value)
        if left.kind is OutcomeKind.APPROVED and gone:
            return Answer(OutcomeKind.APPROVED, detail="was not kept any more", exchange=answer.exchange)
        return answer

    def _query(self, customer: str) -> dict[str, str]:
        """Encoded here: the SDK does not do it (Adyen/util.py)."""
        return {"shopperReference": quote(customer, safe=""), "merchantAccount": quote(self._merchant, safe="")}

    def _save_request(self, order: SaveOrder) -> dict[str, Any]:
        wish = AuthenticationWish(Wanted.CHALLENGE) if order.challenge else NO_WISH
        return {
            "merchantAccount": self._merchant,
            "amount": amount_of(Money(0, order.currency)),
            "reference": order.method_id,
            "returnUrl": order.return_url or NO_RETURN_URL,
            "channel": "Web",
            "shopperInteraction": "Ecommerce",
            **method_fields(order.credential, self._vault),
            **keeping_fields(order.use, order.gateway_customer, order.credential),
            **shopper_fields(order.shopper, order.credential),
            **authentication_fields(order.shopper, order.credential, order.use, wish),
        }


def _read_save(
    reply: Reply, customer: str, setup_id: str, currency: str = "EUR", brand: str = ""
) -> Answer[SavedMethod]:
    """A card check's result. The first answer to a redirect may have no pspReference: then our id names the act."""
    if error := error_answer(reply):
        return error
    body = object_of(reply)
    said = body.get("amount") or {}
    outcome = read_result(body, Money(0, str(said.get("currency") or currency)), setup_id, brand)
    method = read_kept(body, customer)
    if outcome.kind in _WITH_VALUE and method.gateway_customer != customer:
        return Answer(OutcomeKind.UNKNOWN, detail="Adyen answered about another shopper's credential")
    if outcome.kind is OutcomeKind.APPROVED and not method.gateway_token:
        kind, detail = OutcomeKind.PENDING, "approved; the token comes by webhook, or in the shopper's list"
    else:
        kind, detail = outcome.kind, outcome.detail
    shown = replace(method, setup_id=method.setup_id or setup_id) if outcome.kind in _WITH_VALUE else None
    return Answer(kind, shown, outcome.decline, outcome.next_action, detail)


def _read_detached(reply: Reply) -> Answer[None]:
    if error := error_answer(reply):
        return error
    if reply.status != 204:
        object_of(reply)
    return Answer(OutcomeKind.APPROVED)


def _read_list(reply: Reply, customer: str) -> Answer[tuple[SavedMethod, ...]]:
    if error := error_answer(reply):
        return error
    listed = object_of(reply).get("storedPaymentMethods") or ()
    return Answer(OutcomeKind.APPROVED, tuple(read_stored(one, customer) for one in listed))
