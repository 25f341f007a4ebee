"""Vault v3: setup tokens that a payer may have to approve, and the payment tokens that are charged later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulators.issuer import VerdictKind, judge
from simulators.methods import StoredMethod, methods_of
from simulators.paypal.instruments import challenge_of, read_card, require_unexpired, shown_card
from simulators.paypal.sandbox import REJECTING_NAMES
from simulators.paypal.state import Order, SetupToken, State, state_of
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import Json, Refused, given, link, merchant_id_of, new_id, not_found
from simulators.world import Card, World

SETUP_LASTS = timedelta(days=3)  # …/save-payment-methods/purchase-later: "By default, the setup token expires"
_DELETION_LASTS = timedelta(minutes=1)
_WALLET = ("description", "usage_pattern", "shipping", "permit_multiple_payment_tokens", "usage_type", "customer_type")
_MOST_PER_PAGE, _DEFAULT_PER_PAGE = 5, 5
BUYER: Json = {
    "name": {"given_name": "Ada", "surname": "Byron"},
    "email_address": "ada.byron@example.com",
    "payer_id": merchant_id_of("buyer"),
    "address": {"country_code": "DE"},
}
"""The one person who has a PayPal wallet in this world."""


def create_setup_token(world: World, state: State, account: str, body: Json) -> SetupToken:
    """POST /v3/vault/setup-tokens. Raises Refused."""
    source = body.get("payment_source")
    if not isinstance(source, dict) or len(source) != 1:
        raise Refused("MISSING_REQUIRED_PARAMETER", "/payment_source")
    ((method, details),) = source.items()
    customer = body.get("customer") or {}
    token = SetupToken(
        new_id(),
        account,
        _customer_id(state, account, customer),
        method,
        world.clock.now(),
        "APPROVED",
        merchant_customer_id=str(customer.get("merchant_customer_id", "")),
    )
    context = details.get("experience_context") or {}
    token.return_url, token.cancel_url = str(context.get("return_url", "")), str(context.get("cancel_url", ""))
    match method:
        case "card":
            _set_up_card(world, token, details)
        case "paypal":
            _set_up_wallet(token, details)
        case _:
            raise Refused("PAYMENT_SOURCE_NOT_SUPPORTED", f"/payment_source/{method}")
    state.setup_tokens[token.id] = token
    return token


def _customer_id(state: State, account: str, customer: Json) -> str:
    """PayPal's own id, the same each time for the same id of the merchant's."""
    if customer.get("id"):
        return str(customer["id"])
    merchants = str(customer.get("merchant_customer_id", ""))
    made = new_id(10)
    return state.customers.setdefault((account, merchants), made) if merchants else made


def _set_up_card(world: World, token: SetupToken, details: Json) -> None:
    token.card = _verified_card(world, details)
    token.shown = shown_card(token.card) | {"verification_status": "VERIFIED"}
    token.challenge = challenge_of(token.card, str(details.get("verification_method", "")))
    if token.challenge:
        _require_urls(token, "card")
        token.status = "PAYER_ACTION_REQUIRED"


def _verified_card(world: World, details: Json) -> Card:
    """The card, once its issuer has not said no to it. Raises Refused."""
    card = read_card(details)
    require_unexpired(world, card)
    if card.holder in REJECTING_NAMES or judge(card.number).kind is VerdictKind.DECLINE:
        raise Refused("PAYMENT_SOURCE_DECLINED_BY_PROCESSOR", "/payment_source/card")
    return card


def _set_up_wallet(token: SetupToken, details: Json) -> None:
    if not details.get("usage_type"):
        raise Refused("MISSING_REQUIRED_PARAMETER", "/payment_source/paypal/usage_type")
    _require_urls(token, "paypal")
    token.shown = given(**{name: details.get(name) for name in _WALLET})
    token.status = "PAYER_ACTION_REQUIRED"


def _require_urls(token: SetupToken, method: str) -> None:
    for name, url in (("return_url", token.return_url), ("cancel_url", token.cancel_url)):
        if not url:
            raise Refused("MISSING_REQUIRED_PARAMETER", f"/payment_source/{method}/experience_context/{name}")


def setup_token_of(world: World, state: State, account: str, id: str) -> SetupToken:
    """Raises Refused for an unknown or outlived one."""
    token = state.setup_tokens.get(id)
    if token is None or token.account != account or world.clock.now() > token.created_at + SETUP_LASTS:
        raise not_found()
    return token


def show_setup_token(token: SetupToken, state: State) -> Json:
    url = f"{state.base_url}/v3/vault/setup-tokens/{token.id}"
    links = [link(url, "self", "GET")]
    if token.status == "PAYER_ACTION_REQUIRED":
        page = f"{state.base_url}/agreements/approve?approval_session_id={token.id}"
        links.append(link(page, "approve", "GET"))
    if token.status == "APPROVED":
        links.append(link(f"{state.base_url}/v3/vault/payment-tokens", "confirm", "POST"))
    return {
        "id": token.id,
        "customer": {"id": token.customer_id, **given(merchant_customer_id=token.merchant_customer_id)},
        "status": token.status,
        "payment_source": {token.method: token.shown},
        "links": links,
    }


# payment tokens


def create_payment_token(world: World, state: State, account: str, body: Json) -> StoredMethod:
    """POST /v3/vault/payment-tokens, from an approved setup token or a card's own details. Raises Refused."""
    source = body.get("payment_source")
    if not isinstance(source, dict) or len(source) != 1:
        raise Refused("MISSING_REQUIRED_PARAMETER", "/payment_source")
    if "card" in source:
        card = _verified_card(world, source["card"])
        customer_id = _customer_id(state, account, body.get("customer") or {})
        shown = {"card": shown_card(card) | {"verification_status": "VERIFIED"}}
        return _keep(world, state, account, customer_id, shown, card=card)
    given_token = source.get("token") or {}
    if given_token.get("type") != "SETUP_TOKEN" or not given_token.get("id"):
        raise Refused("INVALID_PARAMETER_VALUE", "/payment_source/token")
    token = state.setup_tokens.get(str(given_token["id"]))
    if token is None or token.account != account:
        raise Refused("TOKEN_ID_NOT_FOUND", "/payment_source/token/id")
    if token.status == "VAULTED":
        raise Refused("SETUP_TOKEN_ALREADY_TOKENIZED", "/payment_source/token/id")
    if world.clock.now() > token.created_at + SETUP_LASTS:
        raise Refused("TOKEN_EXPIRED", "/payment_source/token/id")
    if token.status != "APPROVED":
        raise Refused("PAYER_ACTION_REQUIRED", "/payment_source/token/id")
    token.status = "VAULTED"
    wallet = str(BUYER["payer_id"]) if token.method == "paypal" else ""
    shown = {token.method: dict(token.shown) | (_wallet_owner() if wallet else {})}
    return _keep(world, state, account, token.customer_id, shown, card=token.card, wallet=wallet)


