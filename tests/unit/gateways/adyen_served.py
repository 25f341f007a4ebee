"""A gateway address on this machine that keeps what it gets and answers by script, and the adapter pointed at it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from currency.money import Money
from orchestrator.gateways.base import Gateway, OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential
from orchestrator.gateways.facets import Answer
from orchestrator.gateways.kinds import GatewayEndpoints
from orchestrator.gateways.registry import build_gateway
from orchestrator.gateways.vault import VaultSettings
from routing.outcomes import OutcomeKind

CONTRACTS = Path(__file__).parents[3] / "../shared/contracts"
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
EUR = Money(1230, "EUR")
CARD = CardCredential("tok_1", "visa", "4242", 3, 2030, holder="Ada")

Body = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """One request as it came. `vaulted`: it came the way of the vault's proxy."""

    method: str
    path: str
    headers: dict[str, str]
    body: Body
    vaulted: bool


@dataclass
class Served:
    """The address. `script` has, for `METHOD /path` without its query, the answers to give, the last one for ever."""

    url: str = ""
    taken: list[Taken] = field(default_factory=list)
    script: dict[str, list[tuple[int, Body | bytes]]] = field(default_factory=dict)

    def answer(self, call: str, status: int, body: Body | bytes | None = None) -> None:
        self.script.setdefault(call, []).append((status, {} if body is None else body))

    def only(self) -> Taken:
        assert len(self.taken) == 1, self.taken
        return self.taken[0]

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.taken]


@contextmanager
def served() -> Iterator[Served]:
    kept = Served()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.removeprefix(kept.url)  # absolute when we stand in for the vault's proxy
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.taken.append(
                Taken(self.command, path, headers, json.loads(raw or b"{}"), vaulted=self.path.startswith("http"))
            )
            waiting = kept.script.get(f"{self.command} {path.partition('?')[0]}") or [(200, {})]
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    yield kept
    server.shutdown()
    server.server_close()


@contextmanager
def adyen(at: Served, **credentials: str) -> Iterator[Gateway]:
    ours = {"api_key": "AQE-key", "merchant_account": "Shop", "hmac_key": KEY} | credentials
    vault = VaultSettings(at.url, "user", "pass")
    adapter = build_gateway("adyen", ours, GatewayEndpoints(base_url=at.url, read_timeout_s=60), vault)
    yield adapter
    adapter.close()


@contextmanager
def whole_adyen(at: Served) -> Iterator[Gateway]:
    """With every credential that an account can have."""
    with adyen(
        at,
        report_username="report@Company.Shop",
        report_password="pw",
        balance_platform_api_key="BP-key",
        balance_account="BA-OURS",
    ) as gateway:
        yield gateway


def reason_of(answer: Answer[Any]) -> str:
    assert answer.kind is OutcomeKind.DECLINED, answer
    assert answer.decline is not None
    return answer.decline.reason


def call(kind: OperationKind = OperationKind.CONFIRM, **given: Any) -> OperationCall:
    fields: Body = {
        "operation_id": "op_1",
        "payment_id": "pay_1",
        "attempt_id": "att_1",
        "amount": EUR,
        "credential": CARD if kind is OperationKind.CONFIRM else None,
        "gateway_payment_id": "" if kind is OperationKind.CONFIRM else "PSP1",
        "return_url": "https://shop.example/return",
    }
    return OperationCall(kind, **(fields | given))


def fits(schema: str, value: Body, document: str = "adyen-CheckoutService-v72") -> None:
    """Raises where the value does not fit the named schema of Adyen's published description."""
    components = json.loads((CONTRACTS / f"{document}.json").read_text())["components"]
    if schema == "PaymentRequest":  # a method is one of many, and a card's own fields fit several of them
        components["schemas"]["PaymentRequest"]["properties"]["paymentMethod"] = {"type": "object"}
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(value)
