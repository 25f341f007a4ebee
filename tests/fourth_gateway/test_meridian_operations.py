"""Meridian's adapter over real HTTP, through the simulated vault: each outcome, and what proves it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, Gateway, Lookup, OperationCall, OperationKind, Split
from orchestrator.gateways.capabilities import Missing, Supported
from orchestrator.gateways.credentials import CardCredential, SavedCredential
from orchestrator.gateways.declines import is_mapped
from routing.outcomes import OutcomeKind, RetryAction
from tests.fourth_gateway.meridian_simulator import Meridian

EUR = Money(1999, "EUR")
Connect = Callable[..., Gateway]


@pytest.fixture
def card(simulator_urls: dict[str, str]) -> Callable[..., CardCredential]:
    def kept(number: str = "4242424242424242") -> CardCredential:
        answer = httpx2.post(
            f"{simulator_urls['vault']}/v1/tokens",
            headers={"X-Vault-Key": "vault-key"},
            json={"number": number, "expiry_month": 12, "expiry_year": 2030, "cvc": "123", "holder": "Ada Example"},
        )
        token = answer.raise_for_status().json()
        return CardCredential(token["token"], "visa", token["last4"], 12, 2030, "Ada Example")

    return kept


def confirm(card: CardCredential, amount: Money = EUR, **more: Any) -> OperationCall:
    return OperationCall(OperationKind.CONFIRM, "op_1", "pay_1", "att_1", amount, credential=card, **more)


def following(
    kind: OperationKind, payment_id: str, operation_id: str = "op_2", amount: Money = EUR, **more: Any
) -> OperationCall:
    return OperationCall(kind, operation_id, "pay_1", "att_1", amount, gateway_payment_id=payment_id, **more)


def test_a_payment_is_authorised_captured_in_part_and_given_back(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    gateway = connect()
    authorised = gateway.perform(confirm(card()))
    assert (authorised.kind, authorised.amount) == (OutcomeKind.APPROVED, EUR)
    assert authorised.capture_before is not None
    assert authorised.network_transaction_id

    taken = Money(1500, "EUR")
    captured = gateway.perform(following(OperationKind.CAPTURE, authorised.gateway_payment_id, amount=taken))
    assert (captured.kind, captured.amount) == (OutcomeKind.APPROVED, taken)

    giving = following(OperationKind.REFUND, authorised.gateway_payment_id, "op_3", Money(400, "EUR"))
    pending = gateway.perform(giving)
    assert (pending.kind, gateway.look_up(giving).state) == (OutcomeKind.PENDING, Lookup.OPEN)
    meridian.settle_refund(pending.gateway_operation_id)
    settled = gateway.look_up(giving)
    assert settled.outcome is not None
    assert (settled.outcome.kind, settled.outcome.amount) == (OutcomeKind.APPROVED, Money(400, "EUR"))


def test_the_card_number_is_put_in_by_the_vault_and_stays_out_of_the_timeline(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    outcome = connect().perform(confirm(card()))
    assert meridian.requests[0]["body"]["card"]["number"] == "4242424242424242"
    kept = str(outcome.exchange)
    assert "amount" in kept
    assert [word for word in ("4242424242424242", "tok_", "Ada Example", "mk_test", "123'") if word in kept] == []


def test_an_authorisation_is_voided(connect: Connect, card: Callable[..., CardCredential]) -> None:
    gateway = connect()
    payment_id = gateway.perform(confirm(card())).gateway_payment_id
    assert gateway.perform(following(OperationKind.VOID, payment_id)).kind is OutcomeKind.APPROVED
    refused = gateway.perform(following(OperationKind.CAPTURE, payment_id, "op_3"))
    assert refused.decline is not None
    assert (refused.kind, refused.decline.reason) == (OutcomeKind.DECLINED, "invalid_state")


def test_a_payment_can_be_captured_at_once(connect: Connect, card: Callable[..., CardCredential]) -> None:
    outcome = connect().perform(confirm(card(), capture=CaptureMode.AUTOMATIC))
    assert (outcome.kind, outcome.amount) == (OutcomeKind.APPROVED, EUR)


@pytest.mark.parametrize(
    ("number", "reason", "action"),
    [
        ("4000000000000002", "do_not_honor", RetryAction.FAILOVER_NOW),
        ("4000000000009979", "stolen_card", RetryAction.FRAUD_NEVER),
        ("4000000000009995", "insufficient_funds", RetryAction.CUSTOMER_ACTION),
        ("4000000000000069", "expired_card", RetryAction.CUSTOMER_ACTION),
    ],
)
def test_a_decline_has_our_reason_and_is_the_same_when_it_is_looked_up(
    connect: Connect, card: Callable[..., CardCredential], number: str, reason: str, action: RetryAction
) -> None:
    gateway, call = connect(), confirm(card(number))
    outcome = gateway.perform(call)
    assert outcome.decline is not None
    assert (outcome.kind, outcome.decline.reason, outcome.decline.action_cit) == (OutcomeKind.DECLINED, reason, action)
    found = gateway.look_up(replace(call, gateway_payment_id=outcome.gateway_payment_id)).outcome
    assert found is not None
    assert found.decline is not None
    assert found.decline.reason == reason


@pytest.mark.parametrize("how", ["lose_reply", "http_500", "strange"])
def test_what_is_not_answered_as_it_should_be_is_unknown_until_it_is_looked_up(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential], how: str
) -> None:
    gateway, call = connect(), confirm(card())
    meridian.misbehave(how)
    assert gateway.perform(call).kind is OutcomeKind.UNKNOWN
    found = gateway.look_up(call)
    assert found.state is Lookup.SETTLED
    assert found.outcome is not None
    assert (found.outcome.kind, found.outcome.amount) == (OutcomeKind.APPROVED, EUR)


def test_a_lost_reply_is_told_again_to_the_identical_request(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    gateway, call = connect(), confirm(card())
    meridian.misbehave("lose_reply")
    gateway.perform(call)
    assert gateway.perform(call).kind is OutcomeKind.APPROVED
    assert len(meridian.payments) == 1


def test_a_list_that_does_not_have_the_payment_yet_proves_nothing(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    gateway, call = connect(), confirm(card())
    gateway.perform(call)
    meridian.hidden_from_the_list = True
    assert gateway.look_up(call).state is Lookup.UNAVAILABLE


def test_an_operation_that_meridian_has_not_acted_on_is_open(
    connect: Connect, card: Callable[..., CardCredential]
) -> None:
    gateway = connect()
    payment_id = gateway.perform(confirm(card())).gateway_payment_id
    for kind in (OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND):
        assert gateway.look_up(following(kind, payment_id)).state is Lookup.OPEN


def test_a_refund_is_told_from_another_of_the_same_payment(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    gateway = connect()
    payment_id = gateway.perform(confirm(card())).gateway_payment_id
    gateway.perform(following(OperationKind.CAPTURE, payment_id))
    first, second = (following(OperationKind.REFUND, payment_id, op, Money(400, "EUR")) for op in ("op_3", "op_4"))
    given = gateway.perform(first)
    assert gateway.look_up(second).outcome is None
    assert gateway.perform(second).gateway_operation_id not in ("", given.gateway_operation_id)
    meridian.settle_refund(given.gateway_operation_id, "account_closed")
    failed = gateway.look_up(first).outcome
    assert failed is not None
    assert failed.decline is not None
    assert (failed.kind, failed.decline.reason) == (OutcomeKind.DECLINED, "invalid_account")
    assert gateway.look_up(second).state is Lookup.OPEN


@pytest.mark.parametrize("kind", [OperationKind.CAPTURE, OperationKind.VOID])
def test_a_capture_or_void_whose_reply_was_lost_is_found_in_the_payment(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential], kind: OperationKind
) -> None:
    gateway = connect()
    call = following(kind, gateway.perform(confirm(card())).gateway_payment_id)
    meridian.misbehave("lose_reply")
    assert gateway.perform(call).kind is OutcomeKind.UNKNOWN
    found = gateway.look_up(call)
    assert found.outcome is not None
    assert found.outcome.kind is OutcomeKind.APPROVED


def test_a_key_that_is_in_use_is_unknown(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    meridian.misbehave("key_in_use")
    assert connect().perform(confirm(card())).kind is OutcomeKind.UNKNOWN


def test_a_key_that_was_used_for_something_else_is_unknown(
    connect: Connect, card: Callable[..., CardCredential]
) -> None:
    gateway = connect()
    gateway.perform(confirm(card()))
    assert gateway.perform(confirm(card(), Money(5, "EUR"))).kind is OutcomeKind.UNKNOWN


def test_a_refused_connection_is_not_reached_directly_and_through_the_vault(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    gateway = connect()
    payment_id = gateway.perform(confirm(card())).gateway_payment_id
    meridian.stop()
    assert gateway.perform(replace(confirm(card()), operation_id="op_9")).kind is OutcomeKind.NOT_REACHED
    assert gateway.perform(following(OperationKind.CAPTURE, payment_id)).kind is OutcomeKind.NOT_REACHED
    assert gateway.look_up(following(OperationKind.CAPTURE, payment_id)).state is Lookup.UNAVAILABLE
    assert gateway.probe() != ""


def test_too_many_requests_are_not_reached_and_the_pause_is_handed_on(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    meridian.misbehave("rate_limit")
    outcome = connect().perform(confirm(card()))
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.NOT_REACHED, 2)
    assert meridian.payments == {}


def test_less_than_was_asked_is_no_approval(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    meridian.misbehave("approve_less")
    outcome = connect().perform(confirm(card()))
    assert (outcome.kind, outcome.amount) == (OutcomeKind.UNKNOWN, Money(999, "EUR"))
    assert outcome.gateway_payment_id  # by which it can be voided


def test_what_meridian_cannot_do_is_refused_before_anything_is_sent(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    gateway = connect()
    saved = SavedCredential("pm_1", "cus_1")
    for call, reason in (
        (confirm(card(), Money(100, "SEK")), "currency_not_supported"),
        (replace(confirm(card()), credential=saved), "card_type_not_supported"),
        (replace(confirm(card()), kind=OperationKind.COMPLETE), "invalid_request"),
        (confirm(card(), splits=(Split("merchant-2", Money(100, "EUR")),)), "invalid_request"),
        (following(OperationKind.CAPTURE, ""), "invalid_request"),
        (following(OperationKind.CAPTURE, "mp_1", final_capture=False), "invalid_request"),
    ):
        outcome = gateway.perform(call)
        assert outcome.decline is not None
        assert (outcome.kind, outcome.decline.reason) == (OutcomeKind.DECLINED, reason)
    assert meridian.requests == []


def test_an_account_that_answers_is_told_from_one_whose_key_is_refused(
    connect: Connect, meridian: Meridian, card: Callable[..., CardCredential]
) -> None:
    assert connect().probe() == ""
    stranger = connect(api_key="mk_test_other")
    assert "refuses these credentials" in stranger.probe()
    outcome = stranger.perform(confirm(card()))
    assert outcome.decline is not None
    assert (outcome.kind, outcome.decline.reason) == (OutcomeKind.DECLINED, "merchant_config")


@pytest.mark.usefixtures("registered")
def test_every_code_of_the_api_page_is_known() -> None:
    page = (Path(__file__).parent / "API.md").read_text("utf-8")
    declines = re.findall(r"^\| `(M\d\d)` \|", page, re.MULTILINE)
    errors = re.findall(r"`4\d\d (\w+)`", page[page.index("## Errors") :])
    read_by_name_or_status = {"unauthorised", "rate_limited", "card_declined", "key_in_use", "key_reused"}
    assert len(declines) == 8
    assert [code for code in declines if not is_mapped("meridian", "decline_code", code)] == []
    assert {code for code in errors if not is_mapped("meridian", "error_code", code)} == read_by_name_or_status


def test_everything_is_declared_with_a_source(connect: Connect) -> None:
    said = connect().capabilities
    for one in (*said.verbs.values(), *said.methods.values()):
        assert isinstance(one, Supported | Missing)
        assert one.source.startswith("https://docs.meridian.example")
