"""What a client may do on the wire, tried against a real server: heads without end, requests that never end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from orchestrator.http import wire
from orchestrator.http.wire import HEAD_BYTES_MAX, BoundedHttp

PATIENCE_S = 60.0
HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says how long the body was."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose patience is short, so that nobody has to wait for it."""
    monkeypatch.setattr(wire, "HEAD_WITHIN_S", 0.3)
    monkeypatch.setattr(wire, "_CHECK_EVERY_S", 0.1)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(echo, http=BoundedHttp, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + PATIENCE_S
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(PATIENCE_S)


def opened(port: int, first: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    client.sendall(first)
    return client


def send_without_end(client: socket.socket, piece: bytes, most_bytes: int) -> int:
    """How much the server took before it hung up."""
    sent = 0
    try:
        while sent < most_bytes:
            client.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


def is_hung_up_on(client: socket.socket) -> bool:
    """Waits for the end of the connection, whatever is said before it."""
    try:
        while client.recv(65_536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /",
        HEAD + b"X-A: ",
        HEAD + b"X",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: ",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;extension=",
    ],
    ids=["line", "value", "name", "trailer", "chunk extension"],
)
def test_a_head_without_end_is_cut_off(port: int, begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_WITHIN_S", 60)
    with opened(port, begin) as client:
        taken = send_without_end(client, b"a" * 65_536, 64 * 1024 * 1024)
        assert taken < 16 * 1024 * 1024  # what is on its way in the buffers of both sides is no memory of ours
        assert is_hung_up_on(client)


def test_many_small_headers_are_a_head_too(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_WITHIN_S", 60)
    with opened(port, HEAD) as client:
        assert send_without_end(client, b"a: b\r\n" * 1_000, 64 * 1024 * 1024) < 16 * 1024 * 1024


@pytest.mark.parametrize("begin", [b"", b"GET", HEAD, HEAD + b"Content-Length: 10\r\n\r\n12345"])
def test_a_request_that_never_ends_is_given_up(port: int, begin: bytes) -> None:
    with opened(port, begin) as client:
        assert is_hung_up_on(client)


def test_a_slow_body_is_waited_for_as_long_as_something_comes(port: int) -> None:
    pieces = 12
    with opened(port, HEAD + f"Content-Length: {1_000 * pieces}\r\n\r\n".encode()) as client:
        for _ in range(pieces):
            client.sendall(b"x" * 1_000)
            time.sleep(0.1)  # it is the pace that is tried
        assert b"12000" in client.recv(65_536)


def test_a_kept_connection_serves_one_request_after_the_other(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for size in (0, 10, 300_000, HEAD_BYTES_MAX * 3):
            assert client.post("/x", content=b"x" * size).text == str(size)
        assert client.post("/x", headers={"X-Long": "y" * 30_000}).text == "0"


def test_the_api_is_served_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator import cli

    given: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **options: given.update(options))
    monkeypatch.setattr(cli, "_begin", lambda _: __import__("orchestrator.settings").settings.get_settings())
    cli.api()
    assert given["http"] is BoundedHttp
