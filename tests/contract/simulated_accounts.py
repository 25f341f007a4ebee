"""What the contract tests hold: the running simulators, a receiver of webhooks, one account with its adapter."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from wire_tap import Passed, WireTap

from currency.money import Money
from orchestrator.gateways.base import Gateway, OperationCall, OperationKind, WebhookMessage, WebhookRejected
from orchestrator.gateways.credentials import CardCredential

APPROVED_CARD = "4242424242424242"
DECLINED_CARD = "4000000000009995"
CHALLENGED_CARD = "4000002760003184"
EUR_12_30 = Money(1230, "EUR")
RETURN_URL = "http://127.0.0.1:9/return"
GATEWAYS = ("stripe", "adyen", "paypal")


@dataclass
class World:
    """The running simulators: addresses and the control API."""

    urls: dict[str, str]

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(self.urls["control"] + path, json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = requests.get(self.urls["control"] + path, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def charges_of(self, account: str) -> list[dict[str, Any]]:
        return [charge for charge in self.get("/charges") if charge["account"] == account]

    def book_of(self, account: str) -> dict[str, int]:
        """The sums of the account's books, whatever the currency."""
        books = [book for book in self.get("/books") if book["account"] == account]
        return {name: sum(book[name] for book in books) for name in ("captured_minor", "refunded_minor")}

    def tokenise(self, number: str, *, brand: str = "visa", holder: str = "Ada Lovelace") -> CardCredential:
        card = {"number": number, "expiry_month": 3, "expiry_year": 2035, "cvc": "737", "holder": holder}
        answer = requests.post(
            self.urls["vault"] + "/v1/tokens", json=card, headers={"X-Vault-Key": "vault-key"}, timeout=20
        )
        token = answer.json()["token"]
        return CardCredential(token, brand, number[-4:], 3, 2035, holder=holder)


@dataclass
class Received:
    """Webhooks that came in, as (headers, body)."""

    path: str = "/webhooks"
    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, fits: Callable[[dict[str, str], bytes], Any]) -> Any:
        """The first truthy answer of `fits` for a notification that is there or comes."""
        with self.arrived:
            found = self.arrived.wait_for(lambda: [one for taken in self.taken if (one := fits(*taken))], timeout=90)
        assert found, "the webhook that was waited for never came"
        return found[0]


@dataclass
class Account:
    """One gateway account at the simulators, and its adapter."""

    name: str
    gateway: Gateway
    world: World
    received: Received
    tap: WireTap | None = None

    def call(self, kind: OperationKind, **given: Any) -> OperationCall:
        unique = secrets.token_hex(16)
        fields: dict[str, Any] = {
            "operation_id": f"op_{unique}",
            "payment_id": f"pay_{unique}",
            "attempt_id": f"att_{unique}",
        }
        return OperationCall(kind, **({**fields, "amount": EUR_12_30, "return_url": RETURN_URL} | given))

    @property
    def wire(self) -> WireTap:
        assert self.tap is not None
        return self.tap

    def trouble(self, behaviour: str, operation: str = "*", **more: Any) -> None:
        """Orders the simulator to misbehave at the next call of this account (and operation)."""
        when = {"account": self.name}
        self.world.post(
            "/scenarios", gateway=self.gateway.name, operation=operation, behaviour=behaviour, when=when, **more
        )

    def lock_out(self) -> None:
        """The gateway knows the account by other credentials from now on."""
        names = ("secret_key", "api_key", "merchant_account", "client_id", "client_secret")
        others = dict.fromkeys(names, f"other-{secrets.token_hex(8)}")
        self.world.post("/accounts", gateway=self.gateway.name, account=self.name, credentials=others)

    def told(self, kind: str, **facts: object) -> WebhookMessage:
        """The first verified webhook of this kind whose fields are these."""

        def read(headers: dict[str, str], body: bytes) -> WebhookMessage | None:
            try:
                messages = self.gateway.verify_webhook(headers, body)
            except WebhookRejected as rejected:
                raise AssertionError(f"a webhook of the simulator is refused: {rejected}: {body[:300]!r}") from rejected
            fitting = (m for m in messages if m.kind == kind)
            return next((m for m in fitting if all(getattr(m, k) == v for k, v in facts.items())), None)

        message = self.received.wait_for(read)
        assert isinstance(message, WebhookMessage)
        return message

    def passed(self) -> list[Passed]:
        return list(self.wire.transcript)
