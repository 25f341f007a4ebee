"""Disputes at Adyen: opened, defended, reversed, lost again; each step is told by a webhook.

docs.adyen.com/risk-management/understanding-disputes/dispute-process-and-flow and …/disputes-api/dispute-notifications.
Visa's codes 10 and 11 go by pre-arbitration, all others by reversal and second chargeback. How long each step takes
differs by scheme; the spans here are of their order.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulators.adyen.state import state_of
from simulators.adyen.webhooks import encoded, modification_item
from simulators.adyen.wire import new_reference, stamp, to_adyen
from simulators.currencies import exponent_of
from simulators.disputes import Dispute, DisputeKind, DisputeState, charge_of, disputes_of, reinstate, withdraw
from simulators.world import Charge, World

TIME_TO_ANSWER = timedelta(days=14)
REVERSED_AFTER = timedelta(days=1)
ISSUER_TIME = timedelta(days=30)
FEE_HUNDREDTHS = 750  # docs.adyen.com's sample of a settlement details report: a chargeback of 349.99 costs 357.49

_VISA = {
    "fraudulent": ("10.4", "Other Fraud-Card Absent Environment"),
    "unrecognized": ("10.4", "Other Fraud-Card Absent Environment"),
    "incorrect_amount": ("12.5", "Incorrect Amount"),
    "duplicate": ("12.6.1", "Duplicate Processing"),
    "not_received": ("13.1", "Merchandise/Services Not Received"),
    "subscription_canceled": ("13.2", "Cancelled Recurring Transaction"),
    "not_as_described": ("13.3", "Not as Described or Defective Merchandise/Services"),
    "credit_not_processed": ("13.6", "Credit Not Processed"),
    "general": ("13.7", "Cancelled Merchandise/Services"),
}
_MASTERCARD = {
    "fraudulent": ("4837", "No Cardholder Authorization"),
    "unrecognized": ("4837", "No Cardholder Authorization"),
    "incorrect_amount": ("4834", "Point-of-Interaction Error"),
    "duplicate": ("4834", "Point-of-Interaction Error"),
}
_CARDHOLDER_DISPUTE = ("4853", "Cardholder Dispute")
_DEBIT_RETURNED = ("MD06", "Refund Request By End Customer")
_UNAUTHORISED_DEBIT = ("MD01", "No Mandate")


def open_dispute(world: World, charge: Charge, reason: str, kind: DisputeKind, minor: int) -> Dispute:
    """Opens a case over `minor` of a captured charge; a chargeback withdraws it at once."""
    code, text = _reason_code(world, charge, reason)
    return _open(world, charge, reason, kind, minor, code, text)


def decide(world: World, dispute: Dispute, won: bool) -> None:
    """The issuer's last word on an open case. An inquiry that is lost goes on as a chargeback."""
    if not dispute.is_open:
        return
    was_defended = dispute.state is DisputeState.UNDER_REVIEW
    if dispute.kind is DisputeKind.INQUIRY:
        _end_inquiry(world, dispute, won)
    elif won:
        _win(world, dispute)
    elif was_defended:
        _lose(world, dispute)
    else:
        _close(world, dispute, DisputeState.LOST)
        _tell(world, dispute, "DISPUTE_DEFENSE_PERIOD_ENDED", "Lost")


def defend(world: World, dispute: Dispute) -> None:
    """The merchant's documents go to the issuer."""
    now = world.clock.now()
    dispute.state, dispute.submitted_at = DisputeState.UNDER_REVIEW, now
    is_inquiry = dispute.kind is DisputeKind.INQUIRY
    _tell(world, dispute, "INFORMATION_SUPPLIED", "Responded" if is_inquiry else "Pending")
    if not is_inquiry and not _is_allocation(dispute):
        world.at(now + REVERSED_AFTER, "adyen", "reverse_chargeback", dispute=dispute.id)
    world.at(now + ISSUER_TIME, "adyen", "end_issuer_time", dispute=dispute.id)


