"""A merchant's server on 127.0.0.1, with answers by script, and its own check of signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server answers. `hold` is waited for first; then the answer goes, or nothing if `hang_up`."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: threading.Event | None = None
    hang_up: bool = False


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    def signed_with(self, secret: str) -> bool:
        """The check of the Standard Webhooks specification, in a receiver's own words."""
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = b".".join((self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), self.body))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        given = [one.partition(",") for one in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(text, expected) for version, _, text in given)


class Receiver:
    """Answers 204, or what is scripted: first the replies in order, then `always`."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.always = Reply()
        self.received: list[Received] = []
        self.at_once = 0
        self.at_once_most = 0
        self.url = ""
        self._lock = threading.Lock()

    def take(self, request: Received) -> Reply:
        with self._lock:
            self.received.append(request)
            self.at_once += 1
            self.at_once_most = max(self.at_once_most, self.at_once)
            return self.replies.pop(0) if self.replies else self.always

    def done(self) -> None:
        with self._lock:
            self.at_once -= 1

    def messages(self) -> list[Any]:
        return [one.message for one in self.received]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if "webhook-id" not in self.headers:  # a gateway's, for another test's server that had this port before
                self.send_error(404)
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = receiver.take(Received(self.path, headers, body))
            try:
                if reply.hold is not None:
                    reply.hold.wait(120)
                if reply.hang_up:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:  # the sender did not wait, or had enough
                self.close_connection = True
            finally:
                receiver.done()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serve(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port; it is gone afterwards."""
    receiver = Receiver()
    server = ThreadingHTTPServer((host, 0), _handler(receiver))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
