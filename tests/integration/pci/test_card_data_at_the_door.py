"""No card number passes any door, is kept anywhere, or is repeated in an answer."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from http_driving import Api

from orchestrator.abuse import store as abuse_store
from orchestrator.db import fetch
from orchestrator.notifications import store as events

VISA = "4242424242424242"
SPACED = "4242 4242 4242 4242"
PAYMENT: dict[str, Any] = {"amount": {"amount": 1999, "currency": "EUR"}, "reference": "order-1"}


@pytest.mark.parametrize(
    "body",
    [
        {**PAYMENT, "description": f"paid with {SPACED}"},
        {**PAYMENT, "metadata": {"card": VISA}},
        {**PAYMENT, "metadata": {VISA: "x"}},
        {**PAYMENT, "reference": int(VISA)},
        {**PAYMENT, "number": VISA},
    ],
)
async def test_the_api_refuses_a_card_number_and_keeps_nothing(api: Api, body: dict[str, Any]) -> None:
    answer = await api.post("/v1/payments", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused")
    assert "4242" not in answer.text
    assert await fetch("SELECT 1 FROM payment") == []
    kept = await fetch("SELECT body FROM idempotency_record WHERE body LIKE '%4242%'")
    assert kept == []


async def test_the_api_refuses_a_security_code_by_its_name(api: Api) -> None:
    answer = await api.post("/v1/payments", {**PAYMENT, "cvc": "123"})
    assert (answer.status_code, answer.json()["code"]) == (422, "card_field_refused")
    assert "vault" in answer.json()["detail"]


async def test_the_api_refuses_one_in_the_address_and_in_a_header(api: Api) -> None:
    query = await api.get(f"/v1/payments?reference={VISA}")
    encoded = await api.get("/v1/payments?reference=4242%204242%204242%204242")
    path = await api.get(f"/v1/payments/{VISA}")
    header = await api.client.get("/v1/payments", headers={**api.headers(), "X-Customer": SPACED})
    key = await api.post("/v1/payments", PAYMENT, key=VISA)
    for answer in (query, encoded, path, header, key):
        assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused"), answer.text


async def test_an_order_number_of_sixteen_digits_passes(api: Api) -> None:
    answer = await api.post("/v1/payments", {**PAYMENT, "reference": "1234567812345670"}, key="9876543210987654")
    assert answer.status_code == 201, answer.text


async def checkout(api: Api) -> str:
    made = await api.post("/v1/payments", PAYMENT)
    return str(made.json()["checkout_url"]).split("/pay/")[1]


async def test_a_page_refuses_one_in_a_form_and_in_a_files_name(client: httpx.AsyncClient) -> None:
    form = await client.post("/console/login", data={"api_key": VISA})
    upload = await client.post("/console/login", files={"file": (f"{VISA}.pdf", b"x")})
    for answer in (form, upload):
        assert answer.status_code == 422
        assert "4242" not in answer.text


async def test_the_way_back_from_a_bank_is_not_refused(client: httpx.AsyncClient, api: Api) -> None:
    token = await checkout(api)
    answer = await client.get(f"/pay/{token}/return?MD={VISA}")
    assert answer.status_code == 303
    assert [row for row in await fetch("SELECT action_result FROM operation") if VISA in str(row)] == []


async def test_every_page_carries_the_policy_and_names_where_to_report(client: httpx.AsyncClient, api: Api) -> None:
    pages = [f"/pay/{await checkout(api)}", "/console/login", "/no-such-page-here"]
    for path in pages[:2]:
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "report-uri /csp-reports" in policy
        assert answer.headers["reporting-endpoints"] == 'pages="/csp-reports"'
        assert "camera=()" in answer.headers["permissions-policy"]
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        for tag in re.findall(r"<script[^>]*>|<link rel=\"stylesheet\"[^>]*>", answer.text):
            assert 'integrity="sha384-' in tag


async def test_reports_of_browsers_are_counted_and_their_addresses_are_not_kept(client: httpx.AsyncClient) -> None:
    from orchestrator import clock_port

    old = {
        "csp-report": {
            "document-uri": "http://clearway.test/pay/secret-token",
            "effective-directive": "script-src-elem",
            "blocked-uri": "https://evil.example/x.js?y=1",
        }
    }
    new = [
        {
            "type": "csp-violation",
            "url": "http://clearway.test/pay/secret-token",
            "body": {
                "documentURL": "http://clearway.test/pay/t",
                "effectiveDirective": "img-src",
                "blockedURL": "inline",
            },
        }
    ]
    for body in (old, old, new, {"csp-report": 5}, [[]], "x", {"csp-report": {"effective-directive": "'; DROP"}}):
        assert (await client.post("/csp-reports", json=body)).status_code == 204
    assert (await client.post("/csp-reports", content=b"\xff not json")).status_code == 204
    assert (await client.post("/csp-reports", content=b"x" * 30_000)).status_code == 413
    kept = await abuse_store.violations(clock_port.now().date())
    assert sorted(row[1:] for row in kept) == [
        ("checkout", "img-src", "inline", 1),
        ("checkout", "script-src-elem", "https://evil.example", 2),
    ]


async def test_a_flood_of_made_up_reports_stays_small(database: str) -> None:
    from orchestrator import clock_port

    day = clock_port.now().date()
    for number in range(30):
        await abuse_store.add_violation(day, "checkout", "script-src", f"https://{number}.example", 10)
    kept = await abuse_store.violations(day)
    assert len(kept) == 11
    assert ("other", 20) in [(row[3], row[4]) for row in kept]


async def test_a_tester_of_cards_gets_neutral_words_and_a_time(
    client: httpx.AsyncClient, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a gateway account every try fails at once, as a declined card does."""
    answers = []
    for number in range(12):
        token = await checkout(api)
        page = await client.get(f"/pay/{token}")
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found is not None
        card = {"token": f"tok_{number:04d}", "brand": "visa", "last4": f"{number:04d}", "bin": "424242"}
        body = {**card, "expiry_month": 12, "expiry_year": 2030}
        headers = {"x-csrftoken": found[1], "accept-language": "en"}
        answers.append(await client.post(f"/pay/{token}/attempt", json=body, headers=headers))
    assert answers[0].status_code == 200, answers[0].text
    last = answers[-1]
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
    assert last.json() == {
        "status": "failed",
        "message": "This cannot be paid just now. Nothing has been charged. Please try again later.",
        "final": False,
        "url": "",
    }
    assert [event for event in await events.events_of(api.merchant_id, limit=100) if event.type == "abuse.blocked"]
