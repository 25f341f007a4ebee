"""Each way for a simulated gateway to fail, at each call that moves money: the outcome is right, and nothing is twice.

After the fault the call is settled as the resolver would: the adapter's look-up, else the identical request again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from simulated_accounts import Account
from test_contract_payments import EUR_4_30, EUR_8_00
from verb_calls import CALLS, Connect, Prepared, gateways_with, kind_of

from orchestrator.gateways.base import Lookup, OperationKind
from orchestrator.gateways.capabilities import Verb
from routing.outcomes import Outcome, OutcomeKind

FULL = 1230
SHORT_S = 1.0
HANG_S = 1.3


@dataclass(frozen=True)
class Expected:
    """What the books show once the call was done exactly once."""

    captured_minor: int = 0
    refunded_minor: int = 0
    voided: bool = False


MONEY = {
    Verb.AUTHORISE: Expected(),
    Verb.AUTHORISE_AND_CAPTURE: Expected(captured_minor=FULL),
    Verb.COMPLETE: Expected(),
    Verb.CAPTURE: Expected(captured_minor=FULL),
    Verb.CAPTURE_PARTIAL: Expected(captured_minor=EUR_4_30.minor),
    Verb.CAPTURE_SEVERAL: Expected(captured_minor=EUR_4_30.minor + EUR_8_00.minor),
    Verb.VOID: Expected(voided=True),
    Verb.REFUND: Expected(captured_minor=FULL, refunded_minor=FULL),
    Verb.REFUND_PARTIAL: Expected(captured_minor=FULL, refunded_minor=EUR_4_30.minor),
    Verb.REFUND_SEVERAL: Expected(captured_minor=FULL, refunded_minor=EUR_4_30.minor + EUR_8_00.minor),
}
FAULTS = {
    "refused": OutcomeKind.NOT_REACHED,
    "http_429": OutcomeKind.NOT_REACHED,
    "lose_request": OutcomeKind.UNKNOWN,
    "lose_reply": OutcomeKind.UNKNOWN,
    "hang": OutcomeKind.UNKNOWN,
    "http_500": OutcomeKind.UNKNOWN,
    "http_500_after": OutcomeKind.UNKNOWN,
}
# Stripe replays a stored 500 as a 500 for as long as the key lives: https://docs.stripe.com/api/idempotent_requests.
# Where the object shows that nothing was done, a person decides; nothing is guessed.
LEFT_OPEN = {("stripe", "http_500")}
_WEBHOOK = {OperationKind.CAPTURE: "payment.captured", OperationKind.VOID: "payment.canceled"}

MATRIX = [(g, v, f) for v in MONEY for g in gateways_with(v) for f in FAULTS]


@pytest.mark.parametrize(("gateway", "verb", "fault"), MATRIX, ids=str)
def test_fault_is_told_truly_and_settled_with_the_money_moved_once(
    connect: Connect, gateway: str, verb: Verb, fault: str
) -> None:
    account = connect(gateway, read_timeout_s=SHORT_S) if fault == "hang" else connect(gateway)
    prepared = CALLS[verb](account)
    outcome = under(account, prepared, fault)
    assert kind_of(outcome) is FAULTS[fault], outcome
    settled = settle(account, prepared)
    if (gateway, fault) in LEFT_OPEN and settled.kind is OutcomeKind.UNKNOWN:
        assert_at_most(account, MONEY[verb])
        return
    assert settled.kind in (OutcomeKind.APPROVED, OutcomeKind.PENDING), settled
    if settled.kind is OutcomeKind.PENDING:
        _await_webhook(account, prepared)
    assert_books(account, MONEY[verb])


def under(account: Account, prepared: Prepared, fault: str) -> Outcome:
    """The call, made while the gateway has the fault; on return all that the gateway will do for it is done."""
    if fault == "refused":
        with account.wire.refusing():
            outcome = prepared.send()
    elif fault == "hang":
        before = len(account.wire.transcript)
        account.trouble("delay", seconds=HANG_S)
        outcome = prepared.send()
        with account.wire.moved:
            ended = account.wire.moved.wait_for(lambda: len(account.wire.transcript) > before, timeout=20)
        assert ended, "the gateway never came back from the delay"
    else:
        account.trouble(fault)
        outcome = prepared.send()
    assert isinstance(outcome, Outcome)
    return outcome


def settle(account: Account, prepared: Prepared) -> Outcome:
    """By look-up where it settles, else by the identical request within the key's window."""
    assert prepared.call is not None
    found = account.gateway.look_up(prepared.call)
    if found.state is Lookup.SETTLED:
        assert found.outcome is not None
        return found.outcome
    again = prepared.send()
    assert isinstance(again, Outcome)
    return again


def _await_webhook(account: Account, prepared: Prepared) -> None:
    assert prepared.call is not None
    kind = _WEBHOOK.get(prepared.call.kind, "refund.succeeded")
    account.told(kind, operation_reference=prepared.call.operation_id)


def assert_books(account: Account, expected: Expected) -> None:
    [charge] = [c for c in account.world.charges_of(account.name) if not c["declined"]]
    found = Expected(charge["captured_minor"], charge["refunded_minor"], charge["voided"])
    assert found == expected
    book = account.world.book_of(account.name)
    assert (book["captured_minor"], book["refunded_minor"]) == (expected.captured_minor, expected.refunded_minor)


def assert_at_most(account: Account, expected: Expected) -> None:
    charges = [c for c in account.world.charges_of(account.name) if not c["declined"]]
    assert len(charges) <= 1
    for charge in charges:
        assert charge["captured_minor"] <= expected.captured_minor
        assert charge["refunded_minor"] <= expected.refunded_minor


@pytest.mark.parametrize("gateway", gateways_with(Verb.AUTHORISE))
def test_vaults_word_that_it_did_not_contact_the_gateway_is_heard(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    prepared = CALLS[Verb.AUTHORISE](account)
    with account.wire.refusing():
        outcome = prepared.send()
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.NOT_REACHED, "the vault could not contact the gateway")


@pytest.mark.parametrize("gateway", gateways_with(Verb.AUTHORISE))
def test_rate_limit_says_how_long_to_wait(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    prepared = CALLS[Verb.AUTHORISE](account)
    account.trouble("http_429", retry_after=7)
    outcome = prepared.send()
    assert isinstance(outcome, Outcome)
    assert outcome.retry_after_s == 7
