"""Meridian's words into ours: payments, refunds, errors. Pure functions over its JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from currency.exponents import from_gateway_minor
from currency.money import Money
from orchestrator.gateways.answers import approved, by_status, declined
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.declines import decline_for, is_mapped
from orchestrator.gateways.transport import Reply
from routing.outcomes import Outcome, OutcomeKind

GATEWAY = "meridian"
_AN_EARLIER_REQUEST_EXISTS = frozenset({"key_in_use", "key_reused"})


def read_reply(call: OperationCall, reply: Reply) -> Outcome:
    """The outcome of an operation from Meridian's answer (status below 500). Raises on an unexpected shape."""
    if reply.status >= 400:
        return _read_error(call, reply)
    outcome = read_payment(call, _object(reply))
    if outcome is None:
        raise ValueError(f"the answer to {call.kind} does not show it")
    return outcome


def read_payment(call: OperationCall, payment: dict[str, Any]) -> Outcome | None:
    """What a payment says of one operation; None when Meridian has not acted on it."""
    match call.kind:
        case OperationKind.CONFIRM:
            return _read_authorisation(call, payment)
        case OperationKind.CAPTURE:
            capture = _own(call, payment["captures"])
            return approved(call.amount, money_of(capture, payment), **_ids(payment, capture)) if capture else None
        case OperationKind.VOID:
            return _read_void(call, payment)
        case OperationKind.REFUND:
            refund = _own(call, payment["refunds"])
            return _read_refund(call, payment, refund) if refund else None
        case OperationKind.CREATE | OperationKind.COMPLETE:
            raise ValueError(f"Meridian has no {call.kind}")
        case _:
            assert_never(call.kind)


def found(page: dict[str, Any]) -> dict[str, Any]:
    """The one payment of a list. Raises LookupError: the list lags, so an empty one proves nothing."""
    [payment] = page["payments"] or [None]
    if payment is None:
        raise LookupError("no payment has this reference yet")
    return dict(payment)


def _read_authorisation(call: OperationCall, payment: dict[str, Any]) -> Outcome:
    match payment["status"]:
        case "authorised" if call.capture is CaptureMode.AUTOMATIC:
            raise ValueError("authorised only, where capture at once was asked")
        case "authorised" | "captured":
            return replace(
                approved(call.amount, money_of(payment, payment), **_ids(payment)),
                capture_before=datetime.fromisoformat(payment["authorised_until"]),
                network_transaction_id=payment["network_transaction_id"],
            )
        case "declined":
            return declined(decline_for(GATEWAY, "decline_code", payment["decline_code"]), **_ids(payment))
        case "voided" | "expired" as status:
            return declined(decline_for(GATEWAY, "clearway", "gone", f"the payment is {status}"), **_ids(payment))
        case other:
            raise ValueError(f"payment status {other}")


def _read_void(call: OperationCall, payment: dict[str, Any]) -> Outcome | None:
    match payment["status"]:
        case "voided" | "expired":  # nothing is held any more
            return approved(call.amount, call.amount, **_ids(payment))
        case "captured":
            decline = decline_for(GATEWAY, "error_code", "wrong_state", "already captured: refund it instead")
            return declined(decline, **_ids(payment))
        case _:
            return None


def _read_refund(call: OperationCall, payment: dict[str, Any], refund: dict[str, Any]) -> Outcome:
    ids = _ids(payment, refund)
    match refund["status"]:
        case "succeeded":
            return approved(call.amount, money_of(refund, payment), **ids)
        case "pending":
            return Outcome(
                OutcomeKind.PENDING,
                gateway_payment_id=payment["id"],
                gateway_operation_id=refund["id"],
                detail="Meridian is working on the refund",
            )
        case "failed":
            return declined(decline_for(GATEWAY, "refund", refund["failure_code"]), **ids)
        case other:
            raise ValueError(f"refund status {other}")


def _read_error(call: OperationCall, reply: Reply) -> Outcome:
    error = _object(reply)
    code, message = error["code"], error["message"]
    if code in _AN_EARLIER_REQUEST_EXISTS:
        return Outcome(OutcomeKind.UNKNOWN, detail=f"{code}: {message}")
    if code == "card_declined":
        decline = decline_for(GATEWAY, "decline_code", error["decline_code"], message)
        return declined(decline, payment_id=error["payment_id"])
    if is_mapped(GATEWAY, "error_code", code):
        return declined(decline_for(GATEWAY, "error_code", code, message), payment_id=call.gateway_payment_id)
    return by_status(GATEWAY, reply, message)


def _own(call: OperationCall, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in rows if row["reference"] == call.operation_id), None)


def money_of(row: dict[str, Any], payment: dict[str, Any]) -> Money:
    return from_gateway_minor(row["amount"], payment["currency"], GATEWAY)


def _ids(payment: dict[str, Any], row: dict[str, Any] | None = None) -> dict[str, str]:
    return {"payment_id": payment["id"], "operation_id": row["id"] if row else ""}


def _object(reply: Reply) -> dict[str, Any]:
    if reply.body is None:
        raise ValueError("no JSON object")
    return reply.body
