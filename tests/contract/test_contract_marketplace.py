"""Parts of payments that go to others: splits, transfers after the capture, and whether a recipient can be paid."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from shopper_methods import debit
from simulated_accounts import EUR_12_30, Account
from test_contract_payments import confirm_call, operation, undecided_card
from verb_calls import Case, Connect, Prepared, Result, call_of, cases_of, comes_to

from currency.money import Money
from orchestrator.gateways.base import CaptureMode, Split
from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.facets import TransferOrder, Transfers
from routing.outcomes import OutcomeKind

_PAYER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # of PayPal's merchant ids, 13 of them
EUR_10 = Money(1000, "EUR")


def recipient_of(account: Account) -> str:
    """Another account at the same simulated gateway, onboarded to this one's platform."""
    unique = secrets.token_hex(4)
    merchant_id = "".join(secrets.choice(_PAYER_ALPHABET) for _ in range(13))
    names = {"stripe": f"acct_{unique}", "adyen": f"BA{unique.upper()}", "paypal": merchant_id}
    name = names[account.gateway.name]
    credentials: dict[str, Any] = {"platform": account.name, "payouts": "enabled"}
    account.world.post("/accounts", gateway=account.gateway.name, account=name, credentials=credentials)
    return name


def transfers_of(account: Account) -> Transfers:
    facet = account.gateway.facets.transfers
    assert facet is not None, f"{account.gateway.name} has no transfers"
    return facet


def transfer_order(account: Account, recipient: str) -> TransferOrder:
    taken = account.gateway.perform(confirm_call(account, capture=CaptureMode.AUTOMATIC))
    assert taken.kind is OutcomeKind.APPROVED, taken
    unique = secrets.token_hex(8)
    return TransferOrder(f"op_{unique}", recipient, EUR_10, taken.gateway_operation_id, f"pay_{unique}", "part 1")


@call_of(Verb.SPLIT)
def split(account: Account) -> Prepared:
    parts = (Split(recipient_of(account), EUR_10, "part 1"),)
    return operation(account, confirm_call(account, capture=CaptureMode.AUTOMATIC, splits=parts))


@call_of(Verb.TRANSFER)
def transfer(account: Account) -> Prepared:
    order = transfer_order(account, recipient_of(account))
    return Prepared(lambda: transfers_of(account).transfer(order))


@call_of(Verb.RECIPIENT_STATUS)
def recipient_status(account: Account) -> Prepared:
    recipient = recipient_of(account)
    return Prepared(lambda: transfers_of(account).recipient(recipient))


@comes_to(Verb.SPLIT, OutcomeKind.PENDING, "stripe")
def debit_whose_part_is_anothers_takes_days(account: Account) -> Result:
    parts = (Split(recipient_of(account), EUR_10, "part 1"),)
    return account.gateway.perform(confirm_call(account, debit(), capture=CaptureMode.AUTOMATIC, splits=parts))


@comes_to(Verb.SPLIT, OutcomeKind.PENDING, "adyen")
def holder_whose_split_payment_stays_received(account: Account) -> Result:
    parts = (Split(recipient_of(account), EUR_10, "part 1"),)
    card = undecided_card(account)
    return account.gateway.perform(confirm_call(account, card, capture=CaptureMode.AUTOMATIC, splits=parts))


@comes_to(Verb.SPLIT, OutcomeKind.PENDING, "paypal")
def paypal_looks_into_a_split_payment_first(account: Account) -> Result:
    prepared = split(account)
    account.trouble("decline", "confirm", reason="pending")
    return prepared.send()


@comes_to(Verb.SPLIT, OutcomeKind.DECLINED)
def part_of_a_recipient_that_is_not_onboarded_is_refused_before_any_call(account: Account) -> Result:
    card = account.world.tokenise("4242424242424242")
    first = account.gateway.authorise_steps[0]
    before = len(account.passed())
    outcome = account.gateway.perform(account.call(first, credential=card, splits=(Split("", EUR_10),)))
    assert len(account.passed()) == before
    assert outcome.decline is not None
    assert (outcome.decline.reason, outcome.decline.gateway_code) == ("merchant_config", "recipient_not_onboarded")
    return outcome


@comes_to(Verb.TRANSFER, OutcomeKind.DECLINED)
def transfer_to_somebody_whom_the_gateway_does_not_know(account: Account) -> Result:
    return transfers_of(account).transfer(transfer_order(account, "acct_nowhere"))


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_parts_of_more_than_the_payment_are_refused_before_any_call(connect: Connect, gateway: str) -> None:
    account = connect(gateway)
    recipient = "somebody"
    parts = (Split(recipient, EUR_10), Split(recipient, EUR_10))
    card = account.world.tokenise("4242424242424242")
    call = account.call(account.gateway.authorise_steps[0], credential=card, splits=parts, amount=EUR_12_30)
    assert account.gateway.perform(call).kind is OutcomeKind.DECLINED
    assert account.passed() == []
