"""Orders v2: create, pay by card (authorize or capture), and the answer to an authentication."""

from __future__ import annotations

from typing import Any

from simulators.issuer import VerdictKind, brand_of, judge, passes_luhn
from simulators.paypal import resources
from simulators.paypal.state import Authorization, Capture, Order, OrderStatus, State
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import INSTRUMENT_DECLINED, Refused, from_paypal, new_id, unprocessable
from simulators.world import Charge, World

Body = dict[str, Any]
_BRANDS = {"unionpay": "CHINA_UNION_PAY", "diners": "DISCOVER", "unknown": "VISA"}


def create(world: World, state: State, account: str, body: Body) -> Order:
    """POST /v2/checkout/orders. Raises Refused."""
    intent = body.get("intent")
    if intent not in ("AUTHORIZE", "CAPTURE"):
        raise _invalid("INVALID_PARAMETER_VALUE", "The value of a field is invalid.", "/intent")
    units = body.get("purchase_units")
    if not isinstance(units, list) or len(units) != 1:
        raise _invalid("MISSING_REQUIRED_PARAMETER", "Exactly one purchase unit is simulated.", "/purchase_units")
    unit = units[0]
    minor, currency = from_paypal(unit.get("amount"), "/purchase_units/@reference_id=='default'/amount")
    custom_id = str(unit.get("custom_id", ""))
    it = Order(
        new_id(),
        account,
        intent,
        minor,
        currency,
        reference_id=str(unit.get("reference_id", "default")),
        custom_id=custom_id,
        invoice_id=str(unit.get("invoice_id", "")),
        payment_reference="" if unit.get("reference_id") is None else str(unit["reference_id"]),
        created_at=world.clock.now(),
    )
    state.orders[it.id] = it
    return it


def pay(world: World, state: State, it: Order, verb: str, body: Body, declined_for: str | None) -> None:
    """POST /v2/checkout/orders/{id}/authorize or …/capture: changes the order. Raises Refused.

    The issuer's refusal leaves the order COMPLETED with a DENIED authorization or a DECLINED capture, as at PayPal.
    """
    _require_payable(it, verb)
    reason = _instrument(it, body)
    if reason is None:
        return
    if it.invoice_id and state.invoices.get((it.account, it.invoice_id), it.id) != it.id:
        raise unprocessable("DUPLICATE_INVOICE_ID", "Duplicate Invoice ID detected.", "/purchase_units/0/invoice_id")
    reason = declined_for or reason
    if reason == INSTRUMENT_DECLINED:
        raise unprocessable(
            "INSTRUMENT_DECLINED",
            "The instrument presented was either declined by the processor or bank, "
            "or it can't be used for this payment.",
        )
    _decide(world, state, it, reason)


def _require_payable(it: Order, verb: str) -> None:
    if it.intent.lower() != verb:
        raise unprocessable("ACTION_DOES_NOT_MATCH_INTENT", f"Order was created with an intent to '{it.intent}'.")
    if it.status is OrderStatus.COMPLETED:
        done = "AUTHORIZED" if verb == "authorize" else "CAPTURED"
        raise unprocessable(f"ORDER_ALREADY_{done}", f"Order already {done.lower()}.")


def _instrument(it: Order, body: Body) -> str | None:
    """The issuer's reason to decline ('' for none), or None when the shopper must authenticate first."""
    card = (body.get("payment_source") or {}).get("card")
    if card is None:
        if it.status is not OrderStatus.APPROVED:
            raise unprocessable("ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.")
        return "" if it.challenge_passed else "authentication_failed"
    number = str(card.get("number", ""))
    _require_card(card, number)
    it.card = {
        "name": card.get("name", ""),
        "last_digits": number[-4:],
        "brand": _BRANDS.get(brand_of(number), brand_of(number).upper()),
        "expiry": card["expiry"],
    }
    context = card.get("experience_context") or (body.get("application_context") or {})
    it.return_url = str(context.get("return_url", "")) or it.return_url
    verdict = judge(number)
    if verdict.kind is VerdictKind.CHALLENGE and not it.challenge_passed:
        it.status = OrderStatus.PAYER_ACTION_REQUIRED
        return None
    return verdict.reason


def _require_card(card: Body, number: str) -> None:
    where = "/payment_source/card"
    if not passes_luhn(number):
        raise unprocessable("CARD_NUMBER_INVALID", "Invalid card number.", f"{where}/number")
    year, _, month = str(card.get("expiry", "")).partition("-")
    if not (len(year) == 4 and year.isdigit() and month.isdigit() and 1 <= int(month) <= 12):
        raise _invalid("INVALID_PARAMETER_SYNTAX", "The value of a field is invalid.", f"{where}/expiry")
    code = str(card.get("security_code", ""))
    if code and not (code.isdigit() and len(code) in (3, 4)):
        raise _invalid("INVALID_PARAMETER_SYNTAX", "The value of a field is invalid.", f"{where}/security_code")


def _decide(world: World, state: State, it: Order, reason: str) -> None:
    now = world.clock.now()
    it.status = OrderStatus.COMPLETED
    reference = it.custom_id or it.invoice_id
    it.charge = world.add_charge(
        Charge(
            "paypal",
            it.account,
            it.id,
            reference,
            it.payment_reference,
            it.minor,
            it.currency,
            now,
            declined=bool(reason),
        )
    )
    if it.invoice_id and not reason:
        state.invoices[it.account, it.invoice_id] = it.id
    if it.intent == "AUTHORIZE":
        it.authorization = Authorization(new_id(), it, now, reason)
        state.authorizations[it.authorization.id] = it.authorization
        if not reason:
            shown = resources.authorization(it.authorization, state.base_url)
            tell(world, state, it.account, "PAYMENT.AUTHORIZATION.CREATED", shown)
        return
    record_capture(world, state, it, it.minor, "", final=True, reason=reason)


def record_capture(
    world: World, state: State, it: Order, minor: int, invoice_id: str, *, final: bool, reason: str
) -> Capture:
    """Books a capture of an order, or notes that it was declined, and tells."""
    capture = Capture(new_id(), it, minor, world.clock.now(), invoice_id, final, reason)
    it.captures.append(capture)
    state.captures[capture.id] = capture
    if not reason and it.charge is not None:
        world.capture(it.charge, minor, capture.id, invoice_id)
    event = "PAYMENT.CAPTURE.DENIED" if reason else "PAYMENT.CAPTURE.COMPLETED"
    tell(world, state, it.account, event, resources.capture(capture, state.base_url))
    return capture


def _invalid(issue: str, description: str, field: str) -> Refused:
    return Refused(400, "INVALID_REQUEST", issue, description, field)
