"""Forged, replayed and malformed webhooks at the door: each is turned away quietly, and nothing of it is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from http_driving import Api

from orchestrator.db import fetch
from orchestrator.gateways import accounts
from simulators.adyen.webhooks import signature

KEY, OTHER_KEY = "44AA" * 16, "55BB" * 16
EVENT = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "created": 1,
    "livemode": False,
    "data": {"object": {"id": "pi_1", "amount_received": 100, "currency": "eur", "metadata": {}}},
}


class Door:
    """Two accounts of each gateway, and a way to knock."""

    def __init__(self, api: Api, ids: dict[str, str]) -> None:
        self.api, self.ids = api, ids

    async def knock(self, account: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.api.client.post(f"/webhooks/{self.ids[account]}", content=body, headers=headers or {})

    async def kept(self) -> int:
        return int((await fetch("SELECT count(*) FROM webhook_message"))[0][0])


@pytest_asyncio.fixture(loop_scope="session")
async def door(api: Api, other: Api) -> Door:
    made = {}
    for owner, suffix, key in ((api, "", KEY), (other, "_other", OTHER_KEY)):
        for gateway, credentials in {
            "stripe": {"secret_key": "sk_test_x", "webhook_secret": f"whsec_{key}"},
            "adyen": {"api_key": "k", "merchant_account": "ShopECOM", "hmac_key": key},
            "paypal": {"client_id": "c", "client_secret": "s", "webhook_id": f"WH{key}"},
        }.items():
            row = await accounts.add(owner.merchant_id, gateway, gateway, credentials)
            made[gateway + suffix] = row.id
    return Door(api, made)


def stripe_signature(body: bytes, key: str = KEY, at: float | None = None, scheme: str = "v1") -> str:
    stamp = int(time.time() if at is None else at)
    mac = hmac.new(f"whsec_{key}".encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},{scheme}={mac}"


def stripe_body(**changed: Any) -> bytes:
    return json.dumps({**EVENT, **changed}).encode()


def item(key: str = KEY, **changed: Any) -> dict[str, Any]:
    """A signed item of Adyen's."""
    made: dict[str, Any] = {
        "pspReference": "PSP1",
        "originalReference": "",
        "merchantAccountCode": "ShopECOM",
        "merchantReference": "att_1",
        "amount": {"value": 100, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "additionalData": {},
        **changed,
    }
    made["additionalData"] = {"hmacSignature": signature(made, key)}
    return made


def batch(*items: Any) -> bytes:
    return json.dumps(
        {"live": "false", "notificationItems": [{"NotificationRequestItem": one} for one in items]}
    ).encode()


async def test_a_true_message_of_each_form_is_taken(door: Door) -> None:
    """Else the refusals below would prove nothing."""
    body = stripe_body()
    assert (await door.knock("stripe", body, {"stripe-signature": stripe_signature(body)})).status_code == 200
    assert (await door.knock("adyen", batch(item()))).status_code == 202
    assert await door.kept() == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"stripe-signature": ""},
        {"stripe-signature": "t=,v1="},
        {"stripe-signature": stripe_signature(stripe_body(), OTHER_KEY)},
        {"stripe-signature": stripe_signature(stripe_body(id="evt_2"))},
        {"stripe-signature": stripe_signature(stripe_body(), at=time.time() - 301)},
        {"stripe-signature": stripe_signature(stripe_body(), at=time.time() + 86_400)},
        {"stripe-signature": stripe_signature(stripe_body(), scheme="v0")},
        {"stripe-signature": f"t={int(time.time())}," + stripe_signature(stripe_body(), at=1)},
        {"stripe-signature": stripe_signature(stripe_body()).replace("t=", "t=+")},
        {"stripe-signature": stripe_signature(stripe_body()).replace("t=", "t=0")},
        {"stripe-signature": "t=9" * 3000},
        {"stripe-signature": "t=" + "9" * 400 + ",v1=00"},
        {"Stripe-Signature": "t=1,v1=\u00e9".encode("latin-1").decode("latin-1")},
    ],
)
async def test_stripes_signature_cannot_be_got_around(door: Door, headers: dict[str, str]) -> None:
    answer = await door.knock(
        "stripe", stripe_body(), {name: value for name, value in headers.items() if value.isascii()}
    )
    assert (answer.status_code, await door.kept()) == (401, 0)


