"""Each way for a simulated gateway to fail, at each call that moves money or keeps a credential: the outcome is right,
and nothing is done twice.

After the fault the call is settled as the product does it (orchestrator/payments/resolver.py): look-up, else the
identical request and its answer where that is proof, else what the gateway tells by webhook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from simulated_accounts import APPROVED_CARD, Account
from test_contract_marketplace import EUR_10
from test_contract_payments import EUR_4_30, EUR_8_00, authorised, captured, following, operation
from test_contract_saved_methods import methods_of, save_order
from verb_calls import CALLS, Connect, Prepared, Result, gateways_with, kind_of, operation_of

from orchestrator.gateways.base import Lookup, OperationCall, OperationKind
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.facets import SaveOrder
from orchestrator.payments.outcomes import is_proof
from routing.outcomes import Outcome, OutcomeKind

FULL = 1230
SHORT_S = 2.0
HANG_S = 3.5


@dataclass(frozen=True)
class Expected:
    """What the books show once the call was done exactly once."""

    captured_minor: int = 0
    refunded_minor: int = 0
    voided: bool = False


def refund_of_a_part_that_was_captured(account: Account) -> Prepared:
    call, done = authorised(account)
    taken = captured(account, call, done, amount=EUR_8_00)
    return operation(account, following(account, OperationKind.REFUND, call, taken, amount=EUR_4_30))


MONEY: dict[Verb, Expected] = {
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
    Verb.SAVE_WITH_PAYMENT: Expected(),
    Verb.CHARGE_SAVED: Expected(),
    Verb.CHARGE_SAVED_BY_MERCHANT: Expected(),
    Verb.SPLIT: Expected(captured_minor=FULL),
}
FAULTS = {
    "refused": OutcomeKind.NOT_REACHED,
    "http_429": OutcomeKind.NOT_REACHED,
    "lose_request": OutcomeKind.UNKNOWN,
    "lose_reply": OutcomeKind.UNKNOWN,
    "hang": OutcomeKind.UNKNOWN,
    "http_500": OutcomeKind.UNKNOWN,
    "http_500_after": OutcomeKind.UNKNOWN,
    # the work is done, and what comes back cannot be read: no refusal, and no reason to ask another gateway
    "malformed_json": OutcomeKind.UNKNOWN,
    "html_instead": OutcomeKind.UNKNOWN,
    "html_instead_200": OutcomeKind.UNKNOWN,
    "html_instead_403": OutcomeKind.UNKNOWN,
    "truncated_body": OutcomeKind.UNKNOWN,
    "empty_body": OutcomeKind.UNKNOWN,
}
UNREADABLE = ("malformed_json", "html_instead", "html_instead_200", "html_instead_403", "truncated_body", "empty_body")
# Stripe replays a stored 500 as a 500 for as long as the key lives: https://docs.stripe.com/api/idempotent_requests.
# Where the object shows that nothing was done, a person decides; nothing is guessed.
LEFT_OPEN = {("stripe", "http_500"), ("stripe", "http_500_after")}
_WEBHOOK = {OperationKind.CAPTURE: "payment.captured", OperationKind.VOID: "payment.canceled"}
_AUTHORISING = (OperationKind.CONFIRM, OperationKind.COMPLETE)


def matrix(verbs: Iterable[Verb]) -> list[Any]:
    return [pytest.param(g, v, f, marks=_marks(f)) for v in verbs for g in gateways_with(v) for f in FAULTS]


def _marks(fault: str) -> tuple[pytest.MarkDecorator, ...]:
    """What a broken answer looks like is in no gateway's contract."""
    return (pytest.mark.forced_replies,) if fault in UNREADABLE else ()


def account_for(connect: Connect, gateway: str, fault: str) -> Account:
    return connect(gateway, read_timeout_s=SHORT_S) if fault == "hang" else connect(gateway)


@pytest.mark.parametrize(("gateway", "verb", "fault"), matrix(MONEY), ids=str)
def test_fault_is_told_truly_and_settled_with_the_money_moved_once(
    connect: Connect, gateway: str, verb: Verb, fault: str
) -> None:
    account = account_for(connect, gateway, fault)
    held(account, CALLS[verb](account), fault, operation_of(verb), MONEY[verb])


@pytest.mark.parametrize("fault", [pytest.param(fault, marks=_marks(fault)) for fault in FAULTS])
@pytest.mark.parametrize("gateway", gateways_with(Verb.REFUND_PARTIAL))
def test_fault_at_the_refund_of_a_partial_capture_refunds_once(connect: Connect, gateway: str, fault: str) -> None:
    account = account_for(connect, gateway, fault)
    prepared = refund_of_a_part_that_was_captured(account)
    held(account, prepared, fault, "refund", Expected(captured_minor=EUR_8_00.minor, refunded_minor=EUR_4_30.minor))


