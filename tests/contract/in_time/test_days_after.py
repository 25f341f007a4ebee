"""What comes days after the call: debits paid, failed or returned, authorisations that expire, refunds that come back.

Through the real SDK, told by verified webhooks, and held to the simulators' books.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from shopper_methods import IBAN_FAILS, IBAN_PAYS, IBAN_RETURNS, IBAN_WITHOUT_FUNDS, REFUSED_OWNER, debit
from simulated_accounts import EUR_12_30, GATEWAYS, Account
from test_contract_other_methods import at_the_page
from test_contract_payments import authorised, captured, confirm_call, following

from orchestrator.gateways.base import CaptureMode, Lookup, OperationCall, OperationKind
from orchestrator.gateways.credentials import Method, SepaDebitCredential
from routing.outcomes import Outcome, OutcomeKind

Connect = Callable[..., Account]
DEBIT_DAYS = {"stripe": 5, "adyen": 2}
EXPIRY_DAYS = {"stripe": 7, "adyen": 28, "paypal": 29}
REFUND_FAILS = "4000000000005126"  # https://docs.stripe.com/testing#refunds


def debited(account: Account, credential: SepaDebitCredential) -> OperationCall:
    call = confirm_call(account, credential, capture=CaptureMode.AUTOMATIC)
    outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.PENDING, outcome
    assert captured_minor(account) == 0
    return call


def captured_minor(account: Account) -> int:
    return account.world.book_of(account.name)["captured_minor"]


def refunded_minor(account: Account) -> int:
    return account.world.book_of(account.name)["refunded_minor"]


def disputed_minor(account: Account) -> int:
    return sum(book["disputed_minor"] for book in account.world.get("/books") if book["account"] == account.name)


# Direct debits


@pytest.mark.parametrize("gateway", DEBIT_DAYS)
def test_debit_is_paid_after_days_and_told(connect: Connect, time: Any, gateway: str) -> None:
    account = connect(gateway)
    call = debited(account, debit(IBAN_PAYS))
    time.passes(account, days=DEBIT_DAYS[gateway] - 1)
    assert captured_minor(account) == 0
    time.passes(account, days=1)
    kind = "payment.authorised" if gateway == "adyen" else "payment.captured"
    assert account.told(kind, reference=call.attempt_id).amount == EUR_12_30
    assert captured_minor(account) == EUR_12_30.minor


@pytest.mark.parametrize(
    ("gateway", "credential"),
    [
        ("stripe", debit(IBAN_FAILS)),
        ("stripe", debit(IBAN_WITHOUT_FUNDS)),
        ("adyen", debit(holder=REFUSED_OWNER)),
    ],
    ids=["stripe-fails", "stripe-no-funds", "adyen-refused"],
)
def test_debit_that_fails_is_told_as_declined_and_takes_nothing(
    connect: Connect, time: Any, gateway: str, credential: SepaDebitCredential
) -> None:
    account = connect(gateway)
    call = debited(account, credential)
    time.passes(account, days=DEBIT_DAYS[gateway])
    told = account.told("payment.declined", reference=call.attempt_id)
    assert not told.success
    assert captured_minor(account) == 0
    if account.gateway.can_look_up:
        found = account.gateway.look_up(call)
        assert found.state is Lookup.SETTLED
        assert found.outcome is not None
        assert found.outcome.kind is OutcomeKind.DECLINED


def test_debit_that_stripe_was_paid_is_returned_and_lost(connect: Connect, time: Any) -> None:
    """https://docs.stripe.com/payments/sepa-debit#disputed-payments: a return is a dispute that is lost at once."""
    account = connect("stripe")
    debited(account, debit(IBAN_RETURNS))
    time.passes(account, days=DEBIT_DAYS["stripe"])
    assert account.told("dispute.opened").amount == EUR_12_30
    assert captured_minor(account) == disputed_minor(account) == EUR_12_30.minor


def test_debit_that_adyen_was_paid_is_returned_and_lost(connect: Connect, time: Any) -> None:
    """https://docs.adyen.com/risk-management/chargeback-guidelines/sepa-chargebacks: there is no defence."""
    account = connect("adyen")
    call = debited(account, debit(IBAN_PAYS))
    time.passes(account, days=DEBIT_DAYS["adyen"])
    account.told("payment.authorised", reference=call.attempt_id)
    time.passes(account, days=10)
    account.world.post("/disputes", gateway="adyen", account=account.name, reference=call.attempt_id)
    assert account.told("dispute.opened", reference=call.attempt_id).amount == EUR_12_30
    assert disputed_minor(account) == EUR_12_30.minor


def test_shopper_who_never_comes_back_from_the_bank_is_told_of_as_declined(connect: Connect, time: Any) -> None:
    account = connect("adyen")
    call, _, _ = at_the_page(account, Method.IDEAL)
    time.passes(account, hours=12)
    account.told("payment.declined", reference=call.attempt_id)
    assert captured_minor(account) == 0


