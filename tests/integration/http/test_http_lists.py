"""Filters, cursors and expansions: the same on every list, and no query for each item."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from http_driving import Api, merchant_api

STRIPE = {"gateway": "stripe", "label": "Stripe", "credentials": {"secret_key": "sk_test_abc"}, "verify": False}


async def made(api: Api, amount: int = 1999, **more: Any) -> dict[str, Any]:
    answer = await api.post("/v1/payments", {"amount": {"amount": amount, "currency": "EUR"}, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def listed(api: Api, path: str = "payments", **params: Any) -> list[str]:
    answer = await api.get(f"/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


@contextmanager
def counted_queries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that is sent while the block runs."""
    import asyncpg

    asked: list[str] = []
    original = asyncpg.Connection._execute

    async def counting(self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(query)
        return await original(self, query, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "_execute", counting)
        yield asked


async def test_payments_are_narrowed_by_what_they_are(api: Api) -> None:
    customer = (await api.post("/v1/customers", {"name": "B", "email": "b@b.example"})).json()["id"]
    small, large = await made(api, 500, reference="a"), await made(api, 9000, reference="b", customer_id=customer)
    await api.post(f"/v1/payments/{small['id']}/cancel")
    for params, expected in (
        ({"reference": "a"}, [small]),
        ({"customer_id": customer}, [large]),
        ({"status": "canceled"}, [small]),
        ({"amount": 500}, [small]),
        ({"amount_min": 501}, [large]),
        ({"amount_max": 500}, [small]),
        ({"currency": "USD"}, []),
        ({"created_from": large["created_at"]}, [large]),
        ({"created_to": large["created_at"]}, [small]),
        ({"gateway": "stripe"}, []),
        ({"reference": "a", "amount": 9000}, []),
    ):
        assert await listed(api, **params) == [one["id"] for one in expected], params


async def test_payments_are_narrowed_by_the_gateway_that_was_tried(api: Api) -> None:
    from test_http_whole_surface import _refund_of

    payment = await made(api)
    await _refund_of(payment["id"])
    assert await listed(api, gateway_account_id="ga_none") == []


@pytest.mark.parametrize("path", ["payments", "events"])
async def test_a_moment_without_time_zone_is_refused(api: Api, path: str) -> None:
    answer = await api.get(f"/v1/{path}", params={"created_from": "2026-11-23T10:00:00"})
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["field"] == "created_from"


async def test_events_are_narrowed_by_type_family_and_object_and_read_alone(api: Api, other: Api) -> None:
    payment = await made(api)
    await api.post(f"/v1/payments/{payment['id']}/cancel")
    events = (await api.get("/v1/events", params={"type": "payment.*"})).json()["data"]
    assert [event["type"] for event in events] == ["payment.canceled", "payment.created"]
    assert await listed(api, "events", type="payment.created") == [events[1]["id"]]
    assert await listed(api, "events", type="invoice.*") == []
    assert await listed(api, "events", object_id=payment["id"], created_to=events[0]["created_at"]) == [events[1]["id"]]
    assert (await api.get(f"/v1/events/{events[0]['id']}")).json() == events[0]
    assert (await other.get(f"/v1/events/{events[0]['id']}")).status_code == 404


async def test_an_unknown_expansion_is_refused_with_what_there_is(api: Api) -> None:
    for path, allowed in (("payments", "attempts, customer, disputes, quote, refunds"), ("refunds", "payment")):
        answer = await api.get(f"/v1/{path}", params={"expand[]": "colour"})
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_expansion")
        assert allowed in answer.json()["errors"][0]["message"]


async def test_a_page_of_payments_with_everything_expanded_asks_no_query_for_each(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = (await api.post("/v1/customers", {"name": "B", "email": "b@b.example"})).json()["id"]
    words = {"expand[]": ["customer", "refunds", "attempts", "disputes", "quote"]}
    counts = []
    for _ in range(2):
        for _ in range(4):
            await made(api, customer_id=customer)
        with counted_queries(monkeypatch) as asked:
            items = (await api.get("/v1/payments", params=words)).json()["data"]
        counts.append(len(asked))
    assert len(items) == 8
    assert counts[1] <= counts[0]
    assert all(item["customer"]["id"] == customer and item["refunds"] == [] == item["attempts"] for item in items)


async def test_a_payment_and_a_refund_expand_each_other(api: Api) -> None:
    """The refund is on record only; how it went is for its operation to say."""
    from test_http_whole_surface import _refund_of

    payment = await made(api)
    refund = await _refund_of(payment["id"])
    found = (await api.get(f"/v1/payments/{payment['id']}", params={"expand[]": "refunds"})).json()
    assert [one["id"] for one in found["refunds"]] == [refund]
    [listed_one] = (await api.get("/v1/refunds", params={"expand[]": "payment"})).json()["data"]
    assert (listed_one["id"], listed_one["payment"]["id"]) == (refund, payment["id"])
    assert await listed(api, "refunds", payment_id=payment["id"]) == [refund]
    assert await listed(api, "refunds", payment_id="pay_none") == []


async def test_every_list_continues_after_the_last_id_of_the_page_before(api: Api) -> None:
    made_ids = [(await made(api))["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        found = (await api.get("/v1/payments", params={"limit": 2, **cursor})).json()
        seen += [item["id"] for item in found["data"]]
        if not found["has_more"]:
            break
        cursor = {"starting_after": found["next_cursor"]}
    assert seen == made_ids[::-1]


async def test_gateway_accounts_are_narrowed(api: Api) -> None:
    one = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    two = (await api.post("/v1/gateway-accounts", {**STRIPE, "label": "Two"})).json()["id"]
    await api.post(f"/v1/gateway-accounts/{two}/disable")
    assert await listed(api, "gateway-accounts", enabled="true") == [one]
    assert await listed(api, "gateway-accounts", gateway="adyen") == []
    assert set(await listed(api, "gateway-accounts", mode="test", gateway="stripe")) == {one, two}


async def test_an_account_is_changed_in_what_is_given(api: Api) -> None:
    account = (await api.post("/v1/gateway-accounts", {**STRIPE, "fees": {"bps": 150}})).json()
    change = {"label": "Stripe DE", "priority": 7, "enabled": False, "capabilities": {"currencies": ["EUR"]}}
    answer = await api.client.patch(f"/v1/gateway-accounts/{account['id']}", json=change, headers=api.headers())
    changed = answer.json()
    assert answer.status_code == 200, answer.text
    assert (changed["label"], changed["priority"], changed["enabled"]) == ("Stripe DE", 7, False)
    assert changed["capabilities"]["currencies"] == ["EUR"]
    assert (changed["fees"]["bps"], changed["fees"]["fixed_minor"]) == (150, {})
    assert (await api.get(f"/v1/gateway-accounts/{account['id']}")).json() == changed


async def test_new_credentials_close_the_client_of_the_old(api: Api) -> None:
    from orchestrator.gateways import connections

    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    before = await connections.connect(account)
    closed: list[bool] = []
    original = before.gateway.close
    before.gateway.close = lambda: (closed.append(True), original())[1]  # type: ignore[method-assign]
    new = {"credentials": {"secret_key": "sk_test_new"}, "verify": False}
    answer = await api.client.patch(f"/v1/gateway-accounts/{account}", json=new, headers=api.headers())
    assert answer.status_code == 200, answer.text
    assert "sk_test_new" not in answer.text
    connections._read_at.clear()  # as after LOOK_AGAIN_S
    after = await connections.connect(account)
    assert after.gateway is not before.gateway
    assert closed == [True]
    connections.close_all()


async def test_credentials_of_another_shape_are_refused_by_field_and_the_old_ones_stay(api: Api) -> None:
    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    address = f"/v1/gateway-accounts/{account}"
    answer = await api.client.patch(
        address, json={"label": "No", "credentials": {"colour": "red"}}, headers=api.headers()
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "credentials.secret_key")
    assert (await api.get(address)).json()["label"] == "Stripe"


async def test_an_account_that_was_never_used_is_deleted_and_one_with_a_history_is_not(api: Api) -> None:
    from test_http_whole_surface import _dispute_of

    unused = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    used = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    await _dispute_of(api.merchant_id, used)
    gone = await api.client.delete(f"/v1/gateway-accounts/{unused}", headers=api.headers())
    kept = await api.client.delete(f"/v1/gateway-accounts/{used}", headers=api.headers())
    assert (gone.status_code, (await api.get(f"/v1/gateway-accounts/{unused}")).status_code) == (204, 404)
    assert (kept.status_code, kept.json()["code"]) == (409, "gateway_account_in_use")
    assert (await api.get(f"/v1/gateway-accounts/{used}")).status_code == 200


async def test_another_merchant_changes_and_deletes_no_account(api: Api, other: Api) -> None:
    account = (await api.post("/v1/gateway-accounts", STRIPE)).json()["id"]
    address = f"/v1/gateway-accounts/{account}"
    assert (await other.client.patch(address, json={"label": "x"}, headers=other.headers())).status_code == 404
    assert (await other.client.delete(address, headers=other.headers())).status_code == 404
    assert (await api.get(address)).json()["label"] == "Stripe"


async def test_one_key_serves_a_merchants_program_whichever_of_its_api_keys_it_uses(api: Api) -> None:
    """Keys are the merchant's, by route: a rotated API key repeats a request, and does not make a second payment."""
    from orchestrator.access import service

    again = Api(api.client, api.merchant_id, await service.create_api_key(api.merchant_id, "second"))
    body = {"amount": {"amount": 100, "currency": "EUR"}}
    first = await api.post("/v1/payments", body, key="k1")
    repeated = await again.post("/v1/payments", body, key="k1")
    stranger = await (await merchant_api(api.client, "Third")).post("/v1/payments", body, key="k1")
    elsewhere = await api.post("/v1/customers", {"name": "B", "email": "b@b.example"}, key="k1")
    assert repeated.content == first.content
    assert repeated.headers["idempotent-replayed"] == "true"
    assert stranger.json()["id"] != first.json()["id"]
    assert elsewhere.status_code == 201
    assert await listed(api) == [first.json()["id"]]


async def test_a_key_serves_anew_when_its_time_is_over(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from orchestrator import clock_port
    from orchestrator.http.idempotency import KEPT_FOR

    body, now = {"amount": {"amount": 100, "currency": "EUR"}}, clock_port.now
    first = await api.post("/v1/payments", body, key="k1")
    monkeypatch.setattr(clock_port, "now", lambda: now() + KEPT_FOR - timedelta(minutes=1))
    assert (await api.post("/v1/payments", body, key="k1")).content == first.content
    monkeypatch.setattr(clock_port, "now", lambda: now() + KEPT_FOR + timedelta(minutes=1))
    assert (await api.post("/v1/payments", body, key="k1")).json()["id"] != first.json()["id"]


async def test_every_post_asks_for_a_key(api: Api) -> None:
    """Of every route under /v1 that is a POST: 400 before anything else is looked at but the body."""
    import re

    document = (await api.client.get("/schema/openapi.json")).json()
    posts = [path for path, item in document["paths"].items() if path.startswith("/v1/") and "post" in item]
    assert len(posts) > 25
    for path in posts:
        operation = document["paths"][path]["post"]
        media = (operation.get("requestBody") or {}).get("content") or {}
        body = next(iter(media.values()), {}).get("example") if "application/json" in media else None
        address = re.sub(r"\{[^}]+\}", "x", path)
        answer = await api.client.post(address, headers=api.headers(), **({"json": body} if body is not None else {}))
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing"), (path, answer.text)