async def test_a_signature_is_good_at_one_account_only(door: Door) -> None:
    body = stripe_body()
    signed = {"stripe-signature": stripe_signature(body)}
    assert (await door.knock("stripe_other", body, signed)).status_code == 401
    assert (await door.knock("adyen_other", batch(item()))).status_code == 401
    assert await door.kept() == 0


async def test_a_true_message_sent_again_is_one(door: Door) -> None:
    body = stripe_body()
    for _ in range(3):
        assert (await door.knock("stripe", body, {"stripe-signature": stripe_signature(body)})).status_code == 200
    for _ in range(3):
        assert (await door.knock("adyen", batch(item(), item()))).status_code == 202
    assert await door.kept() == 2


@pytest.mark.parametrize(
    "items",
    [
        [item(), {**item(), "success": "false"}],
        [item(), item(OTHER_KEY, pspReference="PSP2")],
        [item(), {**item(), "pspReference": "PSP2"}],
        [item(), {key: value for key, value in item().items() if key != "additionalData"}],
        [item(), None],
        [item(), [item()]],
        [item(merchantAccountCode="AnotherECOM")],
        [{**item(), "amount": {"value": 999_999, "currency": "EUR"}}],
        [{**item(), "amount": "100:EUR"}],
        [{**item(), "success": True}],
        [{**item(), "eventCode": ["AUTHORISATION"]}],
        [item(pspReference=f"PSP{number}") for number in range(101)],
        [],
    ],
)
async def test_one_forged_item_spoils_adyens_whole_batch(door: Door, items: list[Any]) -> None:
    answer = await door.knock("adyen", batch(*items))
    assert (answer.status_code, await door.kept()) == (401, 0)


async def test_values_shifted_between_adyens_fields_are_no_other_message(door: Door) -> None:
    """The signed text joins values by colons and escapes none: a reference with a colon could say another amount."""
    true = item(merchantReference="x:100")
    shifted = {**true, "merchantReference": "x", "amount": {"value": "100:100", "currency": "EUR"}}
    answer = await door.knock("adyen", batch(shifted))
    rows = await fetch("SELECT content, kind FROM webhook_message")
    assert answer.status_code == 401 or all(row["kind"] == "ignored" for row in rows)


