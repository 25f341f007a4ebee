"""PayPal's words into ours: orders, authorizations, captures, refunds, errors and events. Pure functions over its JSON.

Shapes as of Orders v2 and Payments v2, https://developer.paypal.com/docs/api/orders/v2/.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from currency.exponents import from_gateway_decimal
from currency.money import Money
from orchestrator.gateways.answers import approved, by_status, declined, not_done_yet
from orchestrator.gateways.base import OperationCall, OperationKind, WebhookMessage
from orchestrator.gateways.credentials import brand_of
from orchestrator.gateways.declines import decline_for, narrow
from orchestrator.gateways.transport import Reply
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind, RetryAction

GATEWAY = "paypal"

# https://developer.paypal.com/api/rest/webhooks/event-names/
_EVENTS = {
    "PAYMENT.AUTHORIZATION.CREATED": "payment.authorised",
    "PAYMENT.AUTHORIZATION.VOIDED": "payment.canceled",
    "PAYMENT.CAPTURE.COMPLETED": "payment.captured",
    "PAYMENT.CAPTURE.DENIED": "capture.failed",
    "PAYMENT.CAPTURE.DECLINED": "capture.failed",
    "PAYMENT.CAPTURE.REFUNDED": "refund.succeeded",
    "PAYMENT.REFUND.FAILED": "refund.failed",
    "CUSTOMER.DISPUTE.CREATED": "dispute.opened",
}


# Answers to an authorisation that comes before the payer has acted.
_NOT_APPROVED_YET = frozenset({"ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"})


def read_reply(call: OperationCall, reply: Reply) -> Outcome:
    """The outcome of an operation from PayPal's answer (status below 500). Raises on an unexpected shape."""
    if reply.status >= 400:
        return _read_error(call, reply)
    if call.kind is OperationKind.VOID and reply.status == 204:
        return approved(call.amount, call.amount, payment_id=call.gateway_payment_id)
    if reply.body is None:
        raise ValueError("no JSON object")
    match call.kind:
        case OperationKind.CREATE:
            return approved(call.amount, _order_amount(reply.body), payment_id=reply.body["id"])
        case OperationKind.CONFIRM | OperationKind.COMPLETE:
            outcome = read_order(call, reply.body)
        case OperationKind.CAPTURE:
            outcome = read_capture(call, reply.body)
        case OperationKind.VOID:
            outcome = read_void(call, reply.body)
        case OperationKind.REFUND:
            outcome = read_refund(call, reply.body)
        case _:
            assert_never(call.kind)
    if outcome is None:
        detail = f"PayPal answered with an object in state {reply.body.get('status')}"
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=call.gateway_payment_id, detail=detail)
    return outcome


def read_order(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    """What an order says of its authorization; None when there is none yet.

    An order that is COMPLETED may hold a DENIED authorization: the authorization is read, never the order's status.
    https://developer.paypal.com/tools/sandbox/card-testing/
    """
    found = _authorization_in(order)
    if found is not None:
        return read_authorization(call, found)
    if order.get("status") == "PAYER_ACTION_REQUIRED":
        return _action(order, order["id"])
    if order.get("status") == "VOIDED":
        decline = decline_for(GATEWAY, "clearway", "canceled", "the order is voided")
        return declined(decline, payment_id=order["id"])
    return None


def read_authorization(call: OperationCall, authorization: dict[str, Any]) -> Outcome | None:
    """What an authorization says of the attempt to authorise."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": authorization["id"]}
    match authorization["status"]:
        case "CREATED" | "CAPTURED" | "PARTIALLY_CAPTURED" | "PARTIALLY_CREATED":
            return approved(call.amount, _money(authorization["amount"]), **ids)
        case "DENIED" | "DECLINED":
            return declined(read_decline(authorization, _brand(call)), **ids)
        case "PENDING":
            return _pending(call, authorization)
        case "VOIDED" | "EXPIRED":
            return declined(decline_for(GATEWAY, "clearway", "canceled", "the authorization is voided"), **ids)
        case other:
            raise ValueError(f"authorization status {other}")


def read_capture(call: OperationCall, capture: dict[str, Any]) -> Outcome | None:
    """What a capture says of itself; a later refund of it does not undo that it happened."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": capture["id"]}
    match capture["status"]:
        case "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED":
            return approved(call.amount, _money(capture["amount"]), **ids)
        case "DECLINED" | "FAILED":
            return declined(read_decline(capture, _brand(call)), **ids)
        case "PENDING":
            return _pending(call, capture)
        case other:
            raise ValueError(f"capture status {other}")


def read_void(call: OperationCall, authorization: dict[str, Any]) -> Outcome | None:
    """What an authorization says of the wish to void it; None while it still stands."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": authorization["id"]}
    match authorization["status"]:
        case "VOIDED" | "EXPIRED" | "DENIED":
            return approved(call.amount, call.amount, **ids)
        case "CAPTURED" | "PARTIALLY_CAPTURED":
            decline = decline_for(GATEWAY, "clearway", "invalid_state", "already captured: refund it instead")
            return declined(decline, **ids)
        case _:
            return None


def read_refund(call: OperationCall, refund: dict[str, Any]) -> Outcome | None:
    """What a refund says of itself."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": refund["id"]}
    match refund["status"]:
        case "COMPLETED":
            return approved(call.amount, _money(refund["amount"]), **ids)
        case "PENDING":
            return _pending(call, refund)
        case "FAILED" | "CANCELLED" as status:
            return declined(decline_for(GATEWAY, "refund", status, f"refund {status.lower()}"), **ids)
        case other:
            raise ValueError(f"refund status {other}")


