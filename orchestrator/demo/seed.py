"""Nordwind Instruments, the merchant of the demo: its accounts at three gateways, and the rules of its routing."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from orchestrator.demo.api import Api
from orchestrator.demo.world import World

NAME = "Nordwind Instruments GmbH"
PROFILE: dict[str, Any] = {
    "country": "DE",
    "address_lines": ["Speicherstadt 14"],
    "postal_code": "20457",
    "city": "Hamburg",
    "vat_id": "DE136695976",
    "email": "rechnung@nordwind.example",
    "locale": "de",
    "domestic_rate_bps": 1900,
    "bank": {
        "holder": NAME,
        "iban": "DE89370400440532013000",
        "bic": "COBADEFFXXX",
        "bank": "Commerzbank",
    },
}

CURRENCIES = ["EUR", "USD", "GBP", "JPY", "KWD"]
# What the three charge by contract: a share in hundredths of a percent, and a fixed part in minor units.
FEES = MappingProxyType(
    {
        "stripe": {"bps": 150, "fixed_minor": {"EUR": 25, "USD": 25, "GBP": 25, "JPY": 25, "KWD": 250}},
        "adyen": {"bps": 120, "fixed_minor": {"EUR": 12, "USD": 12, "GBP": 12, "JPY": 12, "KWD": 120}},
        "paypal": {"bps": 249, "fixed_minor": {"EUR": 35, "USD": 35, "GBP": 35, "JPY": 35}},
    }
)
LABELS = MappingProxyType({"stripe": "Stripe Europe", "adyen": "Adyen ECOM", "paypal": "PayPal business"})

LARGE_EUROS, AMEX_AT_STRIPE, GULF, EUROS, DOLLARS, POUNDS, YEN = (
    "large amounts in euro",
    "American Express",
    "the Gulf and North Africa",
    "euro",
    "dollar",
    "pound sterling",
    "yen",
)
LARGE_EUROS_FROM = 500_000
RULES: list[dict[str, Any]] = [
    {
        "name": LARGE_EUROS,
        "when": {"amount": {"currency": "EUR", "min": LARGE_EUROS_FROM}},
        "then": {"accounts": ["stripe", "adyen"]},
    },
    {"name": AMEX_AT_STRIPE, "when": {"brand": ["amex"]}, "then": {"accounts": ["stripe", "adyen"]}},
    {"name": GULF, "when": {"region": ["MENA"]}, "then": {"accounts": ["adyen", "stripe"]}},
    {"name": EUROS, "when": {"currency": ["EUR"]}, "then": {"accounts": ["adyen", "stripe", "paypal"]}},
    {"name": DOLLARS, "when": {"currency": ["USD"]}, "then": {"accounts": ["stripe", "paypal", "adyen"]}},
    {"name": POUNDS, "when": {"currency": ["GBP"]}, "then": {"accounts": ["paypal", "stripe", "adyen"]}},
    {"name": YEN, "when": {"currency": ["JPY"]}, "then": {"accounts": ["adyen", "stripe"]}},
]


@dataclass(frozen=True, slots=True)
class GatewayAccount:
    """One of the merchant's accounts: our id, and the name that the gateway has for it."""

    id: str
    gateway: str
    name: str


@dataclass(frozen=True, slots=True)
class Shop:
    """The merchant as the story knows it; `accounts` by gateway."""

    merchant_id: str
    accounts: dict[str, GatewayAccount]

    def gateway_of(self, account_id: str) -> str:
        return next((account.gateway for account in self.accounts.values() if account.id == account_id), "")


def found_merchant() -> tuple[str, str]:
    """Make the merchant and its first API key, as an operator does on the machine itself. Returns id and key."""
    return asyncio.run(_found_merchant())


async def _found_merchant() -> tuple[str, str]:
    from orchestrator import db
    from orchestrator.access import service

    await db.start_pool(max_size=2)
    try:
        merchant = await service.create_merchant(NAME, PROFILE)
        return merchant.id, await service.create_api_key(merchant.id, "demo")
    finally:
        await db.close_pool()


def open_shop(merchant_id: str, api: Api, world: World) -> Shop:
    """Three gateway accounts, ours and theirs, and the routing rules in force."""
    accounts = {
        gateway: _open_account(gateway, priority, api, world)
        for priority, gateway in enumerate(("stripe", "adyen", "paypal"), start=1)
    }
    draft = api.post("/rule-sets", {"rules": RULES, "default": {"accounts": ["stripe", "adyen", "paypal"]}})
    api.post(f"/rule-sets/{draft['id']}/activate")
    return Shop(merchant_id, accounts)


def _open_account(gateway: str, priority: int, api: Api, world: World) -> GatewayAccount:
    name = f"Nordwind{gateway.title()}"
    theirs, webhook_secrets = _credentials(gateway, name)
    world.open_account(gateway, name, theirs)  # first: its credentials are tried when we add them
    currencies = [currency for currency in CURRENCIES if currency in FEES[gateway]["fixed_minor"]]  # type: ignore[operator]
    made = api.post(
        "/gateway-accounts",
        {
            "gateway": gateway,
            "label": LABELS[gateway],
            "credentials": theirs | _as_we_call_them(webhook_secrets),
            "priority": priority * 10,
            "capabilities": {"currencies": currencies, "methods": ["card"]},
            "fees": FEES[gateway],
        },
    )
    world.send_webhooks(gateway, name, made["webhook_url"], webhook_secrets)
    return GatewayAccount(made["id"], gateway, name)


def _credentials(gateway: str, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Fresh credentials of an account, and the secrets that its webhooks are signed with."""
    chance = secrets.token_hex(16)
    match gateway:
        case "stripe":
            return {"secret_key": f"sk_test_{chance}"}, {"signing_secret": f"whsec_{secrets.token_hex(16)}"}
        case "adyen":
            return {"api_key": f"AQE{chance}", "merchant_account": name}, {"hmac_key": secrets.token_hex(32).upper()}
        case _:
            return (
                {"client_id": f"client-{chance}", "client_secret": secrets.token_hex(16)},
                {"webhook_id": f"WH-{secrets.token_hex(8).upper()}"},
            )


def _as_we_call_them(webhook_secrets: dict[str, str]) -> dict[str, str]:
    return {{"signing_secret": "webhook_secret"}.get(name, name): text for name, text in webhook_secrets.items()}
