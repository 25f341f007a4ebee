"""Payments at every gateway: authorise, complete, capture, void, refund, look up, probe, each with all its outcomes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from shopper_pages import answer
from simulated_accounts import APPROVED_CARD, CHALLENGED_CARD, DECLINED_CARD, EUR_12_30, Account
from verb_calls import CALLS, Case, Connect, Prepared, Result, call_of, cases_of, comes_to
from wire_tap import Edit

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, OperationCall, OperationKind
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.credentials import CardCredential, Credential
from routing.outcomes import Outcome, OutcomeKind

EUR_4_30 = Money(430, "EUR")
EUR_8_00 = Money(800, "EUR")


def confirm_call(account: Account, credential: Credential | str = APPROVED_CARD, **given: Any) -> OperationCall:
    """A confirmation, its object created first where the gateway has such a step."""
    paid_with = account.world.tokenise(credential) if isinstance(credential, str) else credential
    create = account.call(OperationKind.CREATE, credential=paid_with, **given)
    payment_id = ""
    if OperationKind.CREATE in account.gateway.authorise_steps:
        outcome = account.gateway.perform(create)
        assert outcome.kind is OutcomeKind.APPROVED, outcome
        payment_id = outcome.gateway_payment_id
    confirm = account.call(OperationKind.CONFIRM)
    return replace(create, kind=OperationKind.CONFIRM, operation_id=confirm.operation_id, gateway_payment_id=payment_id)


def operation(account: Account, call: OperationCall) -> Prepared:
    return Prepared(lambda: account.gateway.perform(call), call)


def authorised(account: Account, **given: Any) -> tuple[OperationCall, Outcome]:
    call = confirm_call(account, **({"credential": APPROVED_CARD} | given))
    outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.APPROVED, outcome
    return call, outcome


def following(
    account: Account, kind: OperationKind, before: OperationCall, done: Outcome, **given: Any
) -> OperationCall:
    """An operation on what another has done, of the same payment and attempt."""
    fresh = account.call(kind, **given)
    return replace(
        fresh,
        payment_id=before.payment_id,
        attempt_id=before.attempt_id,
        gateway_payment_id=done.gateway_payment_id,
        gateway_operation_id=done.gateway_operation_id,
    )


def captured(account: Account, call: OperationCall, done: Outcome, **given: Any) -> Outcome:
    """A capture that has come to its end, by webhook where the gateway tells it so."""
    capture = following(account, OperationKind.CAPTURE, call, done, **given)
    outcome = account.gateway.perform(capture)
    if outcome.kind is OutcomeKind.PENDING:
        account.told("payment.captured", operation_reference=capture.operation_id)
        return replace(outcome, gateway_payment_id=done.gateway_payment_id)
    assert outcome.kind is OutcomeKind.APPROVED, outcome
    return outcome


def challenged(account: Account, password: str = "password", **given: Any) -> OperationCall:
    """The call that completes a payment whose shopper has been at the bank."""
    call = confirm_call(account, CHALLENGED_CARD, **given)
    outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED, outcome
    assert outcome.next_action is not None
    brought = answer(outcome.next_action.url, password=password)
    complete = following(account, OperationKind.COMPLETE, call, outcome, action_result=brought)
    return replace(
        complete, capture=call.capture, gateway_payment_id=outcome.gateway_payment_id or call.gateway_payment_id
    )


def undecided(gateway: str) -> Edit:
    """Turns the gateway's yes into "not yet", which no test value brings about for a card."""

    def edit(path: str, status: int, reply: bytes) -> tuple[int, bytes]:
        body = json.loads(reply) if reply else {}
        if gateway == "stripe" and body.get("object") == "payment_intent":
            body["status"] = "processing"
        elif gateway == "paypal":
            for unit in body.get("purchase_units", ()):
                for one in unit.get("payments", {}).get("authorizations", ()):
                    one |= {"status": "PENDING", "status_details": {"reason": "PENDING_REVIEW"}}
        return status, json.dumps(body).encode()

    return edit


@call_of(Verb.AUTHORISE)
def authorise(account: Account) -> Prepared:
    return operation(account, confirm_call(account))


@call_of(Verb.AUTHORISE_AND_CAPTURE)
def authorise_and_capture(account: Account) -> Prepared:
    return operation(account, confirm_call(account, capture=CaptureMode.AUTOMATIC))


