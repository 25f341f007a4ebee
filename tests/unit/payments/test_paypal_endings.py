"""A PayPal order that waits for its payer: how it ends when it is voided, left, or paid meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from payment_model import AMOUNT, new_attempt, new_operation

from orchestrator.gateways.base import CaptureMode, OperationCall
from orchestrator.gateways.base import OperationKind as Kind
from orchestrator.gateways.paypal.mapping import read_order, read_void_of_order
from orchestrator.payments.outcomes import believed
from orchestrator.payments.records import AttemptStatus
from orchestrator.payments.states import attempt_after
from routing.outcomes import OutcomeKind

EUROS = {"value": "10.00", "currency_code": "EUR"}


def order(status: str, **payments: list[dict[str, Any]]) -> dict[str, Any]:
    units = [{"amount": EUROS, "payments": payments}]
    return {"id": "ORDER-1", "intent": "AUTHORIZE", "status": status, "purchase_units": units}


def call(kind: Kind) -> OperationCall:
    capture = CaptureMode.MANUAL
    return OperationCall(kind, "op_1", "pay_1", "att_1", AMOUNT, gateway_payment_id="ORDER-1", capture=capture)


def test_an_order_that_is_voided_when_the_shopper_returns_has_ended() -> None:
    outcome = read_order(call(Kind.COMPLETE), order("VOIDED"))
    assert outcome is not None
    complete = new_operation(1, "att_1", Kind.COMPLETE)
    said = believed(complete, outcome)
    assert said.kind is OutcomeKind.DECLINED
    waiting = new_attempt(1, "paypal", status=AttemptStatus.ACTION_REQUIRED)
    assert attempt_after(waiting, complete, said) is AttemptStatus.DECLINED


@pytest.mark.parametrize("status", ["PAYER_ACTION_REQUIRED", "VOIDED"])
def test_an_order_whose_payer_has_still_to_act_is_canceled_by_leaving_it(status: str) -> None:
    outcome = read_void_of_order(call(Kind.VOID), order(status))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.APPROVED


@pytest.mark.parametrize("status", ["CREATED", "APPROVED", "SAVED"])
def test_an_order_that_may_be_paid_this_moment_is_not_taken_for_canceled(status: str) -> None:
    assert read_void_of_order(call(Kind.VOID), order(status)) is None


def test_an_order_that_pays_itself_on_approval_is_not_canceled_by_leaving_it() -> None:
    by_itself = order("PAYER_ACTION_REQUIRED") | {"processing_instruction": "ORDER_COMPLETE_ON_PAYMENT_APPROVAL"}
    assert read_void_of_order(call(Kind.VOID), by_itself) is None


def test_an_order_that_was_captured_is_refunded_and_not_canceled() -> None:
    captured = order("COMPLETED", captures=[{"id": "CAP-1", "status": "COMPLETED", "amount": EUROS}])
    outcome = read_void_of_order(call(Kind.VOID), captured)
    assert outcome is not None
    assert (outcome.kind, outcome.decline and outcome.decline.reason) == (OutcomeKind.DECLINED, "invalid_state")


@pytest.mark.parametrize(("status", "kind"), [("VOIDED", OutcomeKind.APPROVED), ("CREATED", None)])
def test_an_order_with_an_authorization_is_as_canceled_as_that_is(status: str, kind: OutcomeKind | None) -> None:
    held = order("COMPLETED", authorizations=[{"id": "AUTH-1", "status": status, "amount": EUROS}])
    outcome = read_void_of_order(call(Kind.VOID), held)
    assert (outcome.kind if outcome else None) is kind
