"""Reads the purchase units of an order: amounts and their breakdown, references, payees and platform fees."""

from __future__ import annotations

from typing import Any

from simulators.paypal.state import Order, Unit
from simulators.paypal.wire import Json, Refused, from_paypal, given, merchant_id_of, parse_money
from simulators.world import World

_MOST_UNITS = 10
_ADDED = ("item_total", "tax_total", "shipping", "handling", "insurance")
_TAKEN_OFF = ("shipping_discount", "discount")
_REPEATED = ("description", "shipping", "items", "supplementary_data")
_LENGTHS = {"reference_id": 256, "description": 127, "custom_id": 255, "invoice_id": 127, "soft_descriptor": 22}


def read_units(world: World, order: Order, body: Json) -> list[Unit]:
    """The purchase units of POST /v2/checkout/orders. Raises Refused."""
    units = body.get("purchase_units")
    if not isinstance(units, list):
        raise Refused("MISSING_REQUIRED_PARAMETER", "/purchase_units")
    if not units:
        raise Refused("INVALID_ARRAY_MIN_ITEMS", "/purchase_units")
    if len(units) > _MOST_UNITS:
        raise Refused("INVALID_ARRAY_MAX_ITEMS", "/purchase_units")
    if len(units) > 1:
        _require_several(order, units)
    read = [read_unit(world, order, unit, index, len(units)) for index, unit in enumerate(units)]
    if len({unit.currency for unit in read}) > 1:
        raise Refused("MULTI_CURRENCY_ORDER", "/purchase_units")
    return read


def _require_several(order: Order, units: list[Any]) -> None:
    if order.intent == "AUTHORIZE":
        raise Refused("UNSUPPORTED_INTENT", "/intent")
    references = [unit.get("reference_id") for unit in units if isinstance(unit, dict)]
    if not all(references):
        raise Refused("REFERENCE_ID_REQUIRED", "/purchase_units/0/reference_id")
    if len(set(references)) < len(references):
        raise Refused("DUPLICATE_REFERENCE_ID", "/purchase_units/0/reference_id")


def read_unit(world: World, order: Order, unit: Any, index: int = 0, count: int = 1) -> Unit:
    """One purchase unit. Raises Refused."""
    where = f"/purchase_units/{index}" if count > 1 else "/purchase_units/@reference_id=='default'"
    if not isinstance(unit, dict):
        raise Refused("INVALID_PARAMETER_SYNTAX", where)
    for name, most in _LENGTHS.items():
        _require_length(unit, name, most, where)
    minor, currency = from_paypal(unit.get("amount"), f"{where}/amount")
    breakdown = unit["amount"].get("breakdown") or {}
    _require_sum(breakdown, minor, currency, f"{where}/amount")
    _require_items(unit.get("items") or [], breakdown, where)
    instruction = unit.get("payment_instruction") or {}
    payee = _payee(world, order.account, unit.get("payee") or {}, where)
    return Unit(
        order,
        str(unit.get("reference_id", "default")),
        minor,
        currency,
        custom_id=str(unit.get("custom_id", "")),
        invoice_id=str(unit.get("invoice_id", "")),
        shown=given(**{name: unit.get(name) for name in _REPEATED}),
        breakdown=breakdown,
        payee=payee,
        instruction=instruction,
        platform_fee_minor=read_platform_fee(world, order.account, payee, instruction, minor, where),
        soft_descriptor=str(unit.get("soft_descriptor", "")),
    )


def _require_length(unit: Json, name: str, most: int, where: str) -> None:
    value = unit.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        raise Refused("INVALID_PARAMETER_SYNTAX", f"{where}/{name}")
    if not 1 <= len(value) <= most:
        raise Refused("INVALID_STRING_LENGTH", f"{where}/{name}")


