"""How a dispute lives at the simulated PayPal: inquiry, claim or chargeback, evidence, decision, appeal, and money.

developer.paypal.com/api/disputes; adjudicate and require-evidence exist in the sandbox only.
"""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

from simulators.disputes import Dispute, DisputeKind, DisputeState, charge_of, disputes_of, reinstate, withdraw
from simulators.paypal import dispute_resources, resources
from simulators.paypal.state import Capture, Refund, State, state_of
from simulators.paypal.webhooks import tell
from simulators.paypal.wire import Json, Refused, new_id, not_found, stamp
from simulators.world import Charge, World

INQUIRY_LASTS = timedelta(days=20)  # disputes-reference: "for a 20-day period without escalation to PayPal"
TIME_TO_ANSWER = timedelta(days=10)
# paypal.com/us/business/paypal-business-fees, "Chargeback fees"; of the other currencies none is taken here
_CHARGEBACK_FEES_MINOR = {"USD": 2000, "EUR": 1600, "GBP": 1400}
_REASONS = {
    "fraudulent": "UNAUTHORISED",
    "unrecognized": "UNAUTHORISED",
    "not_received": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
    "not_as_described": "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
    "duplicate": "DUPLICATE_TRANSACTION",
    "credit_not_processed": "CREDIT_NOT_PROCESSED",
    "subscription_canceled": "CANCELED_RECURRING_BILLING",
    "incorrect_amount": "INCORRECT_AMOUNT",
    "general": "OTHER",
}


def open_dispute(world: World, charge: Charge, reason: str, kind: DisputeKind, minor: int) -> Dispute:
    """Opens a case over `minor` of a captured charge; a chargeback withdraws it at once.

    A card's bank takes its cut through the EXTERNAL channel, with a fee; a wallet's buyer comes by the INTERNAL one.
    """
    now = world.clock.now()
    due = now + (INQUIRY_LASTS if kind is DisputeKind.INQUIRY else TIME_TO_ANSWER)
    id = f"PP-D-{secrets.randbelow(900_000) + 100_000}"
    dispute = Dispute(
        id, charge.gateway, charge.account, charge.id, minor, charge.currency, reason, kind, now, due
    )  # fmt: skip
    capture = _capture_of(world, charge)
    dispute.facts |= {
        "reason": _REASONS[reason],
        "channel": "EXTERNAL" if charge.method == "card" else "INTERNAL",
        "stage": "INQUIRY" if kind is DisputeKind.INQUIRY else "CHARGEBACK",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "capture": capture.id if capture else charge.id,
        "updated": stamp(now),
    }
    disputes_of(world)[dispute.id] = dispute
    if kind is DisputeKind.CHARGEBACK:
        _take(world, dispute)
    _set_deadline(world, dispute)
    _tell(world, dispute, "CREATED")
    return dispute


def decide(world: World, dispute: Dispute, won: bool) -> None:
    """The last word on an open case."""
    state = DisputeState.WON if won else DisputeState.LOST
    _resolve(world, dispute, state, "RESOLVED_SELLER_FAVOUR" if won else "RESOLVED_BUYER_FAVOUR")


def miss_deadline(world: World, facts: dict[str, Any]) -> None:
    """Timer: an inquiry that nobody escalated is closed, a claim that the seller did not answer is lost."""
    dispute = disputes_of(world)[facts["dispute"]]
    if dispute.state is not DisputeState.NEEDS_RESPONSE or stamp(dispute.evidence_due) != facts["set_for"]:
        return
    if dispute.facts["stage"] == "INQUIRY":
        _resolve(world, dispute, DisputeState.WON, "CANCELED_BY_BUYER")
    else:
        _resolve(world, dispute, DisputeState.EXPIRED, "RESOLVED_BUYER_FAVOUR")


def dispute_of(world: World, account: str, id: str) -> Dispute:
    """Raises Refused."""
    dispute = disputes_of(world).get(id)
    if dispute is None or (dispute.gateway, dispute.account) != ("paypal", account):
        raise not_found()
    return dispute


# the seller's verbs


def accept_claim(world: World, dispute: Dispute, body: Json) -> None:
    """POST …/accept-claim: the buyer gets the money. Raises Refused."""
    _require(dispute, dispute.state is DisputeState.NEEDS_RESPONSE)
    dispute.evidence["accept_claim"] = str(body.get("note", ""))
    _resolve(world, dispute, DisputeState.ACCEPTED, "RESOLVED_BUYER_FAVOUR")


