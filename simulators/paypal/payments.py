"""Payments v2: capture, renewal and void of authorizations, refunds of captures."""

from __future__ import annotations

from datetime import timedelta

from simulators.currencies import exponent_of
from simulators.disputes import DisputeKind, disputes_of
from simulators.paypal import resources
from simulators.paypal.declines import refuse_as
from simulators.paypal.order_request import read_platform_fee
from simulators.paypal.paying import keep_authorization, record_capture
from simulators.paypal.state import Authorization, Capture, Refund, State
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import Json, Refused, from_paypal, new_id
from simulators.world import World

HONOR_PERIOD = timedelta(days=3)  # developer.paypal.com/payment-methods/auth-honor
REFUNDABLE_FOR = timedelta(days=180)  # developer.paypal.com/docs/api/payments/v2: "up to 180 days"
ECHECK_LASTS = timedelta(days=6)
_MOST_CAPTURES = 10
_OVERAGE_PERCENT, _OVERAGE_MAJOR = 15, 75
_NO_LONGER = {
    "DENIED": "AUTHORIZATION_DENIED",
    "VOIDED": "AUTHORIZATION_VOIDED",
    "CAPTURED": "AUTHORIZATION_ALREADY_CAPTURED",
}
PENDING = "pending"
PENDING_THEN_FAILED = "pending_then_failed"
"""Reasons of a scenario: the refund is paid by eCheck, and arrives or comes back some days later."""


def capture(world: World, state: State, it: Authorization, body: Json, declined_for: str | None) -> Capture:
    """POST /v2/payments/authorizations/{id}/capture; without an amount, all that is left. Raises Refused."""
    if world.clock.now() >= it.expires_at and not it.declined_for:
        raise Refused("AUTHORIZATION_EXPIRED")
    if issue := _NO_LONGER.get(resources.authorization_status(it)):
        raise Refused(issue)
    refuse_as(declined_for)
    taken = sum(each.captured_minor for each in it.unit.authorizations)
    minor = _amount(body, it.unit.currency, it.minor - taken, "AUTH_CAPTURE_CURRENCY_MISMATCH")
    if not minor or taken + minor > it.minor + _overage_minor(it):
        raise Refused("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount")
    if len(it.captures) >= _MOST_CAPTURES:
        raise Refused("MAX_CAPTURE_COUNT_EXCEEDED")
    invoice_id = str(body.get("invoice_id", ""))
    _claim_invoice(state, it, invoice_id, claims=not declined_for)
    made = Capture(
        new_id(),
        it.unit,
        minor,
        world.clock.now(),
        invoice_id,
        final=bool(body.get("final_capture", False)),
        authorization=it,
        note=str(body.get("note_to_payer", "")),
        soft_descriptor=str(body.get("soft_descriptor", "")),
        platform_fee_minor=_platform_fee(world, it, body, minor),
    )
    return record_capture(world, state, made, declined_for)