def _require_sum(breakdown: Json, minor: int, currency: str, where: str) -> None:
    if not breakdown:
        return

    def part(name: str) -> int:
        if breakdown.get(name) is None:
            return 0
        amount, given_currency = parse_money(breakdown[name], f"{where}/breakdown/{name}")
        if given_currency != currency:
            raise Refused("MULTI_CURRENCY_ORDER", f"{where}/breakdown/{name}")
        return amount

    if sum(map(part, _ADDED)) - sum(map(part, _TAKEN_OFF)) != minor:
        raise Refused("AMOUNT_MISMATCH", f"{where}/amount/value")


def _require_items(items: list[Json], breakdown: Json, where: str) -> None:
    if not items:
        return
    if breakdown.get("item_total") is None:
        raise Refused("ITEM_TOTAL_REQUIRED", f"{where}/amount/breakdown/item_total")
    total = 0
    for index, item in enumerate(items):
        quantity = str(item.get("quantity", ""))
        if not quantity.isdigit():
            raise Refused("INVALID_PARAMETER_SYNTAX", f"{where}/items/{index}/quantity")
        total += parse_money(item.get("unit_amount"), f"{where}/items/{index}/unit_amount")[0] * int(quantity)
    if total != parse_money(breakdown["item_total"], where)[0]:
        raise Refused("ITEM_TOTAL_MISMATCH", f"{where}/amount/breakdown/item_total")


# marketplaces


def _payee(world: World, account: str, payee: Json, where: str) -> Json:
    """Who receives the money: nobody named is the caller itself, else a seller that is onboarded to the caller.

    A seller is a PayPal account of this world whose credential `platform` is the caller's name. It is known by its
    merchant id, its name or its e-mail address.
    """
    if not payee or _is(payee, world, account):
        return {}
    seller = _account_of(payee, world)
    if not seller:
        raise Refused("PAYEE_ACCOUNT_INVALID", f"{where}/payee")
    if world.accounts["paypal", seller].get("platform") != account:
        raise Refused("PAYEE_NOT_CONSENTED", f"{where}/payee")
    return {"merchant_id": merchant_id(world, seller), **given(email_address=payee.get("email_address"))}


def _account_of(payee: Json, world: World) -> str:
    """Empty for a payee that is nobody."""
    return next((name for gateway, name in world.accounts if gateway == "paypal" and _is(payee, world, name)), "")


def _is(payee: Json, world: World, account: str) -> bool:
    if payee.get("merchant_id"):
        return payee["merchant_id"] in (merchant_id(world, account), account)
    return bool(payee.get("email_address") == world.accounts["paypal", account].get("email", f"{account}@example.com"))


def _is_platform(world: World, account: str) -> bool:
    return any(held.get("platform") == account for (gateway, _), held in world.accounts.items() if gateway == "paypal")


def merchant_id(world: World, account: str) -> str:
    """Credential `merchant_id` of the account, else one that is derived from its name."""
    return world.accounts.get(("paypal", account), {}).get("merchant_id") or merchant_id_of(account)


def read_platform_fee(world: World, account: str, payee: Json, instruction: Json, minor: int, where: str) -> int:
    """The fee that a partner takes from its seller's payment, 0 for none. Raises Refused."""
    fees = instruction.get("platform_fees") or []
    where = f"{where}/payment_instruction/platform_fees"
    if not fees:
        return 0
    if not _is_platform(world, account):
        raise Refused("PLATFORM_FEES_NOT_SUPPORTED", where)
    if len(fees) > 1:
        raise Refused("INVALID_ARRAY_MAX_ITEMS", where)
    to = fees[0].get("payee") or {}
    if not payee or (to and not _is(to, world, account)):
        raise Refused("INVALID_PLATFORM_FEES_ACCOUNT", f"{where}/0/payee")
    fee, _ = from_paypal(fees[0].get("amount"), f"{where}/0/amount")
    if fee > minor:
        raise Refused("INVALID_PLATFORM_FEES_AMOUNT", f"{where}/0/amount")
    return fee
