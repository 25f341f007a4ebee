"""What Meridian is asked: paths and bodies, the same each time for the same call. Pure."""

from __future__ import annotations

from typing import Any, assert_never

from currency.exponents import to_gateway_minor
from orchestrator.gateways.answers import declined, invalid_call
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.declines import decline_for
from orchestrator.gateways.vault import VaultSettings, expressions_for
from routing.outcomes import Outcome
from tests.fourth_gateway.meridian.mapping import GATEWAY


class NotOffered(Exception):
    """The call cannot be put to Meridian, and nothing is sent: `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def path_of(call: OperationCall) -> str:
    """Raises NotOffered."""
    payment = f"/payments/{call.gateway_payment_id}"
    match call.kind:
        case OperationKind.CONFIRM:
            return "/payments"
        case OperationKind.CREATE | OperationKind.COMPLETE:
            raise NotOffered(invalid_call(GATEWAY, f"Meridian has no {call.kind}"))
        case _ if not call.gateway_payment_id:
            raise NotOffered(invalid_call(GATEWAY, f"{call.kind} needs the payment's id"))
        case OperationKind.CAPTURE:
            return f"{payment}/capture"
        case OperationKind.VOID:
            return f"{payment}/void"
        case OperationKind.REFUND:
            return f"{payment}/refunds"
        case _:
            assert_never(call.kind)


def body_of(call: OperationCall, vault: VaultSettings) -> dict[str, Any]:
    """Raises NotOffered, AmountNotRepresentable."""
    match call.kind:
        case OperationKind.CONFIRM:
            return _authorisation(call, vault)
        case OperationKind.VOID:
            return {"reference": call.operation_id}
        case OperationKind.CAPTURE if not call.final_capture:
            raise NotOffered(invalid_call(GATEWAY, "Meridian captures an authorisation once"))
        case _:
            return {"reference": call.operation_id, "amount": to_gateway_minor(call.amount, GATEWAY)}


def _authorisation(call: OperationCall, vault: VaultSettings) -> dict[str, Any]:
    """`reference` is our attempt: Meridian sends it back in webhooks, and payments can be found by it."""
    if call.splits or call.save or call.stored_use:
        raise NotOffered(invalid_call(GATEWAY, "Meridian has no splits and keeps no cards"))
    return {
        "reference": call.attempt_id,
        "amount": to_gateway_minor(call.amount, GATEWAY),
        "currency": call.amount.currency,
        "capture": call.capture is CaptureMode.AUTOMATIC,
        "card": _card(call, vault),
    }


def _card(call: OperationCall, vault: VaultSettings) -> dict[str, str]:
    card = call.credential
    if not isinstance(card, CardCredential):
        message = "Meridian takes cards from the vault only"
        raise NotOffered(declined(decline_for(GATEWAY, "clearway", "method_not_supported", message)))
    placed = expressions_for(card, vault)
    return {
        "number": placed.number,
        "expiry_month": placed.expiry_month,
        "expiry_year": placed.expiry_year,
        **({"cvc": placed.cvc} if placed.cvc else {}),
        "holder_name": card.holder,
    }