def accept(world: World, dispute: Dispute) -> None:
    """The merchant takes the loss."""
    _close(world, dispute, DisputeState.ACCEPTED)
    _tell(world, dispute, "DISPUTE_DEFENSE_PERIOD_ENDED", "Accepted")


def open_planned_dispute(world: World, facts: dict[str, Any]) -> None:
    """Timer: the payment's holder name asked for a dispute, and how far it is to go."""
    charge = world.charges["adyen", str(facts["psp"])]
    plan = state_of(world).payments[charge.id].order.plan
    code = plan.partition(":")[2].strip().upper()
    reason = next((word for word, (known, _) in _codes_of(world, charge).items() if known == code), "general")
    text = _reason_code(world, charge, reason)[1] if code else ""
    minor = charge.captured_minor - charge.refunded_minor
    if minor <= 0:
        return
    dispute = _open(world, charge, reason, DisputeKind.CHARGEBACK, minor, code, text)
    if plan in ("chargeback reversed", "second chargeback") and dispute.is_open:
        dispute.state = DisputeState.UNDER_REVIEW
        _reverse(world, dispute)
        if plan == "second chargeback":
            _lose(world, dispute)


def end_defence(world: World, facts: dict[str, Any]) -> None:
    """Timer: nobody has answered in time."""
    dispute = disputes_of(world)[str(facts["dispute"])]
    if dispute.state is DisputeState.NEEDS_RESPONSE and dispute.evidence_due <= world.clock.now():
        _close(world, dispute, DisputeState.EXPIRED)
        is_inquiry = dispute.kind is DisputeKind.INQUIRY
        _tell(world, dispute, "DISPUTE_DEFENSE_PERIOD_ENDED", "Expired" if is_inquiry else "Lost")


def reverse_chargeback(world: World, facts: dict[str, Any]) -> None:
    """Timer: the defence has reached the issuer, and the money comes back for the time being."""
    dispute = disputes_of(world)[str(facts["dispute"])]
    if dispute.state is DisputeState.UNDER_REVIEW and dispute.withdrawn_minor:
        _reverse(world, dispute)


def end_issuer_time(world: World, facts: dict[str, Any]) -> None:
    """Timer: the issuer has not answered the defence in time, and so has accepted it."""
    dispute = disputes_of(world)[str(facts["dispute"])]
    if dispute.state is DisputeState.UNDER_REVIEW:
        decide(world, dispute, won=True)


def _open(world: World, charge: Charge, reason: str, kind: DisputeKind, minor: int, code: str, text: str) -> Dispute:
    now = world.clock.now()
    dispute = Dispute(
        new_reference(),
        charge.gateway,
        charge.account,
        charge.id,
        minor,
        charge.currency,
        reason,
        kind,
        now,
        now + TIME_TO_ANSWER,
        facts={"code": code, "text": text},
    )
    disputes_of(world)[dispute.id] = dispute
    if kind is DisputeKind.INQUIRY:
        _tell(world, dispute, "REQUEST_FOR_INFORMATION", "Unresponded")
        world.at(dispute.evidence_due, "adyen", "end_defence", dispute=dispute.id)
    else:
        _charge_back(world, dispute)
    return dispute


def _charge_back(world: World, dispute: Dispute) -> None:
    """A direct debit that is returned is lost: there is no defence (…/chargeback-guidelines/sepa-chargebacks)."""
    if charge_of(world, dispute).method == "sepa_debit":
        withdraw(world, dispute, dispute.minor, _fee_minor(dispute))
        _close(world, dispute, DisputeState.LOST)
        _tell(world, dispute, "CHARGEBACK", "Lost")
        return
    _tell(world, dispute, "NOTIFICATION_OF_CHARGEBACK", "Undefended")
    withdraw(world, dispute, dispute.minor, _fee_minor(dispute))
    _tell(world, dispute, "CHARGEBACK", "Undefended")
    world.at(dispute.evidence_due, "adyen", "end_defence", dispute=dispute.id)


