"""Each adapter, with its real SDK, against the simulated gateway and the simulated vault: a payment's whole life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from simulated_accounts import APPROVED_CARD, EUR_12_30, Account

from orchestrator.gateways.base import Lookup, OperationCall, OperationKind, WebhookRejected
from orchestrator.gateways.credentials import CardCredential
from routing.outcomes import Outcome, OutcomeKind, RetryAction

Connect = Callable[[str], Account]

GATEWAYS = ("stripe", "adyen", "paypal")
every_gateway = pytest.mark.parametrize("gateway", GATEWAYS)
synchronous = pytest.mark.parametrize("gateway", ["stripe", "paypal"])


def created(account: Account) -> str:
    """The gateway's id of the payment where it has a create step; else nothing."""
    if OperationKind.CREATE not in account.gateway.authorise_steps:
        return ""
    outcome = account.gateway.perform(account.call(OperationKind.CREATE))
    assert outcome.kind is OutcomeKind.APPROVED, outcome
    return outcome.gateway_payment_id


def confirm_call(account: Account, number: str = APPROVED_CARD) -> OperationCall:
    card = account.world.tokenise(number)
    return account.call(OperationKind.CONFIRM, gateway_payment_id=created(account), credential=card)


def authorised(account: Account) -> Outcome:
    outcome = account.gateway.perform(confirm_call(account))
    assert outcome.kind is OutcomeKind.APPROVED, outcome
    return outcome


def follow_up(account: Account, kind: OperationKind, before: Outcome) -> OperationCall:
    return account.call(
        kind, gateway_payment_id=before.gateway_payment_id, gateway_operation_id=before.gateway_operation_id
    )


@every_gateway
def test_card_in_the_vault_is_authorised(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    outcome = authorised(account)
    assert outcome.amount == EUR_12_30
    assert outcome.gateway_payment_id
    assert outcome.gateway_operation_id


@every_gateway
def test_exchange_kept_for_the_timeline_names_no_card_token_or_key(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    kept = str(account.gateway.perform(call).exchange)
    assert isinstance(call.credential, CardCredential)
    for secret in (
        call.credential.vault_token,
        APPROVED_CARD,
        "'737'",
        "Ada Lovelace",
        "sk_test",
        "client_secret': 'pi_",
    ):
        assert secret not in kept


@every_gateway
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4000000000009995", "insufficient_funds"),
        ("4000000000009979", "stolen_card"),
        ("4000000000000069", "expired_card"),
    ],
)
def test_declined_card_says_why(connect: Connect, gateway: str, number: str, reason: str) -> None:
    account = connect(gateway)
    outcome = account.gateway.perform(confirm_call(account, number))
    assert outcome.kind is OutcomeKind.DECLINED
    assert outcome.decline is not None
    if reason == "stolen_card":  # Adyen says "blocked", PayPal "lost or stolen": in any case it is the end of this card
        assert outcome.decline.action_cit in (RetryAction.FRAUD_NEVER, RetryAction.HARD_NEVER)
    else:
        assert outcome.decline.reason == reason