@call_of(Verb.COMPLETE)
def complete(account: Account) -> Prepared:
    return operation(account, challenged(account))


@call_of(Verb.CAPTURE)
def capture(account: Account) -> Prepared:
    return operation(account, following(account, OperationKind.CAPTURE, *authorised(account)))


@call_of(Verb.CAPTURE_PARTIAL)
def capture_partial(account: Account) -> Prepared:
    return operation(account, following(account, OperationKind.CAPTURE, *authorised(account), amount=EUR_4_30))


@call_of(Verb.CAPTURE_SEVERAL)
def capture_several(account: Account) -> Prepared:
    """The second of two captures."""
    call, done = authorised(account)
    captured(account, call, done, amount=EUR_4_30, final_capture=False)
    return operation(
        account, following(account, OperationKind.CAPTURE, call, done, amount=EUR_8_00, captured_before=EUR_4_30)
    )


@call_of(Verb.VOID)
def void(account: Account) -> Prepared:
    return operation(account, following(account, OperationKind.VOID, *authorised(account)))


@call_of(Verb.REFUND)
def refund(account: Account) -> Prepared:
    call, done = authorised(account)
    return operation(account, following(account, OperationKind.REFUND, call, captured(account, call, done)))


@call_of(Verb.REFUND_PARTIAL)
def refund_partial(account: Account) -> Prepared:
    call, done = authorised(account)
    taken = captured(account, call, done)
    return operation(account, following(account, OperationKind.REFUND, call, taken, amount=EUR_4_30))


@call_of(Verb.REFUND_SEVERAL)
def refund_several(account: Account) -> Prepared:
    """The second of two refunds."""
    call, done = authorised(account)
    taken = captured(account, call, done)
    first = following(account, OperationKind.REFUND, call, taken, amount=EUR_4_30)
    outcome = account.gateway.perform(first)
    if outcome.kind is OutcomeKind.PENDING:
        account.told("refund.succeeded", operation_reference=first.operation_id)
    else:
        assert outcome.kind is OutcomeKind.APPROVED, outcome
    return operation(account, following(account, OperationKind.REFUND, call, taken, amount=EUR_8_00))


@call_of(Verb.LOOK_UP)
def look_up(account: Account) -> Prepared:
    call, _ = authorised(account)
    return Prepared(lambda: account.gateway.look_up(call))


@call_of(Verb.PROBE)
def probe(account: Account) -> Prepared:
    return Prepared(account.gateway.probe)


def _undecided(verb: Verb, *gateways: str) -> None:
    """Where no test value brings it about: the gateway's yes becomes "not yet" on its way."""

    @comes_to(verb, OutcomeKind.PENDING, *gateways)
    def gateway_has_not_decided_yet(account: Account) -> Result:
        prepared = CALLS[verb](account)
        with account.wire.editing(undecided(account.gateway.name)):
            return prepared.send()


_undecided(Verb.AUTHORISE, "stripe", "paypal")
_undecided(Verb.COMPLETE, "stripe")
for _verb in (Verb.CAPTURE, Verb.CAPTURE_PARTIAL, Verb.CAPTURE_SEVERAL):
    _undecided(_verb, "stripe")


@comes_to(Verb.AUTHORISE, OutcomeKind.PENDING, "adyen")
def holder_whose_payment_stays_received(account: Account) -> Result:
    """https://docs.adyen.com/development-resources/testing/result-codes."""
    return account.gateway.perform(confirm_call(account, undecided_card(account)))


@comes_to(Verb.AUTHORISE_AND_CAPTURE, OutcomeKind.PENDING, "adyen")
def holder_whose_payment_stays_received_before_it_is_taken(account: Account) -> Result:
    call = confirm_call(account, undecided_card(account), capture=CaptureMode.AUTOMATIC)
    outcome = account.gateway.perform(call)
    assert account.world.book_of(account.name)["captured_minor"] == 0
    return outcome


def undecided_card(account: Account) -> CardCredential:
    return account.world.tokenise(APPROVED_CARD, holder="PENDING")


def _reviewed(verb: Verb, operation: str) -> None:
    @comes_to(verb, OutcomeKind.PENDING, "paypal")
    def paypal_looks_into_it_first(account: Account) -> Result:
        prepared = CALLS[verb](account)
        before = account.world.book_of(account.name)
        account.trouble("decline", operation, reason="pending")
        outcome = prepared.send()
        assert account.world.book_of(account.name) == before
        return outcome