@pytest.mark.parametrize(
    ("reason", "kind"), [("pending", "payment.captured"), ("pending_then_denied", "capture.failed")]
)
def test_capture_that_paypal_looks_into_ends_after_a_day(connect: Connect, time: Any, reason: str, kind: str) -> None:
    account = connect("paypal")
    capture = following(account, OperationKind.CAPTURE, *authorised(account))
    account.trouble("decline", "capture", reason=reason)
    assert account.gateway.perform(capture).kind is OutcomeKind.PENDING
    time.passes(account, days=1)
    account.told(kind, operation_reference=capture.operation_id)
    assert captured_minor(account) == (EUR_12_30.minor if kind == "payment.captured" else 0)
    found = account.gateway.look_up(capture)
    assert found.outcome is not None
    assert found.outcome.kind is (OutcomeKind.APPROVED if kind == "payment.captured" else OutcomeKind.DECLINED)


def test_payment_that_adyen_has_received_is_authorised_later(connect: Connect, time: Any) -> None:
    account = connect("adyen")
    call = confirm_call(account, account.world.tokenise("4242424242424242", holder="PENDING"))
    assert account.gateway.perform(call).kind is OutcomeKind.PENDING
    time.passes(account, hours=1)
    assert account.told("payment.authorised", reference=call.attempt_id).amount == EUR_12_30


# Authorisations


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_authorisation_that_nobody_captures_expires_and_cannot_be_captured(
    connect: Connect, time: Any, gateway: str
) -> None:
    account = connect(gateway)
    call, done = authorised(account)
    if done.capture_before is not None:
        assert abs(done.capture_before - time.now() - timedelta(days=EXPIRY_DAYS[gateway])) < timedelta(minutes=5)
    time.passes(account, days=EXPIRY_DAYS[gateway])
    account.told("payment.expired")
    late = following(account, OperationKind.CAPTURE, call, done)
    outcome = account.gateway.perform(late)
    if outcome.kind is OutcomeKind.PENDING:  # received, and refused by webhook
        account.told("capture.failed", operation_reference=late.operation_id)
    else:
        assert outcome.kind is OutcomeKind.DECLINED, outcome
    assert captured_minor(account) == 0


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_what_was_captured_in_time_does_not_expire(connect: Connect, time: Any, gateway: str) -> None:
    account = connect(gateway)
    call, done = authorised(account)
    captured(account, call, done)
    time.passes(account, days=EXPIRY_DAYS[gateway] + 1)
    assert captured_minor(account) == EUR_12_30.minor


def test_capture_that_the_scheme_takes_back_is_told(connect: Connect, time: Any) -> None:
    """https://docs.adyen.com/online-payments/capture/failed-captures."""
    account = connect("adyen")
    call, done = authorised(account)
    capture = following(account, OperationKind.CAPTURE, call, done)
    account.trouble("decline", "capture", code="CAPTURE_FAILED")
    assert account.gateway.perform(capture).kind is OutcomeKind.PENDING
    account.told("payment.captured", operation_reference=capture.operation_id)
    assert captured_minor(account) == EUR_12_30.minor
    time.passes(account, days=1)
    account.told("capture.failed", operation_reference=capture.operation_id)
    assert captured_minor(account) == 0


# Refunds that come back


def refunded_for_now(account: Account) -> tuple[OperationCall, Outcome]:
    """A refund that is going to fail, and what it came to at first."""
    gateway = account.gateway.name
    given = {"credential": REFUND_FAILS} if gateway == "stripe" else {}
    call, done = authorised(account, **given)
    taken = captured(account, call, done)
    refund = following(account, OperationKind.REFUND, call, taken)
    if gateway == "adyen":
        account.trouble("decline", "refund", code="REFUND_FAILED")
    elif gateway == "paypal":
        account.trouble("decline", "refund", reason="pending_then_failed")
    return refund, account.gateway.perform(refund)


@pytest.mark.parametrize(
    ("gateway", "after"), [("stripe", {"hours": 1}), ("adyen", {"days": 1}), ("paypal", {"days": 6})]
)
def test_refund_that_fails_later_is_told_and_the_money_is_ours_again(
    connect: Connect, time: Any, gateway: str, after: dict[str, float]
) -> None:
    account = connect(gateway)
    refund, first = refunded_for_now(account)
    assert first.kind is (OutcomeKind.APPROVED if gateway == "stripe" else OutcomeKind.PENDING)
    time.passes(account, **after)
    told = account.told("refund.failed", operation_reference=refund.operation_id)
    assert not told.success
    assert refunded_minor(account) == 0
    if account.gateway.can_look_up:
        found = account.gateway.look_up(refund)
        assert found.outcome is not None
        assert found.outcome.kind is OutcomeKind.DECLINED


def test_refund_by_a_slow_bank_arrives_after_days(connect: Connect, time: Any) -> None:
    account = connect("paypal")
    call, done = authorised(account)
    refund = following(account, OperationKind.REFUND, call, captured(account, call, done))
    account.trouble("decline", "refund", reason="pending")
    assert account.gateway.perform(refund).kind is OutcomeKind.PENDING
    assert refunded_minor(account) == 0
    time.passes(account, days=6)
    account.told("refund.succeeded", operation_reference=refund.operation_id)
    assert refunded_minor(account) == EUR_12_30.minor