@synchronous
def test_capture_and_refund_are_known_at_once(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    before = authorised(account)
    captured = account.gateway.perform(follow_up(account, OperationKind.CAPTURE, before))
    assert (captured.kind, captured.amount) == (OutcomeKind.APPROVED, EUR_12_30)
    refunded = account.gateway.perform(follow_up(account, OperationKind.REFUND, captured))
    assert (refunded.kind, refunded.amount) == (OutcomeKind.APPROVED, EUR_12_30)


def test_adyen_capture_and_refund_are_told_by_webhook(connect: Connect) -> None:
    account = connect("adyen")
    before = authorised(account)
    capture = follow_up(account, OperationKind.CAPTURE, before)
    assert account.gateway.perform(capture).kind is OutcomeKind.PENDING
    captured = account.told("payment.captured")
    assert (captured.amount, captured.operation_reference) == (EUR_12_30, capture.operation_id)
    refund = follow_up(account, OperationKind.REFUND, before)
    pending = account.gateway.perform(refund)
    assert pending.kind is OutcomeKind.PENDING
    refunded = account.told("refund.succeeded")
    assert refunded.gateway_operation_id == pending.gateway_operation_id
    assert refunded.gateway_payment_id == before.gateway_payment_id


@every_gateway
def test_void_releases_the_authorisation(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    before = authorised(account)
    outcome = account.gateway.perform(follow_up(account, OperationKind.VOID, before))
    assert outcome.kind is (OutcomeKind.PENDING if gateway == "adyen" else OutcomeKind.APPROVED)
    assert account.told("payment.canceled").success


def test_adyen_payment_without_a_known_reference_is_voided_by_ours(connect: Connect) -> None:
    account = connect("adyen")
    confirm = confirm_call(account)
    account.gateway.perform(confirm)
    void = account.call(OperationKind.VOID, attempt_id=confirm.attempt_id)
    assert account.gateway.perform(void).kind is OutcomeKind.PENDING
    assert account.told("payment.canceled").reference == confirm.attempt_id


@every_gateway
def test_lost_reply_to_a_confirmation_is_unknown_and_settled_without_a_second_charge(
    connect: Connect, gateway: str
) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    account.world.post("/scenarios", gateway=gateway, operation="confirm", behaviour="lose_reply")
    assert account.gateway.perform(call).kind is OutcomeKind.UNKNOWN
    found = account.gateway.look_up(call)
    if gateway == "adyen":
        assert found.state is Lookup.UNAVAILABLE
        settled = account.gateway.perform(call)  # the identical request, under the same key
    else:
        assert found.state is Lookup.SETTLED
        assert found.outcome is not None
        settled = found.outcome
    assert settled.kind is OutcomeKind.APPROVED
    assert [charge["amount_minor"] for charge in account.world.charges_of(account.name)] == [1230]


@every_gateway
def test_request_lost_before_the_gateway_acted_is_unknown_too(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    account.world.post("/scenarios", gateway=gateway, operation="confirm", behaviour="lose_request")
    assert account.gateway.perform(call).kind is OutcomeKind.UNKNOWN
    assert account.gateway.look_up(call).state is not Lookup.SETTLED
    assert account.gateway.perform(call).kind is OutcomeKind.APPROVED


@synchronous
def test_lost_reply_to_a_capture_is_settled_by_looking(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = follow_up(account, OperationKind.CAPTURE, authorised(account))
    account.world.post("/scenarios", gateway=gateway, operation="capture", behaviour="lose_reply")
    assert account.gateway.perform(call).kind is OutcomeKind.UNKNOWN
    found = account.gateway.look_up(call)
    assert found.state is Lookup.SETTLED
    assert found.outcome is not None
    assert found.outcome.kind is OutcomeKind.APPROVED


def test_stripe_refund_with_a_lost_reply_is_found_by_our_operation_id(connect: Connect) -> None:
    account = connect("stripe")
    captured = account.gateway.perform(follow_up(account, OperationKind.CAPTURE, authorised(account)))
    refund = follow_up(account, OperationKind.REFUND, captured)
    account.world.post("/scenarios", gateway="stripe", operation="refund", behaviour="lose_reply")
    assert account.gateway.perform(refund).kind is OutcomeKind.UNKNOWN
    found = account.gateway.look_up(refund)
    assert found.state is Lookup.SETTLED
    other = replace(refund, operation_id="op_never_sent")
    assert account.gateway.look_up(other).state is Lookup.OPEN


def test_paypal_refund_with_a_lost_reply_is_found_and_may_be_sent_again(connect: Connect) -> None:
    account = connect("paypal")
    captured = account.gateway.perform(follow_up(account, OperationKind.CAPTURE, authorised(account)))
    refund = follow_up(account, OperationKind.REFUND, captured)
    account.world.post("/scenarios", gateway="paypal", operation="refund", behaviour="lose_reply")
    assert account.gateway.perform(refund).kind is OutcomeKind.UNKNOWN
    assert account.gateway.look_up(refund).state is Lookup.SETTLED
    assert account.gateway.perform(refund).kind is OutcomeKind.APPROVED  # the identical request: no second refund
    assert [charge["refunded_minor"] for charge in account.world.charges_of(account.name)] == [1230]


@every_gateway
def test_gateway_that_refuses_connections_is_not_reached_through_the_vault(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    if gateway == "paypal":
        assert account.gateway.probe() == ""
    with account.wire.refusing():
        outcome = account.gateway.perform(call)
    assert outcome.kind is OutcomeKind.NOT_REACHED, outcome


@every_gateway
def test_vault_that_refuses_connections_is_not_reached(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    account.world.post("/outage", gateway="vault", on=True)
    try:
        outcome = account.gateway.perform(call)
    finally:
        account.world.post("/outage", gateway="vault", on=False)
    assert outcome.kind is OutcomeKind.NOT_REACHED, outcome


@every_gateway
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("http_500", OutcomeKind.UNKNOWN), ("http_500_after", OutcomeKind.UNKNOWN), ("http_429", OutcomeKind.NOT_REACHED)],
)
def test_error_statuses_are_told_apart(connect: Connect, gateway: str, behaviour: str, kind: OutcomeKind) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    account.world.post("/scenarios", gateway=gateway, operation="confirm", behaviour=behaviour)
    assert account.gateway.perform(call).kind is kind


@every_gateway
def test_token_that_the_vault_does_not_know_is_a_decline(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call = confirm_call(account)
    assert isinstance(call.credential, CardCredential)
    stranger = replace(call, credential=replace(call.credential, vault_token="tok_" + "0" * 32))
    outcome = account.gateway.perform(stranger)
    assert outcome.kind is OutcomeKind.DECLINED
    assert outcome.decline is not None
    assert outcome.decline.reason == "token_invalid"


@every_gateway
def test_probe_tells_good_credentials(connect: Connect, gateway: str) -> None:
    assert connect(gateway).gateway.probe() == ""


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
def test_challenge_sends_the_shopper_to_the_issuer(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    outcome = account.gateway.perform(confirm_call(account, "4000002760003184"))
    assert outcome.kind is OutcomeKind.ACTION_REQUIRED
    assert outcome.next_action is not None
    assert outcome.next_action.url.startswith("http://127.0.0.1:")


@synchronous
def test_webhooks_of_a_payment_are_verified_and_name_our_attempt(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    authorised(account)
    assert account.told("payment.authorised").amount == EUR_12_30


@pytest.mark.forced_replies
@every_gateway
def test_forged_webhook_is_refused(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    account.world.post("/webhooks/forge", gateway=gateway, account=account.name)
    headers, body = account.received.taken[-1]
    with pytest.raises(WebhookRejected):
        account.gateway.verify_webhook(headers, body)
