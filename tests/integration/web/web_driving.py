"""What a browser and our checkout script do, for tests of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

from orchestrator.payments.instruments import Card

BROWSER_FACTS = {
    "language": "en",
    "color_depth": 24,
    "screen_width": 390,
    "screen_height": 844,
    "time_zone_offset_minutes": -60,
}


def body_of(card: Card, **changed: Any) -> dict[str, Any]:
    """What checkout.js posts for a card."""
    shown = {name: getattr(card, name) for name in card.__struct_fields__ if name != "vault_token"}
    return {"token": card.vault_token, **shown, "browser": BROWSER_FACTS, **changed}


@dataclass
class Visitor:
    """One browser: its cookies are in the client."""

    client: httpx.AsyncClient

    async def open(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def token_on(self, path: str) -> str:
        """The CSRF token that the page carries."""
        html = (await self.open(path)).text
        found = re.search(r'name="(?:csrf-token" content|_csrf_token" value)="([^"]+)"', html)
        assert found is not None, html[:500]
        return found[1]

    async def submit(self, path: str, page: str, **fields: str) -> httpx.Response:
        """Post a form that stands on a page."""
        return await self.client.post(path, data={"_csrf_token": await self.token_on(page), **fields})

    async def pay(self, public_token: str, card: Card, **changed: Any) -> httpx.Response:
        """Open the checkout and pay with a card."""
        token = await self.token_on(f"/pay/{public_token}")
        return await self.client.post(
            f"/pay/{public_token}/attempt", json=body_of(card, **changed), headers={"x-csrftoken": token}
        )
