"""What every scene works with: the API, the world, the shop, and what was done so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from currency.formatting import format_money
from currency.money import Money
from orchestrator.demo.api import Api
from orchestrator.demo.checks import Checks, until
from orchestrator.demo.seed import Shop
from orchestrator.demo.world import VISA, World

Payment = dict[str, Any]
GATEWAY_NAMES = {"stripe": "Stripe", "adyen": "Adyen", "paypal": "PayPal"}
RESTS = frozenset({"captured", "failed", "canceled", "needs_review"})


@dataclass(slots=True)
class Stage:
    """`payments` by the name that the story gives them; `invoices` and `reconciliation` as the API showed them last."""

    api: Api
    world: World
    shop: Shop
    checks: Checks
    out: Path
    payments: dict[str, str] = field(default_factory=dict)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    reconciliation: dict[str, Any] = field(default_factory=dict)

    def pay(self, name: str, minor: int, currency: str, *, number: str = VISA, country: str = "DE") -> Payment:
        """A card payment through the API; the answer as it came."""
        payment: Payment = self.api.post(
            "/payments",
            {
                "amount": {"amount": minor, "currency": currency},
                "payment_method": payment_method(self.world.card(number)),
                "country": country,
                "reference": f"order-{len(self.payments) + 1:04}",
                "description": name,
            },
        )
        self.payments[name] = payment["id"]
        return payment

    def payment(self, payment_id: str) -> Payment:
        found: Payment = self.api.get(f"/payments/{payment_id}")
        return found

    def at_rest(self, payment_id: str) -> Payment:
        """The payment when nothing more will happen to it by itself."""

        def look() -> Payment | None:
            found = self.payment(payment_id)
            return found if found["status"] in RESTS else None

        return until(f"payment {payment_id} comes to rest", look)

    def captured(self, claim: str, payment_id: str, *gateways: str) -> Payment:
        """Wait, and check that the payment was captured, tried at these gateways in this order, and kept only once."""
        payment = self.at_rest(payment_id)
        self.checks.equal(f"{claim}: status", payment["status"], "captured")
        self.checks.equal(f"{claim}: gateways tried", path_of(payment), list(gateways))
        kept = self.world.kept(payment_id)
        self.checks.equal(f"{claim}: charges kept", [charge["gateway"] for charge in kept], [gateways[-1]])
        self.checks.equal(
            f"{claim}: captured at the gateway",
            [charge["captured_minor"] for charge in kept],
            [payment["amount"]["amount"]],
        )
        return payment

    def timeline(self, payment_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/payments/{payment_id}/timeline")
        return found

    def winning_attempt(self, payment_id: str) -> dict[str, Any]:
        """The attempt whose money was kept."""
        attempts: list[dict[str, Any]] = self.payment(payment_id)["attempts"]
        return next(attempt for attempt in attempts if attempt["status"] == "captured")


@dataclass(frozen=True, slots=True)
class Scene:
    """One part of the story. `play` returns a sentence about what happened; it may raise StoryFailed."""

    title: str
    play: Callable[[Stage], str]


def payment_method(card: dict[str, Any]) -> dict[str, Any]:
    """A vault's token as the API takes it."""
    shown = ("brand", "last4", "expiry_month", "expiry_year", "holder", "bin", "issuer_country")
    return {"type": "card", "vault_token": card["token"]} | {n: card[n] for n in shown if card.get(n) is not None}


def path_of(payment: Payment) -> list[str]:
    """The gateways in the order in which they were tried."""
    return [attempt["gateway"] for attempt in payment["attempts"] or []]


def shown(amount: dict[str, Any]) -> str:
    """`{"amount": 1999, "currency": "EUR"}` for people."""
    return format_money(Money(amount["amount"], amount["currency"]), "en")


def ways(payment: Payment) -> str:
    """`€19.99 Adyen → Stripe`."""
    return f"{shown(payment['amount'])} " + " → ".join(GATEWAY_NAMES[gateway] for gateway in path_of(payment))
