"""Credentials of a gateway account say who we are, never where we call."""

from __future__ import annotations

import socket
import threading

import pytest
from http_driving import Api

HOSTILE = [
    "evil.example/",
    "evil.example/?",
    "evil.example#",
    "evil.example:443/x",
    "user@evil.example/",
    "127.0.0.1:8443/",
    "[::1]/",
    "169.254.169.254/latest/meta-data/?",
    "evil.example\\",
    "a.b",
    "a b",
    "a\r\nHost: evil.example",
    "ａ．ｅｘａｍｐｌｅ／",
    "-",
    "x" * 80,
]


def credentials(prefix: str) -> dict[str, str]:
    return {"api_key": "k", "merchant_account": "ShopECOM", "live_endpoint_prefix": prefix}


@pytest.mark.parametrize("prefix", HOSTILE)
async def test_a_live_prefix_of_adyen_is_no_address(api: Api, prefix: str) -> None:
    body = {
        "gateway": "adyen",
        "label": "x",
        "mode": "live",
        "verify": False,
        "credentials": credentials(prefix),
    }
    answer = await api.post("/v1/gateway-accounts", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "credentials.live_endpoint_prefix"


async def test_nor_when_it_is_changed_later(api: Api) -> None:
    body = {"gateway": "adyen", "label": "x", "verify": False, "credentials": credentials("")}
    account_id = (await api.post("/v1/gateway-accounts", body)).json()["id"]
    answer = await api.client.patch(
        f"/v1/gateway-accounts/{account_id}",
        json={"credentials": credentials("evil.example/"), "verify": False},
        headers=api.headers(),
    )
    assert answer.status_code == 422


async def test_nobody_in_our_network_is_called_when_credentials_are_tried(api: Api) -> None:
    called = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def listen() -> None:
            try:
                server.accept()
                called.set()
            except OSError:
                pass

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        body = {
            "gateway": "adyen",
            "label": "x",
            "mode": "live",
            "credentials": credentials(f"127.0.0.1:{port}/?"),
        }
        answer = await api.post("/v1/gateway-accounts", body)
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert (answer.status_code, called.is_set()) == (422, False)


async def test_a_real_prefix_is_taken(api: Api) -> None:
    """`[random]-[company name]`: https://docs.adyen.com/development-resources/live-endpoints/."""
    body = {
        "gateway": "adyen",
        "label": "x",
        "mode": "live",
        "verify": False,
        "credentials": credentials("1797a841fbb37ca7-AdyenDemo"),
    }
    answer = await api.post("/v1/gateway-accounts", body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("name", ["base_url", "ca_file", "proxy_url", "cert_hosts", "api_base"])
@pytest.mark.parametrize("gateway", ["stripe", "adyen", "paypal"])
async def test_credentials_name_no_address(api: Api, gateway: str, name: str) -> None:
    body = {"gateway": gateway, "label": "x", "verify": False, "credentials": {name: "https://evil.example"}}
    answer = await api.post("/v1/gateway-accounts", body)
    assert answer.status_code == 422
    body = {"gateway": gateway, "label": "x", "verify": False, "credentials": {}, name: "https://evil.example"}
    assert (await api.post("/v1/gateway-accounts", body)).status_code == 422


async def test_a_line_break_in_a_key_breaks_no_header(api: Api) -> None:
    for key in ("sk_test_x\r\nHost: evil.example", "sk_test_x\n", "sk_test_ü"):
        body = {"gateway": "stripe", "label": "x", "credentials": {"secret_key": key}}
        answer = await api.post("/v1/gateway-accounts", body)
        assert answer.status_code == 422, answer.text


async def test_credentials_never_come_out(api: Api) -> None:
    secret = "sk_test_leak0123456789"
    body = {"gateway": "stripe", "label": "x", "verify": False, "credentials": {"secret_key": secret}}
    made = await api.post("/v1/gateway-accounts", body, key="same")
    seen = [made.text, (await api.post("/v1/gateway-accounts", body, key="same")).text]
    paths = ("/v1/gateway-accounts", f"/v1/gateway-accounts/{made.json()['id']}", "/v1/audit-log", "/v1/events")
    seen += [(await api.get(path)).text for path in paths]
    assert not [text for text in seen if secret in text]