def _end_inquiry(world: World, dispute: Dispute, won: bool) -> None:
    if won:
        _close(world, dispute, DisputeState.WON)
        return
    dispute.kind, dispute.state = DisputeKind.CHARGEBACK, DisputeState.NEEDS_RESPONSE
    dispute.evidence_due = world.clock.now() + TIME_TO_ANSWER
    dispute.evidence.clear()
    _charge_back(world, dispute)


def _reverse(world: World, dispute: Dispute) -> None:
    """Adyen keeps its fee."""
    reinstate(world, dispute)
    _tell(world, dispute, "CHARGEBACK_REVERSED", "Pending")


def _win(world: World, dispute: Dispute) -> None:
    _close(world, dispute, DisputeState.WON)
    if _is_allocation(dispute):
        reinstate(world, dispute)
        _tell(world, dispute, "PREARBITRATION_WON", "Won")
        return
    if dispute.withdrawn_minor:
        _reverse(world, dispute)
    _tell(world, dispute, "ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won")


def _lose(world: World, dispute: Dispute) -> None:
    _close(world, dispute, DisputeState.LOST)
    if _is_allocation(dispute) and dispute.withdrawn_minor:
        _tell(world, dispute, "PREARBITRATION_LOST", "Lost")
        return
    if dispute.withdrawn_minor:
        _reverse(world, dispute)
    withdraw(world, dispute, dispute.minor)
    _tell(world, dispute, "SECOND_CHARGEBACK", "Lost")


def _close(world: World, dispute: Dispute, state: DisputeState) -> None:
    dispute.state, dispute.closed_at = state, world.clock.now()


def _is_allocation(dispute: Dispute) -> bool:
    return dispute.facts["code"].startswith(("10.", "11."))


def _fee_minor(dispute: Dispute) -> int:
    return FEE_HUNDREDTHS * (10 if exponent_of(dispute.currency) == 3 else 1)


def _codes_of(world: World, charge: Charge) -> dict[str, tuple[str, str]]:
    if charge.method == "sepa_debit":
        return dict.fromkeys(_VISA, _DEBIT_RETURNED) | {"fraudulent": _UNAUTHORISED_DEBIT}
    if state_of(world).brands.get(charge.id) == "mc":
        return dict.fromkeys(_VISA, _CARDHOLDER_DISPUTE) | _MASTERCARD
    return _VISA


def _reason_code(world: World, charge: Charge, reason: str) -> tuple[str, str]:
    return _codes_of(world, charge).get(reason, _codes_of(world, charge)["general"])


def _tell(world: World, dispute: Dispute, event: str, status: str) -> None:
    charge, state = charge_of(world, dispute), state_of(world)
    brand = state.brands.get(charge.id, "visa")
    item = modification_item(
        charge,
        event,
        world.clock.now(),
        psp_reference=dispute.id,
        reference="",
        minor=dispute.minor,
        reason=dispute.facts["text"],
        brand=brand,
        success=True,
    )
    extra = {"disputeStatus": status, "paymentMethodVariant": brand}
    if code := dispute.facts["code"]:
        prefix = "rfi" if dispute.kind is DisputeKind.INQUIRY else "chargeback"
        extra |= {f"{prefix}ReasonCode": code, f"{prefix}SchemeCode": brand}
    gross = to_adyen(dispute.minor, dispute.currency)
    extra |= {"grossCurrency": dispute.currency, "grossValue": str(gross["value"])}
    if dispute.state is DisputeState.NEEDS_RESPONSE:
        extra |= {"defendable": "true", "defensePeriodEndsAt": stamp(dispute.evidence_due), "autoDefended": "false"}
    if payment := state.payments.get(charge.id):
        extra["modificationMerchantReferences"] = ",".join(payment.modification_references)
        extra["capturePspReference"] = payment.last_capture
        if payment.order.shopper_reference:
            extra["shopperReference"] = payment.order.shopper_reference
    item["additionalData"] = extra
    world.notify("adyen", charge.account, event, encoded(item))
