"""A Stripe account of a test's own, as Stripe's SDK and the control API see it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import requests
import stripe
from sim_driving import Receiver, Simulators

SIGNING_SECRET = "whsec_simulated"
ACCEPTANCE = {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "test"}}


@dataclass(frozen=True)
class Shop:
    """`api` is the SDK's v1 namespace; forms that the SDK's types lack go through `raw`."""

    client: stripe.StripeClient
    account: str
    simulators: Simulators
    key: str

    @property
    def api(self) -> Any:
        return self.client.v1

    def raw(self, method: str, path: str, expected: int = 200, **form: str) -> Any:
        url, headers = self.simulators.urls["stripe"] + path, {"authorization": f"Bearer {self.key}"}
        answer = requests.request(method, url, data=form, headers=headers, timeout=20)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def pay(self, method: str = "pm_card_visa", amount: int = 2000, currency: str = "eur", **more: Any) -> Any:
        params = {"amount": amount, "currency": currency, "payment_method": method, "confirm": True}
        params["return_url"] = "http://127.0.0.1/back"
        return self.api.payment_intents.create({**params, **more})

    def advance(self, days: float) -> None:
        self.simulators.post("/clock", advance_seconds=days * 86400)

    def book(self, currency: str = "EUR") -> dict[str, Any]:
        [row] = [b for b in self.simulators.get("/books") if (b["account"], b["currency"]) == (self.account, currency)]
        return dict(row)

    def charge(self, intent: Any) -> Any:
        return self.api.charges.retrieve(intent.latest_charge)

    def events(self, kind: str = "") -> list[Any]:
        """Newest first."""
        params = {"limit": 100, **({"type": kind} if kind else {})}
        return list(self.api.events.list(params).data)

    def listen(self, receiver: Receiver) -> None:
        where = {"gateway": "stripe", "account": self.account, "url": receiver.url}
        self.simulators.post("/endpoints", **where, secrets={"signing_secret": SIGNING_SECRET})


def open_shop(simulators: Simulators, **credentials: str) -> Shop:
    key = f"sk_test_{secrets.token_hex(12)}"
    account = simulators.register("stripe", {"secret_key": key, **credentials})
    url = simulators.urls["stripe"]
    client = stripe.StripeClient(key, base_addresses={"api": url, "files": url}, max_network_retries=0)
    return Shop(client, account, simulators, key)


def press(url: str, **form: str) -> str:
    """Posts a shopper's form; the address that he is sent on to."""
    answer = requests.post(url, data=form, allow_redirects=False, timeout=20)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def page_of(intent: Any) -> str:
    assert intent.status == "requires_action"
    return str(intent.next_action.redirect_to_url.url)


def said(body: bytes) -> tuple[str, Any]:
    event = json.loads(body)
    return event["type"], event["data"]["object"]