@comes_to(Verb.COMPLETE, OutcomeKind.PENDING, "paypal")
def paypal_looks_into_it_after_the_shopper_was_at_the_bank(account: Account) -> Result:
    call = challenged(account, capture=CaptureMode.AUTOMATIC)
    account.trouble("decline", "complete", reason="pending")
    return account.gateway.perform(call)


_reviewed(Verb.AUTHORISE_AND_CAPTURE, "confirm")
for _verb in (Verb.CAPTURE, Verb.CAPTURE_PARTIAL, Verb.CAPTURE_SEVERAL):
    _reviewed(_verb, "capture")
for _verb in (Verb.REFUND, Verb.REFUND_PARTIAL, Verb.REFUND_SEVERAL):
    _reviewed(_verb, "refund")

REFUND_PENDS = "4000000000007726"  # https://docs.stripe.com/testing#refunds


def _slow_refund(verb: Verb, first: Money | None, amount: Money) -> None:
    @comes_to(verb, OutcomeKind.PENDING, "stripe")
    def card_whose_refunds_take_their_time(account: Account) -> Result:
        call, done = authorised(account, credential=REFUND_PENDS)
        taken = captured(account, call, done)
        if first is not None:
            account.gateway.perform(following(account, OperationKind.REFUND, call, taken, amount=first))
        return account.gateway.perform(following(account, OperationKind.REFUND, call, taken, amount=amount))


_slow_refund(Verb.REFUND, None, EUR_12_30)
_slow_refund(Verb.REFUND_PARTIAL, None, EUR_4_30)
_slow_refund(Verb.REFUND_SEVERAL, EUR_4_30, EUR_8_00)


@comes_to(Verb.AUTHORISE, OutcomeKind.DECLINED)
def card_without_funds(account: Account) -> Result:
    outcome = account.gateway.perform(confirm_call(account, DECLINED_CARD))
    assert outcome.decline is not None
    assert outcome.decline.reason == "insufficient_funds"
    return outcome


@comes_to(Verb.AUTHORISE_AND_CAPTURE, OutcomeKind.DECLINED)
def card_without_funds_to_be_taken_at_once(account: Account) -> Result:
    outcome = account.gateway.perform(confirm_call(account, DECLINED_CARD, capture=CaptureMode.AUTOMATIC))
    assert account.world.book_of(account.name)["captured_minor"] == 0
    return outcome


@comes_to(Verb.AUTHORISE, OutcomeKind.ACTION_REQUIRED)
def bank_wants_to_see_the_shopper(account: Account) -> Result:
    outcome = account.gateway.perform(confirm_call(account, CHALLENGED_CARD))
    assert outcome.next_action is not None
    assert outcome.next_action.url.startswith("http://127.0.0.1:")
    return outcome


@comes_to(Verb.AUTHORISE_AND_CAPTURE, OutcomeKind.ACTION_REQUIRED)
def bank_wants_to_see_the_shopper_before_the_money_is_taken(account: Account) -> Result:
    return account.gateway.perform(confirm_call(account, CHALLENGED_CARD, capture=CaptureMode.AUTOMATIC))


@comes_to(Verb.COMPLETE, OutcomeKind.DECLINED)
def shopper_fails_at_the_bank(account: Account) -> Result:
    return account.gateway.perform(challenged(account, password="wrong"))


@comes_to(Verb.COMPLETE, OutcomeKind.APPROVED)
def shopper_passes_and_the_money_is_taken_at_once(account: Account) -> Result:
    outcome = account.gateway.perform(challenged(account, capture=CaptureMode.AUTOMATIC))
    if account.gateway.name == "adyen":
        account.told("payment.authorised")
    assert account.world.book_of(account.name)["captured_minor"] == EUR_12_30.minor
    return outcome


@comes_to(Verb.COMPLETE, OutcomeKind.ACTION_REQUIRED, "adyen", "stripe")
def shopper_comes_back_without_having_been_at_the_bank(account: Account) -> Result:
    call = confirm_call(account, CHALLENGED_CARD)
    outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED, outcome
    return account.gateway.perform(following(account, OperationKind.COMPLETE, call, outcome))