def save_from_order(world: World, state: State, order: Order) -> None:
    """Keeps the order's payment source, as `store_in_vault: ON_SUCCESS` asks."""
    instrument = order.instrument
    assert instrument is not None
    instrument.customer_id = instrument.customer_id or new_id(10)
    if instrument.card is not None:
        shown, wallet = {"card": shown_card(instrument.card)}, ""
    else:
        shown, wallet = {"paypal": {"usage_type": "MERCHANT", **_wallet_owner()}}, str(BUYER["payer_id"])
    kept = _keep(world, state, order.account, instrument.customer_id, shown, card=instrument.card, wallet=wallet)
    instrument.saved_token = kept.token


def _wallet_owner() -> Json:
    return {"email_address": BUYER["email_address"], "payer_id": BUYER["payer_id"], "name": BUYER["name"]}


def _keep(
    world: World, state: State, account: str, customer_id: str, shown: Json, card: Card | None, wallet: str = ""
) -> StoredMethod:
    now = world.clock.now()
    kept = StoredMethod(new_id(), "paypal", account, customer_id, now, card=card, wallet=wallet)
    methods_of(world).add(kept)
    state.vaulted[kept.token] = shown
    tell(world, account, "VAULT.PAYMENT-TOKEN.CREATED", show_payment_token(kept, state))
    return kept


