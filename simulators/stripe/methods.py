"""PaymentMethods: made from raw data or a test id, attached, detached, updated by the network, and their mandates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulators.methods import StoredMethod, methods_of
from simulators.stripe import bank_accounts, cards
from simulators.stripe.declines import decline_words
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import Form, choice, integer, mapping, metadata, required, text
from simulators.stripe.method_shapes import mandate_shown, show_method
from simulators.stripe.objects import PaymentMethod, new_id, unix
from simulators.stripe.state import state_of, table
from simulators.stripe.webhooks import tell
from simulators.world import Card, World

TYPES = ("card", "ideal", "paypal", "sepa_debit")
_SPENT = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use "
    "a PaymentMethod multiple times, you must attach it to a Customer first."
)


def find_method(world: World, account: str, id: str, param: str = "payment_method", status: int = 404) -> PaymentMethod:
    """Raises StripeError. A test id (pm_card_visa) is a new payment method each time."""
    if made := _test_method(world, account, id):
        return made
    method = state_of(world).methods.get(id)
    if method is None or method.account != account:
        raise missing_resource("PaymentMethod", id, param, status)
    return method


def usable_method(world: World, account: str, id: str, customer: str) -> PaymentMethod:
    """One that may be charged for the customer (none: ""). Raises StripeError 400."""
    method = find_method(world, account, id, status=400)
    if method.is_spent:
        raise StripeError(400, _SPENT, param="payment_method")
    if method.customer and method.customer != customer:
        message = (
            f"The PaymentMethod {method.id} belongs to the Customer {method.customer}. Please include the Customer in "
            "the `customer` parameter on the PaymentIntent."
        )
        raise StripeError(400, message, param="payment_method")
    return method


def make_method(world: World, account: str, data: Form) -> PaymentMethod:
    """From `payment_method_data` or the parameters of POST /v1/payment_methods. Raises StripeError."""
    kind = text(data, "type")
    if kind not in TYPES:
        raise invalid(
            f"Invalid payment_method type: {kind or 'missing'}", "type", "parameter_missing" if not kind else ""
        )
    method = PaymentMethod(
        new_id("pm"), account, kind, unix(world.clock.now()), billing=mapping(data, "billing_details"),
        metadata=metadata(data), allow_redisplay=text(data, "allow_redisplay", "unspecified"),
    )  # fmt: skip
    if kind == "card":
        sent = mapping(data, "card")
        method.is_network_token = "network_token" in sent
        source = mapping(sent, "network_token") if method.is_network_token else sent
        method.card = _card(world, source, text(mapping(data, "billing_details"), "name"))
    elif kind == "sepa_debit":
        method.iban = _iban(mapping(data, "sepa_debit"))
    state_of(world).methods[method.id] = method
    return method


def attach(world: World, method: PaymentMethod, customer: str) -> PaymentMethod:
    """Raises StripeError: 402 where the issuer refuses the card, 400 where it belongs to somebody."""
    table(world, "customer").find(method.account, customer, "customer", 400)
    if method.customer or method.is_spent:
        message = "This PaymentMethod was previously used or attached and may not be attached again."
        raise StripeError(400, message if method.is_spent else "The payment method is already attached to a customer.")
    if method.type not in ("card", "sepa_debit"):
        raise StripeError(400, f"PaymentMethods of type {method.type} cannot be attached like this.", param="type")
    if method.card is not None and (words := cards.refusal(method.card, cards.Asked(is_setup=True))):
        raise StripeError(
            402, words.message, type="card_error", code=words.code, decline_code=words.decline_code, param=words.param
        )
    _attach(world, method, customer)
    return method


def keep_for_later(world: World, method: PaymentMethod, customer: str, off_session: bool) -> None:
    """After a payment or a setup in which its holder agreed. Without a customer it may still be attached later."""
    method.is_set_up = method.is_set_up or off_session
    if customer and not method.customer:
        _attach(world, method, customer)
    elif (stored := methods_of(world).find("stripe", method.account, method.id)) is not None:
        stored.network_transaction_id = stored.network_transaction_id or method.network_transaction_id


def detach(world: World, method: PaymentMethod) -> PaymentMethod:
    if not method.customer:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise StripeError(400, message, param="payment_method")
    before = method.customer
    method.customer, method.is_spent = "", True
    if stored := methods_of(world).find("stripe", method.account, method.id):
        stored.detached = world.clock.now()
    tell(world, method.account, "payment_method.detached", show_method(method), {"customer": before})
    return method


def update_card(world: World, method: PaymentMethod, number: str, month: int, year: int) -> None:
    """The card network tells of a new expiry or number (docs.stripe.com/payments/cards/overview: automatic updates)."""
    assert method.card is not None
    old = method.card
    method.card = replace(old, number=number or old.number, expiry_month=month, expiry_year=year)
    if stored := methods_of(world).find("stripe", method.account, method.id):
        stored.card = method.card
    previous = {"card": {"exp_month": old.expiry_month, "exp_year": old.expiry_year, "last4": old.number[-4:]}}
    tell(world, method.account, "payment_method.automatically_updated", show_method(method), previous)


def make_mandate(world: World, method: PaymentMethod, acceptance: dict[str, Any]) -> str:
    """The id of a new mandate for the method."""
    id = new_id("mandate")
    shown = mandate_shown(id, method, acceptance, unix(world.clock.now()))
    table(world, "mandate").add(method.account, shown)
    return id


def make_generated_debit(world: World, ideal: PaymentMethod, customer: str, origin: str) -> PaymentMethod:
    """iDEAL cannot be charged again: it makes a SEPA debit with a mandate (docs.stripe.com/payments/ideal)."""
    method = PaymentMethod(
        new_id("pm"), ideal.account, "sepa_debit", unix(world.clock.now()), iban="NL39RABO0300065264",
        billing=dict(ideal.billing), is_set_up=True, generated_from=origin if origin.startswith("py_") else "",
    )  # fmt: skip
    state_of(world).methods[method.id] = method
    method.mandate = make_mandate(world, method, {"type": "online"})
    if customer:
        _attach(world, method, customer)
    return method


def methods_of_customer(world: World, account: str, customer: str) -> list[PaymentMethod]:
    """Newest first."""
    own = [m for m in state_of(world).methods.values() if m.account == account and m.customer == customer]
    return own[::-1]


def _attach(world: World, method: PaymentMethod, customer: str) -> None:
    method.customer = customer
    wallet = method.wallet or ("paypal" if method.type == "paypal" else "")
    stored = StoredMethod(
        method.id, "stripe", method.account, customer, world.clock.now(), method.card, wallet, method.iban,
        method.network_transaction_id,
    )  # fmt: skip
    methods_of(world).add(stored)
    tell(world, method.account, "payment_method.attached", show_method(method))


def _test_method(world: World, account: str, id: str) -> PaymentMethod | None:
    now = world.clock.now()
    method = PaymentMethod(new_id("pm"), account, "card", unix(now))
    if number := cards.TEST_METHODS.get(id):
        method.card = Card(number, 12, now.year + 3, "314")
    elif iban := bank_accounts.TEST_METHODS.get(id):
        method.type, method.iban = "sepa_debit", iban
        method.billing = {"name": "Jenny Rosen", "email": "jenny@example.com"}
    else:
        return None
    state_of(world).methods[method.id] = method
    return method


def _card(world: World, sent: Form, holder: str) -> Card:
    number, month, year = required(sent, "number"), integer(sent, "exp_month"), integer(sent, "exp_year")
    year = year if year > 99 else 2000 + year
    today = world.clock.now()
    card = Card(number, month, year, text(sent, "cvc"), holder)
    wrong = ""
    if (words := cards.refusal(card, cards.Asked(is_setup=True))) and words.code == "incorrect_number":
        wrong = "incorrect_number"
    elif not 1 <= month <= 12 or (year == today.year and month < today.month):
        wrong = "invalid_expiry_month"
    elif not today.year <= year < today.year + 50:
        wrong = "invalid_expiry_year"
    elif card.cvc and not (card.cvc.isdigit() and 3 <= len(card.cvc) <= 4):
        wrong = "invalid_cvc"
    if wrong:
        words = decline_words(f"code:{wrong}")
        raise StripeError(402, words.message, type="card_error", code=words.code, param=words.param)
    return card


def _iban(sent: Form) -> str:
    iban = required(sent, "iban").replace(" ", "").upper()
    if not bank_accounts.is_iban(iban):
        raise StripeError(
            400, "The IBAN you provided is invalid.", code="invalid_bank_account_iban", param="sepa_debit[iban]"
        )
    return iban


def redisplay(form: Form, held: str) -> str:
    return choice(form, "allow_redisplay", ("always", "limited", "unspecified"), held)
