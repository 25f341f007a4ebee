"""Disputes as the API shows them (keys of Stripe's published fixtures)."""

from __future__ import annotations

from typing import Any, assert_never

from simulators.disputes import Dispute, DisputeKind, DisputeState
from simulators.issuer import brand_of
from simulators.stripe.amounts import from_world
from simulators.stripe.balance import transactions_of_dispute
from simulators.stripe.objects import StripeCharge, unix
from simulators.stripe.state import state_of
from simulators.world import World

EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy"),
    *("refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation"),
    *("shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation"),
    *("shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
)
FILES = frozenset(
    {
        *("cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation"),
        *("receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file"),
    }
)
_REASONS = {
    "fraudulent": ("fraudulent", "10.4", "4837"),
    "not_received": ("product_not_received", "13.1", "4855"),
    "not_as_described": ("product_unacceptable", "13.3", "4853"),
    "duplicate": ("duplicate", "12.6", "4834"),
    "credit_not_processed": ("credit_not_processed", "13.6", "4853"),
    "subscription_canceled": ("subscription_canceled", "13.2", "4853"),
    "unrecognized": ("unrecognized", "10.4", "4837"),
    "incorrect_amount": ("general", "12.5", "4834"),
    "general": ("general", "10.4", "4853"),
}
"""Our word: Stripe's (docs.stripe.com/disputes/categories), Visa's and Mastercard's reason codes."""


def show_dispute(world: World, dispute: Dispute) -> dict[str, Any]:
    charge = state_of(world).charges[dispute.charge_id]
    now = world.clock.now()
    sent = {name: dispute.evidence.get(name) for name in EVIDENCE}
    is_debit = charge.method.type == "sepa_debit"
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": from_world(dispute.minor, dispute.currency),
        "balance_transactions": transactions_of_dispute(world, dispute),
        "charge": dispute.charge_id,
        "created": unix(dispute.opened_at),
        "currency": dispute.currency.lower(),
        "enhanced_eligibility_types": [],
        "evidence": {**sent, "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": 0 if is_debit else unix(dispute.evidence_due),
            "enhanced_eligibility": {},
            "has_evidence": bool(dispute.evidence),
            "past_due": now > dispute.evidence_due,
            "submission_count": 1 if dispute.submitted_at else 0,
        },
        "is_charge_refundable": dispute.kind is DisputeKind.INQUIRY and dispute.is_open,
        "livemode": False,
        "metadata": _metadata(dispute),
        "payment_intent": charge.intent_id or None,
        "payment_method_details": _details(dispute, charge),
        "reason": "debit_not_authorized" if is_debit else _REASONS[dispute.reason][0],
        "status": status_of(dispute),
    }


def status_of(dispute: Dispute) -> str:
    is_inquiry = dispute.kind is DisputeKind.INQUIRY
    match dispute.state:
        case DisputeState.NEEDS_RESPONSE:
            return "warning_needs_response" if is_inquiry else "needs_response"
        case DisputeState.UNDER_REVIEW:
            return "warning_under_review" if is_inquiry else "under_review"
        case DisputeState.WON:
            return "warning_closed" if is_inquiry else "won"
        case DisputeState.LOST | DisputeState.ACCEPTED | DisputeState.EXPIRED:
            return "warning_closed" if is_inquiry else "lost"
        case _:
            assert_never(dispute.state)


def _metadata(dispute: Dispute) -> dict[str, str]:
    return {name[9:]: value for name, value in dispute.facts.items() if name.startswith("metadata.")}


def _details(dispute: Dispute, charge: StripeCharge) -> dict[str, Any] | None:
    if charge.method.type == "paypal":
        return {"paypal": {"case_id": f"PP-D-{dispute.id[-6:]}", "reason_code": "UNAUTHORISED"}, "type": "paypal"}
    if charge.method.card is None:
        return None
    brand = brand_of(charge.method.card.number)
    _, visa, mastercard = _REASONS[dispute.reason]
    code = {"visa": visa, "mastercard": mastercard}.get(brand)
    if code and dispute.kind is DisputeKind.INQUIRY and brand == "visa":
        code = code.partition(".")[0]
    shown = {"brand": brand, "case_type": dispute.kind.value, "network": brand, "network_reason_code": code}
    return {"card": shown, "type": "card"}