def _overage_minor(it: Authorization) -> int:
    """15 % or 75 units of the currency, whichever is less: documented for USD, taken for the others alike."""
    return min(it.minor * _OVERAGE_PERCENT // 100, _OVERAGE_MAJOR * int(10 ** exponent_of(it.unit.currency)))


def _claim_invoice(state: State, it: Authorization, invoice_id: str, *, claims: bool) -> None:
    key = it.order.account, invoice_id
    if invoice_id and state.invoices.get(key, it.order.id) != it.order.id:
        message = "Requested invoice_id has been previously captured. Possible duplicate transaction."
        raise Refused("DUPLICATE_INVOICE_ID", "/invoice_id", message)
    if invoice_id and claims:
        state.invoices[key] = it.order.id


def _platform_fee(world: World, it: Authorization, body: Json, minor: int) -> int:
    instruction = body.get("payment_instruction") or it.unit.instruction
    return read_platform_fee(world, it.order.account, it.unit.payee, instruction, minor, "")


def reauthorize(world: World, state: State, it: Authorization, body: Json, declined_for: str | None) -> Authorization:
    """POST …/reauthorize: once, from the end of the honour period to the end of the authorization. Raises Refused.

    developer.paypal.com/sdk/payment/v2/definitions/reauthorize_request: of PayPal account payments, from day four on.
    """
    now = world.clock.now()
    status = resources.authorization_status(it)
    if status in ("VOIDED", "DENIED"):
        raise Refused("AUTHORIZATION_VOIDED")
    if status != "CREATED":
        raise Refused("AUTHORIZATION_ALREADY_CAPTURED")
    if it.parent is not None or it.renewed or now < it.at + HONOR_PERIOD or not _is_wallet(it):
        raise Refused("REAUTHORIZATION_NOT_SUPPORTED")
    refuse_as(declined_for)
    if declined_for:
        raise Refused("PAYER_CANNOT_PAY")
    minor = _amount(body, it.unit.currency, it.minor, "AUTH_CURRENCY_MISMATCH")
    if minor > it.minor + _overage_minor(it):
        raise Refused("TRANSACTION_REFUSED", "/amount")
    it.renewed = True
    renewal = Authorization(new_id(), it.unit, minor, now, it.expires_at, parent=it)
    keep_authorization(world, state, renewal)
    return renewal


def _is_wallet(it: Authorization) -> bool:
    return it.order.instrument is not None and it.order.instrument.method == "paypal"


def void(world: World, state: State, it: Authorization, declined_for: str | None) -> None:
    """POST …/void: gives back what is not captured yet. Raises Refused."""
    refuse_as(declined_for)
    match resources.authorization_status(it):
        case "VOIDED":
            raise Refused("PREVIOUSLY_VOIDED")
        case "CAPTURED":
            raise Refused("PREVIOUSLY_CAPTURED")
    if it.parent is not None or it.declined_for or declined_for:
        raise Refused("CANNOT_BE_VOIDED")
    end_authorization(world, state, it)


def end_authorization(world: World, state: State, it: Authorization) -> None:
    """Voided by the merchant or by time; what renews it ends with it."""
    renewals = [other for other in it.unit.authorizations if other.parent is it]
    for ended in (it, *renewals):
        ended.voided, ended.updated_at = True, world.clock.now()
    assert it.unit.charge is not None
    world.void(it.unit.charge, it.id)
    tell(world, it.order.account, "PAYMENT.AUTHORIZATION.VOIDED", resources.authorization(it, state))


# refunds


def refund(world: World, state: State, it: Capture, body: Json, declined_for: str | None) -> Refund:
    """POST /v2/payments/captures/{id}/refund; without an amount, all that is left. Raises Refused."""
    left = _refundable(world, it)
    refuse_as(declined_for)
    if declined_for and declined_for not in (PENDING, PENDING_THEN_FAILED):
        raise Refused("REFUND_NOT_ALLOWED")
    minor = _amount(body, it.unit.currency, left, "REFUND_CAPTURE_CURRENCY_MISMATCH")
    if minor > left:
        raise Refused("REFUND_AMOUNT_EXCEEDED", "/amount")
    _require_undisputed(world, it, is_partial=minor < it.minor)
    invoice_id = str(body.get("invoice_id", ""))
    if invoice_id and (it.order.account, invoice_id) in state.refund_invoices:
        raise Refused("DUPLICATE_INVOICE_ID", "/invoice_id", "Invoice ID was previously used to refund a capture.")
    made = Refund(
        new_id(),
        it,
        minor,
        world.clock.now(),
        invoice_id,
        str(body.get("custom_id", "")),
        str(body.get("note_to_payer", "")),
        status="PENDING" if declined_for else "COMPLETED",
        platform_fee_minor=_refunded_fee(body, it),
    )
    if invoice_id:
        state.refund_invoices[it.order.account, invoice_id] = made.id
    it.refunds.append(made)
    state.refunds[made.id] = made
    _settle_refund(world, state, made, declined_for)
    return made


def _refundable(world: World, it: Capture) -> int:
    if it.pending_for:
        raise Refused("PENDING_CAPTURE")
    if it.declined_for or it.failed or it.reversed or it.unit.charge is None:
        raise Refused("REFUND_NOT_ALLOWED")
    if world.clock.now() > it.at + REFUNDABLE_FOR:
        raise Refused("REFUND_TIME_LIMIT_EXCEEDED")
    if it.minor <= it.refunded_minor:
        raise Refused("CAPTURE_FULLY_REFUNDED")
    return it.minor - it.refunded_minor


def _require_undisputed(world: World, it: Capture, *, is_partial: bool) -> None:
    for dispute in disputes_of(world).of("paypal", it.order.account):
        if dispute.facts.get("capture") != it.id or not dispute.is_open:
            continue
        if dispute.kind is DisputeKind.CHARGEBACK and dispute.facts.get("channel") == "EXTERNAL":
            raise Refused("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
        if is_partial:
            raise Refused("TRANSACTION_DISPUTED")


def _refunded_fee(body: Json, it: Capture) -> int:
    """What the platform gives back of its fee, 0 where it keeps it."""
    fees = (body.get("payment_instruction") or {}).get("platform_fees") or []
    if not fees:
        return 0
    minor, _ = from_paypal(fees[0].get("amount"), "/payment_instruction/platform_fees/0/amount")
    if minor > it.platform_fee_minor - sum(refund.platform_fee_minor for refund in it.refunds):
        raise Refused("PLATFORM_FEE_EXCEEDED", "/payment_instruction/platform_fees")
    return minor


def _settle_refund(world: World, state: State, made: Refund, reason: str | None) -> None:
    if made.status == "PENDING":
        due = world.clock.now() + ECHECK_LASTS
        world.at(due, "paypal", "end_echeck", refund=made.id, failed=reason == PENDING_THEN_FAILED)
        tell(world, made.capture.order.account, "PAYMENT.REFUND.PENDING", resources.refund(made, state))
        return
    book_refund(world, state, made)


def book_refund(world: World, state: State, made: Refund) -> None:
    """The money has gone back."""
    charge = made.capture.unit.charge
    assert charge is not None
    world.refund(charge, made.minor, made.id, made.invoice_id or made.custom_id)
    tell(world, made.capture.order.account, "PAYMENT.CAPTURE.REFUNDED", resources.refund(made, state))


def _amount(body: Json, currency: str, left: int, mismatch: str) -> int:
    if body.get("amount") is None:
        return max(left, 0)
    minor, named = from_paypal(body["amount"], "/amount")
    if named != currency:
        raise Refused(mismatch, "/amount/currency_code")
    return minor