@comes_to(Verb.CAPTURE, OutcomeKind.DECLINED, "stripe", "paypal")
def capture_of_what_was_voided(account: Account) -> Result:
    call, done = authorised(account)
    assert account.gateway.perform(following(account, OperationKind.VOID, call, done)).kind is OutcomeKind.APPROVED
    return account.gateway.perform(following(account, OperationKind.CAPTURE, call, done))


@comes_to(Verb.CAPTURE_PARTIAL, OutcomeKind.DECLINED, "stripe", "paypal")
def capture_of_more_than_was_authorised(account: Account) -> Result:
    call, done = authorised(account)
    return account.gateway.perform(following(account, OperationKind.CAPTURE, call, done, amount=Money(99_999, "EUR")))


@comes_to(Verb.CAPTURE_SEVERAL, OutcomeKind.DECLINED, "stripe", "paypal")
def second_capture_of_more_than_is_left(account: Account) -> Result:
    call, done = authorised(account)
    captured(account, call, done, amount=EUR_4_30, final_capture=False)
    beyond = {"amount": Money(99_999, "EUR"), "captured_before": EUR_4_30}
    return account.gateway.perform(following(account, OperationKind.CAPTURE, call, done, **beyond))


@comes_to(Verb.VOID, OutcomeKind.DECLINED, "stripe", "paypal")
def void_of_what_was_captured(account: Account) -> Result:
    call, done = authorised(account)
    captured(account, call, done)
    return account.gateway.perform(following(account, OperationKind.VOID, call, done))


@comes_to(Verb.REFUND, OutcomeKind.DECLINED, "stripe", "paypal")
def refund_of_what_was_refunded(account: Account) -> Result:
    call, done = authorised(account)
    taken = captured(account, call, done)
    assert account.gateway.perform(following(account, OperationKind.REFUND, call, taken)).kind is OutcomeKind.APPROVED
    return account.gateway.perform(following(account, OperationKind.REFUND, call, taken))


@comes_to(Verb.REFUND_PARTIAL, OutcomeKind.DECLINED, "stripe", "paypal")
def refund_of_more_than_was_captured(account: Account) -> Result:
    call, done = authorised(account)
    taken = captured(account, call, done)
    return account.gateway.perform(following(account, OperationKind.REFUND, call, taken, amount=Money(99_999, "EUR")))


@comes_to(Verb.REFUND_SEVERAL, OutcomeKind.DECLINED, "stripe", "paypal")
def second_refund_of_more_than_is_left(account: Account) -> Result:
    call, done = authorised(account)
    taken = captured(account, call, done)
    account.gateway.perform(following(account, OperationKind.REFUND, call, taken, amount=EUR_8_00))
    return account.gateway.perform(following(account, OperationKind.REFUND, call, taken, amount=EUR_8_00))


@comes_to(Verb.LOOK_UP, OutcomeKind.DECLINED, "stripe", "paypal")
def look_at_a_declined_payment(account: Account) -> Result:
    call = confirm_call(account, DECLINED_CARD)
    account.gateway.perform(call)
    return account.gateway.look_up(call)


@comes_to(Verb.LOOK_UP, OutcomeKind.ACTION_REQUIRED, "stripe", "paypal")
def look_at_a_payment_whose_shopper_is_at_the_bank(account: Account) -> Result:
    call = confirm_call(account, CHALLENGED_CARD)
    account.gateway.perform(call)
    return account.gateway.look_up(call)


@comes_to(Verb.LOOK_UP, OutcomeKind.PENDING, "stripe", "paypal")
def look_at_a_payment_that_was_never_confirmed(account: Account) -> Result:
    return account.gateway.look_up(confirm_call(account))


@comes_to(Verb.PROBE, OutcomeKind.DECLINED)
def probe_with_refused_credentials(account: Account) -> Result:
    account.lock_out()
    return account.gateway.probe()


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


@pytest.mark.parametrize("gateway", ["stripe", "paypal", "adyen"])
def test_card_number_is_on_the_gateways_wire_and_never_on_ours(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    outcome = account.gateway.perform(call)
    assert isinstance(call.credential, CardCredential)
    sent = [one for one in account.passed() if APPROVED_CARD.encode() in one.body]
    assert len(sent) == 1
    assert call.credential.vault_token not in sent[0].body.decode()
    assert APPROVED_CARD not in str(outcome.exchange)
