"""Cards that one gateway sends to another: the forwarding side, and the request that the receiving side asks for."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from simulated_accounts import APPROVED_CARD, Account
from test_contract_saved_methods import SHOPPER, UNSCHEDULED, customer_of, kept, methods_of
from verb_calls import Case, Connect, Prepared, Result, call_of, cases_of, comes_to, declare, gateways_with

from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.facets import Forwarding, ForwardReply, ForwardRequest, Mirror, SaveOrder
from routing.outcomes import OutcomeKind

UNUSED = CardCredential("", "visa", "4242", 3, 2035)


def forwarding_of(account: Account) -> Forwarding:
    facet = account.gateway.facets.forwarding
    assert facet is not None, f"{account.gateway.name} forwards no cards"
    return facet


def mirror_of(account: Account) -> Mirror:
    facet = account.gateway.facets.mirror
    assert facet is not None, f"{account.gateway.name} keeps no forwarded cards"
    return facet


def mirror_order(account: Account) -> SaveOrder:
    unique = secrets.token_hex(8)
    return SaveOrder(f"op_{unique}", f"pm_{unique}", UNUSED, customer_of(account), UNSCHEDULED, shopper=SHOPPER)


@call_of(Verb.FORWARD)
def forward(account: Account) -> Prepared:
    """To an address that answers 404: what comes of it there is not the point."""
    method = kept(account)
    elsewhere = account.received.url.replace("/webhooks/", "/forwarded/")
    account.world.post("/vault/destinations", url=elsewhere)
    request = ForwardRequest(
        "POST",
        elsewhere,
        {"x-reference": "1"},
        "application/json",
        '{"number": "{number}", "month": "{expiry_month}", "year": "{expiry_year}"}',
    )
    key = f"op_{secrets.token_hex(8)}"
    return Prepared(lambda: forwarding_of(account).forward(method.gateway_token, method.gateway_customer, request, key))


@comes_to(Verb.FORWARD, OutcomeKind.DECLINED)
def card_that_is_not_kept(account: Account) -> Result:
    request = ForwardRequest("POST", account.received.url, {}, "application/json", '{"number": "{number}"}')
    key = f"op_{secrets.token_hex(8)}"
    return forwarding_of(account).forward("pm_nowhere", customer_of(account), request, key)


def _mirrored(reply: Callable[[ForwardReply], ForwardReply]) -> Callable[[Connect, str], Result]:
    """The receiving side's reading of a reply, which another gateway brought."""

    def run(connect: Connect, gateway: str) -> Result:
        sender = next(one for one in gateways_with(Verb.FORWARD) if one != gateway)
        here, there = connect(sender), connect(gateway)
        method, order = kept(here), mirror_order(there)
        request = mirror_of(there).save_request(order)
        answer = forwarding_of(here).forward(
            method.gateway_token, method.gateway_customer, request, order.idempotency_key
        )
        assert answer.value is not None, answer
        return mirror_of(there).read_saved(order, reply(answer.value))

    return run


MIRRORED = [
    Case(Verb.MIRROR, gateway, outcome, name, _mirrored(change))
    for gateway in gateways_with(Verb.MIRROR)
    for outcome, name, change in (
        (OutcomeKind.APPROVED, "as_it_goes_well", lambda reply: reply),
        (OutcomeKind.UNKNOWN, "answered_with_a_500", lambda reply: replace(reply, status=500, body="")),
        (OutcomeKind.NOT_REACHED, "rate_limited", lambda reply: replace(reply, status=429, body="{}")),
        (OutcomeKind.DECLINED, "answered_with_a_401", lambda reply: replace(reply, status=401, body="{}")),
    )
]

declare(__name__, MIRRORED)


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


PAIRS = [(a, b) for a in gateways_with(Verb.FORWARD) for b in gateways_with(Verb.MIRROR) if a != b]


@pytest.mark.parametrize(("sender", "receiver"), PAIRS)
def test_card_kept_at_one_gateway_is_kept_at_the_other(connect: Connect, sender: str, receiver: str) -> None:
    here, there = connect(sender), connect(receiver)
    method = kept(here)
    order = mirror_order(there)
    request = mirror_of(there).save_request(order)
    assert APPROVED_CARD not in str(request)
    answer = forwarding_of(here).forward(method.gateway_token, method.gateway_customer, request, order.idempotency_key)
    assert answer.kind is OutcomeKind.APPROVED, answer
    assert answer.value is not None
    saved = mirror_of(there).read_saved(order, answer.value)
    assert saved.kind is OutcomeKind.APPROVED, saved
    assert saved.value is not None
    found = methods_of(there).saved(saved.value.gateway_customer)
    assert [one.gateway_token for one in found.value or ()] == [saved.value.gateway_token]
