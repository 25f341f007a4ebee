"""Adyen's reports: downloaded for its report user, from its own address only."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from adyen_served import Served, adyen, reason_of, served, whole_adyen

from orchestrator.gateways.facets import ReportOrder
from routing.outcomes import OutcomeKind

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as address:
        yield address


@pytest.fixture
def facets(at: Served) -> Iterator[Any]:
    with whole_adyen(at) as gateway:
        yield gateway.facets


def order(report_id: str) -> ReportOrder:
    return ReportOrder("key_1", NOW, NOW, report_id)


def test_report_is_downloaded_by_name_with_the_report_users_password(at: Served, facets: Any) -> None:
    rows = b"Company Account;Merchant Account\n" * 2000
    at.answer("GET /reports/download/MerchantAccount/Shop/settlement_7.csv", 200, rows)
    answer = facets.settlements.report(order("settlement_7.csv"))
    assert (answer.kind, answer.value.name, answer.value.content) == (OutcomeKind.APPROVED, "settlement_7.csv", rows)
    expected = base64.b64encode(b"report@Company.Shop:pw").decode()
    assert at.only().headers["authorization"] == f"Basic {expected}"
    assert "x-api-key" not in at.only().headers
    assert "Company Account" not in str(answer.exchange)


def test_report_is_downloaded_by_the_address_that_was_announced(at: Served, facets: Any) -> None:
    path = "/reports/download/MerchantAccount/Shop/settlement_7.csv"
    at.answer(f"GET {path}", 200, b"rows")
    assert facets.settlements.report(order(at.url + path)).value.content == b"rows"


@pytest.mark.parametrize(
    "report_id",
    [
        "http://attacker.example/reports/download/MerchantAccount/Shop/x.csv",
        "https://ca-live.adyen.com.attacker.example/reports/download/x.csv",
        "{url}/reports/download/../../v72/payments",
        "{url}/reports/download/%2e%2e/%2e%2e/v72/payments",
        "{url}/other/x.csv",
        "../../x.csv",
        "..",
        "",
    ],
)
def test_credentials_go_nowhere_but_to_our_own_reports(at: Served, facets: Any, report_id: str) -> None:
    answer = facets.settlements.report(order(report_id.format(url=at.url)))
    assert reason_of(answer) == "invalid_request"
    assert at.taken == []


def test_report_without_a_report_user_is_refused_unsent(at: Served) -> None:
    with adyen(at) as gateway:
        assert gateway.facets.settlements is not None
        answer = gateway.facets.settlements.report(order("x.csv"))
    assert reason_of(answer) == "merchant_config"
    assert "report_username" in answer.detail
    assert at.taken == []


@pytest.mark.parametrize(("status", "kind"), [(401, OutcomeKind.DECLINED), (500, OutcomeKind.UNKNOWN)])
def test_page_in_place_of_a_report_is_no_report(at: Served, facets: Any, status: int, kind: OutcomeKind) -> None:
    at.answer("GET /reports/download/MerchantAccount/Shop/x.csv", status, b"<html>")
    assert facets.settlements.report(order("x.csv")).kind is kind


def test_payouts_are_in_the_report_only(at: Served, facets: Any) -> None:
    assert facets.settlements.payouts(NOW, NOW).kind is OutcomeKind.DECLINED
    assert at.taken == []
