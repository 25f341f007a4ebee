"""Payments v2: capture and void of authorizations, refunds of captures."""

from __future__ import annotations

from typing import Any

from simulators.paypal import resources
from simulators.paypal.orders import record_capture
from simulators.paypal.state import Authorization, Capture, Refund, State
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import from_paypal, new_id, unprocessable
from simulators.world import Charge, World

Body = dict[str, Any]
_NO_LONGER = {
    "DENIED": ("AUTHORIZATION_DENIED", "A denied authorization cannot be captured."),
    "VOIDED": ("AUTHORIZATION_VOIDED", "A voided authorization cannot be captured or reauthorized."),
    "CAPTURED": ("AUTHORIZATION_ALREADY_CAPTURED", "Authorization has already been captured."),
}


def capture(world: World, state: State, it: Authorization, body: Body, declined_for: str | None) -> Capture:
    """POST /v2/payments/authorizations/{id}/capture; without an amount, all that is left. Raises Refused."""
    charge = _charge_of(it)
    if refusal := _NO_LONGER.get(resources.authorization_status(it)):
        raise unprocessable(*refusal)
    left = charge.amount_minor - charge.captured_minor
    minor = _amount(body, charge.currency, left)
    if minor > left:
        raise unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED", "Capture amount exceeds allowable limit.")
    invoice_id = str(body.get("invoice_id", ""))
    owner = state.invoices.get((it.order.account, invoice_id), it.order.id)
    if invoice_id and owner != it.order.id:
        raise unprocessable("DUPLICATE_INVOICE_ID", "Requested invoice number has been previously captured.")
    if invoice_id and not declined_for:
        state.invoices[it.order.account, invoice_id] = it.order.id
    final = bool(body.get("final_capture", False))
    return record_capture(world, state, it.order, minor, invoice_id, final=final, reason=declined_for or "")


def void(world: World, state: State, it: Authorization, declined_for: str | None) -> None:
    """POST /v2/payments/authorizations/{id}/void. Raises Refused."""
    charge = _charge_of(it)
    status = resources.authorization_status(it)
    if status == "VOIDED":
        raise unprocessable(
            "PREVIOUSLY_VOIDED", "Authorization has been previously voided and hence cannot be voided again."
        )
    if status != "CREATED" or declined_for:
        raise unprocessable("CANNOT_BE_VOIDED", "A captured or denied authorization cannot be voided.")
    world.void(charge, it.id)
    tell(world, state, it.order.account, "PAYMENT.AUTHORIZATION.VOIDED", resources.authorization(it, state.base_url))


def refund(world: World, state: State, it: Capture, body: Body, declined_for: str | None) -> Refund:
    """POST /v2/payments/captures/{id}/refund; without an amount, all that is left. Raises Refused."""
    charge = it.order.charge
    if charge is None or it.declined_for or declined_for:
        raise unprocessable("REFUND_NOT_ALLOWED", "A refund cannot be made on this capture.")
    left = it.minor - it.refunded_minor
    if not left:
        raise unprocessable("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded.")
    minor = _amount(body, it.order.currency, left)
    if minor > left:
        raise unprocessable(
            "REFUND_AMOUNT_EXCEEDED",
            "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
        )
    invoice_id, custom_id = str(body.get("invoice_id", "")), str(body.get("custom_id", ""))
    made = Refund(new_id(), it, minor, world.clock.now(), invoice_id, custom_id)
    it.refunds.append(made)
    state.refunds[made.id] = made
    world.refund(charge, minor, made.id, invoice_id or custom_id)
    tell(world, state, it.order.account, "PAYMENT.CAPTURE.REFUNDED", resources.refund(made, state.base_url))
    return made


def _charge_of(it: Authorization) -> Charge:
    if it.order.charge is None:
        raise AssertionError("an authorization without a charge")
    return it.order.charge


def _amount(body: Body, currency: str, left: int) -> int:
    if body.get("amount") is None:
        return left
    minor, given = from_paypal(body["amount"], "/amount")
    if given != currency:
        raise unprocessable("CURRENCY_MISMATCH", "Currency must match that of the original.", "/amount/currency_code")
    return minor