def held(account: Account, prepared: Prepared, fault: str, operation: str, expected: Expected) -> None:
    """The call under the fault, settled; then the settled outcome and the books say the same, and nothing is twice."""
    outcome = under(account, prepared, fault, operation)
    assert kind_of(outcome) is FAULTS[fault], outcome
    settled = settle(account, prepared)
    if (account.gateway.name, fault) in LEFT_OPEN and settled.kind is OutcomeKind.UNKNOWN:
        assert_at_most(account, expected)
        return
    assert settled.kind in (OutcomeKind.APPROVED, OutcomeKind.PENDING), settled
    if settled.kind is OutcomeKind.PENDING:
        _await_webhook(account, prepared)
    assert_books(account, expected)


def under(account: Account, prepared: Prepared, fault: str, operation: str = "*") -> Result:
    """The call, made while the gateway has the fault; on return all that the gateway will do for it is done."""
    if fault == "refused":
        with account.wire.refusing():
            return prepared.send()
    if fault != "hang":
        behaviour, _, status = fault.partition("html_instead_")
        account.trouble(behaviour or "html_instead", operation, **({"status": int(status)} if status else {}))
        return prepared.send()
    account.trouble("delay", operation, seconds=HANG_S)
    before = len(account.wire.transcript)
    outcome = prepared.send()
    with account.wire.moved:
        ended = account.wire.moved.wait_for(lambda: _is_late(account, before), timeout=90)
    assert ended, "the gateway never came back from the delay"
    return outcome


def _is_late(account: Account, before: int) -> bool:
    """The reply of the call that counts has come, though nobody waits for it any more: it is the last on the wire."""
    said = account.wire.transcript[before:]
    return bool(said) and not said[-1].path.endswith(("/payment_methods", "/oauth2/token"))


def settle(account: Account, prepared: Prepared) -> Outcome:
    """By look-up, else by the identical request within the key's window, else (no such proof) by webhook."""
    assert prepared.call is not None
    found = account.gateway.look_up(prepared.call)
    if found.state is Lookup.SETTLED:
        assert found.outcome is not None
        return found.outcome
    again = prepared.send()
    assert isinstance(again, Outcome)
    if is_proof(again) or account.gateway.can_look_up:
        return again
    return told(account, prepared.call)


def told(account: Account, call: OperationCall) -> Outcome:
    """What the gateway's signed webhook says of an authorisation that no call reads."""
    assert call.kind in _AUTHORISING, call
    message = account.told("payment.authorised", reference=call.attempt_id)
    assert message.amount == call.amount, message
    return Outcome(OutcomeKind.APPROVED, message.amount, message.gateway_payment_id, message.gateway_operation_id)


def _await_webhook(account: Account, prepared: Prepared) -> None:
    assert prepared.call is not None
    kind = _WEBHOOK.get(prepared.call.kind, "refund.succeeded")
    account.told(kind, operation_reference=prepared.call.operation_id)


def assert_books(account: Account, expected: Expected) -> None:
    [charge] = [c for c in account.world.charges_of(account.name) if _is_kept(c)]
    found = Expected(charge["captured_minor"], charge["refunded_minor"], charge["voided"])
    assert found == expected
    book = account.world.book_of(account.name)
    assert (book["captured_minor"], book["refunded_minor"]) == (expected.captured_minor, expected.refunded_minor)


def assert_at_most(account: Account, expected: Expected) -> None:
    charges = [c for c in account.world.charges_of(account.name) if _is_kept(c)]
    assert len(charges) <= 1
    for charge in charges:
        assert charge["captured_minor"] <= expected.captured_minor
        assert charge["refunded_minor"] <= expected.refunded_minor


def _is_kept(charge: dict[str, object]) -> bool:
    """Not declined, and no zero-amount check of a card that is being kept."""
    return not charge["declined"] and bool(charge["amount_minor"])


# Adyen, where no call reads a payment and the vault lets go of the security code once the gateway has answered.


def lost_for_good(account: Account) -> OperationCall:
    """An authorisation that was made while nobody waited, and whose identical request cannot be sent any more."""
    prepared = CALLS[Verb.AUTHORISE](account)
    assert prepared.call is not None
    assert kind_of(under(account, prepared, "hang", "confirm")) is OutcomeKind.UNKNOWN
    return prepared.call


