"""A register that answers whatever a test says, over real HTTP, and waits before it does where a test wants to act."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

VALID = {"valid": True, "name": "Alpenklang", "address": "Getreidegasse 9\n5020 Salzburg", "requestIdentifier": "W1"}


@dataclass
class OddRegister:
    """`asked` are the questions in order. A question sets `came`, and is answered once `answers` is set, by what is
    left in `first`, then by `said`."""

    url: str = ""
    status: int = 200
    body: bytes | None = None  # None: a good answer about the id that was asked about, with `said` in it
    said: dict[str, Any] = field(default_factory=lambda: dict(VALID))
    first: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    answers: threading.Event = field(default_factory=threading.Event)

    def reply_to(self, question: dict[str, Any]) -> bytes:
        if self.body is not None:
            return self.body
        about = {"countryCode": question["countryCode"], "vatNumber": question["vatNumber"]}
        return msgspec.json.encode({**about, **(self.first.pop(0) if self.first else self.said)})


@contextmanager
def serve() -> Iterator[OddRegister]:
    register = OddRegister()
    register.answers.set()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = msgspec.json.decode(self.rfile.read(int(self.headers["content-length"])))
            register.asked.append({"path": self.path, **question})
            register.came.set()
            register.answers.wait(60)
            content = register.reply_to(question)
            self.send_response(register.status)
            for name, value in register.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                return  # who asked has heard enough

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    register.url = f"http://127.0.0.1:{server.server_address[1]}/rest-api"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield register
    finally:
        register.answers.set()
        server.shutdown()
        server.server_close()
