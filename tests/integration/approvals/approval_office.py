"""The office of the approval tests: two people of one merchant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
from http_driving import Api
from payment_shop import Shop


@dataclass
class Office:
    """Two people of one merchant, and the world that its payments are made in."""

    anna: Api
    ben: Api
    shop: Shop
    mail_url: str

    async def paid(self, amount_minor: int = 10_000) -> str:
        """A captured payment."""
        card = await self.shop.card()
        shown = {name: getattr(card, name) for name in ("vault_token", "brand", "last4", "expiry_month", "expiry_year")}
        body = {
            "amount": {"amount": amount_minor, "currency": "EUR"},
            "payment_method": {"type": "card", **shown},
        }
        made = await self.anna.post("/v1/payments", body)
        assert made.json()["status"] == "captured", made.text
        return str(made.json()["id"])

    async def put(self, who: Api, path: str, body: dict[str, Any]) -> httpx.Response:
        return await who.client.put(path, json=body, headers=who.headers())

    async def mails(self) -> list[dict[str, Any]]:
        async with httpx2.AsyncClient(base_url=self.mail_url) as client:
            found: list[dict[str, Any]] = (await client.get("/messages")).json()
        return found