def read_decline(thing: dict[str, Any], brand: str = "") -> Decline:
    """The decline of an authorization or capture, from its processor response, narrowed by the network's advice.

    The same advice code means different things at Visa and Mastercard, so Visa has rows of its own.
    """
    response = thing.get("processor_response") or {}
    code, advice = str(response.get("response_code") or ""), str(response.get("payment_advice_code") or "")
    reason = str((thing.get("status_details") or {}).get("reason") or "")
    decline = decline_for(GATEWAY, "response_code", code or reason, reason)
    field = "payment_advice_code.visa" if brand == "visa" else "payment_advice_code"
    return replace(narrow(decline, (GATEWAY, field, advice)), advice_code=advice)


def authorizations_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    """All authorizations in an order."""
    return [
        a
        for unit in order.get("purchase_units") or []
        for a in (unit.get("payments") or {}).get("authorizations") or []
    ]


def captures_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    """All captures in an order."""
    return [c for unit in order.get("purchase_units") or [] for c in (unit.get("payments") or {}).get("captures") or []]


def translate_event(event: dict[str, Any]) -> WebhookMessage:
    """A verified event in our words; one that we do not act on is `ignored`."""
    event_type, key = event["event_type"], event["id"]
    occurred_at = str(event.get("create_time") or "")
    ignored = WebhookMessage(key, event_type, "ignored", occurred_at=occurred_at)
    kind, resource = _EVENTS.get(event_type), event.get("resource")
    if kind is None or not isinstance(resource, dict):
        return ignored
    try:
        return _translate(key, event_type, kind, resource, occurred_at)
    except (LookupError, TypeError, ValueError):
        return ignored  # verified and stored raw: it can be replayed once it is understood


def _translate(key: str, event_type: str, kind: str, resource: dict[str, Any], occurred_at: str) -> WebhookMessage:
    related = (resource.get("supplementary_data") or {}).get("related_ids") or {}
    if kind == "dispute.opened":
        disputed = (resource.get("disputed_transactions") or [{}])[0]
        amount, operation_id = resource.get("dispute_amount"), str(disputed.get("seller_transaction_id") or "")
    else:
        amount, operation_id = resource.get("amount"), resource["id"]
    ours = str(resource.get("custom_id") or "")
    return WebhookMessage(
        key,
        event_type,
        kind,
        gateway_payment_id=str(related.get("order_id") or ""),
        gateway_operation_id=operation_id,
        operation_reference=ours if ours.startswith("op_") else "",
        reference=ours if not ours.startswith("op_") else "",
        amount=_money(amount) if amount else None,
        success=not kind.endswith(".failed"),
        occurred_at=occurred_at,
        decline_code=str((resource.get("processor_response") or {}).get("response_code") or ""),
    )


def _read_error(call: OperationCall, reply: Reply) -> Outcome:
    body = reply.body or {}
    details = body.get("details") or [{}]
    issue = str(details[0].get("issue") or body.get("name") or "")
    message = str(details[0].get("description") or body.get("message") or "")
    payment_id = call.gateway_payment_id
    if reply.status in (401, 403, 409, 429):
        return replace(by_status(GATEWAY, reply, message or issue), gateway_payment_id=payment_id)
    if call.kind is OperationKind.COMPLETE and issue in _NOT_APPROVED_YET:
        return not_done_yet(payment_id, message or issue)
    if issue == "PAYER_ACTION_REQUIRED":
        return _action(body, payment_id)
    if issue == "PREVIOUSLY_VOIDED" and call.kind is OperationKind.VOID:
        return approved(call.amount, call.amount, payment_id=payment_id, operation_id=call.gateway_operation_id)
    decline = decline_for(GATEWAY, "issue", issue, message)
    if decline.action_cit is RetryAction.UNKNOWN_INQUIRE:
        # ORDER_ALREADY_AUTHORIZED and its like: it exists, and this answer does not tell its outcome. Look it up.
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=payment_id, detail=f"{issue}: {message}")
    return declined(decline, payment_id=payment_id)


def _action(body: dict[str, Any], payment_id: str) -> Outcome:
    url = next((str(link["href"]) for link in body.get("links") or [] if link.get("rel") == "payer-action"), "")
    if not url:
        decline = decline_for(GATEWAY, "clearway", "action_not_offered", "no payer-action link")
        return declined(decline, payment_id=payment_id)
    return Outcome(OutcomeKind.ACTION_REQUIRED, gateway_payment_id=payment_id, next_action=NextAction("redirect", url))


def _pending(call: OperationCall, thing: dict[str, Any]) -> Outcome:
    reason = str((thing.get("status_details") or {}).get("reason") or "")
    return Outcome(
        OutcomeKind.PENDING,
        gateway_payment_id=call.gateway_payment_id,
        gateway_operation_id=thing["id"],
        detail=f"pending at PayPal: {reason}".rstrip(": "),
    )


def _authorization_in(order: dict[str, Any]) -> dict[str, Any] | None:
    """The order's authorization; of several, one that stands goes before one that was refused."""
    found = authorizations_of(order)
    standing = [a for a in found if a.get("status") not in ("DENIED", "DECLINED")]
    return next(iter(standing or found), None)


def _order_amount(order: dict[str, Any]) -> Money:
    units = order["purchase_units"]
    if len(units) != 1:
        raise ValueError(f"{len(units)} purchase units where one was created")
    return _money(units[0]["amount"])


def _money(amount: dict[str, Any]) -> Money:
    value = amount["value"]
    if not isinstance(value, str):
        raise TypeError("an amount that is not text")
    return from_gateway_decimal(value, amount["currency_code"], GATEWAY)


def _brand(call: OperationCall) -> str:
    return brand_of(call.credential)
