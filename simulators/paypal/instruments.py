"""Reads a payment source: a card by number, network token or vault id, the PayPal wallet, or iDEAL."""

from __future__ import annotations

from simulators.issuer import VerdictKind, brand_of, judge, passes_luhn
from simulators.methods import StoredMethod, methods_of
from simulators.paypal.sandbox import FRICTIONLESS, STEP_UP
from simulators.paypal.state import Instrument
from simulators.paypal.wire import Json, Refused, given
from simulators.world import Card, World

_BRANDS = {"unionpay": "CHINA_UNION_PAY", "diners": "DISCOVER", "unknown": "VISA"}
_ASKING = frozenset({"SCA_ALWAYS", "3D_SECURE"})
CARD = "/payment_source/card"


def read_source(world: World, account: str, source: Json) -> Instrument:
    """The `payment_source` of an order, its confirmation, or a call to authorize or capture. Raises Refused."""
    if not isinstance(source, dict) or not source:
        raise Refused("INVALID_PARAMETER_SYNTAX", "/payment_source")
    if len(source) > 1:
        raise Refused("ONLY_ONE_PAYMENT_SOURCE_ALLOWED", "/payment_source")
    ((method, given_source),) = source.items()
    if not isinstance(given_source, dict):
        raise Refused("INVALID_PARAMETER_SYNTAX", f"/payment_source/{method}")
    match method:
        case "card":
            return _card(world, account, given_source)
        case "paypal":
            return _wallet(world, account, given_source)
        case "ideal":
            return _ideal(given_source)
        case "token":
            return _billing_agreement(given_source)
    raise Refused("PAYMENT_SOURCE_NOT_SUPPORTED", f"/payment_source/{method}")


def brand_name(number: str) -> str:
    return _BRANDS.get(brand_of(number), brand_of(number).upper())


def read_card(card: Json, where: str = CARD) -> Card:
    """Number, expiry, security code and holder, checked. Raises Refused."""
    if not card.get("number"):
        raise Refused("CARD_NUMBER_REQUIRED", f"{where}/number")
    number = str(card["number"])
    if not passes_luhn(number):
        raise Refused("INVALID_PARAMETER_VALUE", f"{where}/number", "Invalid card number.")
    if not card.get("expiry"):
        raise Refused("CARD_EXPIRY_REQUIRED", f"{where}/expiry")
    year, month = _expiry(str(card["expiry"]), where)
    code = str(card.get("security_code", ""))
    if code and not (code.isdigit() and len(code) in (3, 4)):
        raise Refused("INVALID_PARAMETER_SYNTAX", f"{where}/security_code")
    if code and len(code) != (4 if brand_of(number) == "amex" else 3):
        raise Refused("INVALID_SECURITY_CODE_LENGTH", f"{where}/security_code")
    return Card(number, month, year, code, str(card.get("name", "")))


def _expiry(expiry: str, where: str) -> tuple[int, int]:
    year, _, month = expiry.partition("-")
    if not (len(year) == 4 and len(month) == 2 and (year + month).isdigit() and 1 <= int(month) <= 12):
        raise Refused("INVALID_PARAMETER_SYNTAX", f"{where}/expiry")
    return int(year), int(month)


def require_unexpired(world: World, card: Card) -> None:
    """The card is good to the end of its month. Raises Refused."""
    now = world.clock.now()
    if (card.expiry_year, card.expiry_month) < (now.year, now.month):
        raise Refused("CARD_EXPIRED", f"{CARD}/expiry")


def shown_card(card: Card) -> Json:
    """As an answer shows it."""
    return {
        **given(name=card.holder),
        "last_digits": card.number[-4:],
        "brand": brand_name(card.number),
        "expiry": f"{card.expiry_year:04}-{card.expiry_month:02}",
    }


def challenge_of(card: Card, method: str) -> str:
    """How the card's holder is asked for authentication under a verification method; see `Instrument.challenge`."""
    if card.number in FRICTIONLESS:
        return "frictionless"
    asks = card.number in STEP_UP or judge(card.number).kind is VerdictKind.CHALLENGE
    return "password" if asks or method in _ASKING else ""


def _card(world: World, account: str, source: Json) -> Instrument:
    if source.get("vault_id"):
        stored = _stored(world, account, str(source["vault_id"]), "card")
        instrument = Instrument("card", stored.card, vault_id=stored.token, customer_id=stored.customer_id)
    elif source.get("network_token"):
        instrument = Instrument("card", _token(source), is_network_token=True)
    else:
        instrument = Instrument("card", read_card(source))
    assert instrument.card is not None
    require_unexpired(world, instrument.card)
    _read_credential(instrument, source)
    attributes = source.get("attributes") or {}
    _read_vault(instrument, attributes)
    if not (instrument.is_network_token or instrument.is_merchant_initiated):
        verification = (attributes.get("verification") or {}).get("method", "SCA_WHEN_REQUIRED")
        instrument.challenge = challenge_of(instrument.card, str(verification))
    instrument.shown = shown_card(instrument.card) | {"type": "CREDIT"}
    return instrument


