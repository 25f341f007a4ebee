"""Meridian's webhooks: believed only when signed by a secret of ours, and not long ago."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from currency.money import Money
from orchestrator.gateways.base import WEBHOOK_KINDS, Gateway, WebhookRejected
from tests.fourth_gateway.meridian.webhooks import MAX_BODY_BYTES
from tests.fourth_gateway.meridian_simulator import Meridian

Connect = Callable[..., Gateway]


def event(event_type: str = "payment.captured", **refund: Any) -> dict[str, Any]:
    capture = {"id": "mc_1", "reference": "op_2", "amount": 1500}
    payment = {"id": "mp_1", "reference": "att_1", "status": "captured", "amount": 1999, "currency": "EUR"}
    payment |= {"decline_code": None, "captures": [capture] if event_type == "payment.captured" else [], "refunds": []}
    told = {"id": "me_1", "type": event_type, "created": "2030-01-01T12:00:00Z", "payment": payment}
    return {**told, "refund": refund or None}


def test_a_signed_event_is_translated_with_all_references(connect: Connect, meridian: Meridian) -> None:
    [message] = connect().verify_webhook(*meridian.signed(event()))
    assert (message.event_key, message.kind, message.success) == ("me_1", "payment.captured", True)
    assert (message.gateway_payment_id, message.gateway_operation_id) == ("mp_1", "mc_1")
    assert (message.reference, message.operation_reference) == ("att_1", "op_2")
    assert message.amount == Money(1500, "EUR")


def test_a_failed_refund_is_told_with_its_code(connect: Connect, meridian: Meridian) -> None:
    refund = {"id": "mr_1", "reference": "op_3", "amount": 400, "status": "failed", "failure_code": "account_closed"}
    [message] = connect().verify_webhook(*meridian.signed(event("refund.failed", **refund)))
    assert (message.kind, message.success, message.decline_code) == ("refund.failed", False, "account_closed")
    assert (message.operation_reference, message.amount) == ("op_3", Money(400, "EUR"))


@pytest.mark.parametrize(
    "event_type",
    ["payment.authorised", "payment.declined", "payment.captured", "payment.voided", "payment.expired"],
)
def test_every_event_of_a_payment_becomes_a_kind_that_is_known(
    connect: Connect, meridian: Meridian, event_type: str
) -> None:
    [message] = connect().verify_webhook(*meridian.signed(event(event_type)))
    assert message.kind in WEBHOOK_KINDS - {"ignored"}


def test_an_event_that_says_nothing_to_us_is_ignored(connect: Connect, meridian: Meridian) -> None:
    [message] = connect().verify_webhook(*meridian.signed(event("balance.changed")))
    assert message.kind == "ignored"


def test_a_forged_event_is_rejected(connect: Connect, meridian: Meridian) -> None:
    headers, body = meridian.signed(event())
    with pytest.raises(WebhookRejected):
        connect().verify_webhook(headers, body.replace(b"1500", b"1501"))
    with pytest.raises(WebhookRejected):
        connect().verify_webhook(*meridian.signed(event(), secrets=("guessed",)))
    with pytest.raises(WebhookRejected):
        connect().verify_webhook({}, body)


def test_a_timestamp_is_part_of_what_is_signed(connect: Connect, meridian: Meridian) -> None:
    headers, body = meridian.signed(event(), at=int(time.time()) - 3600)
    with pytest.raises(WebhookRejected):
        connect().verify_webhook({**headers, "Meridian-Timestamp": str(int(time.time()))}, body)


@pytest.mark.parametrize("off_s", [-301, 301])
def test_a_stale_event_and_one_from_the_future_are_rejected(connect: Connect, meridian: Meridian, off_s: int) -> None:
    with pytest.raises(WebhookRejected, match="more than 300 s"):
        connect().verify_webhook(*meridian.signed(event(), at=int(time.time()) + off_s + (5 if off_s > 0 else -5)))


def test_while_a_secret_is_rotated_both_are_believed(connect: Connect, meridian: Meridian) -> None:
    gateway = connect(webhook_secret="new", webhook_secret_previous="old")
    for secrets in (("old",), ("new",), ("new", "old")):
        assert gateway.verify_webhook(*meridian.signed(event(), secrets=secrets))
    with pytest.raises(WebhookRejected):
        connect(webhook_secret="new").verify_webhook(*meridian.signed(event(), secrets=("old",)))


def test_without_a_secret_nothing_is_believed(connect: Connect, meridian: Meridian) -> None:
    for secrets in ((), ("",)):
        with pytest.raises(WebhookRejected):
            connect(webhook_secret="").verify_webhook(*meridian.signed(event(), secrets=secrets))


def test_what_is_too_large_is_not_even_hashed(connect: Connect, meridian: Meridian) -> None:
    headers, _ = meridian.signed(event())
    with pytest.raises(WebhookRejected, match="too large"):
        connect().verify_webhook(headers, b"x" * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize("body", [{}, {"id": "me_1", "type": "payment.captured", "created": "", "payment": None}, []])
def test_a_signed_body_that_is_no_event_is_rejected(connect: Connect, meridian: Meridian, body: Any) -> None:
    with pytest.raises(WebhookRejected, match="not an event"):
        connect().verify_webhook(*meridian.signed(body))
