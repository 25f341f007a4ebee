"""Adyen's words into ours: result codes, modifications, errors and notification items. Pure functions over its JSON.

Shapes as of Checkout API v72 and https://docs.adyen.com/development-resources/webhooks/webhook-types.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from currency.exponents import from_gateway_minor
from currency.money import Money
from orchestrator.gateways.answers import approved, by_status, declined
from orchestrator.gateways.base import OperationCall, OperationKind, WebhookMessage
from orchestrator.gateways.credentials import brand_of
from orchestrator.gateways.declines import decline_for, first_mapped, narrow
from orchestrator.gateways.transport import Reply
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind, RetryAction

GATEWAY = "adyen"

# eventCode -> (our kind when success is "true", when it is "false"); "" means: not acted on.
# https://docs.adyen.com/development-resources/webhooks/webhook-types
_EVENTS = {
    "AUTHORISATION": ("payment.authorised", "payment.declined"),
    "CAPTURE": ("payment.captured", "capture.failed"),
    "CAPTURE_FAILED": ("capture.failed", ""),
    "CANCELLATION": ("payment.canceled", "void.failed"),
    "TECHNICAL_CANCEL": ("payment.canceled", "void.failed"),
    "REFUND": ("refund.succeeded", "refund.failed"),
    "REFUND_FAILED": ("refund.failed", ""),
    "REFUNDED_REVERSED": ("refund.failed", ""),
    "NOTIFICATION_OF_CHARGEBACK": ("dispute.opened", ""),
    "CHARGEBACK": ("dispute.opened", ""),
    "REPORT_AVAILABLE": ("report.available", ""),
}


def read_reply(call: OperationCall, reply: Reply) -> Outcome:
    """The outcome of an operation from Adyen's answer (status below 500). Raises on an unexpected shape."""
    if reply.status >= 400:
        return _read_error(call, reply)
    if reply.body is None:
        raise ValueError("no JSON object")
    if call.kind in (OperationKind.CONFIRM, OperationKind.COMPLETE):
        return read_payment(call, reply.body)
    return _read_modification(call, reply.body)


def read_payment(call: OperationCall, body: dict[str, Any]) -> Outcome:
    """What `/payments` or `/payments/details` answered, by its result code. Raises ValueError on an unknown one."""
    psp = body.get("pspReference") or call.gateway_payment_id
    match body["resultCode"]:
        case "Authorised":
            # The amount is optional in the answer; another amount has its own result code, PartiallyAuthorised.
            said = _money(body["amount"]) if body.get("amount") else call.amount
            return approved(call.amount, said, payment_id=psp, operation_id=psp)
        case "PartiallyAuthorised":
            partial = _money(body["amount"]) if body.get("amount") else None
            detail = "authorised for another amount: not an approval, void it"
            return Outcome(
                OutcomeKind.UNKNOWN, partial, gateway_payment_id=psp, gateway_operation_id=psp, detail=detail
            )
        case "Pending" | "Received":
            return Outcome(OutcomeKind.PENDING, gateway_payment_id=psp, detail="Adyen will tell by webhook")
        case "RedirectShopper" | "IdentifyShopper" | "ChallengeShopper" | "PresentToShopper":
            return _read_action(body, psp)
        case "Refused" | "Error" | "Cancelled":
            return declined(read_decline(body, brand_of(call.credential)), payment_id=psp, operation_id=psp)
        case other:
            raise ValueError(f"result code {other}")


def read_decline(body: dict[str, Any], brand: str = "") -> Decline:
    """The decline in a refused payment: `refusalReasonCode` first, else the result code; narrowed by network advice.

    `refusalReason` text is for display only: https://docs.adyen.com/development-resources/refusal-reasons.
    """
    code, result = str(body.get("refusalReasonCode") or ""), str(body.get("resultCode") or "")
    # A refusal code that is not in the table is not retried as if it were a plain refusal.
    field, value = ("refusal_reason_code", code) if code not in ("", "0") else ("result_code", result)
    decline = decline_for(GATEWAY, field, value, str(body.get("refusalReason") or ""))
    advice = str((body.get("additionalData") or {}).get("merchantAdviceCode") or "").split(":")[0].strip()[:2]
    return replace(narrow(decline, (brand, "advice_code", advice)), advice_code=advice)


