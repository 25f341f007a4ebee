"""Several captures and refunds of one payment: each is its own, and together they are what the gateway's books say."""

from __future__ import annotations

import pytest
from simulated_accounts import EUR_12_30
from test_contract_payments import EUR_4_30, EUR_8_00, authorised, captured, following
from verb_calls import Connect, gateways_with

from currency.money import Money
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.capabilities import Verb
from routing.outcomes import OutcomeKind


@pytest.mark.parametrize("gateway", gateways_with(Verb.CAPTURE_SEVERAL))
def test_several_captures_and_refunds_add_up_in_the_books(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    call, done = authorised(account)
    first = captured(account, call, done, amount=EUR_4_30, final_capture=False)
    second = captured(account, call, done, amount=EUR_8_00, captured_before=EUR_4_30)
    book = account.world.book_of(account.name)
    assert (book["captured_minor"], book["refunded_minor"]) == (EUR_12_30.minor, 0)
    for taken, amount in ((first, EUR_4_30), (second, Money(500, "EUR"))):
        refund = following(account, OperationKind.REFUND, call, taken, amount=amount)
        if account.gateway.perform(refund).kind is OutcomeKind.PENDING:
            account.told("refund.succeeded", operation_reference=refund.operation_id)
    assert account.world.book_of(account.name)["refunded_minor"] == EUR_4_30.minor + 500
    [charge] = account.world.charges_of(account.name)
    assert (charge["captured_minor"], charge["refunded_minor"]) == (EUR_12_30.minor, EUR_4_30.minor + 500)


@pytest.mark.parametrize("gateway", gateways_with(Verb.CAPTURE_SEVERAL))
def test_what_is_not_captured_can_be_let_go_after_a_capture(connect: Connect, gateway: str) -> None:
    """`captured_before` is what makes the second capture's own amount known where the gateway tells the sum only."""
    account = connect(gateway)
    call, done = authorised(account)
    captured(account, call, done, amount=EUR_4_30, final_capture=False)
    rest = following(account, OperationKind.CAPTURE, call, done, amount=Money(100, "EUR"), captured_before=EUR_4_30)
    outcome = account.gateway.perform(rest)
    if outcome.kind is OutcomeKind.PENDING:
        account.told("payment.captured", operation_reference=rest.operation_id)
    else:
        assert (outcome.kind, outcome.amount) == (OutcomeKind.APPROVED, Money(100, "EUR"))
    assert account.world.book_of(account.name)["captured_minor"] == EUR_4_30.minor + 100
