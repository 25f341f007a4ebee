"""What a charge tells of an authorisation: how long it holds, the network's id of it, who authenticated.

Fields of https://docs.stripe.com/api/charges/object, there when `latest_charge` was expanded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.gateways.base import OperationCall
from routing.authentication import Exemption
from routing.outcomes import Authentication, Outcome

_RESULTS = {
    "authenticated": "authenticated",
    "attempt_acknowledged": "attempted",
    "exempted": "exempted",
    "failed": "failed",
}
# https://support.stripe.com/questions/why-are-some-payments-successful-without-authentication-even-when-3d-secure-was-requested
# and …/liability-shift-with-frictionless-flow-for-3d-secure-v2-(3ds2): an authentication or an acknowledged attempt
# shifts it, an exemption or a charge without authentication does not.
_EXEMPTIONS = {"low_risk": Exemption.TRANSACTION_RISK_ANALYSIS.value}
_SHIFTED = {"authenticated": True, "attempted": True, "exempted": False, "failed": False}


def with_charge(outcome: Outcome, call: OperationCall, intent: dict[str, Any]) -> Outcome:
    """The outcome with what its charge tells, and the credential where it was kept with the payment."""
    charge = intent.get("latest_charge")
    details = (charge.get("payment_method_details") or {}) if isinstance(charge, dict) else {}
    card = details.get("card") or {}
    customer = _id(intent.get("customer"))  # what is kept for nobody cannot be charged again
    kept = _kept_token(intent, details) if call.save is not None and customer else ""
    return replace(
        outcome,
        capture_before=_moment(card.get("capture_before")),
        network_transaction_id=str(card.get("network_transaction_id") or ""),
        authentication=_authentication(card.get("three_d_secure")),
        gateway_token=kept,
        gateway_customer=customer if kept else "",
    )


def with_proof(outcome: Outcome, intent: dict[str, Any]) -> Outcome:
    """A refusal with what 3-D Secure came to before it."""
    charge = intent.get("latest_charge")
    details = (charge.get("payment_method_details") or {}) if isinstance(charge, dict) else {}
    return replace(outcome, authentication=_authentication((details.get("card") or {}).get("three_d_secure")))


def outcome_layers(charge: object) -> tuple[tuple[str, str, str], ...]:
    """The rows of the decline table for a charge's `outcome`: https://docs.stripe.com/declines#blocked-payments."""
    told = (charge.get("outcome") or {}) if isinstance(charge, dict) else {}
    return (
        ("stripe", "outcome", f"network_status={told.get('network_status')}"),
        ("stripe", "outcome", f"type={told.get('type')}, reason={told.get('reason')}"),
    )


def generated_mandate(details: dict[str, Any]) -> str:
    """The SEPA debit that iDEAL leaves behind, which is what can be charged again; `` elsewhere."""
    return _id((details.get("ideal") or {}).get("generated_sepa_debit"))


def _kept_token(intent: dict[str, Any], details: dict[str, Any]) -> str:
    if "ideal" in details:
        return generated_mandate(details)
    return _id(intent.get("payment_method"))


def _authentication(proof: dict[str, Any] | None) -> Authentication | None:
    if not proof:
        return None
    result = _RESULTS.get(proof.get("result") or "", "")
    return Authentication(
        result=result,
        version=str(proof.get("version") or ""),
        eci=str(proof.get("electronic_commerce_indicator") or ""),
        ds_transaction_id=str(proof.get("transaction_id") or ""),
        liability_shifted=_SHIFTED.get(result),
        exemption=_EXEMPTIONS.get(proof.get("exemption_indicator") or "", ""),
    )


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if type(seconds) is int else None


def _id(value: object) -> str:
    return str(value.get("id") or "") if isinstance(value, dict) else str(value or "")
