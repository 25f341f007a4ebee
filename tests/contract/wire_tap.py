"""A recording reverse proxy between an adapter (or the vault) and a simulated gateway: whole transcripts."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Takes path, status and body of a reply; gives what status and body go on.
Edit = Callable[[str, int, bytes], tuple[int, bytes]]
_OWN_HEADERS = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})
_UPSTREAM_TIMEOUT_S = 30
_POLL_S = 0.02


@dataclass(frozen=True)
class Passed:
    """One request and its reply as they crossed the wire; header names in lower case. `status` 0: no reply came."""

    gateway: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    reply_headers: dict[str, str] | None = None
    reply: bytes = b""


OBSERVERS: list[Callable[[Passed], None]] = []
"""Told of all that crosses any wire, as it was sent and answered."""


class WireTap:
    """Listens on 127.0.0.1 for one gateway. A fresh connection per request, so that a refusal is a refusal at once."""

    def __init__(self, gateway: str, target_url: str) -> None:
        self.gateway = gateway
        self.transcript: list[Passed] = []
        self.edit: Edit | None = None
        self.moved = threading.Condition()  # notified when an exchange has come to its end
        self._target = urlsplit(target_url)
        # Bound and never listening: nobody else is given the port while ours is closed.
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._placeholder.bind(("127.0.0.1", 0))
        self.port: int = self._placeholder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open()

    def begin(self) -> list[Passed]:
        """A new transcript; what is still under way goes into the old one."""
        self.transcript = []
        return self.transcript

    @contextmanager
    def editing(self, edit: Edit) -> Iterator[None]:
        """Replies are changed on their way meanwhile: what a gateway may say and a simulator cannot be told to say."""
        self.edit = edit
        try:
            yield
        finally:
            self.edit = None

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Connections are refused meanwhile."""
        self._shut()
        try:
            yield
        finally:
            self._open()

    def close(self) -> None:
        self._shut()
        self._placeholder.close()

    def _open(self) -> None:
        tap = self

        class Handler(_Handler):
            owner = tap

        self._server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": _POLL_S}, daemon=True).start()

    def _shut(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def pass_on(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes, int]:
        """The simulator's answer, and how many bytes of it never came. Raises OSError or HTTPException where it gives
        none."""
        assert self._target.hostname is not None
        upstream = http.client.HTTPConnection(self._target.hostname, self._target.port, timeout=_UPSTREAM_TIMEOUT_S)
        try:
            sent = {name: value for name, value in headers.items() if name not in _OWN_HEADERS}
            sent["host"] = self._target.netloc  # so that links in replies lead to the simulator itself
            upstream.request(method, target, body or None, sent | ({"content-length": str(len(body))} if body else {}))
            answer = upstream.getresponse()
            missing = 0
            try:
                content = answer.read()
            except http.client.IncompleteRead as cut:
                content, missing = cut.partial, cut.expected or 0
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content, missing
        finally:
            upstream.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    owner: WireTap

    def do_POST(self) -> None:
        transcript = self.owner.transcript
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        path, _, query = self.path.partition("?")
        try:
            status, reply_headers, reply, missing = self.owner.pass_on(self.command, self.path, headers, body)
        except (OSError, http.client.HTTPException):
            self._keep(transcript, Passed(self.owner.gateway, self.command, path, query, headers, body))
            self._abort()
            return
        passed = Passed(self.owner.gateway, self.command, path, query, headers, body, status, reply_headers, reply)
        if self.owner.edit is not None:  # the transcript has what the simulator said
            status, reply = self.owner.edit(path, status, reply)
        self._keep(transcript, passed)
        self._answer(status, reply_headers, reply, missing)

    do_GET = do_DELETE = do_PATCH = do_PUT = do_POST

    def _keep(self, transcript: list[Passed], passed: Passed) -> None:
        for observe in OBSERVERS:
            observe(passed)
        with self.owner.moved:
            transcript.append(passed)
            self.owner.moved.notify_all()

    def _answer(self, status: int, headers: dict[str, str], reply: bytes, missing: int) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in _OWN_HEADERS:
                self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(reply) + missing))
        self.send_header("connection", "close")
        try:
            self.end_headers()
            self.wfile.write(reply)
        except OSError:
            """The other side has given up waiting."""

    def _abort(self) -> None:
        """A reset, as the simulator's own when it loses a reply."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            """Nobody listens any more."""

    def log_message(self, *_: object) -> None:
        """Quiet."""
