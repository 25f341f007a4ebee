"""Stripe's words into ours: payment intents, refunds, errors. Pure functions over its JSON.

Objects as of https://docs.stripe.com/api/payment_intents/object and https://docs.stripe.com/api/errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from currency.exponents import from_gateway_minor
from currency.money import Money
from orchestrator.gateways.answers import approved, by_status, declined
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.credentials import brand_of
from orchestrator.gateways.declines import decline_for, is_mapped, narrow
from orchestrator.gateways.stripe.charges import outcome_layers, with_charge, with_proof
from orchestrator.gateways.stripe.params import GATEWAY
from orchestrator.gateways.transport import Reply
from routing.outcomes import Decline, NextAction, Outcome, OutcomeKind

# Errors that say the intent is in another state than the call needs; the intent comes with them.
_STATE_CODES = frozenset({"payment_intent_unexpected_state", "charge_already_captured", "intent_invalid_state"})
_MAY_HAVE_MOVED = frozenset({OutcomeKind.APPROVED, OutcomeKind.PENDING, OutcomeKind.UNKNOWN})


def read_reply(call: OperationCall, reply: Reply) -> Outcome:
    """The outcome of an operation from Stripe's answer (status below 500). Raises on an unexpected shape."""
    body = reply.body
    if body is None:
        raise ValueError("no JSON object")
    if reply.status >= 400:
        return _read_error(call, reply)
    if call.kind is OperationKind.REFUND:
        return read_refund(body, call.amount)
    outcome = read_intent(call, body)
    if outcome is None:
        detail = f"Stripe answered with a payment intent in state {body['status']}"
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=body["id"], detail=detail)
    return outcome


