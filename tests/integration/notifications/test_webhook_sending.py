"""Where messages go: to the address that was checked and no other, with TLS by name, never into our own network."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from webhook_receiver import Receiver, Reply, serve

from orchestrator.notifications import sending
from orchestrator.notifications.sending import Answer, send
from orchestrator.settings import Settings, read_settings

NAME = "hooks.shop.example"
INNER = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "100.100.100.200",
    "::1",
    "::ffff:10.0.0.1",
    "fd00:ec2::254",
    "fe80::1%lo",
    "64:ff9b::a00:1",
    "2002:a00:1::",
]


class Call(NamedTuple):
    host: str
    port: int


class NameServer:
    """Stands in for the resolver: gives each look-up the next of its answers, and notes what was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[Call] = []

    async def look_up(self, host: str, port: int) -> list[str]:
        self.asked.append(Call(host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> NameServer:
    server = NameServer(*answers)
    monkeypatch.setattr(sending, "look_up", server.look_up)
    return server


def settings(**webhooks: object) -> Settings:
    return read_settings(webhooks={"allow_loopback": False, **webhooks})


async def post(url: str, given: Settings) -> Answer:
    return await send(url, b"{}", {"webhook-id": "evt_1"}, given)


@pytest.mark.parametrize("address", INNER)
async def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    asked = names(monkeypatch, [address])
    answer = await post(f"https://{NAME}/", settings())
    assert answer.status is None
    assert answer.error == f"not called: the address {NAME} leads to {address}, which is not on the public internet"
    assert len(asked.asked) == 1


async def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["93.184.215.14", "2606:4700:4700::1111", "10.0.0.1"])
    assert "10.0.0.1" in (await post(f"https://{NAME}/", settings())).error


async def test_the_name_is_looked_up_once_so_that_it_cannot_change_its_mind(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    port = int(receiver.url.rsplit(":", 1)[1].split("/")[0])
    asked = names(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    answer = await post(f"http://localhost:{port}/a?b=c", settings(allow_loopback=True))
    assert answer.accepted, answer
    assert asked.asked == [Call("localhost", port)]
    (request,) = receiver.received
    assert (request.path, request.headers["host"]) == ("/a?b=c", f"localhost:{port}")


async def test_a_stored_address_that_is_no_longer_allowed_is_refused_again_when_sending(receiver: Receiver) -> None:
    answer = await post(receiver.url, settings(allow_loopback=False))
    assert answer.error.startswith("not called: the address must begin with https://")
    assert receiver.received == []


async def test_the_demos_leave_for_this_machine_is_none_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["169.254.169.254"])
    answer = await post("http://localhost:80/latest/meta-data/", settings(allow_loopback=True))
    assert "169.254.169.254, which is not on the public internet" in answer.error


async def test_a_name_that_nobody_knows_is_a_failure_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(sending, "look_up", unknown)
    answer = await post(f"https://{NAME}/", settings())
    assert (answer.status, answer.accepted) == (None, False)
    assert "Name or service not known" in answer.error


async def test_a_slow_name_server_holds_one_thread_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = threading.Event(), []

    def slow(host: str, port: int) -> list[str]:
        asked.append(host)
        answer.wait(10)
        return ["93.184.215.14"]

    monkeypatch.setattr(sending, "_resolve", slow)
    waiting = [asyncio.create_task(sending.look_up("slow.shop.example", 443)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    answer.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [["93.184.215.14"]] * 19
    assert asked == ["slow.shop.example"]


async def test_the_systems_resolver_is_asked() -> None:
    assert set(await sending.look_up("localhost", 443)) <= {"127.0.0.1", "::1"}


async def test_the_next_address_is_tried_where_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    names(monkeypatch, ["127.0.0.2", "127.0.0.1"])  # the receiver listens at the second only
    assert (await post(receiver.url.replace("127.0.0.1", "localhost"), settings(allow_loopback=True))).accepted


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await post(receiver.url, settings(allow_loopback=True))).accepted


async def test_the_configured_proxy_is_asked_for_the_name_which_is_not_looked_up(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    asked = names(monkeypatch, ["127.0.0.1"])
    proxy = receiver.url.removesuffix("/hooks")
    answer = await post("http://localhost:9/x", settings(allow_loopback=True, proxy_url=proxy))
    assert answer.accepted, answer
    assert asked.asked == []
    assert [request.path for request in receiver.received] == ["http://localhost:9/x"]


async def test_a_cookie_is_not_sent_back(receiver: Receiver) -> None:
    receiver.always = Reply(headers={"Set-Cookie": "a=b; Path=/"})
    for _ in range(2):
        await post(receiver.url, settings(allow_loopback=True))
    assert ["cookie" in request.headers for request in receiver.received] == [False, False]


class Secured(NamedTuple):
    """A receiver with a certificate, the roots to trust for it, and the names that callers asked for."""

    receiver: Receiver
    ca_file: str
    asked_for: list[str | None]


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = tmp_path / "crt.pem", tmp_path / "key.pem"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    asked_for: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, pem)
    context.sni_callback = lambda _sock, asked, _context: asked_for.append(asked)
    with serve(tls=context) as served:
        yield Secured(served, str(crt), asked_for)


def url_of(secured: Secured, host: str) -> str:
    return secured.receiver.url.replace("127.0.0.1", host)


async def test_the_certificate_is_checked_against_the_name_though_the_address_is_dialled(
    monkeypatch: pytest.MonkeyPatch, secured: Secured
) -> None:
    names(monkeypatch, ["127.0.0.1"])
    answer = await post(url_of(secured, NAME), settings(allow_loopback=True, ca_file=secured.ca_file))
    assert answer.accepted, answer
    assert secured.asked_for == [NAME]
    (request,) = secured.receiver.received
    assert request.headers["host"].split(":")[0] == NAME


async def test_a_certificate_of_another_name_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, secured: Secured
) -> None:
    names(monkeypatch, ["127.0.0.1"])
    answer = await post(url_of(secured, "other.shop.example"), settings(allow_loopback=True, ca_file=secured.ca_file))
    assert "certificate" in answer.error.lower()
    assert secured.receiver.received == []


async def test_a_certificate_of_nobody_we_trust_is_refused(monkeypatch: pytest.MonkeyPatch, secured: Secured) -> None:
    names(monkeypatch, ["127.0.0.1"])
    answer = await post(url_of(secured, NAME), settings(allow_loopback=True))
    assert "certificate" in answer.error.lower()
    assert secured.receiver.received == []
