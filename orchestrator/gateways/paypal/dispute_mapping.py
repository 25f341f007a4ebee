"""PayPal's disputes in our words. Pure functions over the JSON of Customer Disputes v1.

https://developer.paypal.com/docs/api/customer-disputes/v1/
"""

from __future__ import annotations

from typing import Any

from orchestrator.gateways.facets import Dispute, DisputeStatus
from orchestrator.gateways.paypal.mapping import money_of, time_of

_REASONS = {
    "MERCHANDISE_OR_SERVICE_NOT_RECEIVED": "not_received",
    "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED": "not_as_described",
    "UNAUTHORISED": "fraud",
    "CREDIT_NOT_PROCESSED": "credit_not_processed",
    "DUPLICATE_TRANSACTION": "duplicate",
    "PAYMENT_BY_OTHER_MEANS": "duplicate",
    "CANCELED_RECURRING_BILLING": "canceled",
}
_FOR_SELLER = frozenset({"RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED"})
_FOR_BUYER = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})
# Fees move beside the disputed money and are not it.
_DISPUTED_MONEY = "DISPUTE_SETTLEMENT"


def read_dispute(dispute: dict[str, Any]) -> Dispute:
    """A dispute as shown or told. Raises on an unexpected shape."""
    reason = str(dispute.get("reason") or "OTHER")
    return Dispute(
        dispute_id=dispute["dispute_id"],
        status=_status(dispute),
        amount=money_of(dispute["dispute_amount"]),
        reason=_REASONS.get(reason, "other"),
        gateway_reason=reason,
        gateway_operation_id=str(disputed(dispute).get("seller_transaction_id") or ""),
        evidence_due_at=time_of(dispute.get("seller_response_due_date")),
        funds_withdrawn=_funds_withdrawn(dispute),
    )


def disputed(dispute: dict[str, Any]) -> dict[str, Any]:
    """The disputed transaction; its `seller_transaction_id` is the capture's id."""
    first: dict[str, Any] = next(iter(dispute.get("disputed_transactions") or []), {})
    return first


def is_inquiry(dispute: dict[str, Any]) -> bool:
    """A question between buyer and seller, before it became a claim."""
    return dispute.get("dispute_life_cycle_stage") == "INQUIRY"


def _status(dispute: dict[str, Any]) -> DisputeStatus:
    if dispute.get("status") == "RESOLVED":
        return _end(dispute)
    if is_inquiry(dispute):
        return DisputeStatus.INQUIRY
    if dispute.get("status") in ("OPEN", "WAITING_FOR_SELLER_RESPONSE"):
        return DisputeStatus.NEEDS_RESPONSE
    return DisputeStatus.UNDER_REVIEW


def _end(dispute: dict[str, Any]) -> DisputeStatus:
    """By the outcome; one that does not say in whose favour (payout under PayPal's protection, none) by the money."""
    code = str((dispute.get("dispute_outcome") or {}).get("outcome_code") or "")
    for_buyer = code in _FOR_BUYER or (code not in _FOR_SELLER and _net_taken_minor(dispute) > 0)
    if for_buyer:
        return DisputeStatus.LOST
    return DisputeStatus.CLOSED if is_inquiry(dispute) else DisputeStatus.WON


def _funds_withdrawn(dispute: dict[str, Any]) -> bool:
    if _movements(dispute):
        return _net_taken_minor(dispute) > 0
    ended_well = _status(dispute) in (DisputeStatus.WON, DisputeStatus.CLOSED)
    return not ended_well and (not is_inquiry(dispute) or dispute.get("status") == "RESOLVED")


def _net_taken_minor(dispute: dict[str, Any]) -> int:
    signs = {"DEBIT": 1, "CREDIT": -1}
    return sum(signs.get(str(one.get("type")), 0) * money_of(one["amount"]).minor for one in _movements(dispute))


def _movements(dispute: dict[str, Any]) -> list[dict[str, Any]]:
    """What moved from and to us of the disputed money itself."""
    return [
        one
        for one in dispute.get("money_movements") or []
        if one.get("affected_party") == "SELLER" and one.get("reason", _DISPUTED_MONEY) == _DISPUTED_MONEY
    ]
