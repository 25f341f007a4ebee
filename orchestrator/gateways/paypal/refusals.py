"""Operations that PayPal cannot carry out, found before anything is sent."""

from __future__ import annotations

from typing import assert_never

from orchestrator.gateways.answers import declined, invalid_call, splits_refused
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.credentials import (
    Credential,
    IdealCredential,
    Method,
    SavedCredential,
    SepaDebitCredential,
    method_of,
)
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.paypal.mapping import GATEWAY
from orchestrator.gateways.paypal.sources import needs_approval
from routing.outcomes import Outcome

_SAVED_METHODS = (Method.CARD, Method.PAYPAL)


def refusal_of(call: OperationCall) -> Outcome | None:
    """The decline of a call that is not sent, or None. What only this gateway lacks may fail over."""
    if problem := _missing_id(call):
        return invalid_call(GATEWAY, problem)
    if refused := _refused_split(call):
        return refused
    if call.kind is OperationKind.CONFIRM and call.credential is None:
        return invalid_call(GATEWAY, "confirm needs a credential")
    if call.credential is None or call.kind not in (OperationKind.CREATE, OperationKind.CONFIRM):
        return None
    return _refused_credential(call, call.credential)


def refused(code: str, message: str) -> Outcome:
    """A decline of our own, by its code in `declines.csv`."""
    return declined(decline_for(GATEWAY, "clearway", code, message))


def method_refused(credential: Credential) -> Outcome:
    return refused("method_not_supported", f"PayPal takes no {method_of(credential).value} of this kind")


def _missing_id(call: OperationCall) -> str:
    match call.kind:
        case OperationKind.CREATE:
            return ""
        case OperationKind.CONFIRM | OperationKind.COMPLETE:
            return "" if call.gateway_payment_id else f"{call.kind} needs the order's id"
        case OperationKind.VOID:  # of an order that waits for its payer there is no authorization yet
            return "" if call.gateway_operation_id or call.gateway_payment_id else "void needs the order's id"
        case OperationKind.CAPTURE | OperationKind.REFUND:
            return "" if call.gateway_operation_id else f"{call.kind} needs the id of the authorization or capture"
        case _:
            assert_never(call.kind)


def _refused_split(call: OperationCall) -> Outcome | None:
    """One recipient at most: each further one is a purchase unit and a transaction of its own, of which some may fail
    and none can be authorised first (https://developer.paypal.com/docs/multiparty/checkout/multiseller-payments/).
    """
    if refusal := splits_refused(GATEWAY, call):
        return refusal
    if len(call.splits) > 1:
        return refused("split_not_supported", "PayPal pays one recipient per payment, beside ourselves")
    return None


def _refused_credential(call: OperationCall, credential: Credential) -> Outcome | None:
    if isinstance(credential, SepaDebitCredential):
        return method_refused(credential)
    if isinstance(credential, SavedCredential) and credential.method not in _SAVED_METHODS:
        return method_refused(credential)
    if isinstance(credential, IdealCredential):
        if call.capture is CaptureMode.MANUAL:
            return refused("capture_mode_not_supported", "iDEAL at PayPal is captured at once, never authorised only")
        if call.kind is OperationKind.CONFIRM and not (credential.holder or call.shopper.name):
            return invalid_call(GATEWAY, "iDEAL at PayPal needs the account holder's name: set credential.holder")
    if needs_approval(credential) and call.kind is OperationKind.CONFIRM and not call.return_url:
        return invalid_call(GATEWAY, "return_url is needed: the payer approves on another page and comes back")
    return None
