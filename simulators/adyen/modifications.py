"""Captures, cancels and refunds at Adyen: always 'received' at once, the truth comes by webhook.

docs.adyen.com/online-payments/capture, …/cancel, …/refund.
"""

from __future__ import annotations

from typing import Any

from simulators.adyen.state import State
from simulators.adyen.webhooks import account_item, builder, modification_item
from simulators.adyen.wire import AmountRefused, error, from_adyen, new_reference, to_adyen
from simulators.asgi import Response, json_response
from simulators.world import Charge, World

Body = dict[str, Any]


def capture(world: World, state: State, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    """Partial captures are allowed up to what was authorised."""
    charge = _payment(world, account, psp)
    if charge is None:
        return _no_original()
    try:
        minor, currency = from_adyen(body.get("amount"))
    except AmountRefused as refused:
        return error(422, refused.code, refused.message)
    reason = _why_not_captured(charge, minor, currency, declined_for)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if not reason:
        world.capture(charge, minor, modification, reference)
    _tell(world, state, charge, "CAPTURE", modification, reference, minor, reason)
    return _received(account, psp, modification, reference, minor, charge.currency)


def refund(world: World, state: State, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    """Partial refunds are allowed up to what was captured."""
    charge = _payment(world, account, psp)
    if charge is None:
        return _no_original()
    try:
        minor, currency = from_adyen(body.get("amount"))
    except AmountRefused as refused:
        return error(422, refused.code, refused.message)
    reason = _why_not_refunded(charge, minor, currency, declined_for)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if not reason:
        world.refund(charge, minor, modification, reference)
    _tell(world, state, charge, "REFUND", modification, reference, minor, reason)
    return _received(account, psp, modification, reference, minor, charge.currency)


def cancel(world: World, state: State, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    charge = _payment(world, account, psp)
    if charge is None:
        return _no_original()
    reason = _why_not_cancelled(charge, declined_for)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if not reason:
        world.void(charge, modification, reference)
    _tell(world, state, charge, "CANCELLATION", modification, reference, charge.amount_minor, reason)
    return _received(account, psp, modification, reference)


def cancel_by_reference(world: World, state: State, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /cancels: for a payment whose pspReference is not known to the caller. Told as TECHNICAL_CANCEL.

    Received also when there is no such payment: then the webhook says success=false.
    """
    payment_reference = str(body.get("paymentReference", ""))
    if not payment_reference:
        return error(422, "167", "Original pspReference required for this operation")
    modification, reference = new_reference(), str(body.get("reference", ""))
    found = [c for c in world.charges_of("adyen", account) if c.reference == payment_reference and not c.declined]
    for charge in found:
        reason = _why_not_cancelled(charge, declined_for)
        if not reason:
            world.void(charge, modification, reference)
        # the original payment's reference, as in Adyen's published example of this event
        _tell(world, state, charge, "TECHNICAL_CANCEL", modification, "", charge.amount_minor, reason)
    if not found:
        at = world.clock.now()
        item = account_item(account, "TECHNICAL_CANCEL", at, psp_reference=modification, reason="Transaction not found")
        missed = {**item, "merchantReference": payment_reference, "success": "false"}
        world.notify("adyen", account, "TECHNICAL_CANCEL", builder(missed))
    answer = {"merchantAccount": account, "paymentReference": payment_reference, "pspReference": modification}
    return json_response({**answer, "status": "received", **({"reference": reference} if reference else {})}, 201)


def _payment(world: World, account: str, psp: str) -> Charge | None:
    charge = world.charges.get(("adyen", psp))
    return charge if charge is not None and charge.account == account else None


def _no_original() -> Response:
    return error(422, "167", "Original pspReference required for this operation")


def _why_not_captured(charge: Charge, minor: int, currency: str, declined_for: str | None) -> str:
    if declined_for or charge.declined or charge.voided or currency != charge.currency:
        return "Capture failed"
    return "Insufficient balance on payment" if minor > charge.amount_minor - charge.captured_minor else ""


def _why_not_refunded(charge: Charge, minor: int, currency: str, declined_for: str | None) -> str:
    if not charge.captured_minor:
        return "Transaction hasn't been captured, refund not possible"
    if declined_for or currency != charge.currency:
        return "Refund failed"
    return "Insufficient balance on payment" if minor > charge.captured_minor - charge.refunded_minor else ""


def _why_not_cancelled(charge: Charge, declined_for: str | None) -> str:
    if charge.captured_minor:
        return "Transaction has been captured, cancel not possible"
    if charge.voided:
        return "Payment has already been cancelled"
    return "Cancel failed" if declined_for or charge.declined else ""


def _tell(
    world: World, state: State, charge: Charge, event: str, psp: str, reference: str, minor: int, reason: str
) -> None:
    item = modification_item(
        charge,
        event,
        world.clock.now(),
        psp_reference=psp,
        reference=reference,
        minor=minor,
        reason=reason,
        brand=state.brands.get(charge.id, "visa"),
    )
    world.notify("adyen", charge.account, event, builder(item))


def _received(
    account: str, psp: str, modification: str, reference: str, minor: int | None = None, currency: str = ""
) -> Response:
    answer: Body = {
        "merchantAccount": account,
        "paymentPspReference": psp,
        "pspReference": modification,
        "status": "received",
    }
    if reference:
        answer["reference"] = reference
    if minor is not None:
        answer["amount"] = to_adyen(minor, currency)
    return json_response(answer, 201)
