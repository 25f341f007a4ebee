"""PayPal's events in our words, its declared capabilities and its table of declines."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from currency.money import Money
from orchestrator.gateways.base import WEBHOOK_KINDS
from orchestrator.gateways.capabilities import Missing, Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.declines import is_mapped
from orchestrator.gateways.paypal.capabilities import CAPABILITIES
from orchestrator.gateways.paypal.events import EVENT_TYPES, translate
from orchestrator.gateways.paypal.kind import KIND

REFERENCE = Path(__file__).parents[3] / "../shared/reference/decline_codes.csv"
AMOUNT = {"currency_code": "EUR", "value": "12.30"}
RELATED = {"related_ids": {"order_id": "ORDER1", "capture_id": "CAP1"}}


def event(event_type: str, resource: Any) -> dict[str, Any]:
    return {"id": "WH-1", "event_type": event_type, "create_time": "2026-04-30T10:00:00Z", "resource": resource}


def of_payment(**given: Any) -> dict[str, Any]:
    return {"id": "X1", "amount": AMOUNT, "custom_id": "att_1", "supplementary_data": RELATED} | given


@pytest.mark.parametrize(
    ("event_type", "kind", "success"),
    [
        ("PAYMENT.AUTHORIZATION.CREATED", "payment.authorised", True),
        ("PAYMENT.AUTHORIZATION.VOIDED", "payment.canceled", True),
        ("PAYMENT.CAPTURE.COMPLETED", "payment.captured", True),
        ("PAYMENT.CAPTURE.DENIED", "capture.failed", False),
        ("PAYMENT.CAPTURE.DECLINED", "capture.failed", False),
        ("PAYMENT.CAPTURE.REFUNDED", "refund.succeeded", True),
        ("PAYMENT.REFUND.FAILED", "refund.failed", False),
    ],
)
def test_event_of_a_payment_names_our_attempt_and_the_order(event_type: str, kind: str, success: bool) -> None:
    message = translate(event(event_type, of_payment()))
    assert (message.kind, message.success, message.amount) == (kind, success, Money(1230, "EUR"))
    assert (message.reference, message.gateway_payment_id, message.gateway_operation_id) == ("att_1", "ORDER1", "X1")


@pytest.mark.parametrize(
    ("fields", "operation", "attempt"),
    [
        ({"custom_id": "att_1", "invoice_id": "op_1"}, "op_1", "att_1"),  # a capture
        ({"custom_id": "op_2", "invoice_id": "att_1"}, "op_2", "att_1"),  # a refund
        ({"custom_id": "by hand"}, "", ""),
    ],
)
def test_our_ids_are_found_wherever_paypal_sends_them_back(
    fields: dict[str, str], operation: str, attempt: str
) -> None:
    message = translate(event("PAYMENT.CAPTURE.COMPLETED", of_payment(**fields)))
    assert (message.operation_reference, message.reference) == (operation, attempt)


@pytest.mark.parametrize(
    ("ends", "kind"), [("2026-04-30T09:59:00Z", "payment.expired"), ("2026-05-30T10:00:00Z", "payment.canceled")]
)
def test_authorization_that_ran_out_was_not_canceled(ends: str, kind: str) -> None:
    assert translate(event("PAYMENT.AUTHORIZATION.VOIDED", of_payment(expiration_time=ends))).kind == kind


def dispute(stage: str, status: str = "OPEN", code: str = "") -> dict[str, Any]:
    return {
        "dispute_id": "PP-D-1",
        "dispute_life_cycle_stage": stage,
        "status": status,
        "dispute_amount": AMOUNT,
        "dispute_outcome": {"outcome_code": code},
        "disputed_transactions": [{"seller_transaction_id": "CAP1", "custom": "att_1"}],
    }


@pytest.mark.parametrize(
    ("event_type", "resource", "kind"),
    [
        ("CUSTOMER.DISPUTE.CREATED", dispute("INQUIRY"), "dispute.inquiry"),
        ("CUSTOMER.DISPUTE.CREATED", dispute("CHARGEBACK"), "dispute.opened"),
        ("CUSTOMER.DISPUTE.UPDATED", dispute("CHARGEBACK"), "dispute.updated"),
        ("CUSTOMER.DISPUTE.RESOLVED", dispute("CHARGEBACK", "RESOLVED", "RESOLVED_SELLER_FAVOUR"), "dispute.won"),
        ("CUSTOMER.DISPUTE.RESOLVED", dispute("CHARGEBACK", "RESOLVED", "RESOLVED_BUYER_FAVOUR"), "dispute.lost"),
        ("CUSTOMER.DISPUTE.RESOLVED", dispute("INQUIRY", "RESOLVED", "CANCELED_BY_BUYER"), "dispute.updated"),
    ],
)
def test_inquiry_is_not_a_chargeback(event_type: str, resource: dict[str, Any], kind: str) -> None:
    message = translate(event(event_type, resource))
    assert (message.kind, message.gateway_operation_id, message.reference) == (kind, "PP-D-1", "att_1")


def test_capture_that_paypal_took_back_is_a_hint_at_its_dispute() -> None:
    links = [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP7"}]
    message = translate(event("PAYMENT.CAPTURE.REVERSED", {"id": "REV1", "links": links}))
    assert (message.kind, message.gateway_operation_id) == ("dispute.updated", "CAP7")


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [("VAULT.PAYMENT-TOKEN.CREATED", "method.saved"), ("VAULT.PAYMENT-TOKEN.DELETED", "method.detached")],
)
def test_kept_method_is_named_with_the_order_it_was_kept_with(event_type: str, kind: str) -> None:
    message = translate(event(event_type, {"id": "8kk8451t", "metadata": {"order_id": "ORDER1"}}))
    assert (message.kind, message.gateway_operation_id, message.gateway_payment_id) == (kind, "8kk8451t", "ORDER1")


@pytest.mark.parametrize(
    "told",
    [
        event("CHECKOUT.ORDER.APPROVED", {"id": "ORDER1"}),
        event("SOMETHING.NEW", {"id": "X"}),
        event("PAYMENT.CAPTURE.COMPLETED", None),
        event("PAYMENT.CAPTURE.COMPLETED", {"amount": AMOUNT}),
        event("PAYMENT.CAPTURE.COMPLETED", of_payment(amount={"currency_code": "EUR", "value": 12.3})),
        event("CUSTOMER.DISPUTE.CREATED", {"dispute_id": "PP-D-1"}),
    ],
)
def test_event_that_is_new_or_unreadable_is_ignored(told: dict[str, Any]) -> None:
    assert translate(told).kind == "ignored"


def test_every_registered_event_becomes_one_of_our_kinds() -> None:
    for event_type in EVENT_TYPES:
        resource = dispute("INQUIRY") if "DISPUTE" in event_type else of_payment()
        assert translate(event(event_type, resource)).kind in WEBHOOK_KINDS


def test_every_verb_and_method_is_declared_with_its_source() -> None:
    assert set(CAPABILITIES.verbs) == set(Verb)
    assert set(CAPABILITIES.methods) == set(Method)
    for declared in (*CAPABILITIES.verbs.values(), *CAPABILITIES.methods.values()):
        assert declared.source.startswith("https://"), declared
        if isinstance(declared, Missing):
            assert declared.reason.endswith(".")
    assert (CAPABILITIES.authorisation.days, CAPABILITIES.authorisation.honoured_days) == (29, 3)


def test_webhook_id_of_before_is_a_credential_too() -> None:
    assert {"webhook_id", "webhook_id_previous"} <= {field.name for field in KIND.credential_fields}


@pytest.mark.skipif(not REFERENCE.exists(), reason="the shared table of decline codes is not here")
def test_every_known_code_of_paypal_is_in_the_table() -> None:
    with REFERENCE.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["scheme"] == "paypal"]
    assert len(rows) > 200
    names = {"details[].issue": "issue"}
    for row in rows:
        field = names.get(row["field"], row["field"].removeprefix("processor_response."))
        if row["code"].startswith("HTTP"):
            continue  # by status: `http` rows, and 5xx is not known
        assert is_mapped("paypal", field, row["code"]), row
