"""The simulated world as the demo sees it: a client of the simulators' control port, vault and mailbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import httpx2

from orchestrator.demo.checks import StoryFailed

TIMEOUT_S = 30
VAULT_USER, VAULT_PASSWORD, VAULT_KEY = "clearway", "vault-password", "vault-key"

# The issuers' test numbers: what comes of a card is the same at every gateway.
VISA, MASTERCARD, AMEX = "4242424242424242", "5555555555554444", "378282246310005"
STOLEN, CHALLENGED = "4000000000009979", "4000002760003184"
CHALLENGE_PASSWORD = "password"  # noqa: S105 - printed on the simulated bank's page

Charge = dict[str, Any]


class World:
    """Outages, scenarios, webhooks, books, reports: what a test of a payment platform needs to control and to know."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls
        self._client = httpx2.Client(trust_env=False, timeout=TIMEOUT_S)

    def __enter__(self) -> World:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    @property
    def page_url(self) -> str:
        """Where a person sees and steers this world."""
        return f"{self._urls['control']}/simulators"

    # gateways

    def open_account(self, gateway: str, account: str, credentials: dict[str, str]) -> None:
        """The account at its gateway, with the credentials it is called with."""
        self._tell("/accounts", gateway=gateway, account=account, credentials=credentials)

    def send_webhooks(self, gateway: str, account: str, url: str, secrets: dict[str, str]) -> None:
        """Have the account's webhooks sent to us."""
        self._tell("/endpoints", gateway=gateway, account=account, url=url, secrets=secrets)

    @contextmanager
    def outage(self, gateway: str) -> Iterator[None]:
        """The gateway's socket is closed and its connections are dropped for a while."""
        self._tell("/outage", gateway=gateway, on=True)
        try:
            yield
        finally:
            self._tell("/outage", gateway=gateway, on=False)

    def misbehave(self, gateway: str, operation: str, behaviour: str, **more: Any) -> None:
        """Once, at the next such operation."""
        self._tell("/scenarios", gateway=gateway, operation=operation, behaviour=behaviour, **more)

    # webhooks

    @contextmanager
    def webhooks(self, gateway: str, mode: str) -> Iterator[None]:
        """Webhooks of the gateway are held, sent twice or kept to be reversed for a while."""
        self._tell("/webhooks/mode", gateway=gateway, mode=mode)
        try:
            yield
        finally:
            self._tell("/webhooks/release", gateway=gateway)
            self._tell("/webhooks/mode", gateway=gateway, mode="normal")

    def release_webhooks(self, gateway: str) -> int:
        return int(self._tell("/webhooks/release", gateway=gateway)["released"])

    def forge_webhook(self, gateway: str, account: str) -> int:
        """Send one with a wrong signature. Returns the HTTP status it met."""
        return int(self._tell("/webhooks/forge", gateway=gateway, account=account)["status"])

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._seen("/webhooks")
        return found

    def is_quiet(self) -> bool:
        """Whether every webhook has arrived."""
        return all(delivery["state"] in ("delivered", "lost") for delivery in self.deliveries())

    # money

    def charges(self, payment_id: str = "") -> list[Charge]:
        """The charges that gateways have of a payment (of all): authorised ones, and not what an issuer declined."""
        return [
            charge
            for charge in self._seen("/charges")
            if not charge["declined"] and payment_id in ("", charge["payment_reference"])
        ]

    def kept(self, payment_id: str = "") -> list[Charge]:
        """The charges whose money a gateway has and did not give back in full."""
        return [charge for charge in self.charges(payment_id) if is_kept(charge)]

    def books(self) -> list[dict[str, Any]]:
        """What each gateway holds for each account, by currency."""
        found: list[dict[str, Any]] = self._seen("/books")
        return found

    def charge_elsewhere(self, gateway: str, account: str, amount_minor: int, currency: str) -> Charge:
        """A charge that somebody makes in the gateway's dashboard."""
        charge: Charge = self._tell(
            "/charges/foreign", gateway=gateway, account=account, amount_minor=amount_minor, currency=currency
        )
        return charge

    def settle(self, gateway: str, account: str, **mistakes: Any) -> dict[str, Any]:
        """Have the gateway close its books and write its report. Returns its `path`, `name` and `lines`."""
        report: dict[str, Any] = self._tell("/settle", gateway=gateway, account=account, **mistakes)
        return report

    # cards and mail

    def card(self, number: str = VISA, holder: str = "Ada Lovelace") -> dict[str, Any]:
        """A vault token for the card, as the vault's fields page hands it to a shop: never the number."""
        card = {"number": number, "expiry_month": 12, "expiry_year": 2034, "cvc": "123", "holder": holder}
        answer = self._client.post(self._urls["vault"] + "/v1/tokens", json=card, headers={"X-Vault-Key": VAULT_KEY})
        return dict(_read(answer))

    def card_command(self) -> str:
        """What a person types to have the vault keep a card, as its fields page does."""
        card = json.dumps({"number": VISA, "expiry_month": 12, "expiry_year": 2034, "cvc": "123"})
        return f"curl -sS {self._urls['vault']}/v1/tokens -H 'X-Vault-Key: {VAULT_KEY}' -d '{card}'"

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = _read(self._client.get(self._urls["mail"] + "/messages"))
        return [mail for mail in found if address in str(mail["to"])]

    def attachment(self, mail: dict[str, Any], number: int = 0) -> bytes:
        answer = self._client.get(f"{self._urls['mail']}/messages/{mail['id']}/attachments/{number}")
        return answer.raise_for_status().content

    def _tell(self, path: str, **body: Any) -> Any:
        return _read(self._client.post(self._urls["control"] + path, json=body))

    def _seen(self, path: str) -> Any:
        return _read(self._client.get(self._urls["control"] + path))


def is_kept(charge: Charge) -> bool:
    """Captured, and neither voided nor given back in full."""
    return bool(charge["captured_minor"] > charge["refunded_minor"] and not charge["voided"])


def _read(answer: httpx2.Response) -> Any:
    if answer.status_code >= 400:
        raise StoryFailed(f"the simulators answered {answer.status_code} to {answer.request.url}: {answer.text[:300]}")
    return answer.json()
