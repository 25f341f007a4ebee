"""The merchant's own server that is told of events. It fails by share, as servers do, and keeps what it took."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAILS, HANGS_UP, IS_SLOW = 0.08, 0.04, 0.03  # shares of the messages
SLOW_S = 0.4


class Receiver:
    """Listens on a port of 127.0.0.1 of its own. `events` by id, each as it was told; `tellings` counts them all."""

    def __init__(self, seed: int) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.tellings: Counter[str] = Counter()
        self.failed = 0
        self.is_well = False
        self._chance = random.Random(f"receiver {seed}")
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True, name="receiver").start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/events"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, event_id: str, body: bytes) -> int:
        """The status to answer; 0 hangs up. What is taken before the answer fails was told all the same."""
        with self._lock:
            dice = 1.0 if self.is_well else self._chance.random()
            if dice < FAILS:
                self.failed += 1
                return 500
            self.events[event_id] = json.loads(body)
            self.tellings[event_id] += 1
            if dice < FAILS + HANGS_UP:
                self.failed += 1
                return 0
        if dice < FAILS + HANGS_UP + IS_SLOW:
            time.sleep(SLOW_S)
        return 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status = take(self.headers["webhook-id"], body)
                if status:
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()
                self.close_connection = not status

            def log_message(self, *args: object) -> None:
                """Nothing: the run has its own report."""

        return Handler