def provide_evidence(world: World, dispute: Dispute, body: Json, files: list[str]) -> None:
    """POST …/provide-evidence: PayPal reviews what was handed in. Raises Refused."""
    _require(dispute, dispute.state is DisputeState.NEEDS_RESPONSE and dispute.facts["stage"] != "INQUIRY")
    _take_evidence(world, dispute, body, files)
    _review(world, dispute)


def appeal(world: World, dispute: Dispute, body: Json, files: list[str]) -> None:
    """POST …/appeal: once, against a decision for the buyer; the case is open again. Raises Refused."""
    _require(dispute, dispute_resources.can_appeal(dispute))
    _take_evidence(world, dispute, body, files)
    dispute.facts |= {"stage": "PRE_ARBITRATION", "outcome": ""}
    dispute.closed_at = None
    _set_reversed(world, dispute, False)
    _review(world, dispute)


def escalate(world: World, dispute: Dispute, body: Json) -> None:
    """POST …/escalate: from inquiry to claim, which holds the money. Raises Refused."""
    if not body.get("note"):
        raise Refused("MISSING_REQUIRED_PARAMETER", "/note")
    _require(dispute, dispute.is_open and dispute.facts["stage"] == "INQUIRY")
    dispute.kind = DisputeKind.CHARGEBACK
    dispute.facts["stage"] = "CHARGEBACK"
    dispute.evidence_due = world.clock.now() + TIME_TO_ANSWER
    _take(world, dispute)
    _set_deadline(world, dispute)
    _update(world, dispute)


def send_message(world: World, dispute: Dispute, body: Json) -> None:
    """POST …/send-message: to the buyer, during an inquiry. Raises Refused."""
    if not body.get("message"):
        raise Refused("MISSING_REQUIRED_PARAMETER", "/message")
    _require(dispute, dispute.is_open and dispute.facts["stage"] == "INQUIRY")
    messages = json.loads(dispute.facts.get("messages", "[]"))
    messages.append(
        {"posted_by": "SELLER", "time_posted": stamp(world.clock.now()), "content": str(body["message"])[:2000]}
    )
    dispute.facts["messages"] = json.dumps(messages)
    _update(world, dispute)


# the sandbox's verbs


def adjudicate(world: World, dispute: Dispute, body: Json) -> None:
    """POST …/adjudicate: settles a case that is under review. Raises Refused."""
    outcome = body.get("adjudication_outcome")
    if outcome not in ("BUYER_FAVOR", "SELLER_FAVOR"):
        raise Refused("INVALID_PARAMETER_VALUE", "/adjudication_outcome")
    _require(dispute, dispute.state is DisputeState.UNDER_REVIEW and dispute.facts["status"] == "UNDER_REVIEW")
    decide(world, dispute, won=outcome == "SELLER_FAVOR")


def require_evidence(world: World, dispute: Dispute, body: Json) -> None:
    """POST …/require-evidence: from review back to the buyer or the seller. Raises Refused."""
    action = body.get("action")
    if action not in ("BUYER_EVIDENCE", "SELLER_EVIDENCE"):
        raise Refused("INVALID_PARAMETER_VALUE", "/action")
    _require(dispute, dispute.facts["status"] == "UNDER_REVIEW")
    if action == "BUYER_EVIDENCE":
        dispute.facts["status"] = "WAITING_FOR_BUYER_RESPONSE"
    else:
        dispute.facts["status"] = "WAITING_FOR_SELLER_RESPONSE"
        dispute.state = DisputeState.NEEDS_RESPONSE
        dispute.evidence_due = world.clock.now() + TIME_TO_ANSWER
        _set_deadline(world, dispute)
    _update(world, dispute)


# inside


def _require(dispute: Dispute, allowed: bool) -> None:
    if not allowed:
        raise Refused("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE")


