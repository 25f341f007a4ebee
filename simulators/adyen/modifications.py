"""Captures, cancels, refunds, reversals and adjustments: always 'received' at once, the truth comes by webhook.

docs.adyen.com/online-payments/capture, …/cancel, …/refund, …/reversal, …/adjust-authorisation.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulators.adyen.authorisations import captured, prolong
from simulators.adyen.state import Payment, state_of
from simulators.adyen.webhooks import account_item, encoded, modification_item
from simulators.adyen.wire import from_adyen, missing, new_reference, refused, to_adyen
from simulators.asgi import Response, json_response
from simulators.disputes import disputes_of
from simulators.scenarios import raw_code
from simulators.world import Charge, ChargeEvent, World

Body = dict[str, Any]
FAILS_AFTER = timedelta(days=1)  # a scheme's rejection of a capture or refund comes after it was announced
_FAILURES = ("CAPTURE_FAILED", "REFUND_FAILED", "REFUNDED_REVERSED")
_ECHOED = ("lineItems", "platformChargebackLogic", "splits", "subMerchants")
_ECHOED_OF_REFUND = ("capturePspReference", "lineItems", "merchantRefundReason", "splits", "store")


def capture(world: World, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    """Up to what was authorised. What a partial capture leaves is cancelled with it, unless the account has several
    captures (`multiple_partial_captures` = true in the credentials of POST /accounts of the control API)."""
    charge = _payment(world, account, psp)
    minor, currency = from_adyen(body.get("amount"))
    fails_with = raw_code(declined_for) if raw_code(declined_for) in _FAILURES else ""
    reason = _why_not_captured(world, charge, minor, currency, "" if fails_with else declined_for)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if not reason:
        captured(world, charge, minor, modification, reference)
        _note(world, charge, reference, closes=not _has_several_captures(world, account))
    _tell(world, charge, "CAPTURE", modification, reference, minor, reason)
    if fails_with and not reason:
        _fail_later(world, charge, fails_with, modification, reference, minor)
    return _received(account, psp, modification, body, _ECHOED, minor, charge.currency)


def refund(world: World, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    """Up to what was captured and not disputed."""
    charge = _payment(world, account, psp)
    minor, currency = from_adyen(body.get("amount"))
    fails_with = raw_code(declined_for) if raw_code(declined_for) in _FAILURES else ""
    reason = _why_not_refunded(world, charge, minor, currency, "" if fails_with else declined_for)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if not reason:
        world.refund(charge, minor, modification, reference)
        _note(world, charge, reference)
    _tell(world, charge, "REFUND", modification, reference, minor, reason)
    if fails_with and not reason:
        _fail_later(world, charge, fails_with, modification, reference, minor)
    return _received(account, psp, modification, body, _ECHOED_OF_REFUND, minor, charge.currency)


def cancel(world: World, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    charge = _payment(world, account, psp)
    reason = _why_not_cancelled(charge, declined_for)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if not reason:
        world.void(charge, modification, reference)
    _tell(world, charge, "CANCELLATION", modification, reference, charge.amount_minor, reason)
    return _received(account, psp, modification, body)


def reverse(world: World, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    """POST /payments/{psp}/reversals: a cancel or, once captured, a refund of all. Told by CANCEL_OR_REFUND."""
    charge = _payment(world, account, psp)
    modification, reference = new_reference(), str(body.get("reference", ""))
    if charge.captured_minor:
        action, minor = "refund", charge.captured_minor
        reason = _why_not_refunded(world, charge, minor, charge.currency, declined_for)
        if not reason:
            world.refund(charge, minor, modification, reference)
    else:
        action, minor = "cancel", charge.amount_minor
        reason = _why_not_cancelled(charge, declined_for)
        if not reason:
            world.void(charge, modification, reference)
    extra = {"modification.action": action}
    _tell(world, charge, "CANCEL_OR_REFUND", modification, reference, minor, reason, extra)
    return _received(account, psp, modification, body)


def adjust(world: World, account: str, psp: str, body: Body, declined_for: str | None) -> Response:
    """POST /payments/{psp}/amountUpdates: more or less of a pre-authorisation, before its capture."""
    charge = _payment(world, account, psp)
    minor, currency = from_adyen(body.get("amount"))
    modification, reference = new_reference(), str(body.get("reference", ""))
    reason = _why_not_adjusted(world, charge, currency, declined_for)
    if not reason:
        charge.amount_minor = minor
        prolong(world, charge)
    _tell(world, charge, "AUTHORISATION_ADJUSTMENT", modification, reference, minor, reason)
    body = {"reference": psp, **body}  # the answer must have one
    return _received(account, psp, modification, body, ("industryUsage", "lineItems", "splits"), minor, charge.currency)


def cancel_by_reference(world: World, account: str, body: Body, declined_for: str | None) -> Response:
    """POST /cancels: for a payment whose pspReference is not known to the caller. Told as TECHNICAL_CANCEL.

    Received also when there is no such payment: then the webhook says success=false.
    """
    payment_reference = str(body.get("paymentReference", ""))
    if not payment_reference:
        raise missing("paymentReference")
    modification, reference = new_reference(), str(body.get("reference", ""))
    found = [c for c in world.charges_of("adyen", account) if c.reference == payment_reference and not c.declined]
    for charge in found:
        reason = _why_not_cancelled(charge, declined_for)
        if not reason:
            world.void(charge, modification, reference)
        # the original payment's reference, as in Adyen's published example of this event
        _tell(world, charge, "TECHNICAL_CANCEL", modification, "", charge.amount_minor, reason)
    if not found:
        at = world.clock.now()
        item = account_item(account, "TECHNICAL_CANCEL", at, psp_reference=modification, reason="Transaction not found")
        missed = {**item, "merchantReference": payment_reference, "success": "false"}
        world.notify("adyen", account, "TECHNICAL_CANCEL", encoded(missed))
    answer = {"merchantAccount": account, "paymentReference": payment_reference, "pspReference": modification}
    return json_response({**answer, "status": "received", **({"reference": reference} if reference else {})}, 201)


def fail_modification(world: World, facts: dict[str, Any]) -> None:
    """Timer: the scheme takes a capture or refund back that was announced as done."""
    charge, event, minor = world.charges["adyen", str(facts["psp"])], str(facts["event"]), int(facts["minor"])
    book = world.book("adyen", charge.account, charge.currency)
    if event == "CAPTURE_FAILED":
        charge.captured_minor -= minor
        book.captured_minor -= minor
    else:
        charge.refunded_minor -= minor
        book.refunded_minor -= minor
    modification, reference = str(facts["modification"]), str(facts["reference"])
    charge.events.append(ChargeEvent(event.lower(), minor, world.clock.now(), modification, reference))
    reason = {"CAPTURE_FAILED": "Capture Failed", "REFUND_FAILED": "Refund Failed"}.get(event, "")
    _tell(world, charge, event, modification, reference, minor, reason, success=True)


def _payment(world: World, account: str, psp: str) -> Charge:
    charge = world.charges.get(("adyen", psp))
    if charge is None or charge.account != account:
        raise refused("167", "Original pspReference required for this operation")
    return charge


def _known(world: World, charge: Charge) -> Payment | None:
    return state_of(world).payments.get(charge.id)


def _has_several_captures(world: World, account: str) -> bool:
    return world.accounts.get(("adyen", account), {}).get("multiple_partial_captures", "").lower() == "true"


def _note(world: World, charge: Charge, reference: str, *, closes: bool = False) -> None:
    if payment := _known(world, charge):
        payment.is_closed = payment.is_closed or closes
        if reference:
            payment.modification_references.append(reference)


def _why_not_captured(world: World, charge: Charge, minor: int, currency: str, declined_for: str | None) -> str:
    payment = _known(world, charge)
    if declined_for or charge.declined or charge.voided or currency != charge.currency:
        return "Capture failed"
    if payment and payment.is_pending:
        return "Capture failed"
    left_minor = 0 if payment and payment.is_closed else charge.amount_minor - charge.captured_minor
    return "Insufficient balance on payment" if minor > left_minor else ""


def _why_not_refunded(world: World, charge: Charge, minor: int, currency: str, declined_for: str | None) -> str:
    if not charge.captured_minor:
        return "Transaction hasn't been captured, refund not possible"
    if declined_for or currency != charge.currency:
        return "Refund failed"
    disputed = sum(d.withdrawn_minor for d in disputes_of(world).values() if d.charge_id == charge.id)
    left_minor = charge.captured_minor - charge.refunded_minor - disputed
    return "Insufficient balance on payment" if minor > left_minor else ""


def _why_not_cancelled(charge: Charge, declined_for: str | None) -> str:
    if charge.captured_minor:
        return "Transaction has been captured, cancel not possible"
    if charge.voided:
        return "Payment has already been cancelled"
    return "Cancel failed" if declined_for or charge.declined else ""


def _why_not_adjusted(world: World, charge: Charge, currency: str, declined_for: str | None) -> str:
    """Only what was flagged as a pre-authorisation can be adjusted; the words of the reasons are ours."""
    payment = _known(world, charge)
    if payment is None or not payment.order.is_pre_authorisation or charge.method != "card":
        return "Not a pre-authorisation"
    is_open = not (charge.captured_minor or charge.voided or charge.declined or payment.is_closed)
    return "" if is_open and currency == charge.currency and not declined_for else "Adjustment failed"


def _fail_later(world: World, charge: Charge, event: str, modification: str, reference: str, minor: int) -> None:
    due = world.clock.now() + FAILS_AFTER
    facts = {"event": event, "modification": modification, "reference": reference, "minor": minor}
    world.at(due, "adyen", "fail_modification", psp=charge.id, **facts)


def _tell(
    world: World,
    charge: Charge,
    event: str,
    psp: str,
    reference: str,
    minor: int,
    reason: str,
    extra: dict[str, str] | None = None,
    success: bool | None = None,
) -> None:
    item = modification_item(
        charge,
        event,
        world.clock.now(),
        psp_reference=psp,
        reference=reference,
        minor=minor,
        reason=reason,
        brand=state_of(world).brands.get(charge.id, "visa"),
        success=success,
    )
    item["additionalData"] = extra or {}
    world.notify("adyen", charge.account, event, encoded(item))


def _received(
    account: str,
    psp: str,
    modification: str,
    body: Body,
    echoed: tuple[str, ...] = (),
    minor: int | None = None,
    currency: str = "",
) -> Response:
    answer: Body = {
        "merchantAccount": account,
        "paymentPspReference": psp,
        "pspReference": modification,
        "status": "received",
        **{name: body[name] for name in echoed if name in body},
    }
    if body.get("reference"):
        answer["reference"] = str(body["reference"])
    if minor is not None:
        answer["amount"] = to_adyen(minor, currency)
    return json_response(answer, 201)
