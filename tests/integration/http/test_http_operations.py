"""Gateway accounts, routing rules, reconciliation, webhooks, health."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from http_driving import Api

STRIPE = {"gateway": "stripe", "label": "Stripe", "credentials": {"secret_key": "sk_test_abc"}, "verify": False}
PAYPAL = {
    "gateway": "paypal",
    "label": "PayPal",
    "credentials": {"client_id": "client", "client_secret": "secret"},
    "verify": False,
}
RULES = [{"name": "euro", "when": {"currency": ["EUR"]}, "then": {"accounts": ["stripe"]}}]


async def test_credentials_go_in_and_never_come_out(api: Api) -> None:
    made = await api.post("/v1/gateway-accounts", {**STRIPE, "fees": {"bps": 150, "fixed_minor": {"EUR": 25}}})
    account = made.json()
    assert made.status_code == 201
    assert account["webhook_url"] == f"http://127.0.0.1:8000/webhooks/{account['id']}"
    assert (account["fees"]["bps"], account["fees"]["fixed_minor"]) == (150, {"EUR": 25})
    listed = await api.get("/v1/gateway-accounts")
    read = await api.get(f"/v1/gateway-accounts/{account['id']}")
    assert all("sk_test_abc" not in answer.text for answer in (made, listed, read))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"gateway": "paysafe"}, "gateway"),
        ({"credentials": {}}, "credentials.secret_key"),
        ({"credentials": {"secret_key": "a", "colour": "b"}}, "credentials.colour"),
        ({"capabilities": {"currencies": ["ZZZ"]}}, "capabilities.currencies[0]"),
        ({"mode": "prod"}, "mode"),
    ],
)
async def test_an_account_that_cannot_work_is_refused_by_field(api: Api, change: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/gateway-accounts", {**STRIPE, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert answer.json()["errors"][0]["field"] == field


async def test_a_disabled_account_is_out_of_the_plan_until_it_is_enabled(api: Api) -> None:
    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    facts = {"amount": {"amount": 100, "currency": "EUR"}}
    await api.post(f"/v1/gateway-accounts/{account}/disable")
    without = (await api.post("/v1/routing/simulate", facts)).json()
    await api.post(f"/v1/gateway-accounts/{account}/enable")
    again = (await api.post("/v1/routing/simulate", facts)).json()
    assert (without["steps"], without["reasons"][0]["why"]) == ([], "the account is switched off")
    assert again["steps"] == [account]


async def test_a_rule_set_is_in_force_when_it_is_activated(api: Api) -> None:
    assert (await api.get("/v1/rule-sets/active")).status_code == 404
    draft = (await api.post("/v1/rule-sets", {"rules": RULES})).json()
    activated = await api.post(f"/v1/rule-sets/{draft['id']}/activate")
    active = (await api.get("/v1/rule-sets/active")).json()
    assert (draft["state"], activated.status_code) == ("draft", 200)
    assert (active["id"], active["state"], active["document"]) == (draft["id"], "active", {"rules": RULES})


async def test_rules_that_cannot_be_read_are_refused_with_every_problem(api: Api) -> None:
    answer = await api.post("/v1/rule-sets", {"rules": [{"name": "x", "when": {"colour": ["red"]}, "then": {}}, {}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "rule_set_invalid")
    assert {"rules[0].when.colour", "rules[1].name"} <= {error["field"] for error in answer.json()["errors"]}


async def test_a_rule_set_that_is_no_draft_is_not_activated(api: Api) -> None:
    answer = await api.post(f"/v1/rule-sets/rs_{'0' * 32}/activate")
    assert (answer.status_code, answer.json()["code"]) == (404, "rule_set_not_draft")


async def test_a_file_that_is_no_report_is_kept_as_failed_and_said_so(api: Api) -> None:
    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    path = f"/v1/settlement-files?gateway_account_id={account}&name=notes.txt"
    answer = await api.post(path, b"dear all, 4242424242424242")
    assert (answer.status_code, answer.json()["state"]) == (201, "failed")
    assert answer.json()["error"]


async def test_reconciling_nothing_finds_nothing(api: Api) -> None:
    answer = await api.post("/v1/reconciliation/runs")
    assert (answer.status_code, answer.json()["breaks_by_kind"]) == (201, {})
    assert (await api.get("/v1/reconciliation/breaks")).json()["data"] == []


@pytest.mark.parametrize(("kind", "start"), [("csv", b"\xef\xbb\xbfstatus,"), ("xlsx", b"PK")])
async def test_the_report_is_a_file(api: Api, kind: str, start: bytes) -> None:
    answer = await api.get(f"/v1/reconciliation/report.{kind}")
    assert answer.status_code == 200
    assert answer.content.startswith(start)
    assert f"reconciliation.{kind}" in answer.headers["content-disposition"]


async def test_a_moment_without_time_zone_is_refused(api: Api) -> None:
    answer = await api.post("/v1/reconciliation/runs", {"as_of": "2026-11-23T00:00:00"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "as_of")


async def test_a_forged_webhook_is_turned_away_and_counted(api: Api) -> None:
    credentials = {"secret_key": "sk_test_abc", "webhook_secret": "whsec_abc"}
    account = (await api.post("/v1/gateway-accounts", {**STRIPE, "credentials": credentials})).json()["id"]
    headers = {"Stripe-Signature": "t=1,v1=00"}
    answer = await api.client.post(f"/webhooks/{account}", content=b'{"id": "evt_1"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "webhook_rejected")
    summary = (await api.get("/v1/webhook-messages/summary")).json()
    assert (summary["received"], summary["rejected"]) == (0, 1)
    assert (await api.get("/v1/webhook-messages")).json()["data"] == []


async def test_a_webhook_for_no_account_is_not_found(api: Api) -> None:
    answer = await api.client.post(f"/webhooks/ga_{'0' * 32}", content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_events_are_listed_newest_first(api: Api, new_payment: dict[str, Any]) -> None:
    made = [(await api.post("/v1/payments", new_payment)).json()["id"] for _ in range(2)]
    events = (await api.get("/v1/events")).json()["data"]
    of_one = (await api.get("/v1/events", params={"object_id": made[0]})).json()["data"]
    assert [event["object_id"] for event in events] == made[::-1]
    assert [event["object_id"] for event in of_one] == made[:1]


async def test_it_is_ready_while_the_clock_beats(api: Api) -> None:
    from orchestrator import clock_port, outbox

    assert (await api.client.get("/healthz")).status_code == 200
    never = await api.client.get("/readyz")
    await outbox.beat("clock", clock_port.now())
    now = await api.client.get("/readyz")
    await outbox.beat("clock", clock_port.now() - timedelta(minutes=5))
    late = await api.client.get("/readyz")
    assert [answer.status_code for answer in (never, now, late)] == [503, 200, 503]
    assert [answer.json()["checks"]["clock"]["ok"] for answer in (never, now, late)] == [False, True, False]


async def test_metrics_count_payments_by_status(api: Api, new_payment: dict[str, Any]) -> None:
    await api.post("/v1/payments", new_payment)
    text = (await api.client.get("/metrics")).text
    assert 'clearway_payments{status="requires_payment_method"} 1.0' in text
    assert "clearway_outbox_parked 0.0" in text


async def test_webhook_that_finds_every_thread_taken_is_told_to_come_again(api: Api) -> None:
    from orchestrator.gateways import connections

    account = (await api.post("/v1/gateway-accounts", PAYPAL)).json()["id"]  # a certificate has to be fetched
    threads = (await connections.connect(account)).threads
    threads._taken = threads._limit  # as if calls hung
    try:
        answer = await api.client.post(f"/webhooks/{account}", content=b"{}")
    finally:
        threads._taken = 0
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


async def test_webhook_that_needs_no_thread_is_checked_though_every_thread_is_taken(api: Api) -> None:
    from orchestrator.gateways import connections

    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    threads = (await connections.connect(account)).threads
    threads._taken = threads._limit
    try:
        answer = await api.client.post(f"/webhooks/{account}", content=b"{}", headers={"Stripe-Signature": "t=1,v1=00"})
    finally:
        threads._taken = 0
    assert (answer.status_code, answer.json()["code"]) == (401, "webhook_rejected")
