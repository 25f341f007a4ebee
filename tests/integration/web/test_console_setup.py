"""The console's pages of setting up: webhook endpoints, API keys, gateway accounts; and whose they are."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from console_people import Colleague, signed_in
from payment_shop import CREDENTIALS, Shop

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access import store as access_store
from orchestrator.access.scopes import Role
from orchestrator.db import fetch
from orchestrator.gateways import accounts
from orchestrator.gateways import store as gateway_store
from orchestrator.notifications import delivery_store, endpoint_store, endpoints
from routing import account_store
from routing.breaker import BreakerPhase, HealthState

pytestmark = pytest.mark.asyncio(loop_scope="session")
URL = "https://hooks.shop.example/clearway"


def secret_on(html: str) -> str:
    found = re.search(r'<p class="code secret">([^<]+)</p>', html)
    assert found is not None, html[:1000]
    return found[1]


async def added(operator: Colleague) -> str:
    page = "/console/endpoints"
    answer = await operator.submits(page, page, url=URL, description="Shop", event_types="payment.*\ninvoice.paid")
    assert answer.status_code == 200, answer.text
    assert secret_on(answer.text).startswith("whsec_")
    found = re.search(r"/console/endpoints/(whe_[0-9a-f]+)", answer.text)
    assert found is not None
    return found[1]


async def test_an_endpoint_is_added_and_its_secret_shown_once(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        endpoint_id = await added(operator)
        assert "whsec_" not in await operator.opens("/console/endpoints")
        assert "whsec_" not in await operator.opens(f"/console/endpoints/{endpoint_id}")
    row = await endpoints.get(shop.merchant_id, endpoint_id)
    assert (row.url, row.event_types) == (URL, ["payment.*", "invoice.paid"])


@pytest.mark.parametrize(("field", "value"), [("url", "http://127.0.0.1/"), ("event_types", "nonsense.happened")])
async def test_what_cannot_be_an_endpoint_is_refused_and_stays_in_the_form(shop: Shop, field: str, value: str) -> None:
    page = "/console/endpoints"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        answer = await operator.submits(page, page, **{"url": URL, "description": "mine", field: value})
        assert answer.status_code == 422
        assert "mine" in answer.text
    assert await endpoint_store.endpoints_of(shop.merchant_id) == []


async def test_an_endpoint_is_changed_switched_tested_and_its_secret_rotated(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        page = f"/console/endpoints/{await added(operator)}"
        endpoint_id = page.rpartition("/")[2]
        await operator.submits(page, page, url=URL, description="Warehouse", event_types="")
        assert (await endpoints.get(shop.merchant_id, endpoint_id)).event_types == []
        assert (await operator.submits(f"{page}/test", page)).headers["location"] == f"{page}?done=test"
        [delivery] = await delivery_store.deliveries_of(endpoint_id, limit=5)
        assert "webhook_endpoint.test" in await operator.opens(page)
        one = f"{page}/deliveries/{delivery.id}"
        assert "Not tried yet" in await operator.opens(one)
        assert (await operator.submits(f"{one}/redeliver", one)).headers["location"] == f"{one}?done=again"
        assert "None of these" in await operator.opens(f"{page}?state=failed")
        asked = await operator.submits(f"{page}/rotate", page, overlap_hours="2")
        assert "signs too for 2 hours" in asked.text
        shown = secret_on((await operator.confirms(asked)).text)
        row = await endpoints.get(shop.merchant_id, endpoint_id)
        assert shown == endpoints.secret_of(row, 2)
        await operator.submits(f"{page}/switch", page, enabled="no")
        assert not (await endpoints.get(shop.merchant_id, endpoint_id)).enabled
        assert (await operator.submits(f"{page}/test", "/console/endpoints")).status_code in (404, 409)
        asked = await operator.submits(f"{page}/delete", page)
        assert (await operator.confirms(asked)).headers["location"] == "/console/endpoints"
    assert await endpoint_store.endpoints_of(shop.merchant_id) == []


async def test_a_key_is_made_with_what_one_may_grant_and_shown_once(shop: Shop) -> None:
    page = "/console/keys"
    async with signed_in(shop.merchant_id, Role.DEVELOPER) as developer:
        html = await developer.opens(page)
        assert 'value="payments:write"' in html
        assert 'value="finance"' not in html
        beyond = await developer.submits(page, page, name="x", scopes="finance")
        assert (beyond.status_code, "cannot grant" in beyond.text) == (403, True)
        assert (await developer.submits(page, page, name="x")).status_code == 422
        answer = await developer.submits(page, page, name="web shop", days="30", scopes="payments:write")
        secret = secret_on(answer.text)
        assert (await access.authenticate(secret)).scopes == frozenset({"payments:write"})
        assert secret not in await developer.opens(page)


async def test_a_key_is_rotated_and_revoked_after_asking_back(shop: Shop) -> None:
    page = "/console/keys"
    old = await access.create_api_key(shop.merchant_id, "web shop", ("payments:read",))
    key_id = (await access.authenticate(old)).key_id
    async with signed_in(shop.merchant_id, Role.ADMIN) as admin:
        rotated = await admin.confirms(await admin.submits(f"{page}/{key_id}/rotate", page))
        new = secret_on(rotated.text)
        new_id = (await access.authenticate(new)).key_id
        asked = await admin.submits(f"{page}/{new_id}/revoke", page)
        assert "Revoke “web shop”?" in asked.text
        assert (await admin.confirms(asked)).headers["location"] == f"{page}?done=revoked"
    row = await access_store.any_api_key(new_id)
    assert row is not None
    assert row.revoked_at is not None


async def test_gateway_accounts_stand_with_their_health(shop: Shop) -> None:
    now = clock_port.now()
    stripe, paypal = shop.accounts["stripe"], shop.accounts["paypal"]
    await account_store.save_breaker(stripe, "card", HealthState(BreakerPhase.OPEN, 5, now, now), None, now)
    await fetch(
        "INSERT INTO webhook_watch (gateway_account_id, silent_since, endpoint_id, endpoint_problem) "
        "VALUES ($1, $2, '', '')",
        paypal,
        now - timedelta(hours=3),
    )
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens("/console/gateways")
        assert "Held back" in html
        assert "Card since" in html
        assert "Paypal EU has been silent since" in html
        assert "Add an account" not in html
        page = await viewer.opens(f"/console/gateways/{stripe}")
        assert "Check the credentials" not in page
        for secret in CREDENTIALS["stripe"].values():
            assert secret not in page
        for verb in ("", "/switch", "/check", "/credentials"):
            refused = await viewer.submits(f"/console/gateways/{stripe}{verb}", "/console/account", once="0" * 32)
            assert refused.status_code == 403, verb


async def test_an_account_is_added_by_the_fields_of_its_gateway_and_checked_first(shop: Shop) -> None:
    page = "/console/gateways?add=stripe"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        assert "Webhook signing secret" in await operator.opens(page)
        wrong = {"gateway": "stripe", "label": "Second", "mode": "test", "priority": "7", "verify": "yes"}
        refused = await operator.submits("/console/gateways", page, **wrong, credential_secret_key="sk_test_nobody")
        assert refused.status_code == 422
        assert "sk_test_nobody" not in refused.text
        assert "Second" in refused.text
        right = await operator.submits("/console/gateways", page, **wrong, credential_secret_key="sk_test_shop")
        assert right.status_code == 303, right.text
        address = right.headers["location"].partition("?")[0]
        row = await accounts.get(shop.merchant_id, address.rpartition("/")[2])
        assert (row.label, row.priority, row.mode) == ("Second", 7, "test")
        assert "The credentials work." in (await operator.submits(f"{address}/check", address)).text


async def test_an_account_is_renamed_and_taken_out_of_routing_after_asking_back(shop: Shop) -> None:
    page = f"/console/gateways/{shop.accounts['stripe']}"
    async with signed_in(shop.merchant_id, Role.OPERATOR) as operator:
        await operator.submits(page, page, label="Stripe North", priority="3")
        asked = await operator.submits(f"{page}/switch", page, enabled="no")
        assert "Disable Stripe North?" in asked.text
        await operator.confirms(asked)
        row = await gateway_store.account(shop.accounts["stripe"])
        assert row is not None
        assert (row.label, row.priority, row.enabled) == ("Stripe North", 3, False)
        await operator.submits(f"{page}/switch", page, enabled="yes")
        row = await gateway_store.account(shop.accounts["stripe"])
        assert row is not None
        assert row.enabled


async def test_the_menu_shows_what_a_role_may_open(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.DEVELOPER) as developer:
        html = await developer.opens("/console/payments")
        assert 'href="/console/keys"' in html
        assert 'href="/console/reconciliation"' not in html
        assert (await developer.visitor.open("/console/ledger")).status_code == 403
        assert (await developer.visitor.open("/console/approvals")).status_code == 403