def test_answer_of_the_vault_to_a_request_sent_again_is_no_proof_that_nothing_was_charged(connect: Connect) -> None:
    account = connect("adyen", read_timeout_s=SHORT_S)
    call = lost_for_good(account)
    again = account.gateway.perform(call)
    assert again.decline is not None
    assert (again.kind, again.decline.reason) == (OutcomeKind.DECLINED, "token_invalid")
    assert not is_proof(again)
    assert told(account, call).kind is OutcomeKind.APPROVED
    assert_books(account, Expected())


def test_payment_that_nothing_tells_of_is_let_go_by_our_reference(connect: Connect) -> None:
    account = connect("adyen", read_timeout_s=SHORT_S)
    account.world.post("/webhooks/mode", gateway="adyen", mode="lose", event="AUTHORISATION")
    try:
        call = lost_for_good(account)
        void = account.call(OperationKind.VOID, attempt_id=call.attempt_id, payment_id=call.payment_id)
        assert account.gateway.perform(void).kind is OutcomeKind.PENDING
        assert account.told("payment.canceled", reference=call.attempt_id).success
    finally:
        account.world.post("/webhooks/mode", gateway="adyen", mode="normal", event="AUTHORISATION")
    assert_books(account, Expected(voided=True))


# Kept credentials and transfers: settled by what is listed, else by the identical request.


# A late setup token of PayPal's is not found again: the vault has let go of the security code, and so takes the
# identical request no more. Nothing is kept by it: https://developer.paypal.com/docs/api/payment-tokens/v3/.
SAVE_LEFT_OPEN = LEFT_OPEN | {("paypal", fault) for fault in ("hang", *UNREADABLE)}


@pytest.mark.parametrize(("gateway", "verb", "fault"), matrix([Verb.SAVE_METHOD]), ids=str)
def test_fault_while_a_card_is_saved_leaves_one_kept_card(
    connect: Connect, gateway: str, verb: Verb, fault: str
) -> None:
    account = account_for(connect, gateway, fault)
    order = save_order(account)
    saving = Prepared(lambda: methods_of(account).save(order))
    assert kind_of(under(account, saving, fault, operation_of(verb, gateway))) is FAULTS[fault]
    settled = _save_settled(account, order)
    kept = [method for method in account.world.get("/methods") if method["account"] == account.name]
    assert len(kept) == len(settled)
    assert settled in ([[], [APPROVED_CARD[-4:]]] if (gateway, fault) in SAVE_LEFT_OPEN else [[APPROVED_CARD[-4:]]])


def _save_settled(account: Account, order: SaveOrder) -> list[str]:
    facet = methods_of(account)
    found = facet.saved(order.gateway_customer) if order.gateway_customer else None
    if not (found and found.value):
        again = facet.save(order)
        customer = again.value.gateway_customer if again.value else order.gateway_customer
        found = facet.saved(customer) if customer else None
    return [method.last4 for method in (found.value if found and found.value else ())]


@pytest.mark.parametrize(("gateway", "verb", "fault"), matrix([Verb.TRANSFER]), ids=str)
def test_fault_at_a_transfer_moves_the_part_once(connect: Connect, gateway: str, verb: Verb, fault: str) -> None:
    account = account_for(connect, gateway, fault)
    prepared = CALLS[verb](account)
    assert kind_of(under(account, prepared, fault, "payout")) is FAULTS[fault]
    again = kind_of(prepared.send())
    if (gateway, fault) in LEFT_OPEN and again is OutcomeKind.UNKNOWN:
        assert len(TRANSFERS[gateway](account)) <= 1
        return
    assert again in (OutcomeKind.APPROVED, OutcomeKind.PENDING)
    assert TRANSFERS[gateway](account) == [EUR_10.minor]


def _at_stripe(account: Account) -> list[int]:
    """The amounts of all transfers, as the gateway lists them to whoever has the key of the last request."""
    headers = {"authorization": account.passed()[-1].headers["authorization"]}
    listed = requests.get(account.world.urls["stripe"] + "/v1/transfers", headers=headers, timeout=20).json()
    return [transfer["amount"] for transfer in listed["data"]]


def _at_adyen(account: Account) -> list[int]:
    headers = {"x-api-key": account.passed()[-1].headers["x-api-key"]}
    listed = requests.get(account.world.urls["adyen"] + "/btl/v4/transfers", headers=headers, timeout=20).json()
    return [transfer["amount"]["value"] for transfer in listed["data"]]


TRANSFERS: dict[str, Callable[[Account], list[int]]] = {"stripe": _at_stripe, "adyen": _at_adyen}


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
    account.trouble("http_429", "confirm", retry_after=7)
    outcome = prepared.send()
    assert isinstance(outcome, Outcome)
    assert outcome.retry_after_s == 7
