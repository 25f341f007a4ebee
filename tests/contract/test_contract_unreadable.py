"""Answers that cannot be read: never a refusal and never an approval, whatever stands behind them; what only reads is
asked again. What a proxy says is not taken for the gateway's word."""

from __future__ import annotations

import pytest
from coverage_matrix import load
from simulated_accounts import DECLINED_CARD, GATEWAYS
from test_contract_faults import MONEY, UNREADABLE, settle, under
from test_contract_payments import confirm_call, operation
from verb_calls import CALLS, LOCAL, Connect, Prepared, gateways_with, kind_of, operation_of, usual

from orchestrator.gateways.base import Lookup, LookupResult, OperationKind
from orchestrator.gateways.capabilities import Verb
from routing.breaker import is_technical_failure
from routing.outcomes import OutcomeKind

pytestmark = pytest.mark.forced_replies  # what a broken answer looks like is in no gateway's contract

load()
OTHERS = [
    (gateway, verb)
    for verb in CALLS
    if verb not in MONEY
    for gateway in gateways_with(verb)
    if (gateway, verb) not in LOCAL
]
READABLE = {
    *((gateway, Verb.DETACH_METHOD, "empty_body") for gateway in ("adyen", "paypal")),  # answered with 204
    ("adyen", Verb.FETCH_REPORT, "malformed_json"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_refusal_that_cannot_be_read_is_unknown_until_the_gateway_says_it_again(
    connect: Connect, gateway: str, fault: str
) -> None:
    account = connect(gateway)
    call = confirm_call(account, DECLINED_CARD)
    prepared = operation(account, call)
    outcome = under(account, prepared, fault, "confirm")
    assert kind_of(outcome) is OutcomeKind.UNKNOWN
    assert is_technical_failure(kind_of(outcome))
    if account.gateway.can_look_up:
        assert settle(account, prepared).kind is OutcomeKind.DECLINED
    else:
        account.told("payment.declined", reference=call.attempt_id)
    assert not [charge for charge in account.world.charges_of(account.name) if not charge["declined"]]


@pytest.mark.parametrize("verb", MONEY)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_answer_of_another_content_type_is_read_all_the_same(connect: Connect, gateway: str, verb: Verb) -> None:
    if gateway not in gateways_with(verb):
        pytest.skip(f"{gateway} has no {verb}")
    account = connect(gateway)
    prepared = CALLS[verb](account)
    account.trouble("wrong_content_type", operation_of(verb))
    assert kind_of(prepared.send()) is usual(gateway, verb)


@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize(("gateway", "verb"), OTHERS, ids=str)
def test_any_other_call_that_cannot_be_read_says_nothing(
    connect: Connect, gateway: str, verb: Verb, fault: str
) -> None:
    account = connect(gateway)
    prepared = CALLS[verb](account)
    if (gateway, verb, fault) in READABLE:
        pytest.skip("what is spoilt here is what cannot be told from a good answer: no body, or a file's last line")
    assert kind_of(under(account, prepared, fault, operation_of(verb, gateway))) is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize("gateway", gateways_with(Verb.LOOK_UP))
def test_look_up_that_could_not_be_read_is_asked_again(connect: Connect, gateway: str, fault: str) -> None:
    account = connect(gateway)
    prepared = operation(account, confirm_call(account))
    assert kind_of(prepared.send()) is OutcomeKind.APPROVED
    call = prepared.call
    assert call is not None
    asked = under(account, Prepared(lambda: account.gateway.look_up(call)), fault, "lookup")
    assert isinstance(asked, LookupResult)
    assert asked.state is Lookup.UNAVAILABLE
    assert account.gateway.look_up(call).state is Lookup.SETTLED


@pytest.mark.parametrize("fault", UNREADABLE)
def test_paypals_token_that_cannot_be_read_is_fetched_anew_and_nothing_was_sent(connect: Connect, fault: str) -> None:
    account = connect("paypal")
    card = account.world.tokenise(DECLINED_CARD)
    create = operation(account, account.call(OperationKind.CREATE, credential=card))
    assert kind_of(under(account, create, fault, "token")) is OutcomeKind.NOT_REACHED
    assert kind_of(create.send()) is OutcomeKind.APPROVED
