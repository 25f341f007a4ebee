"""Recipients over HTTP: made once, changed, listed, and refused by the name of the field."""

from __future__ import annotations

from typing import Any

import pytest
from http_driving import Api

from currency.money import Money
from orchestrator.clock_port import now
from orchestrator.db import transaction
from orchestrator.ledger import rules
from orchestrator.ledger import service as ledger
from orchestrator.ledger.chart import AccountKind
from orchestrator.ledger.service import JournalKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAYPAL = {
    "gateway": "paypal",
    "label": "PayPal",
    "credentials": {"client_id": "client", "client_secret": "secret"},
    "verify": False,
}


async def paypal(api: Api) -> str:
    return str((await api.post("/v1/gateway-accounts", PAYPAL)).json()["id"])


async def test_a_recipient_is_made_once_and_shown_with_its_accounts(api: Api) -> None:
    account_id = await paypal(api)
    body = {"name": "Ada", "reference": "s-1", "accounts": [{"gateway_account_id": account_id, "recipient": "MERCH"}]}
    made = await api.post("/v1/recipients", body, key="one")
    again = await api.post("/v1/recipients", body, key="one")
    assert (made.status_code, again.json()) == (201, made.json())
    found = (await api.get(f"/v1/recipients/{made.json()['id']}")).json()
    (account,) = found["accounts"]
    assert (account["gateway_account_id"], account["recipient"], account["state"]) == (
        account_id,
        "MERCH",
        "unverified",
    )
    assert found["balances"] == []
    listed = (await api.get("/v1/recipients")).json()["data"]
    assert [row["id"] for row in listed] == [found["id"]]


async def test_a_change_keeps_what_is_not_named(api: Api) -> None:
    account_id = await paypal(api)
    made = (await api.post("/v1/recipients", {"name": "Ada", "metadata": {"a": "b"}})).json()
    change = {"accounts": [{"gateway_account_id": account_id, "recipient": "MERCH2"}]}
    answer = await api.client.patch(f"/v1/recipients/{made['id']}", json=change, headers=api.headers())
    changed = answer.json()
    assert (changed["name"], changed["metadata"]) == ("Ada", {"a": "b"})
    assert [account["recipient"] for account in changed["accounts"]] == ["MERCH2"]
    refreshed = await api.post(f"/v1/recipients/{made['id']}/refresh")
    assert refreshed.json()["accounts"][0]["recipient"] == "MERCH2"


async def test_another_merchants_recipient_and_account_are_not_there(api: Api, other: Api) -> None:
    made = (await api.post("/v1/recipients", {"name": "Ada"})).json()
    for path in ("", "/entries", "/transfers"):
        assert (await other.get(f"/v1/recipients/{made['id']}{path}")).status_code == 404
    accounts = [{"gateway_account_id": await paypal(other), "recipient": "M"}]
    refused = await api.post("/v1/recipients", {"name": "Ben", "accounts": accounts})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "accounts")


async def test_balances_and_entries_are_those_of_the_ledger(api: Api) -> None:
    made = (await api.post("/v1/recipients", {"name": "Ada"})).json()
    entries = rules.captured(Money(1000, "EUR"), "ga_1", AccountKind.SALES, {made["id"]: Money(700, "EUR")})
    async with transaction():
        await ledger.post("x", entries, merchant_id=api.merchant_id, kind=JournalKind.PAYMENT, at=now())
    found = (await api.get(f"/v1/recipients/{made['id']}")).json()
    assert found["balances"] == [{"amount": 700, "currency": "EUR"}]
    (entry,) = (await api.get(f"/v1/recipients/{made['id']}/entries")).json()["data"]
    assert [row["recipient_id"] for row in entry["transfers"]] == ["", made["id"]]


@pytest.mark.parametrize(
    ("splits", "field"),
    [
        ([{"recipient_id": "rcp_x", "bps": 1000}], "splits[0].recipient_id"),
        ([{"recipient_id": "rcp_x"}], "splits[0]"),
        ([{"recipient_id": "rcp_x", "amount": 2000}], "splits"),
    ],
)
async def test_splits_that_cannot_be_are_refused_by_the_field(
    api: Api, new_payment: dict[str, Any], splits: list[dict[str, Any]], field: str
) -> None:
    refused = await api.post("/v1/payments", {**new_payment, "splits": splits})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_splits_are_shown_with_the_payment(api: Api, new_payment: dict[str, Any]) -> None:
    recipient_id = (await api.post("/v1/recipients", {"name": "Ada"})).json()["id"]
    made = await api.post("/v1/payments", {**new_payment, "splits": [{"recipient_id": recipient_id, "bps": 5000}]})
    part = {"recipient_id": recipient_id, "amount": {"amount": 1000, "currency": "EUR"}, "bps": 5000}
    assert made.json()["splits"] == [part]
    assert (await api.get(f"/v1/payments/{made.json()['id']}")).json()["splits"] == [part]
