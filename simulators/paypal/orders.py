"""Orders v2: create, change, confirm a payment source, authorize and capture."""

from __future__ import annotations

from simulators.paypal import paying
from simulators.paypal.instruments import read_source
from simulators.paypal.order_request import read_unit, read_units
from simulators.paypal.resources import payer_url, unit_as_requested
from simulators.paypal.state import Instrument, Order, OrderStatus, State, Unit
from simulators.paypal.wire import Json, Refused, new_id
from simulators.world import World

_COMPLETES_ITSELF = "ORDER_COMPLETE_ON_PAYMENT_APPROVAL"


def create(world: World, state: State, account: str, body: Json, request_id: str, declined_for: str | None) -> Order:
    """POST /v2/checkout/orders; with a payment source that needs no payer it is paid at once. Raises Refused."""
    intent = body.get("intent")
    if intent is None:
        raise Refused("MISSING_REQUIRED_PARAMETER", "/intent")
    if intent not in ("AUTHORIZE", "CAPTURE"):
        raise Refused("INVALID_PARAMETER_VALUE", "/intent")
    order = Order(new_id(), account, intent, world.clock.now(), instruction=str(body.get("processing_instruction", "")))
    order.units = read_units(world, order, body)
    _read_context(order, body.get("application_context") or {})
    if body.get("payment_source"):
        if not request_id:
            raise Refused("PAYPAL_REQUEST_ID_REQUIRED")
        _take_source(world, order, body)
    elif order.instruction == _COMPLETES_ITSELF:
        raise Refused("UNSUPPORTED_PROCESSING_INSTRUCTION", "/processing_instruction")
    state.orders[order.id] = order
    try:
        if order.instrument is not None and order.status is OrderStatus.APPROVED:
            paying.complete(world, state, order, declined_for)
    except Refused:
        del state.orders[order.id]
        raise
    return order


def confirm(world: World, state: State, order: Order, body: Json, declined_for: str | None) -> None:
    """POST …/confirm-payment-source: the payer's way to pay, without paying yet. Raises Refused."""
    if not body.get("payment_source"):
        raise Refused("MISSING_REQUIRED_PARAMETER", "/payment_source")
    if order.status is OrderStatus.COMPLETED:
        raise Refused("ORDER_CANNOT_BE_CONFIRMED")
    if body.get("processing_instruction"):
        order.instruction = str(body["processing_instruction"])
    _read_context(order, body.get("application_context") or {})
    _take_source(world, order, body)
    paying.refuse(state, order, declined_for)
    order.updated_at = world.clock.now()


def pay(world: World, state: State, order: Order, verb: str, body: Json, declined_for: str | None) -> None:
    """POST …/authorize or …/capture: changes the order. Raises Refused.

    The issuer's refusal leaves the order COMPLETED with a DENIED authorization or a DECLINED capture, as at PayPal.
    """
    _require_payable(order, verb)
    if body.get("payment_source"):
        _read_context(order, body.get("application_context") or {})
        _take_source(world, order, body)
        if order.status is OrderStatus.PAYER_ACTION_REQUIRED:
            return
    if order.status is OrderStatus.PAYER_ACTION_REQUIRED and order.instrument and order.instrument.method == "card":
        raise Refused("PAYER_ACTION_REQUIRED", redirect=payer_url(order, state))
    if order.status is not OrderStatus.APPROVED:
        raise Refused("ORDER_NOT_APPROVED")
    paying.complete(world, state, order, declined_for)


def _require_payable(order: Order, verb: str) -> None:
    if order.intent.lower() != verb:
        raise Refused(
            "ACTION_DOES_NOT_MATCH_INTENT",
            description=f"Order was created with an intent to '{order.intent}'. Please use "
            f"v2/checkout/orders/order_id/{order.intent.lower()} to complete the transaction or alternately Create an "
            f"order with an intent of '{verb.upper()}'.",
        )
    if order.status is OrderStatus.COMPLETED:
        raise Refused("ORDER_ALREADY_AUTHORIZED" if verb == "authorize" else "ORDER_ALREADY_CAPTURED")


# payment source


def _take_source(world: World, order: Order, body: Json) -> None:
    """Reads the source and decides whether the payer has to act before money can move."""
    instrument = read_source(world, order.account, body["payment_source"])
    ((method, source),) = body["payment_source"].items()
    _read_context(order, source.get("experience_context") or {})
    if instrument.is_merchant_initiated and len(order.units) > 1:
        raise Refused("MERCHANT_INITIATED_WITH_MULTIPLE_PURCHASE_UNITS", "/purchase_units")
    _require_instruction(order, instrument, source)
    order.instrument = instrument
    wants_payer = bool(instrument.challenge) if method == "card" else not instrument.vault_id
    order.status = OrderStatus.PAYER_ACTION_REQUIRED if wants_payer else OrderStatus.APPROVED


