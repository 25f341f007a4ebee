"""PayPal's words into ours: orders, authorizations, captures, refunds, errors and events. Pure functions over its JSON.

Shapes as of Orders v2 and Payments v2, https://developer.paypal.com/docs/api/orders/v2/.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from currency.exponents import from_gateway_decimal
from currency.money import Money
from orchestrator.gateways.answers import approved, by_status, declined, not_done_yet
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import brand_of
from orchestrator.gateways.declines import decline_for, is_mapped, narrow
from orchestrator.gateways.paypal.authentication import authentication_of, objection_to
from orchestrator.gateways.redaction import redact_text
from orchestrator.gateways.transport import Reply
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind, RetryAction

GATEWAY = "paypal"

COMPLETED_ON_APPROVAL = "ORDER_COMPLETE_ON_PAYMENT_APPROVAL"

# Statuses under which an issue is a refusal. Of every other the status counts: a 408 may have been acted upon.
_REFUSED = frozenset({400, 404, 422})

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
    """What an order says of its authorization or, captured at once, of its capture; None when there is neither yet.

    An order that is COMPLETED may hold a DENIED authorization or a DECLINED capture: that is read, never the order's
    status. https://developer.paypal.com/tools/sandbox/card-testing/
    """
    outcome = _payment_in(call, order)
    if outcome is None:
        return None
    token, customer = kept_token(order)
    return replace(outcome, gateway_token=token, gateway_customer=customer, authentication=authentication_of(order))


def read_before(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    """What an order says before it is acted upon: the outcome, or None where the call is still to be made.

    So `confirm-payment-source`, which has no idempotency key, is not sent twice; and what the payer brings back is
    looked at before money is taken.
    """
    known = read_order(call, order)
    if known is not None and (call.kind is OperationKind.CONFIRM or known.kind is not OutcomeKind.ACTION_REQUIRED):
        return known
    if call.kind is OperationKind.CONFIRM:
        return None
    if code := objection_to(order):
        decline = decline_for(GATEWAY, "clearway", code, "3-D Secure did not succeed")
        return replace(declined(decline, payment_id=order["id"]), authentication=authentication_of(order))
    if order.get("processing_instruction") != COMPLETED_ON_APPROVAL:
        return None
    if order.get("status") == "APPROVED":
        detail = "approved: PayPal takes the money by itself"
        return Outcome(OutcomeKind.PENDING, gateway_payment_id=order["id"], detail=detail)
    return not_done_yet(order["id"], "the payer has not approved yet")


def kept_token(order: dict[str, Any]) -> tuple[str, str]:
    """The credential that PayPal kept with the payment and whose it is; empty while it has not.

    A wallet may be kept later than the payment is made: VAULT.PAYMENT-TOKEN.CREATED tells
    (https://developer.paypal.com/docs/multiparty/checkout/save-payment-methods/webhooks).
    """
    for source in ("card", "paypal"):
        attributes = ((order.get("payment_source") or {}).get(source) or {}).get("attributes") or {}
        kept = attributes.get("vault") or {}
        if kept.get("id"):
            return str(kept["id"]), str((kept.get("customer") or {}).get("id") or "")
    return "", ""


def read_authorization(call: OperationCall, authorization: dict[str, Any]) -> Outcome | None:
    """What an authorization says of the attempt to authorise."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": authorization["id"]}
    match authorization["status"]:
        case "CREATED" | "CAPTURED" | "PARTIALLY_CAPTURED" | "PARTIALLY_CREATED":
            outcome = approved(call.amount, money_of(authorization["amount"]), **ids)
        case "DENIED" | "DECLINED":
            return declined(read_decline(authorization, _brand(call)), **ids)
        case "PENDING":
            return _pending(call, authorization)
        case "VOIDED" | "EXPIRED":
            return declined(decline_for(GATEWAY, "clearway", "canceled", "the authorization is voided"), **ids)
        case other:
            raise ValueError(f"authorization status {other}")
    return replace(
        outcome,
        capture_before=time_of(authorization.get("expiration_time")),
        network_transaction_id=_network_id(authorization),
    )


