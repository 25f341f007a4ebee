"""Stored payment methods: kept with a payment or without, listed, deleted, brought up to date; and their webhooks.

docs.adyen.com/online-payments/tokenization; TokenizationNotification v1 for recurring.token.*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from simulators.adyen.orders import Order, card_of
from simulators.adyen.webhooks import encoded, payment_item, token_event
from simulators.adyen.wire import brand_name, missing, new_reference, refused
from simulators.asgi import Response, json_response
from simulators.issuer import brand_of
from simulators.methods import StoredMethod, methods_of
from simulators.world import Card, Charge, World

Body = dict[str, Any]
MODELS = ("CardOnFile", "Subscription", "UnscheduledCardOnFile")


@dataclass(frozen=True, slots=True)
class Kept:
    """`operation`: created, or alreadyExisting where the shopper has this very card or account stored."""

    method: StoredMethod
    operation: str


def keep(world: World, order: Order, charge: Charge) -> Kept:
    """Stores what an order was paid with. Tells nobody yet."""
    card, iban = order.instrument.card, order.instrument.iban
    kept = _store(world, order.account, order.shopper_reference, card, iban)
    if not kept.method.network_transaction_id:
        kept.method.network_transaction_id = charge.network_transaction_id
    return kept


def keep_card(world: World, account: str, shopper: str, card: Card) -> StoredMethod:
    """Stores a card without a payment and tells it."""
    kept = _store(world, account, shopper, card, "")
    _tell(world, kept.method, kept.operation, new_reference())
    return kept.method


def shown_with_payment(kept: Kept) -> dict[str, str]:
    return {
        "tokenization.shopperReference": kept.method.customer_id,
        "tokenization.storedPaymentMethodId": kept.method.token,
        "tokenization.store.operationType": kept.operation,
    }


def tell_kept(world: World, kept: Kept, charge: Charge, brand: str) -> None:
    """recurring.token.*, and RECURRING_CONTRACT for a new one."""
    _tell(world, kept.method, kept.operation, charge.id)
    if kept.operation != "created":
        return
    item = payment_item(charge, "RECURRING_CONTRACT", world.clock.now(), success=True, brand=brand)
    del item["operations"]
    item |= {"pspReference": kept.method.token, "originalReference": charge.id, "originalPsp": charge.id}
    item["amount"] = {"value": 0, "currency": charge.currency}
    item["additionalData"] = {
        "recurring.recurringDetailReference": kept.method.token,
        "shopperReference": kept.method.customer_id,
    }
    world.notify("adyen", charge.account, "RECURRING_CONTRACT", encoded(item))


def store(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /storedPaymentMethods: a card, without a payment."""
    shopper = shopper_of(body)
    if body.get("recurringProcessingModel") not in MODELS:
        raise missing("recurringProcessingModel")
    method = body.get("paymentMethod") or {}
    if method.get("type") != "scheme":
        raise refused("14_002", "Required field 'paymentMethod.type' is not provided or not supported.")
    return json_response(_shown(keep_card(world, account, shopper, card_of(method))), 201)


def listed(world: World, account: str, query: Body, declined_for: str | None) -> Response:
    """GET /storedPaymentMethods?shopperReference=…"""
    shopper = shopper_of(query)
    found = [_shown(m) for m in methods_of(world).of_customer("adyen", account, shopper)]
    return json_response({"merchantAccount": account, "shopperReference": shopper, "storedPaymentMethods": found})


def delete(world: World, account: str, id: str, query: Body, declined_for: str | None) -> Response:
    """DELETE /storedPaymentMethods/{id}?shopperReference=…"""
    shopper = shopper_of(query)
    method = methods_of(world).find("adyen", account, id)
    if method is None or method.customer_id != shopper:
        raise refused("803", "PaymentDetail not found")
    method.detached = world.clock.now()
    _tell(world, method, "disabled", new_reference())
    return Response(204)


def shopper_of(body: Body) -> str:
    shopper = str(body.get("shopperReference") or "")
    if not shopper:
        raise missing("shopperReference")
    if len(shopper) < 3:
        raise refused("100", "shopperReference must have at least three characters")
    return shopper


def offered(world: World, account: str, shopper: str) -> list[Body]:
    """What /paymentMethods shows of a shopper's stored methods."""
    names = ("brand", "expiryMonth", "expiryYear", "holderName", "iban", "id", "lastFour", "name", "ownerName", "type")
    extra = {
        "supportedRecurringProcessingModels": list(MODELS),
        "supportedShopperInteractions": ["Ecommerce", "ContAuth"],
    }
    methods = methods_of(world).of_customer("adyen", account, shopper)
    return [{k: v for k, v in _shown(m).items() if k in names} | extra for m in methods]


def update_account(world: World, method: StoredMethod, status: str) -> None:
    """What the account updater of the card's scheme says. `status`: CardChanged, CardExpiryChanged or CloseAccount.

    ResponseAdditionalDataCommon.realtimeAccountUpdaterStatus.
    """
    if method.card is None:
        return
    match status:
        case "CardExpiryChanged":
            method.card = replace(method.card, expiry_year=method.card.expiry_year + 3)
        case "CardChanged":
            successor = "4111111111111111" if method.card.number != "4111111111111111" else "4242424242424242"
            method.card = replace(method.card, number=successor, expiry_year=method.card.expiry_year + 3)
        case _:
            method.detached = world.clock.now()
    _tell(world, method, "disabled" if method.detached else "updated", new_reference())


def _store(world: World, account: str, shopper: str, card: Card | None, iban: str) -> Kept:
    """A security code is never stored."""
    bare = replace(card, cvc="") if card else None
    for method in methods_of(world).of_customer("adyen", account, shopper):
        if (method.card and bare and method.card.number == bare.number) or (iban and method.iban == iban):
            is_same = method.card == bare
            method.card = bare
            return Kept(method, "alreadyExisting" if is_same else "updated")
    token = new_reference()
    method = StoredMethod(token, "adyen", account, shopper, world.clock.now(), card=bare, iban=iban)
    return Kept(methods_of(world).add(method), "created")


def _tell(world: World, method: StoredMethod, operation: str, event_id: str) -> None:
    kind = f"recurring.token.{operation}"
    data = {
        "merchantAccount": method.account,
        "shopperReference": method.customer_id,
        "storedPaymentMethodId": method.token,
        "type": brand_name(brand_of(method.card.number)) if method.card else "sepadirectdebit",
    }
    if operation != "disabled":
        data["operation"] = operation
    world.notify("adyen", method.account, kind, encoded(token_event(kind, world.clock.now(), event_id, data)))


def _shown(method: StoredMethod) -> Body:
    """A StoredPaymentMethodResource."""
    shown: Body = {
        "id": method.token,
        "shopperReference": method.customer_id,
        "createdAt": method.created.isoformat(timespec="seconds"),
        "supportedRecurringProcessingModels": list(MODELS),
    }
    if method.network_transaction_id:
        shown["networkTxReference"] = method.network_transaction_id
    if method.card is None:
        return shown | {"type": "sepadirectdebit", "iban": method.iban, "name": "SEPA Direct Debit"}
    brand = brand_name(brand_of(method.card.number))
    return shown | {
        "type": "scheme",
        "brand": brand,
        "name": brand.upper(),
        "holderName": method.card.holder,
        "lastFour": method.card.number[-4:],
        "cardBin": method.card.number[:6],
        "expiryMonth": f"{method.card.expiry_month:02d}",
        "expiryYear": f"{method.card.expiry_year % 100:02d}",
    }
