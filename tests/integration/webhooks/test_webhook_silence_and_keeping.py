"""A gateway that stops telling is noticed; bodies are kept as long as they should be; our endpoint is looked after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from payment_shop import SIMULATOR_ACCOUNT, Shop
from signed import column, stripe_event, stripe_headers, told_by_stripe
from test_webhooks_in import pay_at

from orchestrator import clock_port
from orchestrator.access import secrets
from orchestrator.db import fetch
from orchestrator.gateways import connections
from orchestrator.gateways import store as account_store
from orchestrator.notifications import store as events
from orchestrator.webhooks import gateway_endpoints, log, retention, silence, store, watch, watch_store
from orchestrator.webhooks import service as webhooks

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def incidents(shop: Shop, type_: str) -> list[str]:
    return [it.object_id for it in await events.events_of(shop.merchant_id, limit=100) if it.type == type_]


async def test_an_account_whose_operations_go_through_unheard_is_told_of_once_and_recovers(
    shop: Shop, limits: Any
) -> None:
    limits(webhook_silence_s=3600, webhook_silence_operations_min=4)
    account_id = shop.accounts["stripe"]
    for _ in range(2):
        await pay_at(shop, "stripe")
    soon, later = clock_port.now() + timedelta(minutes=10), clock_port.now() + timedelta(minutes=40)
    await silence.look(soon)
    assert await incidents(shop, "incident.webhooks_silent") == [], "their webhooks may still come"
    for _ in range(3):
        await silence.look(later)
    assert await incidents(shop, "incident.webhooks_silent") == [account_id]
    assert 2_000 < (await silence.seconds_by_account(later))[account_id] < 3_600

    await told_by_stripe(shop, stripe_event())
    await silence.look(later)
    assert (await silence.seconds_by_account(later))[account_id] == 0.0
    assert await incidents(shop, "incident.webhooks_silent") == [account_id]


async def test_an_account_that_is_heard_or_quiet_is_not_silent(shop: Shop, limits: Any) -> None:
    limits(webhook_silence_s=3600, webhook_silence_operations_min=4)
    await pay_at(shop, "stripe")  # too few operations to say anything
    for _ in range(2):
        await pay_at(shop, "adyen")
    await told_by_stripe(shop, stripe_event())
    await silence.look(clock_port.now() + timedelta(minutes=40))
    assert await incidents(shop, "incident.webhooks_silent") == []


async def test_a_body_is_removed_when_its_time_is_over_and_the_effect_stays(shop: Shop, limits: Any) -> None:
    limits(webhook_body_days=30)
    await told_by_stripe(shop, stripe_event())
    (row,) = await store.latest([shop.accounts["stripe"]], 10)
    assert await retention.purge(clock_port.now() + timedelta(days=29)) == 0
    assert await retention.purge(clock_port.now() + timedelta(days=31)) == 1
    assert await retention.purge(clock_port.now() + timedelta(days=31)) == 0
    request = await log.request_of(row.delivery_id)
    assert (request.body, request.headers) == (None, {})
    assert (await store.message(row.id)) == row


async def test_purging_goes_on_batch_by_batch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PURGE_BATCH", 2)
    for _ in range(5):
        await told_by_stripe(shop, stripe_event())
    assert await retention.purge(clock_port.now() + timedelta(days=91)) == 5
    assert await column("SELECT count(*) FROM webhook_delivery WHERE sealed_body IS NOT NULL") == [0]


async def test_bodies_of_an_earlier_version_are_sealed_and_can_be_broken_off(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SEAL_BATCH", 2)
    monkeypatch.setattr(retention, "SEAL_BATCHES_MAX", 1)
    for _ in range(5):
        await told_by_stripe(shop, stripe_event())
    plain = b'{"note": "4242424242424242", "binary": "\xff"}'
    await fetch("UPDATE webhook_delivery SET body = $1, sealed_body = NULL", plain)
    assert [await retention.seal_plain() for _ in range(4)] == [2, 2, 1, 0]
    for row in await store.latest([shop.accounts["stripe"]], 10):
        assert (await log.request_of(row.delivery_id)).body == b'{"note": "************4242", "binary": "\xff"}'
    assert await column("SELECT count(*) FROM webhook_delivery WHERE body IS NOT NULL") == [0]


async def test_registering_at_stripe_keeps_the_secret_and_the_one_before(shop: Shop) -> None:
    account_id = shop.accounts["stripe"]
    row = await gateway_endpoints.register(shop.merchant_id, account_id, "first")
    assert row.endpoint_enabled is True
    assert row.endpoint_id
    account = await account_store.account(account_id)
    assert account is not None
    credentials = secrets.unseal(account.sealed_credentials)
    assert credentials["webhook_secret_previous"] == "whsec_shop"
    assert credentials["webhook_secret"] not in ("", "whsec_shop")
    connections.close_all()
    for secret in ("whsec_shop", credentials["webhook_secret"]):
        body = stripe_event()
        assert await webhooks.receive(account_id, stripe_headers(body, secret), body) == 1


@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_an_endpoint_that_the_gateway_switched_off_is_told_of_once_and_switched_on(
    shop: Shop, gateway: str
) -> None:
    account_id = shop.accounts[gateway]
    registered = await gateway_endpoints.register(shop.merchant_id, account_id, f"register-{gateway}")
    assert registered.endpoint_enabled is True
    await switch_off(shop, gateway, registered.endpoint_id)
    connections.close_all()
    for minutes in (20, 40, 60):
        await gateway_endpoints.look(clock_port.now() + timedelta(minutes=minutes))
    assert (await watch_store.watch(account_id)).endpoint_enabled is False
    assert await incidents(shop, "incident.gateway_endpoint_disabled") == [account_id]
    if gateway != "paypal":
        assert (await gateway_endpoints.enable(shop.merchant_id, account_id)).endpoint_enabled is True
        assert (await gateway_endpoints.check(shop.merchant_id, account_id)).endpoint_enabled is True


async def switch_off(shop: Shop, gateway: str, endpoint_id: str) -> None:
    """What the gateway, or somebody in its dashboard, does; at PayPal the endpoint is deleted."""
    connection = await connections.connect(shop.accounts[gateway])
    adapter: Any = connection.gateway
    match gateway:
        case "stripe":
            adapter.facets.endpoints._v1.webhook_endpoints.update(endpoint_id, {"disabled": True})
        case "adyen":
            adapter.facets.endpoints._api.update_webhook({"active": False}, SIMULATOR_ACCOUNT["adyen"], endpoint_id)
        case "paypal":
            adapter.facets.endpoints.remove(endpoint_id)


async def test_a_gateway_that_does_not_answer_says_nothing_of_the_endpoint(shop: Shop) -> None:
    account_id = shop.accounts["stripe"]
    await gateway_endpoints.register(shop.merchant_id, account_id, "before-the-outage")
    await shop.tell("/outage", gateway="stripe", on=True)
    row = await gateway_endpoints.check(shop.merchant_id, account_id)
    await shop.tell("/outage", gateway="stripe", on=False)
    assert row.endpoint_enabled is True
    assert row.endpoint_problem != ""
    assert await incidents(shop, "incident.gateway_endpoint_disabled") == []


async def test_the_clocks_look_bears_an_account_that_cannot_be_asked(shop: Shop) -> None:
    account_id = shop.accounts["stripe"]
    await gateway_endpoints.register(shop.merchant_id, account_id, "then-locked-out")
    await fetch("UPDATE gateway_account SET sealed_credentials = 'gAAAAABno' WHERE id = $1", account_id)
    await fetch("UPDATE webhook_watch SET endpoint_checked_at = NULL")
    connections.close_all()
    assert await watch.watch("all") is None
    assert (await watch_store.watch(account_id)).endpoint_checked_at is not None
