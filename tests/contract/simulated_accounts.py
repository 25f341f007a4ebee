"""What the contract tests hold: the running simulators, a receiver of webhooks, one account with its adapter."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from currency.money import Money
from orchestrator.gateways.base import Gateway, OperationCall, OperationKind
from orchestrator.gateways.credentials import CardCredential

APPROVED_CARD = "4242424242424242"
EUR_12_30 = Money(1230, "EUR")


@dataclass
class World:
    """The running simulators: addresses and the control API."""

    urls: dict[str, str]

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(self.urls["control"] + path, json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def charges_of(self, account: str) -> list[dict[str, Any]]:
        charges = requests.get(self.urls["control"] + "/charges", timeout=20).json()
        return [charge for charge in charges if charge["account"] == account]

    def tokenise(self, number: str) -> CardCredential:
        card = {"number": number, "expiry_month": 3, "expiry_year": 2035, "cvc": "737", "holder": "Ada Lovelace"}
        answer = requests.post(
            self.urls["vault"] + "/v1/tokens", json=card, headers={"X-Vault-Key": "vault-key"}, timeout=20
        )
        token = answer.json()["token"]
        return CardCredential(token, "visa", number[-4:], 3, 2035, holder="Ada Lovelace")


@dataclass
class Received:
    """Webhooks that came in, as (headers, body)."""

    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, fits: Callable[[dict[str, str], bytes], Any]) -> Any:
        """The first truthy answer of `fits` for a notification that is there or comes."""
        with self.arrived:
            found = self.arrived.wait_for(lambda: [one for taken in self.taken if (one := fits(*taken))], timeout=20)
        assert found, "the webhook that was waited for never came"
        return found[0]


@dataclass
class Account:
    """One gateway account at the simulators, and its adapter."""

    name: str
    gateway: Gateway
    world: World
    received: Received

    def call(self, kind: OperationKind, **given: Any) -> OperationCall:
        unique = secrets.token_hex(16)
        fields: dict[str, Any] = {
            "operation_id": f"op_{unique}",
            "payment_id": f"pay_{unique}",
            "attempt_id": f"att_{unique}",
        }
        return OperationCall(
            kind, **({**fields, "amount": EUR_12_30, "return_url": "http://127.0.0.1:9/return"} | given)
        )