def _take_evidence(world: World, dispute: Dispute, body: Json, files: list[str]) -> None:
    evidences = body.get("evidences")
    if not isinstance(evidences, list) or not evidences:
        raise Refused("MISSING_REQUIRED_PARAMETER", "/evidences")
    kept = json.loads(dispute.facts.get("evidences", "[]"))
    for index, evidence in enumerate(evidences):
        kind = evidence.get("evidence_type") if isinstance(evidence, dict) else None
        if not kind:
            raise Refused("MISSING_REQUIRED_PARAMETER", f"/evidences/{index}/evidence_type")
        shown = {name: evidence[name] for name in ("evidence_type", "evidence_info", "notes") if evidence.get(name)}
        shown |= {"source": "SUBMITTED_BY_SELLER", "date": stamp(world.clock.now())}
        if files:
            shown["documents"] = [{"name": name} for name in files]
        kept.append(shown)
        dispute.evidence[kind] = str(evidence.get("notes", "")) or ", ".join(files)
    dispute.facts["evidences"] = json.dumps(kept)
    dispute.submitted_at = world.clock.now()


def _review(world: World, dispute: Dispute) -> None:
    dispute.state = DisputeState.UNDER_REVIEW
    dispute.facts["status"] = "UNDER_REVIEW"
    _update(world, dispute)


def _update(world: World, dispute: Dispute) -> None:
    dispute.facts["updated"] = stamp(world.clock.now())
    _tell(world, dispute, "UPDATED")


def _resolve(world: World, dispute: Dispute, state: DisputeState, outcome: str) -> None:
    now = world.clock.now()
    dispute.state, dispute.closed_at = state, now
    dispute.facts |= {"status": "RESOLVED", "outcome": outcome, "updated": stamp(now)}
    if state is DisputeState.WON:
        if dispute.withdrawn_minor:
            _move(world, dispute, "CREDIT", "DISPUTE_SETTLEMENT", dispute.withdrawn_minor)
            reinstate(world, dispute)
    else:
        if not dispute.withdrawn_minor:
            withdraw(world, dispute, dispute.minor)
            _move(world, dispute, "DEBIT", "DISPUTE_SETTLEMENT", dispute.minor)
        _set_reversed(world, dispute, True)
        _tell_reversal(world, dispute)
    _tell(world, dispute, "RESOLVED")


def _take(world: World, dispute: Dispute) -> None:
    fee = _CHARGEBACK_FEES_MINOR.get(dispute.currency, 0) if dispute.facts["channel"] == "EXTERNAL" else 0
    withdraw(world, dispute, dispute.minor, fee)
    _move(world, dispute, "DEBIT", "DISPUTE_SETTLEMENT", dispute.minor)
    if fee:
        _move(world, dispute, "DEBIT", "CHARGEBACK_FEE", fee)


def _move(world: World, dispute: Dispute, direction: str, reason: str, minor: int) -> None:
    moved = json.loads(dispute.facts.get("movements", "[]"))
    moved.append({"type": direction, "reason": reason, "minor": minor, "at": stamp(world.clock.now())})
    dispute.facts["movements"] = json.dumps(moved)


def _set_deadline(world: World, dispute: Dispute) -> None:
    due = dispute.evidence_due
    world.at(due, "paypal", "dispute_deadline", dispute=dispute.id, set_for=stamp(due))


def _capture_of(world: World, charge: Charge) -> Capture | None:
    """The last good capture of the charge; none of one that was made in the dashboard."""
    captures = [c for c in state_of(world).captures.values() if c.unit.charge is charge and c.is_good]
    return captures[-1] if captures else None


def _set_reversed(world: World, dispute: Dispute, is_reversed: bool) -> None:
    capture = state_of(world).captures.get(dispute.facts["capture"])
    if capture is not None and dispute.minor >= capture.minor:
        capture.reversed, capture.updated_at = is_reversed, world.clock.now()


def _tell(world: World, dispute: Dispute, what: str) -> None:
    shown = dispute_resources.dispute(dispute, charge_of(world, dispute), state_of(world))
    tell(world, dispute.account, f"CUSTOMER.DISPUTE.{what}", shown)


def _tell_reversal(world: World, dispute: Dispute) -> None:
    """The reversal is a refund that PayPal has made; it has an address of its own in the API."""
    state: State = state_of(world)
    capture = state.captures.get(dispute.facts["capture"])
    if capture is None:
        return
    made = Refund(new_id(), capture, dispute.minor, world.clock.now())
    state.refunds[made.id] = made
    tell(world, dispute.account, "PAYMENT.CAPTURE.REVERSED", resources.refund(made, state))