def read_capture(call: OperationCall, capture: dict[str, Any]) -> Outcome | None:
    """What a capture says of itself; a later refund of it does not undo that it happened."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": capture["id"]}
    match capture["status"]:
        case "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED":
            outcome = approved(call.amount, money_of(capture["amount"]), **ids)
            return replace(outcome, network_transaction_id=_network_id(capture))
        case "DECLINED" | "FAILED":
            return declined(read_decline(capture, _brand(call)), **ids)
        case "PENDING":
            return _pending(call, capture)
        case other:
            raise ValueError(f"capture status {other}")


def our_capture(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    """The order's capture by this operation, known by its invoice id; one that stands goes before one refused."""
    ours = [capture for capture in captures_of(order) if capture.get("invoice_id") == call.operation_id]
    found = _standing(ours)
    return read_capture(call, found) if found else None


def our_refund(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    """The order's refund by this operation, known by its custom id."""
    ours = [refund for refund in _payments_of(order, "refunds") if refund.get("custom_id") == call.operation_id]
    found = _standing(ours)
    return read_refund(call, found) if found else None


def read_void(call: OperationCall, authorization: dict[str, Any]) -> Outcome | None:
    """What an authorization says of the wish to void it; None while it still stands.

    What is captured in part can still be voided: the rest is let go.
    """
    ids = {"payment_id": call.gateway_payment_id, "operation_id": authorization["id"]}
    match authorization["status"]:
        case "VOIDED" | "EXPIRED" | "DENIED":
            return approved(call.amount, call.amount, **ids)
        case "CAPTURED":
            decline = decline_for(GATEWAY, "clearway", "invalid_state", "already captured: refund it instead")
            return declined(decline, **ids)
        case _:
            return None


def read_void_of_order(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    """What an order without a known authorization says of the wish to cancel it; None while it might yet be paid.

    While the payer has still to act, only they and then our own COMPLETE can go on: that is canceled by leaving it.
    iDEAL is taken by the approval itself, so it is not. https://developer.paypal.com/docs/api/orders/v2/
    """
    if authorization := _standing(_payments_of(order, "authorizations")):
        return read_void(call, authorization)
    if _standing(captures_of(order)):
        return not_canceled(call, "already captured: refund it instead")
    status, by_itself = order.get("status"), order.get("processing_instruction") == COMPLETED_ON_APPROVAL
    if status == "VOIDED" or (status == "PAYER_ACTION_REQUIRED" and not by_itself):
        return approved(call.amount, call.amount, payment_id=order["id"])
    return None


def not_canceled(call: OperationCall, why: str) -> Outcome:
    """A void that could not be done, as it stands."""
    return declined(decline_for(GATEWAY, "clearway", "invalid_state", why), payment_id=call.gateway_payment_id)


def read_refund(call: OperationCall, refund: dict[str, Any]) -> Outcome | None:
    """What a refund says of itself."""
    ids = {"payment_id": call.gateway_payment_id, "operation_id": refund["id"]}
    match refund["status"]:
        case "COMPLETED":
            return approved(call.amount, money_of(refund["amount"]), **ids)
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


def captures_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    """All captures in an order."""
    return _payments_of(order, "captures")


def problem_of(reply: Reply) -> tuple[str, str]:
    """The issue of an error reply (its name where it has no details) and what PayPal says of it.

    Of several issues the first, unless another tells of an earlier request that may have been acted upon.
    """
    body = reply.body or {}
    details = body.get("details") or [{}]
    told = next((one for one in details if _is_inquiry(str(one.get("issue")))), details[0])
    issue = str(told.get("issue") or body.get("name") or "")
    return issue, redact_text(str(told.get("description") or body.get("message") or ""))


def read_refusal(reply: Reply) -> Outcome:
    """The outcome of an error reply to a call that is no operation: by its issue where we know it, else its status."""
    issue, message = problem_of(reply)
    if reply.status not in _REFUSED or not is_mapped(GATEWAY, "issue", issue):
        return by_status(GATEWAY, reply, message or issue)
    if _is_inquiry(issue):
        return Outcome(OutcomeKind.UNKNOWN, detail=f"{issue}: {message}")
    return declined(decline_for(GATEWAY, "issue", issue, message))


def money_of(amount: dict[str, Any]) -> Money:
    """PayPal's amount: a decimal as text and a currency. Raises where it is anything else."""
    value = amount["value"]
    if not isinstance(value, str):
        raise TypeError("an amount that is not text")
    return from_gateway_decimal(value, amount["currency_code"], GATEWAY)


def time_of(text: object) -> datetime | None:
    """An RFC 3339 moment; None where there is none."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def link_of(thing: dict[str, Any], *rels: str) -> str:
    """The address of the first link that has one of these relations, or ``."""
    links = thing.get("links") or []
    return next((str(link["href"]) for link in links if link.get("rel") in rels), "")


def _read_error(call: OperationCall, reply: Reply) -> Outcome:
    issue, message = problem_of(reply)
    payment_id = call.gateway_payment_id
    if reply.status not in _REFUSED or not issue:
        return replace(by_status(GATEWAY, reply, message or issue), gateway_payment_id=payment_id)
    if call.kind is OperationKind.COMPLETE and issue in _NOT_APPROVED_YET:
        return not_done_yet(payment_id, message or issue)
    if issue == "PAYER_ACTION_REQUIRED":
        return _action(call, reply.body or {}, payment_id)
    if issue == "PREVIOUSLY_VOIDED" and call.kind is OperationKind.VOID:
        return approved(call.amount, call.amount, payment_id=payment_id, operation_id=call.gateway_operation_id)
    if _is_inquiry(issue):
        # ORDER_ALREADY_AUTHORIZED and its like: it exists, and this answer does not tell its outcome. Look it up.
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=payment_id, detail=f"{issue}: {message}")
    return declined(decline_for(GATEWAY, "issue", issue, message), payment_id=payment_id)


def _is_inquiry(issue: str) -> bool:
    return decline_for(GATEWAY, "issue", issue).action_cit is RetryAction.UNKNOWN_INQUIRE


def _payment_in(call: OperationCall, order: dict[str, Any]) -> Outcome | None:
    if authorization := _standing(_payments_of(order, "authorizations")):
        return read_authorization(call, authorization)
    if order.get("intent") == "CAPTURE" and (capture := _standing(captures_of(order))):
        return read_capture(call, capture)
    match order.get("status"):
        case "PAYER_ACTION_REQUIRED":
            return _action(call, order, order["id"])
        case "APPROVED" if call.kind is OperationKind.CONFIRM:
            return not_done_yet(order["id"], "approved by the payer: it is to be completed")
        case "VOIDED":
            decline = decline_for(GATEWAY, "clearway", "canceled", "the order is voided")
            return declined(decline, payment_id=order["id"])
        case _:
            return None


def _action(call: OperationCall, body: dict[str, Any], payment_id: str) -> Outcome:
    url = link_of(body, "payer-action")
    if not url and call.kind is OperationKind.COMPLETE:  # the payer was there: the way is known, and still open
        return not_done_yet(payment_id, "the payer has still to act")
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


def _payments_of(order: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for unit in order.get("purchase_units") or [] for one in (unit.get("payments") or {}).get(kind) or []]


def _standing(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of several, one that stands goes before one that was refused."""
    standing = [one for one in found if one.get("status") not in ("DENIED", "DECLINED", "FAILED")]
    return next(iter(standing or found), None)


def _order_amount(order: dict[str, Any]) -> Money:
    units = order["purchase_units"]
    if len(units) != 1:
        raise ValueError(f"{len(units)} purchase units where one was created")
    return money_of(units[0]["amount"])


def _network_id(thing: dict[str, Any]) -> str:
    return str((thing.get("network_transaction_reference") or {}).get("id") or "")


def _brand(call: OperationCall) -> str:
    return brand_of(call.credential)