def read_intent(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    """What a payment intent says of one operation; None when Stripe has not acted on it."""
    match call.kind:
        case OperationKind.CREATE:
            return approved(call.amount, money_of(intent, "amount"), payment_id=intent["id"])
        case OperationKind.CONFIRM | OperationKind.COMPLETE:
            return _read_authorisation(call, intent)
        case OperationKind.CAPTURE:
            return _read_capture(call, intent)
        case OperationKind.VOID:
            return _read_void(call, intent)
        case OperationKind.REFUND:
            raise ValueError("a refund is not read from the intent")
        case _:
            assert_never(call.kind)


def read_refund(refund: dict[str, Any], asked: Money) -> Outcome:
    """What a refund object says: https://docs.stripe.com/api/refunds/object."""
    ids = {"payment_id": id_of(refund.get("payment_intent")), "operation_id": refund["id"]}
    match refund["status"]:
        case "succeeded":
            return approved(asked, money_of(refund, "amount"), **ids)
        case "pending" | "requires_action":
            return Outcome(
                OutcomeKind.PENDING, gateway_payment_id=ids["payment_id"], gateway_operation_id=ids["operation_id"]
            )
        case "failed" | "canceled" as status:
            reason = str(refund.get("failure_reason") or status)
            return declined(decline_for(GATEWAY, "refund", reason, f"refund {status}: {reason}"), **ids)
        case other:
            raise ValueError(f"refund status {other}")


def read_failure(reply: Reply, brand: str = "") -> Outcome:
    """The outcome of an error (status 400 to 499) of any call. Raises ValueError where no JSON object came."""
    if reply.body is None:
        raise ValueError("no JSON object")
    error = reply.body.get("error") or {}
    code, message = error.get("code") or "", error.get("message") or ""
    if _proves_nothing(reply.status, error):
        return Outcome(OutcomeKind.UNKNOWN, detail=f"Stripe answered HTTP {reply.status}: {message}")
    uncoded = not (code or error.get("decline_code"))
    unexplained = reply.status in (401, 403) and not is_mapped(GATEWAY, "error_code", code)
    if uncoded or unexplained or (reply.status == 429 and code != "lock_timeout"):
        return by_status(GATEWAY, reply, message)
    intent = error.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None  # itself, where it was expanded
    return declined(read_decline(error, brand, charge), operation_id=id_of(error.get("charge")))


def read_decline(error: dict[str, Any], brand: str = "", charge: object = None) -> Decline:
    """The decline in an error, `last_payment_error` or `last_setup_error`: decline code first.

    It is narrowed by network and advice codes, and by the outcome of the `charge` where that was expanded.
    """
    code, message = error.get("code") or "", error.get("message") or ""
    if decline_code := error.get("decline_code"):
        decline = decline_for(GATEWAY, "decline_code", decline_code, message)
    elif code:
        decline = decline_for(GATEWAY, "error_code", code, message)
    else:
        decline = decline_for(GATEWAY, "clearway", "invalid_request", message)
    advice = error.get("advice_code") or ""
    decline = narrow(
        decline,
        (brand, "response_code", error.get("network_decline_code") or ""),
        (brand, "advice_code", error.get("network_advice_code") or ""),
        (GATEWAY, "advice_code", advice),
        *outcome_layers(charge),
    )
    return replace(decline, advice_code=advice or error.get("network_advice_code") or "")


def read_redirect(action: dict[str, Any]) -> NextAction | None:
    """The page of a `next_action`; None for what only Stripe's own script can carry out."""
    url = (action.get("redirect_to_url") or {}).get("url") or ""
    return NextAction("redirect", url) if url else None


def action_not_offered(action: dict[str, Any]) -> Decline:
    return decline_for(GATEWAY, "clearway", "action_not_offered", f"action {action.get('type')} is not a redirect")


def _read_error(call: OperationCall, reply: Reply) -> Outcome:
    """The intent that comes with an error goes first where money may have moved, whatever the error says."""
    error = (reply.body or {}).get("error") or {}
    intent, other_state = error.get("payment_intent"), error.get("code") in _STATE_CODES
    stands = read_intent(call, intent) if isinstance(intent, dict) and call.kind is not OperationKind.REFUND else None
    if stands is not None and (other_state or stands.kind in _MAY_HAVE_MOVED):
        return stands
    if other_state and not isinstance(intent, dict) and call.kind is not OperationKind.REFUND:
        detail = f"in another state than expected, and Stripe does not say in which: {error.get('code')}"
        return Outcome(OutcomeKind.UNKNOWN, gateway_payment_id=call.gateway_payment_id, detail=detail)
    payment_id = id_of(intent) or call.gateway_payment_id
    failure = replace(read_failure(reply, brand_of(call.credential)), gateway_payment_id=payment_id)
    return with_proof(failure, intent) if isinstance(intent, dict) else failure


def _proves_nothing(status: int, error: dict[str, Any]) -> bool:
    """Whether an error tells nothing of what Stripe did: https://docs.stripe.com/api/errors.

    A key that is in use (409) or was used with other parameters means that an earlier request exists; 424 is a failure
    behind Stripe, and so is every status that is not about our request; `api_error` is Stripe's own trouble.
    """
    if error.get("type") == "idempotency_error":
        return True
    if status != 402 and not is_mapped(GATEWAY, "http", str(status)):
        return True
    return error.get("type") == "api_error" and not is_mapped(GATEWAY, "error_code", error.get("code") or "")


def _read_authorisation(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    ids = {"payment_id": intent["id"], "operation_id": id_of(intent.get("latest_charge"))}
    at_once = call.capture is CaptureMode.AUTOMATIC
    match intent["status"]:
        case "requires_capture" if at_once:
            raise ValueError("authorised only, where capture at once was asked")
        case "requires_capture":  # less what was captured of it since
            held = money_of(intent, "amount_capturable") + money_of(intent, "amount_received")
            return with_charge(approved(call.amount, held, **ids), call, intent)
        case "succeeded":  # captured, by order or since
            said = money_of(intent, "amount_received" if at_once else "amount")
            return with_charge(approved(call.amount, said, **ids), call, intent)
        case "requires_action":
            return _read_action(intent)
        case "processing":
            return with_charge(_processing(intent), call, intent)
        case "canceled":
            return declined(decline_for(GATEWAY, "clearway", "canceled", "the intent is canceled"), **ids)
        case "requires_payment_method" if intent.get("last_payment_error"):
            error = intent["last_payment_error"]
            ids["operation_id"] = ids["operation_id"] or id_of(error.get("charge"))
            decline = read_decline(error, brand_of(call.credential), intent.get("latest_charge"))
            return with_proof(declined(decline, **ids), intent)
        case _:
            return None


def _read_action(intent: dict[str, Any]) -> Outcome:
    action = intent.get("next_action") or {}
    redirect = read_redirect(action)
    if redirect is None:  # nothing is charged without it
        return declined(action_not_offered(action), payment_id=intent["id"])
    return Outcome(OutcomeKind.ACTION_REQUIRED, gateway_payment_id=intent["id"], next_action=redirect)


def _processing(intent: dict[str, Any]) -> Outcome:
    """A bank debit takes days: https://docs.stripe.com/payments/sepa-debit."""
    charge_id = id_of(intent.get("latest_charge"))
    detail = "Stripe is processing it"
    return Outcome(OutcomeKind.PENDING, gateway_payment_id=intent["id"], gateway_operation_id=charge_id, detail=detail)


def _read_capture(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    """`amount_received` is the sum of all captures: what this one took is what it grew by since `captured_before`."""
    ids = {"payment_id": intent["id"], "operation_id": id_of(intent.get("latest_charge"))}
    before = call.captured_before or Money.zero(call.amount.currency)
    if intent["status"] == "processing":
        return _processing(intent)
    if intent["status"] not in ("succeeded", "requires_capture", "canceled"):
        return None
    received = money_of(intent, "amount_received")
    if received != before:  # canceled, too: then the rest was let go after it
        took = received - before if received.currency == before.currency else received
        return approved(call.amount, took, **ids)
    if intent["status"] == "canceled":
        return declined(decline_for(GATEWAY, "clearway", "canceled", "the intent is canceled"), **ids)
    return None


def _read_void(call: OperationCall, intent: dict[str, Any]) -> Outcome | None:
    match intent["status"]:
        case "canceled":
            return approved(call.amount, call.amount, payment_id=intent["id"])
        case "succeeded":
            decline = decline_for(GATEWAY, "clearway", "invalid_state", "already captured: refund it instead")
            return declined(decline, payment_id=intent["id"])
        case _:
            return None


def money_of(obj: dict[str, Any], key: str) -> Money:
    """An amount of an object that has its currency beside it. Raises KeyError, TypeError, AmountNotRepresentable."""
    return from_gateway_minor(obj[key], obj["currency"].upper(), GATEWAY)


def id_of(value: object) -> str:
    """Stripe gives an id, or the object itself where it was expanded."""
    if isinstance(value, dict):
        return str(value.get("id") or "")
    return value if isinstance(value, str) else ""