def _token(source: Json) -> Card:
    """developer.paypal.com/sdk/orders/v2/definitions/network_token_request"""
    token, where = source["network_token"], f"{CARD}/network_token"
    number = str(token.get("number", ""))
    if not passes_luhn(number):
        raise Refused("INVALID_PARAMETER_VALUE", f"{where}/number")
    year, month = _expiry(str(token.get("expiry", "")), where)
    merchant = (source.get("stored_credential") or {}).get("payment_initiator") == "MERCHANT"
    if not merchant and not token.get("cryptogram"):
        raise Refused("MISSING_CRYPTOGRAM", f"{where}/cryptogram")
    previous = (source.get("stored_credential") or {}).get("previous_network_transaction_reference")
    if merchant and not previous:
        raise Refused("MISSING_PREVIOUS_REFERENCE", f"{CARD}/stored_credential")
    return Card(number, month, year, holder=str(source.get("name", "")))


def _read_credential(instrument: Instrument, source: Json) -> None:
    """Which parameters go together: developer.paypal.com/sdk/orders/v2/definitions/card_request"""
    credential = source.get("stored_credential")
    if credential is None:
        return
    where = f"{CARD}/stored_credential"
    for name in ("payment_initiator", "payment_type"):
        if not credential.get(name):
            raise Refused("MISSING_REQUIRED_PARAMETER", f"{where}/{name}")
    if credential["payment_initiator"] not in ("CUSTOMER", "MERCHANT"):
        raise Refused("INVALID_PARAMETER_VALUE", f"{where}/payment_initiator")
    instrument.is_merchant_initiated = credential["payment_initiator"] == "MERCHANT"
    previous = credential.get("previous_network_transaction_reference") or {}
    instrument.previous_network_id = str(previous.get("id", ""))
    if not instrument.is_merchant_initiated:
        if previous:
            raise Refused("INCOMPATIBLE_PARAMETER_VALUE", f"{where}/previous_network_transaction_reference")
        return
    if credential["payment_type"] == "ONE_TIME":
        raise Refused("INCOMPATIBLE_PARAMETER_VALUE", f"{where}/payment_type")
    if credential.get("usage") == "FIRST":
        raise Refused("INCOMPATIBLE_PARAMETER_VALUE", f"{where}/usage")
    if source.get("security_code"):
        raise Refused("MERCHANT_INITIATED_WITH_SECURITY_CODE", f"{CARD}/security_code")


def _read_vault(instrument: Instrument, attributes: Json) -> None:
    customer = str((attributes.get("customer") or {}).get("id", ""))
    instrument.customer_id = instrument.customer_id or customer
    instruction = (attributes.get("vault") or {}).get("store_in_vault")
    if instruction not in (None, "ON_SUCCESS"):
        raise Refused("INVALID_PARAMETER_VALUE", f"/payment_source/{instrument.method}/attributes/vault/store_in_vault")
    instrument.store = instruction == "ON_SUCCESS" and not instrument.vault_id


def _wallet(world: World, account: str, source: Json) -> Instrument:
    instrument = Instrument("paypal")
    if source.get("vault_id"):
        stored = _stored(world, account, str(source["vault_id"]), "paypal")
        instrument.vault_id, instrument.customer_id = stored.token, stored.customer_id
        instrument.is_merchant_initiated = True
    _read_vault(instrument, source.get("attributes") or {})
    return instrument


def _ideal(source: Json) -> Instrument:
    for name in ("name", "country_code"):
        if not source.get(name):
            raise Refused("MISSING_REQUIRED_PARAMETER", f"/payment_source/ideal/{name}")
    shown = given(**{name: source.get(name) for name in ("name", "country_code", "bic")})
    return Instrument("ideal", shown=shown)


def _billing_agreement(source: Json) -> Instrument:
    """Agreements of the API before the vault are not simulated, so none is ever found."""
    for name in ("id", "type"):
        if not source.get(name):
            raise Refused("MISSING_REQUIRED_PARAMETER", f"/payment_source/token/{name}")
    raise Refused("BILLING_AGREEMENT_NOT_FOUND", "/payment_source/token/id")


def _stored(world: World, account: str, vault_id: str, method: str) -> StoredMethod:
    stored = methods_of(world).find("paypal", account, vault_id)
    field = f"/payment_source/{method}/vault_id"
    if stored is None:
        raise Refused("TOKEN_ID_NOT_FOUND", field)
    if (stored.card is not None) != (method == "card"):
        raise Refused("MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE", field)
    return stored
