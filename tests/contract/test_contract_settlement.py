"""Payouts and settlement reports, and our webhook address at the gateways."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from simulated_accounts import Account
from test_contract_payments import authorised, captured
from verb_calls import Case, Connect, Prepared, Result, call_of, cases_of, comes_to

from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.facets import Endpoints, ReportOrder, Settlements
from routing.outcomes import OutcomeKind


def settlements_of(account: Account) -> Settlements:
    facet = account.gateway.facets.settlements
    assert facet is not None, f"{account.gateway.name} has no settlements"
    return facet


def endpoints_of(account: Account) -> Endpoints:
    facet = account.gateway.facets.endpoints
    assert facet is not None, f"{account.gateway.name} has no endpoints"
    return facet


def settled(account: Account) -> dict[str, Any]:
    """What the simulator says of the batch in which one capture is paid out."""
    call, done = authorised(account)
    captured(account, call, done)
    batch: dict[str, Any] = account.world.post("/settle", gateway=account.gateway.name, account=account.name)
    return batch


def span(account: Account) -> tuple[datetime, datetime]:
    now = datetime.fromisoformat(account.world.get("/clock")["now"]).astimezone(UTC)
    return now - timedelta(days=2), now + timedelta(days=1)


def report_order(account: Account) -> ReportOrder:
    batch = settled(account)
    report_id = batch["name"] if account.gateway.name == "adyen" else ""
    if account.gateway.name == "adyen":
        report_id = account.told("report.available").gateway_operation_id or report_id
    since, _ = span(account)
    return ReportOrder(f"op_{secrets.token_hex(8)}", since, since + timedelta(days=2), report_id=report_id)


@call_of(Verb.FETCH_PAYOUTS)
def fetch_payouts(account: Account) -> Prepared:
    settled(account)
    since, until = span(account)
    return Prepared(lambda: settlements_of(account).payouts(since, until))


@call_of(Verb.FETCH_REPORT)
def fetch_report(account: Account) -> Prepared:
    """Where the gateway writes it while one waits, once it is written."""
    order = report_order(account)
    if not order.report_id:
        begun = settlements_of(account).report(order)
        assert begun.kind is OutcomeKind.PENDING, begun
        account.told("report.available", gateway_operation_id=begun.detail)
        order = replace(order, report_id=begun.detail)
    return Prepared(lambda: settlements_of(account).report(order))


@call_of(Verb.REGISTER_ENDPOINT)
def register_endpoint(account: Account) -> Prepared:
    key = f"op_{secrets.token_hex(8)}"
    url = account.received.url + "/registered"
    return Prepared(lambda: endpoints_of(account).register(url, key))


@comes_to(Verb.FETCH_PAYOUTS, OutcomeKind.DECLINED)
def payouts_asked_with_refused_credentials(account: Account) -> Result:
    since, until = span(account)
    account.lock_out()
    return settlements_of(account).payouts(since, until)


@comes_to(Verb.FETCH_REPORT, OutcomeKind.PENDING, "stripe")
def report_that_is_still_being_written(account: Account) -> Result:
    return settlements_of(account).report(report_order(account))


@comes_to(Verb.FETCH_REPORT, OutcomeKind.DECLINED)
def report_that_is_not_there(account: Account) -> Result:
    order = ReportOrder(f"op_{secrets.token_hex(8)}", *span(account), report_id="frr_nowhere")
    return settlements_of(account).report(order)


@comes_to(Verb.REGISTER_ENDPOINT, OutcomeKind.DECLINED)
def address_that_is_none(account: Account) -> Result:
    return endpoints_of(account).register("no address", f"op_{secrets.token_hex(8)}")


@pytest.mark.parametrize("case", cases_of(__name__), ids=str)
def test_call_comes_to_its_outcome(case: Case, connect: Connect) -> None:
    case.play(connect)


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_registered_address_is_told_with_a_secret_that_verifies_and_can_be_removed(
    connect: Connect, gateway: str
) -> None:
    account = connect(gateway)
    endpoints = endpoints_of(account)
    made = endpoints.register(account.received.url + "/registered", f"op_{secrets.token_hex(8)}")
    assert made.value is not None, made
    assert made.value.secrets
    read = endpoints.fetch(made.value.endpoint_id)
    assert read.value is not None, read
    assert (read.value.url, read.value.enabled) == (account.received.url + "/registered", True)
    assert endpoints.remove(made.value.endpoint_id).kind is OutcomeKind.APPROVED
    assert endpoints.fetch(made.value.endpoint_id).kind is OutcomeKind.DECLINED