def payment_token_of(world: World, account: str, id: str) -> StoredMethod:
    """Raises Refused for an unknown or deleted one."""
    kept = methods_of(world).find("paypal", account, id)
    if kept is None:
        raise not_found()
    return kept


def kept_token(world: World, id: str) -> StoredMethod:
    """Also one that has been deleted since: a repeated request is answered with what it made."""
    return methods_of(world)["paypal", id]


def show_payment_token(kept: StoredMethod, state: State) -> Json:
    url = f"{state.base_url}/v3/vault/payment-tokens/{kept.token}"
    return {
        "id": kept.token,
        "customer": {"id": kept.customer_id},
        "payment_source": state.vaulted.get(kept.token, {}),
        "links": [link(url, "self", "GET"), link(url, "delete", "DELETE")],
    }


def list_payment_tokens(world: World, state: State, account: str, query: dict[str, str]) -> Json:
    """GET /v3/vault/payment-tokens?customer_id=…, some per page. Raises Refused."""
    customer_id = query.get("customer_id")
    if not customer_id:
        raise Refused("MISSING_REQUIRED_PARAMETER", "customer_id")
    per_page = _number(query, "page_size", _DEFAULT_PER_PAGE, _MOST_PER_PAGE)
    page = _number(query, "page", 1, 10)
    kept = methods_of(world).of_customer("paypal", account, customer_id)
    shown = kept[(page - 1) * per_page : page * per_page]
    url = f"{state.base_url}/v3/vault/payment-tokens?customer_id={customer_id}&page_size={per_page}"
    last = max((len(kept) + per_page - 1) // per_page, 1)
    links = [link(f"{url}&page={page}", "self", "GET"), link(f"{url}&page=1", "first", "GET")]
    if page < last:
        links.append(link(f"{url}&page={page + 1}", "next", "GET"))
    links.append(link(f"{url}&page={last}", "last", "GET"))
    body: Json = {"customer": {"id": customer_id}, "payment_tokens": [show_payment_token(m, state) for m in shown]}
    if query.get("total_required") == "true":
        body |= {"total_items": len(kept), "total_pages": last}
    return body | {"links": links}


def _number(query: dict[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise Refused("INVALID_PARAMETER_VALUE", name)
    return int(text)


def delete(world: World, account: str, id: str) -> None:
    """A card is gone at once; a wallet's deletion is announced first; what is gone stays gone. Raises Refused."""
    kept = methods_of(world).get(("paypal", id))
    if kept is None or kept.account != account:
        raise not_found()
    if kept.detached:
        return
    kept.detached = world.clock.now()
    resource = {"id": kept.token, "customer": {"id": kept.customer_id}}
    if kept.card is not None:
        tell(world, kept.account, "VAULT.PAYMENT-TOKEN.DELETED", resource)
        return
    tell(world, kept.account, "VAULT.PAYMENT-TOKEN.DELETION-INITIATED", resource)
    world.at(world.clock.now() + _DELETION_LASTS, "paypal", "delete_token", token=kept.token)


def finish_deletion(world: World, facts: dict[str, Any]) -> None:
    """Timer: the wallet's owner knows, and the token is gone."""
    kept = methods_of(world)["paypal", facts["token"]]
    resource = {"id": kept.token, "customer": {"id": kept.customer_id}}
    tell(world, kept.account, "VAULT.PAYMENT-TOKEN.DELETED", resource)
    state_of(world).vaulted.pop(kept.token, None)
