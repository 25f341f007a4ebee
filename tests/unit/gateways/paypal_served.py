"""A server on this machine in PayPal's place: it answers what a test tells it, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from currency.money import Money
from orchestrator.gateways.base import Gateway, OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings

CONTRACTS = Path(__file__).parents[3] / "../shared/contracts"
CARD = CardCredential("tok_1", "visa", "4242", 3, 2030, holder="Ada Lovelace")
EUR = Money(1230, "EUR")
TOKEN = {"access_token": "A21-secret-token", "token_type": "Bearer", "expires_in": 900}


@dataclass(frozen=True)
class Asked:
    """One request as it arrived. `through_vault` where it came by the proxy."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    through_vault: bool

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class PayPalServer:
    """`answers` are taken in order by (method, path); what is not there is a 404."""

    url: str = ""
    answers: dict[tuple[str, str], list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    taken: list[Asked] = field(default_factory=list)

    def answer(self, method: str, path: str, status: int, body: Any = None, **headers: str) -> None:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault((method, path), []).append((status, body, shown))

    def asked(self) -> list[Asked]:
        """All but token calls."""
        return [one for one in self.taken if one.path != "/v1/oauth2/token"]

    def lines(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.asked()]

    def gateway(self, **credentials: str) -> Gateway:
        given = {"client_id": "id", "client_secret": "secret", **credentials}
        return build_gateway(
            "paypal", given, GatewayEndpoints(base_url=self.url), VaultSettings(self.url, "user", "pass")
        )


@contextmanager
def paypal_server() -> Iterator[PayPalServer]:
    kept = PayPalServer()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            asked = Asked(
                self.command,
                parts.path,
                parts.query,
                {name.lower(): value for name, value in self.headers.items()},
                body,
                bool(parts.netloc),
            )
            kept.taken.append(asked)
            waiting = kept.answers.get((asked.method, asked.path)) or []
            status, answer, headers = (404, {"name": "RESOURCE_NOT_FOUND"}, {})
            if asked.path == "/v1/oauth2/token" and not waiting:
                status, answer = 200, TOKEN
            elif waiting:
                status, answer, headers = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()


def call_of(kind: OperationKind, **given: Any) -> OperationCall:
    fields: dict[str, Any] = {
        "amount": EUR,
        "gateway_payment_id": "" if kind is OperationKind.CREATE else "ORDER1",
        "gateway_operation_id": "AUTH1",
        "credential": CARD if kind is OperationKind.CONFIRM else None,
        "return_url": "https://shop.example/return",
    }
    return OperationCall(kind, "op_1", "pay_1", "att_1", **(fields | given))


def order(status: str = "CREATED", **given: Any) -> dict[str, Any]:
    """An order as PayPal shows it; `authorizations`, `captures` and `refunds` go into its one purchase unit."""
    payments = {kind: given.pop(kind) for kind in ("authorizations", "captures", "refunds") if kind in given}
    unit: dict[str, Any] = {"amount": {"currency_code": "EUR", "value": "12.30"}}
    if payments:
        unit["payments"] = payments
    return {"id": "ORDER1", "intent": "AUTHORIZE", "status": status, "purchase_units": [unit]} | given


def payment(id: str, status: str, value: str = "12.30", **given: Any) -> dict[str, Any]:
    """An authorization, capture or refund."""
    return {"id": id, "status": status, "amount": {"currency_code": "EUR", "value": value}} | given


def fits(document: str, schema: str, value: Any) -> None:
    """The value fits the named schema of one of PayPal's published contracts."""
    components = json.loads((CONTRACTS / document).read_text())["components"]
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(value)
