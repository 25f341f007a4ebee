"""The shop that payment tests sell in: a merchant with three gateway accounts, and the world around it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2

from currency.money import Money
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import OperationState, PaymentRow, Story

VISA, STOLEN, NO_FUNDS, CHALLENGED = "4242424242424242", "4000000000009979", "4000000000009995", "4000002760003184"

CREDENTIALS = {
    "stripe": {"secret_key": "sk_test_shop", "webhook_secret": "whsec_shop"},
    "adyen": {"api_key": "adyen-key", "merchant_account": "ShopECOM", "hmac_key": "44AA" * 16},
    "paypal": {"client_id": "paypal-client", "client_secret": "paypal-secret", "webhook_id": "WH-SHOP"},
}
SIMULATOR_ACCOUNT = {"stripe": "acct_shop", "adyen": "ShopECOM", "paypal": "paypal-shop"}


@dataclass
class Shop:
    """The merchant, its accounts by gateway, and the world it sells in."""

    merchant_id: str
    accounts: dict[str, str]
    world: httpx2.AsyncClient
    vault: httpx2.AsyncClient

    async def card(self, number: str = VISA) -> Card:
        """A card of the shopper, as the vault hands it out."""
        answer = await self.vault.post(
            "/v1/tokens",
            json={"number": number, "expiry_month": 12, "expiry_year": 2030, "cvc": "123", "holder": "Ada Example"},
        )
        answer.raise_for_status()
        token = answer.json()
        return Card(
            vault_token=token["token"],
            brand=token["brand"],
            last4=token["last4"],
            expiry_month=12,
            expiry_year=2030,
            holder="Ada Example",
            bin=token["bin"],
            issuer_country=token.get("issuer_country") or "",
        )

    async def tell(self, path: str, **body: Any) -> Any:
        """Change the world."""
        answer = await self.world.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    async def charges(self, payment: PaymentRow) -> list[dict[str, Any]]:
        """What the gateways' own books have of a payment, declined tries left out."""
        every = (await self.world.get("/charges")).json()
        return [charge for charge in every if charge["payment_reference"] == payment.id and not charge["declined"]]

    async def kept(self, payment: PaymentRow) -> list[dict[str, Any]]:
        """The charges that were captured and not voided: there must never be two."""
        return [charge for charge in await self.charges(payment) if charge["captured_minor"] and not charge["voided"]]


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


async def story_of(payment: PaymentRow) -> Story:
    from orchestrator.payments import service

    return await service.story(payment)


async def driven(payment: PaymentRow, answer: asyncio.Task[PaymentRow]) -> None:
    """What a worker does whenever the payment's bell rings, until its caller has the answer."""
    from orchestrator.payments import driver

    async with asyncio.timeout(90):
        while not answer.done():
            await driver.drive(payment.id)
            await asyncio.sleep(0.1)


async def heard(payment: PaymentRow) -> Story:
    """The story once nothing is on its way any more: the work goes on after the deadline for answers."""
    async with asyncio.timeout(90):
        while True:
            story = await story_of(payment)
            if all(op.state is not OperationState.SENT for op in story.operations):
                return story
            await asyncio.sleep(0.05)