def _require_instruction(order: Order, instrument: Instrument, source: Json) -> None:
    """developer.paypal.com/api/orders-v2/ideal: capture only, EUR only, and the order completes itself."""
    if not instrument.is_pushed:
        if order.instruction == _COMPLETES_ITSELF:
            raise Refused("UNSUPPORTED_PROCESSING_INSTRUCTION", "/processing_instruction")
        return
    if order.instruction != _COMPLETES_ITSELF:
        raise Refused("ORDER_COMPLETE_ON_PAYMENT_APPROVAL", "/processing_instruction")
    if order.intent != "CAPTURE":
        raise Refused("UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE", "/intent")
    if order.currency != "EUR":
        raise Refused("INVALID_CURRENCY_CODE", "/purchase_units/@reference_id=='default'/amount/currency_code")
    for name, url in (("return_url", order.return_url), ("cancel_url", order.cancel_url)):
        if not url:
            raise Refused("MISSING_REQUIRED_PARAMETER", f"/payment_source/ideal/experience_context/{name}")


def _read_context(order: Order, context: Json) -> None:
    order.return_url = str(context.get("return_url", "")) or order.return_url
    order.cancel_url = str(context.get("cancel_url", "")) or order.cancel_url


# changes


_PATCHABLE = ("amount", "custom_id", "invoice_id", "description", "soft_descriptor", "shipping", "payee")
_WITH_DEFAULT = frozenset({"amount", "payee"})


def patch(world: World, order: Order, operations: object) -> None:
    """PATCH: JSON Patch on purchase units and intent; where one is refused nothing is changed. Raises Refused."""
    if order.status is OrderStatus.COMPLETED:
        raise Refused("ORDER_ALREADY_COMPLETED")
    if not isinstance(operations, list) or not operations:
        raise Refused("MALFORMED_REQUEST_JSON")
    intent, units = order.intent, list(order.units)
    for index, operation in enumerate(operations):
        path = operation.get("path") if isinstance(operation, dict) else None
        if not path:
            raise Refused("PATCH_PATH_REQUIRED", f"/{index}/path")
        if path == "/intent":
            intent = _patched_intent(operation)
        else:
            units = _patched_units(world, order, units, operation)
    order.intent, order.units = intent, units
    order.updated_at = world.clock.now()


def _patched_intent(operation: Json) -> str:
    if operation.get("op") != "replace":
        raise Refused("INVALID_PATCH_OPERATION")
    if operation.get("value") not in ("AUTHORIZE", "CAPTURE"):
        raise Refused("INVALID_PARAMETER_VALUE", "/intent")
    return str(operation["value"])


def _patched_units(world: World, order: Order, units: list[Unit], operation: Json) -> list[Unit]:
    reference, name = _target(str(operation["path"]))
    index = next((n for n, unit in enumerate(units) if unit.reference_id == reference), None)
    if index is None:
        raise Refused("INVALID_JSON_POINTER_FORMAT", str(operation["path"]))
    body = unit_as_requested(units[index])
    if name not in _PATCHABLE:
        raise Refused("NOT_PATCHABLE", str(operation["path"]))
    _apply(body, name, operation)
    patched = read_unit(world, order, body, index, len(units))
    return [*units[:index], patched, *units[index + 1 :]]


def _target(path: str) -> tuple[str, str]:
    """/purchase_units/@reference_id=='default'/amount: the unit's reference and the name of the field."""
    prefix, _, rest = path.partition("@reference_id=='")
    reference, closing, name = rest.partition("'/")
    if prefix != "/purchase_units/" or not closing:
        raise Refused("INVALID_JSON_POINTER_FORMAT", path)
    return reference, name


def _apply(body: Json, name: str, operation: Json) -> None:
    op = operation.get("op")
    if op not in ("add", "replace", "remove") or (op == "remove" and name in _WITH_DEFAULT):
        raise Refused("INVALID_PATCH_OPERATION")
    if op != "add" and body.get(name) is None:
        raise Refused("INVALID_PATCH_OPERATION")
    if op == "remove":
        del body[name]
        return
    if operation.get("value") is None:
        raise Refused("PATCH_VALUE_REQUIRED")
    body[name] = operation["value"]