@pytest.mark.parametrize("account", ["stripe", "adyen", "paypal"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"notificationItems"',
        b"{",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"\x00\xff\xfe",
        b'{"notificationItems":' + b"9" * 10_000 + b"}",
        b'{"notificationItems":[{"NotificationRequestItem":{"pspReference":"\\ud800","merchantAccountCode":"\\udfff",'
        b'"eventCode":"A","success":"true","additionalData":{"hmacSignature":"\\ud800"}}}]}',
        b'{"notificationItems":[{"NotificationRequestItem":{"pspReference":"a","merchantAccountCode":"b",'
        b'"eventCode":"A","success":"true","amount":{"value":1e999},"additionalData":{"hmacSignature":"x"}}}]}',
        b'{"notificationItems":{"0":{"NotificationRequestItem":{}}}}',
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_nobody_signed_is_turned_away_and_never_an_error_of_ours(
    door: Door, account: str, body: bytes
) -> None:
    forged = {
        "stripe-signature": "t=1,v1=aa",
        "hmacsignature": "aa",
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-transmission-time": "2026-11-23T00:00:00Z",
    }
    for headers in ({}, forged):
        answer = await door.knock(account, body, headers)
        assert (answer.status_code, await door.kept()) == (401, 0), answer.text
        assert answer.json()["detail"] == "The webhook was not accepted."


async def test_a_body_larger_than_any_gateway_sends_is_not_read(door: Door) -> None:
    for account in ("stripe", "adyen", "paypal"):
        assert (await door.knock(account, b" " * 1_100_000)).status_code == 413


async def test_a_packed_body_is_not_unpacked(door: Door) -> None:
    import gzip

    bomb = gzip.compress(b" " * 50_000_000)
    answer = await door.knock("stripe", bomb, {"content-encoding": "gzip", "stripe-signature": stripe_signature(b"")})
    assert answer.status_code == 401


@pytest.mark.parametrize("account_id", ["ga_none", "%00", "..%2f", "ga_1' OR 1=1--", "a" * 500, "ga_1%0a", "%E2%80%AE"])
async def test_an_account_that_is_not_there_is_not_found(door: Door, account_id: str) -> None:
    answer = await door.api.client.post(f"/webhooks/{account_id}", content=b"{}")
    assert answer.status_code == 404


@pytest.fixture
def trap() -> Iterator[tuple[int, threading.Event]]:
    """A listener on this machine, and whether anybody called."""
    called = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        try:
            server.accept()
            called.set()
        except OSError:
            pass

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield server.getsockname()[1], called
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


CERT = "/v1/notifications/certs/CERT-1"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}" + CERT,
        "https://127.0.0.1:{port}" + CERT,
        "https://api.paypal.com@127.0.0.1:{port}" + CERT,
        "https://api.paypal.com:x@127.0.0.1:{port}" + CERT,
        "https://127.0.0.1:{port}#@api.paypal.com" + CERT,
        "https://127.0.0.1:{port}\\@api.paypal.com" + CERT,
        "https://127.0.0.1:{port}/..;@api.paypal.com" + CERT,
        "http://api.sandbox.paypal.com" + CERT,
        "https://api.paypal.com.evil.example" + CERT,
        "https://evil.example/api.paypal.com" + CERT,
        "https://api.paypal.com:8443" + CERT,
        "https://api.paypal.com./v1/notifications/certs/x",
        "https://xn--api-paypal-x.com" + CERT,
        "https://api.p\u0430ypal.com" + CERT,
        "https://api.sandbox.paypal.com/v1/notifications/certs/../../evil",
        "https://api.sandbox.paypal.com/v1/notifications/certs/%2e%2e/evil",
        "https://api.sandbox.paypal.com/v1/notifications/certs/x?next=http://127.0.0.1",
        "https://api.sandbox.paypal.com/evil",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/x",
        "//127.0.0.1:{port}" + CERT,
        "https://[::ffff:127.0.0.1]:{port}" + CERT,
        "https://2130706433:{port}" + CERT,
        "https://0x7f000001:{port}" + CERT,
        "https://api.sandbox.paypal.com\t.evil.example" + CERT,
        "",
    ],
)
async def test_paypals_certificate_comes_from_paypal_only(
    door: Door, trap: tuple[int, threading.Event], url: str
) -> None:
    port, called = trap
    headers = {
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-transmission-id": "t",
        "paypal-transmission-time": datetime.now(UTC).isoformat(),
        "paypal-transmission-sig": "AAAA",
        "paypal-cert-url": url.replace("{port}", str(port)).encode().decode("latin-1"),
    }
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await door.api.client.post(
        f"/webhooks/{door.ids['paypal']}",
        content=b"{}",
        headers=raw,  # type: ignore[arg-type]
    )
    assert (answer.status_code, called.is_set()) == (401, False)
    why = (await fetch("SELECT reason FROM webhook_rejection"))[0]["reason"]
    assert "certificate's" in why, why


@pytest.mark.parametrize("age", [timedelta(days=4), -timedelta(hours=1)])
async def test_a_message_of_paypals_that_is_too_old_or_from_the_future_is_not_even_looked_at(
    door: Door, age: timedelta
) -> None:
    headers = {
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-transmission-time": (datetime.now(UTC) - age).isoformat(),
        "paypal-cert-url": "https://api.sandbox.paypal.com" + CERT,
    }
    assert (await door.knock("paypal", b"{}", headers)).status_code == 401


@pytest.mark.parametrize("algorithm", ["", "none", "SHA1withRSA", "SHA256withRSA,none", "HMACSHA256"])
async def test_the_sender_does_not_choose_the_algorithm(door: Door, algorithm: str) -> None:
    assert (await door.knock("paypal", b"{}", {"paypal-auth-algo": algorithm})).status_code == 401
