"""The API as one merchant's program sees it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx

PROFILE = {
    "country": "DE",
    "address_lines": ["Hauptstraße 1"],
    "postal_code": "10115",
    "city": "Berlin",
    "vat_id": "DE136695976",
    "email": "billing@acme.example",
    "domestic_rate_bps": 1900,
    "bank": {"holder": "Acme GmbH", "iban": "DE89370400440532013000"},
}


@dataclass(frozen=True)
class Api:
    """The API as one merchant's program sees it."""

    client: httpx.AsyncClient
    merchant_id: str
    secret: str

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(), **more)

    async def post(self, path: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        headers = {**self.headers(), "Idempotency-Key": key or str(uuid.uuid4())}
        if isinstance(body, bytes):
            return await self.client.post(path, content=body, headers={**headers, "Content-Type": "application/json"})
        if body is None:
            return await self.client.post(path, headers=headers)
        return await self.client.post(path, json=body, headers=headers)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


async def merchant_api(client: httpx.AsyncClient, name: str, scopes: tuple[str, ...] | None = None) -> Api:
    from orchestrator.access import service

    merchant = await service.create_merchant(name, PROFILE)
    secret = await service.create_api_key(merchant.id, "test", scopes if scopes is not None else service.ALL_SCOPES)
    return Api(client, merchant.id, secret)