def translate_item(item: dict[str, Any]) -> WebhookMessage:
    """One verified notification item in our words; what we do not act on is `ignored`.

    Only signed fields decide (references, amount, eventCode, success); `reason` and `eventDate` are not signed and
    are carried for display.
    """
    code, success = item["eventCode"], item["success"] == "true"
    key = f"{item['pspReference']}:{code}:{item['success']}"
    kind = _EVENTS.get(code, ("", ""))[0 if success else 1]
    try:
        amount = _money(item["amount"]) if kind and item.get("amount") else None
    except (LookupError, TypeError, ValueError):
        kind, amount = "", None  # stored raw: it can be replayed once it is understood
    psp = item["pspReference"]
    ours = str(item.get("merchantReference") or "")
    return WebhookMessage(
        key,
        code,
        kind or "ignored",
        gateway_payment_id=psp if code == "AUTHORISATION" else str(item.get("originalReference") or ""),
        gateway_operation_id=psp,
        operation_reference=ours if ours.startswith("op_") else "",
        reference="" if ours.startswith("op_") else ours,
        amount=amount,
        success=success and not kind.endswith(".failed"),
        occurred_at=str(item.get("eventDate") or ""),
        decline_code="" if success else str(item.get("reason") or "")[:80],
    )


def _read_modification(call: OperationCall, body: dict[str, Any]) -> Outcome:
    """Captures, cancels and refunds are only `received`; their outcome comes by webhook (Checkout v72, status enum)."""
    if body["status"] != "received":
        raise ValueError(f"modification status {body['status']}")
    said = _money(body["amount"]) if body.get("amount") else call.amount
    return Outcome(
        OutcomeKind.PENDING,
        amount=said,
        gateway_payment_id=body.get("paymentPspReference") or call.gateway_payment_id,
        gateway_operation_id=body["pspReference"],
        detail="received by Adyen, the outcome comes by webhook",
    )


def _read_action(body: dict[str, Any], psp: str) -> Outcome:
    action = body.get("action") or {}
    url = action.get("url") or ""
    if action.get("type") != "redirect" or not url:
        # Native 3-D Secure needs Adyen's own component; without the shopper's action nothing is authorised.
        decline = decline_for(
            GATEWAY, "clearway", "action_not_offered", f"action {action.get('type')} is not a redirect"
        )
        return declined(decline, payment_id=psp)
    data = {str(key): str(value) for key, value in (action.get("data") or {}).items()}
    data |= {"method": str(action.get("method") or "GET")}
    if action.get("paymentData"):
        data["paymentData"] = str(action["paymentData"])
    return Outcome(OutcomeKind.ACTION_REQUIRED, gateway_payment_id=psp, next_action=NextAction("redirect", url, data))


def _read_error(call: OperationCall, reply: Reply) -> Outcome:
    body = reply.body or {}
    code, message = str(body.get("errorCode") or ""), str(body.get("message") or "")
    psp = str(body.get("pspReference") or call.gateway_payment_id)
    if reply.status in (401, 403, 409, 429) or not code:
        return replace(by_status(GATEWAY, reply, message), gateway_payment_id=psp)
    decline = first_mapped(GATEWAY, [("error_code", code), ("http", str(reply.status))], message)
    if decline.action_cit is RetryAction.UNKNOWN_INQUIRE:
        # 704 and its like: a request of this reference exists already, and this answer does not tell its outcome.
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=psp, detail=f"Adyen error {code}: {message}")
    return declined(replace(decline, gateway_code=code), payment_id=psp)


def _money(amount: dict[str, Any]) -> Money:
    return from_gateway_minor(amount["value"], amount["currency"], GATEWAY)
