"""Addresses that merchants choose: events never go into our network, and a payer is never sent to a script."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from http_driving import Api

from orchestrator.notifications.sending import send
from orchestrator.settings import Limits, get_settings

EUROS = {"amount": 1_000, "currency": "EUR"}
INNER = [
    *("https://127.0.0.1/", "https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://a.localhost/"),
    *("https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://0/"),
    *("https://0x7f.0.0.1/", "https://127.0.0.1./", "https://①②⑦.⓪.⓪.①/", "https://[::1]/", "https://[::]/"),
    *(
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1%25eth0]/",
    ),
    *("https://[fe80::1%lo]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[2002:7f00:1::]/"),
    *("https://169.254.169.254/latest/meta-data/", "https://metadata.google.internal/", "https://100.100.100.200/"),
    *(
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
    ),
    *("https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://printer.local/", "https://db/"),
]
TRICKS = [
    *("http://hooks.shop.example/", "https://hooks.shop.example:8443/", "https://hooks.shop.example:22/"),
    *("https://user:pw@hooks.shop.example/", "https://hooks.shop.example@127.0.0.1/", "https://127.0.0.1#@a.example/"),
    *(
        "https://a.example\\@127.0.0.1/",
        "https://127.0.0.1\\.a.example/",
        "https://a.example\t.evil/",
        "https:/a.example",
    ),
    *(
        "https:///a.example",
        "https://",
        "//hooks.shop.example/",
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a/",
    ),
    *(
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a.example/\r\nHost: b",
        "https://a..example/",
        "https://-a.example/",
    ),
    *(
        "https://a.example:443:80/",
        "https://a.example:0x1bb/",
        "https://a.example:99999/",
        "https://xn--/",
        "https://\u0430.example/",
    ),
]


@pytest.mark.parametrize("url", [*INNER, *TRICKS])
async def test_an_endpoint_is_a_public_https_server(api: Api, url: str) -> None:
    made = await api.post("/v1/webhook-endpoints", {"url": url})
    assert made.status_code == 422, made.text
    good = (await api.post("/v1/webhook-endpoints", {"url": "https://hooks.shop.example/"})).json()["id"]
    path = f"/v1/webhook-endpoints/{good}"
    changed = await api.client.patch(path, json={"url": url}, headers=api.headers())
    assert changed.status_code == 422, changed.text


class NameServer:
    """A resolver that tells another address each time, as one does that wants to be checked and then be elsewhere."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def getaddrinfo(self, host: str | bytes, port: int, *_: Any, **__: Any) -> list[Any]:
        name = host if isinstance(host, str) else host.decode()
        if not name.endswith(".example"):  # an address as it is: the socket layer asks for that, too
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, port))]
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


@pytest.fixture
def listener() -> Any:
    """A port of this machine, and whether anybody connected."""
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


@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [["192.0.2.1"], ["127.0.0.1"]],
        [["93.184.215.14", "127.0.0.1"]],
        [["::ffff:127.0.0.1"]],
        [["64:ff9b::7f00:1"]],
        [["fe80::1%lo"]],
        [["fd00::1"]],
        [["169.254.169.254"]],
        [["2002:7f00:1::"]],
        [["0.0.0.0"]],
        [["::"]],
        [["::1"]],
        [["100.64.0.1"]],
    ],
    ids=repr,
)
async def test_a_name_that_leads_inside_is_not_called(
    monkeypatch: pytest.MonkeyPatch, listener: tuple[int, threading.Event], answers: list[list[str]]
) -> None:
    """Also by an alias (CNAME), which the resolver follows itself: only what it comes to counts."""
    server = NameServer(*answers)
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    answer = await send("https://rebind.shop.example/", b"{}", {}, get_settings())
    assert answer.error.startswith("not called")
    assert (server.asked, listener[1].is_set()) == (1, False)


async def test_a_name_that_changes_its_mind_after_the_check_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked: nobody is asked a second time."""
    server = NameServer(["93.184.215.14"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    limits = Limits(webhook_out_timeout_s=1, webhook_out_connect_timeout_s=1)
    settings = get_settings().model_copy(update={"limits": limits})
    answer = await send("https://rebind.shop.example/", b"{}", {}, settings)
    assert (answer.status, server.asked) == (None, 1)
    assert "not called" not in answer.error  # it was tried, where it was checked


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "\tjavascript:alert(1)",
            "java\nscript:x",
        ),
        *("data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "blob:x", "about:blank"),
        *("//evil.example", "/\\evil.example", "https:evil", "https://", "http:///x", "https://a.example/\r\nX: y"),
        *("https://a.example/\x00", "https://a.example/ x", "https://[::1", "https://a.example:0/", "ftp://a.example/"),
    ],
)
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/payments", "return_url"),
        ("/v1/checkout-sessions", "success_url"),
        ("/v1/checkout-sessions", "cancel_url"),
        ("/v1/payment-links", "success_url"),
    ],
)
async def test_the_way_back_is_a_web_address(api: Api, path: str, field: str, url: str) -> None:
    answer = await api.post(path, {"amount": EUROS, field: url})
    assert answer.status_code in (422, 400), answer.text


@pytest.mark.parametrize(
    "asked",
    [
        *("//evil.example", "https://evil.example", "/\\evil.example", "/console/../../evil", "/console//evil.example"),
        *(
            "/console/x?u=//evil.example",
            "javascript:alert(1)",
            "/console/%2e%2e/",
            "/console/a\r\nX: y",
            "/evil",
            "console",
        ),
    ],
)
async def test_signing_in_leads_nowhere_else(api: Api, asked: str) -> None:
    from people import new_person

    ada = await new_person(api.client, api.merchant_id)
    page = "/console/login"
    answer = await ada.visitor.submit(page, page, email=ada.email, password=ada.password, next=asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/payments")


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Original-URL"])
async def test_links_do_not_follow_a_header_of_the_request(api: Api, name: str) -> None:
    """Else whoever has a password reset for another gets the link sent to a host of theirs."""
    headers = {**api.headers(), name: "evil.example", "Idempotency-Key": "x"}
    made = [
        await api.client.post("/v1/users", json={"email": "bob@acme.example", "role": "viewer"}, headers=headers),
        await api.client.post("/v1/checkout-sessions", json={"amount": EUROS}, headers=headers),
        await api.client.post("/v1/payment-links", json={"amount": EUROS}, headers=headers),
        await api.client.get("/console/login", headers=headers),
        await api.client.get("/", headers=headers),
    ]
    assert not [answer.url for answer in made if "evil.example" in answer.text + str(answer.headers)]
    assert {answer.status_code for answer in made} <= {200, 201, 303}
