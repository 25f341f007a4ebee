"""A server that answers as Stripe with what a test gives it, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from currency.money import Money
from orchestrator.gateways.base import OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.stripe.adapter import StripeGateway
from orchestrator.gateways.vault import VaultSettings

EUR = Money(1230, "EUR")
CARD = CardCredential("tok_1", "visa", "4242", 3, 2030, holder="Ada Lovelace")
SECRET_KEY = "sk_test_for_these_tests"


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True))


@dataclass
class Served:
    """The answers to give, in order, the last one for ever; and an adapter that is pointed here."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    stripe: StripeGateway = field(init=False)

    def will_say(self, *answers: Any) -> None:
        """A dict is HTTP 200 with that object, bytes are a file, a pair is (status, object)."""
        self.answers = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]

    def take(self) -> tuple[int, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def last(self) -> Asked:
        return self.asked[-1]


@contextmanager
def serving() -> Iterator[Served]:
    """Stripe on this machine; it is the vault's proxy too."""
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    served.stripe = _adapter(served.url)
    yield served
    served.stripe.close()
    server.shutdown()
    server.server_close()


def call(kind: OperationKind, **given: Any) -> OperationCall:
    """An operation on `pi_1` for 12.30 EUR by card."""
    fields: dict[str, Any] = {"amount": EUR, "gateway_payment_id": "pi_1", "credential": CARD}
    fields["return_url"] = "https://shop.example/return"
    return OperationCall(kind, "op_1", "pay_1", "att_1", **(fields | given))


def intent(**changes: Any) -> dict[str, Any]:
    """A payment intent of 12.30 EUR that is authorised."""
    amounts = {"amount": 1230, "amount_capturable": 1230, "amount_received": 0, "currency": "eur"}
    rest = {"status": "requires_capture", "latest_charge": "ch_1", "customer": None, "metadata": {}}
    return {"id": "pi_1", "object": "payment_intent", **amounts, **rest, **changes}


def listed(rows: list[dict[str, Any]], has_more: bool = False, url: str = "/v1/refunds") -> dict[str, Any]:
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}


def refused(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "code": code, "message": message} | more}


def _adapter(url: str) -> StripeGateway:
    credentials = {"secret_key": SECRET_KEY, "webhook_secret": "whsec_1"}
    adapter = build_gateway("stripe", credentials, GatewayEndpoints(base_url=url), VaultSettings(url, "user", "pass"))
    assert isinstance(adapter, StripeGateway)
    return adapter


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode("utf-8", "replace")
            parts = urlsplit(self.path.removeprefix(served.url))  # absolute when we stand in for the proxy
            headers = {name.lower(): value for name, value in self.headers.items()}
            served.asked.append(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body))
            status, answer = served.take()
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
