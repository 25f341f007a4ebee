"""The console's page of received webhooks, and what an operator does there; `clearway doctor` on the same."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from payment_shop import Shop
from people import Person, new_person
from signed import column, stripe_event, told_by_stripe

from orchestrator import clock_port, doctor
from orchestrator.access.scopes import Role
from orchestrator.db import fetch
from orchestrator.settings import get_settings
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import store

pytestmark = pytest.mark.asyncio(loop_scope="session")
PLACE = "/console/webhooks"


async def signed_in(client: httpx.AsyncClient, shop: Shop, role: Role) -> Person:
    person = await new_person(client, shop.merchant_id, role, f"{role.value}@acme.example")
    await person.sign_in()
    return person


async def one_parked(shop: Shop) -> str:
    await told_by_stripe(shop, stripe_event())
    await fetch("UPDATE webhook_message SET state = 'parked', note = 'SecretUnreadable: no key', tries = 10")
    await fetch("DELETE FROM outbox WHERE topic = $1", webhooks.TOPIC)
    return str((await store.latest([shop.accounts["stripe"]], 1))[0].id)


async def test_a_parked_message_is_shown_with_its_error_and_applied_again_by_a_button(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    message_id = await one_parked(shop)
    operator = (await signed_in(client, shop, Role.OPERATOR)).visitor
    page = (await operator.open(f"{PLACE}?state=parked")).text
    assert "SecretUnreadable: no key" in page
    assert f'value="{message_id}"' in page
    assert message_id not in (await operator.open(f"{PLACE}?state=applied")).text
    answer = await operator.submit(f"{PLACE}/replay", PLACE, message=message_id)
    assert (answer.status_code, "is being applied again" in answer.text) == (200, True)
    assert await column("SELECT subject FROM outbox WHERE topic = $1", webhooks.TOPIC) == [message_id]


async def test_a_time_span_is_applied_again_from_the_page(shop: Shop, client: httpx.AsyncClient) -> None:
    message_id = await one_parked(shop)
    operator = (await signed_in(client, shop, Role.OPERATOR)).visitor
    now = clock_port.now()
    span = {
        "since": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "until": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}",
    }
    answer = await operator.submit(f"{PLACE}/replay-span", PLACE, state="parked", account="", **span)
    assert "1 messages are being applied again" in answer.text
    assert await column("SELECT subject FROM outbox WHERE topic = $1", webhooks.TOPIC) == [message_id]
    answer = await operator.submit(f"{PLACE}/replay-span", PLACE, since="soon", until="later")
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)


async def test_a_form_from_elsewhere_and_a_viewer_apply_nothing(shop: Shop, client: httpx.AsyncClient) -> None:
    message_id = await one_parked(shop)
    operator = (await signed_in(client, shop, Role.OPERATOR)).visitor
    forged = await operator.client.post(f"{PLACE}/replay", data={"message": message_id, "_csrf_token": "guessed"})
    assert forged.status_code == 403
    client.cookies.clear()
    viewer = (await signed_in(client, shop, Role.VIEWER)).visitor
    assert "Apply again" not in (await viewer.open(PLACE)).text
    refused = await viewer.submit(f"{PLACE}/replay", "/console/account", message=message_id)
    assert refused.status_code == 403
    assert await column("SELECT state FROM webhook_message") == ["parked"]


async def test_the_page_and_doctor_say_which_account_is_silent_or_switched_off(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    assert [it.state for it in await doctor._webhooks(get_settings())] == [doctor.State.OK]
    await one_parked(shop)
    await fetch(
        "INSERT INTO webhook_watch (gateway_account_id, silent_since, endpoint_id, endpoint_enabled, endpoint_problem) "
        "VALUES ($1, $2, 'we_1', false, 'the gateway switched it off')",
        shop.accounts["stripe"],
        clock_port.now(),
    )
    operator = (await signed_in(client, shop, Role.OPERATOR)).visitor
    page = (await operator.open(PLACE)).text
    assert "Stripe has been silent since" in page
    assert "the gateway switched it off" in page
    found = await doctor._webhooks(get_settings())
    assert {it.state for it in found} == {doctor.State.WARNING}
    assert len(found) == 3
