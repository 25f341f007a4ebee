"""Stripe's events in our words, and what is looked at before that."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
from typing import Any

import pytest
from stripe.params._webhook_endpoint_create_params import WebhookEndpointCreateParams
from stripe_served import intent, serving

from currency.money import Money
from orchestrator import clock_port
from orchestrator.gateways.base import WEBHOOK_KINDS, WebhookMessage, WebhookRejected
from orchestrator.gateways.stripe.webhooks import (
    MAX_BODY_BYTES,
    MAX_SIGNATURE_CHARS,
    TRANSLATED,
    translate,
    translate_event,
    trim,
)

METADATA = {"metadata": {"clearway_attempt": "att_1"}}


def told(event_type: str, obj: dict[str, Any], **before: Any) -> WebhookMessage:
    data = {"object": obj, "previous_attributes": before}
    return translate_event({"id": "evt_1", "type": event_type, "created": 1777593600, "data": data})


def charge(**changes: Any) -> dict[str, Any]:
    amounts = {"amount": 1230, "amount_captured": 500, "currency": "eur"}
    return {"id": "ch_1", "payment_intent": "pi_1", **METADATA, **amounts, **changes}


def dispute(status: str, **changes: Any) -> dict[str, Any]:
    shown = {"id": "dp_1", "amount": 1230, "currency": "eur", "payment_intent": "pi_1", "status": status}
    return {**shown, "reason": "fraudulent", **changes}


def test_event_types_are_those_that_stripe_lets_be_registered() -> None:
    offered = inspect.getsource(WebhookEndpointCreateParams)
    assert not [event_type for event_type in TRANSLATED if f'"{event_type}"' not in offered]


def test_authorisation_is_told_with_its_attempt_and_time() -> None:
    message = told("payment_intent.amount_capturable_updated", intent(**METADATA))
    assert (message.kind, message.reference, message.amount) == ("payment.authorised", "att_1", Money(1230, "EUR"))
    assert (message.gateway_payment_id, message.gateway_operation_id) == ("pi_1", "ch_1")
    assert (message.event_key, message.occurred_at) == ("evt_1", "2026-05-01T00:00:00+00:00")


def test_capture_that_leaves_something_to_capture_is_a_capture() -> None:
    message = told("payment_intent.amount_capturable_updated", intent(amount_capturable=730, amount_received=500))
    assert (message.kind, message.amount) == ("payment.captured", Money(500, "EUR"))


@pytest.mark.parametrize(
    ("event_type", "obj", "kind"),
    [
        ("payment_intent.succeeded", intent(status="succeeded", amount_received=1230), "payment.captured"),
        ("payment_intent.payment_failed", intent(last_payment_error={"code": "card_declined"}), "payment.declined"),
        ("payment_intent.canceled", intent(cancellation_reason="requested_by_customer"), "payment.canceled"),
        ("payment_intent.canceled", intent(cancellation_reason="automatic"), "payment.expired"),
        ("charge.captured", charge(), "payment.captured"),
        ("charge.expired", charge(), "payment.expired"),
        ("charge.dispute.created", dispute("needs_response"), "dispute.opened"),
        ("charge.dispute.created", dispute("warning_needs_response"), "dispute.inquiry"),
        ("charge.dispute.created", dispute("lost", reason="debit_not_authorized"), "dispute.opened"),
        ("charge.dispute.funds_withdrawn", dispute("needs_response"), "dispute.opened"),
        ("charge.dispute.updated", dispute("under_review"), "dispute.updated"),
        ("charge.dispute.closed", dispute("won"), "dispute.won"),
        ("charge.dispute.closed", dispute("lost"), "dispute.lost"),
        ("charge.dispute.closed", dispute("warning_closed"), "dispute.updated"),
        ("charge.dispute.funds_reinstated", dispute("won"), "dispute.won"),
        ("payment_method.attached", {"id": "pm_1"}, "method.saved"),
        ("payment_method.automatically_updated", {"id": "pm_1"}, "method.updated"),
        ("payment_method.detached", {"id": "pm_1", "customer": None}, "method.detached"),
        ("mandate.updated", {"id": "mandate_1", "status": "inactive", "payment_method": "pm_1"}, "method.detached"),
        ("payout.paid", {"id": "po_1", "amount": 1, "currency": "eur"}, "payout.paid"),
        ("payout.failed", {"id": "po_1", "amount": 1, "currency": "eur", "failure_code": "x"}, "payout.failed"),
        ("payout.reconciliation_completed", {"id": "po_1"}, "report.available"),
        ("reporting.report_run.succeeded", {"id": "frr_1"}, "report.available"),
    ],
)
def test_event_is_told_in_our_words(event_type: str, obj: dict[str, Any], kind: str) -> None:
    message = told(event_type, obj)
    assert (message.kind, message.event_type) == (kind, event_type)
    assert kind in WEBHOOK_KINDS


@pytest.mark.parametrize(
    ("event_type", "obj"),
    [
        ("charge.updated", charge()),
        ("mandate.updated", {"id": "mandate_1", "status": "active", "payment_method": "pm_1"}),
        ("refund.updated", {"id": "re_1", "status": "pending", "amount": 1, "currency": "eur"}),
        ("customer.created", {"id": "cus_1"}),
    ],
)
def test_event_that_changes_nothing_is_ignored(event_type: str, obj: dict[str, Any]) -> None:
    assert told(event_type, obj).kind == "ignored"


def test_further_capture_shows_in_what_the_charge_was_before() -> None:
    message = told("charge.updated", charge(amount_captured=900), amount_captured=500)
    assert (message.kind, message.amount) == ("payment.captured", Money(900, "EUR"))


def test_refund_that_failed_after_it_succeeded_names_our_operation_and_the_reason() -> None:
    metadata = {"clearway_operation": "op_1", "clearway_attempt": "att_1"}
    obj = {"id": "re_1", "status": "failed", "failure_reason": "lost_or_stolen_card", "metadata": metadata}
    message = told(
        "refund.failed", obj | {"amount": 500, "currency": "eur", "payment_intent": "pi_1", "charge": "ch_1"}
    )
    assert (message.kind, message.success, message.operation_reference) == ("refund.failed", False, "op_1")
    assert (message.decline_code, message.gateway_payment_id) == ("lost_or_stolen_card", "pi_1")


def test_kept_credential_is_told_with_our_reference() -> None:
    obj = {"id": "seti_1", "payment_method": "pm_1", "metadata": {"clearway_method": "pm_ours"}}
    message = told("setup_intent.succeeded", obj)
    assert (message.kind, message.gateway_operation_id, message.reference) == ("method.saved", "pm_1", "pm_ours")


def test_only_the_signature_and_the_bytes_are_looked_at() -> None:
    trimmed = trim({"STRIPE-Signature": " t=1,v1=ab ", "Cookie": "x"}, b"{}")
    assert (trimmed.signature, trimmed.body) == ("t=1,v1=ab", b"{}")


@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, b"x" * (MAX_BODY_BYTES + 1)), ({"stripe-signature": "v" * (MAX_SIGNATURE_CHARS + 1)}, b"{}")],
)
def test_what_is_too_large_is_refused_unread(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRejected):
        trim(headers, body)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nothing", b"\xff\xfe"])
def test_signed_bytes_that_are_no_event_are_refused(body: bytes) -> None:
    with pytest.raises(WebhookRejected, match="not an event"):
        translate(body)


def signed(served_at_s: int, **changes: Any) -> tuple[dict[str, str], bytes]:
    paid = intent(status="succeeded", amount_received=1230)
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "created": served_at_s, "livemode": False}
    body = json.dumps(event | {"data": {"object": paid}} | changes).encode()
    proof = hmac.new(b"whsec_1", f"{served_at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={served_at_s},v1={proof}"}, body


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "payment.captured"),
        ({"livemode": True}, "ignored"),  # real money, and the account's key is a test key
        ({"account": "acct_other"}, "ignored"),  # of a connected account: its money, not ours
        ({"account": None}, "payment.captured"),
    ],
)
def test_only_events_of_our_own_account_and_mode_count(changes: dict[str, Any], kind: str) -> None:
    with serving() as served:
        headers, body = signed(int(clock_port.now().timestamp()), **changes)
        assert [message.kind for message in served.stripe.verify_webhook(headers, body)] == [kind]


def test_thin_twin_does_not_take_the_place_of_its_snapshot() -> None:
    thin = {"id": "evt_thin", "object": "v2.core.event", "type": "v1.payment_intent.succeeded"}
    message = translate_event(thin | {"snapshot_event": "evt_1", "related_object": {"id": "pi_1"}})
    assert (message.event_key, message.kind) == ("evt_thin", "ignored")
