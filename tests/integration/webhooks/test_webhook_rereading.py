"""A message is applied again as its adapter reads the kept request now; what was signed and cannot be read is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest
from payment_shop import CREDENTIALS, Shop
from raw_webhooks import Receiver, apply_all
from signed import column, stripe_event, stripe_headers, told_by_stripe
from test_webhooks_in import clearing, now, pay_at

from orchestrator.db import fetch
from orchestrator.gateways.adyen import webhooks as adyen_webhooks
from orchestrator.gateways.stripe import webhooks as stripe_webhooks
from orchestrator.notifications import store as events
from orchestrator.payments.records import PaymentStatus
from orchestrator.webhooks import replay, store
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks.store import WebhookRow

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def only_message(shop: Shop, gateway: str) -> WebhookRow:
    (row,) = await store.latest([shop.accounts[gateway]], 10)
    return row


async def apply_again(shop: Shop, gateway: str, row: WebhookRow) -> WebhookRow:
    await replay.one(shop.merchant_id, row.id)
    await apply_all(shop, gateway)
    found = await store.message(row.id)
    assert found is not None
    return found


async def test_a_mended_adapter_understands_an_old_message_when_it_is_applied_again(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await pay_at(shop, "adyen")
    captured, account_id = await receiver.told(payment, "CAPTURE"), shop.accounts["adyen"]
    with monkeypatch.context() as before_the_mend:
        before_the_mend.delitem(adyen_webhooks.EVENTS, "CAPTURE")
        await webhooks.receive(account_id, captured.headers, captured.body)
    row = await only_message(shop, "adyen")
    assert (row.kind, row.state) == ("ignored", "ignored")
    row = await apply_again(shop, "adyen", row)
    assert (row.kind, row.state, row.event_type) == ("payment.captured", "applied", "CAPTURE")
    assert ((await now(payment)).status, await clearing(shop)) == (PaymentStatus.CAPTURED, 1999)


async def test_without_its_body_the_stored_translation_is_applied_and_that_is_said(
    shop: Shop, receiver: Receiver
) -> None:
    payment = await pay_at(shop, "adyen")
    captured = await receiver.told(payment, "CAPTURE")
    await webhooks.receive(shop.accounts["adyen"], captured.headers, captured.body)
    await fetch("UPDATE webhook_delivery SET body = NULL, sealed_body = NULL, headers = '{}'")
    row = await apply_again(shop, "adyen", await only_message(shop, "adyen"))
    assert row.state == "applied"
    assert row.note.endswith("(as it was read when it came: its body is no longer kept)")
    assert (await now(payment)).status is PaymentStatus.CAPTURED


async def test_of_a_batch_each_message_is_read_again_by_itself(shop: Shop, receiver: Receiver) -> None:
    payments = [await pay_at(shop, "adyen") for _ in range(2)]
    raws = [await receiver.told(payment, "CAPTURE") for payment in payments]
    items = [json.loads(raw.body)["notificationItems"][0] for raw in raws]
    body = json.dumps({"live": "false", "notificationItems": items}).encode()
    await webhooks.receive(shop.accounts["adyen"], raws[0].headers, body)
    for row in await store.latest([shop.accounts["adyen"]], 10):
        await fetch("UPDATE webhook_message SET content = '[]' WHERE id = $1", row.id)
        await apply_again(shop, "adyen", row)
    assert {(await now(payment)).status for payment in payments} == {PaymentStatus.CAPTURED}


def adyen_signed(body: bytes) -> dict[str, str]:
    key = bytes.fromhex(CREDENTIALS["adyen"]["hmac_key"])
    return {"hmacsignature": base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()}


STRANGE = [
    b"{}",
    b"[]",
    b"null",
    b'{"id": 7, "type": "x"}',
    b'{"id": "evt_1", "type": ["x"]}',
    b"not JSON",
    b"[" * 9000,
]


@pytest.mark.parametrize("body", STRANGE, ids=lambda body: repr(body[:24]))
async def test_what_is_signed_and_no_event_is_acknowledged_kept_and_parked(
    shop: Shop, client: httpx.AsyncClient, body: bytes
) -> None:
    for _ in range(2):
        at = f"/webhooks/{shop.accounts['stripe']}"
        assert (await client.post(at, content=body, headers=stripe_headers(body))).status_code == 200
    row = await only_message(shop, "stripe")
    assert (row.kind, row.duplicates) == ("unreadable", 1)
    await apply_all(shop, "stripe")
    row = await only_message(shop, "stripe")
    assert row.state == "parked"
    assert "not an event" in row.note
    told = [it for it in await events.events_of(shop.merchant_id, limit=50) if it.type == "webhook.parked"]
    assert [it.object_id for it in told] == [row.id]
    assert await column("SELECT count(*) FROM webhook_rejection") == [0]


async def test_what_adyen_signed_as_a_whole_and_is_no_event_is_acknowledged_and_parked(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    body = b'{"type": "recurring.token.invented"}'
    at = f"/webhooks/{shop.accounts['adyen']}"
    answer = await client.post(at, content=body, headers=adyen_signed(body))
    assert (answer.status_code, answer.content) == (202, b"[accepted]")
    await apply_all(shop, "adyen")
    assert (await only_message(shop, "adyen")).state == "parked"
    forged = {"hmacsignature": adyen_signed(b"{}")["hmacsignature"]}
    assert (await client.post(at, content=body, headers=forged)).status_code == 401


async def test_what_could_not_be_read_is_read_by_a_mended_adapter(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    known = stripe_webhooks.translate_event

    def not_yet(_: dict[str, Any], **__: object) -> None:
        raise KeyError("type")

    body = stripe_event()
    with monkeypatch.context() as before_the_mend:
        before_the_mend.setattr(stripe_webhooks, "translate_event", not_yet)
        await told_by_stripe(shop, body)
        await apply_all(shop, "stripe")
    unread = await only_message(shop, "stripe")
    assert unread.state == "parked"
    assert known is stripe_webhooks.translate_event
    unread = await apply_again(shop, "stripe", unread)
    assert (unread.state, unread.note) == ("applied", "read again as 1 message")
    await apply_all(shop, "stripe")
    rows = await store.latest([shop.accounts["stripe"]], 10)
    assert {row.event_key: row.state for row in rows if row.id != unread.id} == {json.loads(body)["id"]: "ignored"}
    assert {row.delivery_id for row in rows} == {unread.delivery_id}
