"""Payouts that the clock makes by itself, in the running process."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
import requests
from sim_driving import Simulators

CREDENTIALS = {
    "stripe": {"secret_key": "sk_test"},
    "adyen": {"api_key": "key"},
    "paypal": {"client_id": "client", "client_secret": "secret"},
}
DAY_S = 86_400


def account_of(simulators: Simulators, gateway: str, **options: str) -> str:
    unique = secrets.token_hex(6)
    credentials = {name: f"{value}_{unique}" for name, value in CREDENTIALS[gateway].items()}
    return simulators.register(gateway, credentials | options)


def payouts_of(simulators: Simulators, account: str) -> list[dict[str, Any]]:
    return [payout for payout in simulators.get("/payouts") if payout["account"] == account]


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
def test_account_with_a_daily_schedule_is_paid_out_when_the_days_have_passed(
    simulators: Simulators, gateway: str
) -> None:
    account = account_of(simulators, gateway, payout_schedule="daily", payout_delay_days="1")
    other = account_of(simulators, gateway)
    for one in (account, other):
        simulators.post("/charges/foreign", gateway=gateway, account=one, amount_minor=10_000, currency="EUR")
    assert payouts_of(simulators, account) == []
    simulators.post("/clock", advance_seconds=3 * DAY_S)
    paid = payouts_of(simulators, account)
    assert [payout["currency"] for payout in paid] == ["EUR"]
    assert 0 < paid[0]["minor"] < 10_000
    assert payouts_of(simulators, other) == []


def test_schedule_that_there_is_not_is_refused(simulators: Simulators) -> None:
    body = {"gateway": "stripe", "account": "a", "credentials": {"secret_key": "k", "payout_schedule": "hourly"}}
    answer = requests.post(simulators.urls["control"] + "/accounts", json=body, timeout=30)
    assert answer.status_code == 422
    assert answer.json()["field"] == "credentials"
