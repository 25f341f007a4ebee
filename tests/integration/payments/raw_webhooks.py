"""The gateways' webhooks as raw requests: caught by a small receiver, to be handed in late, twice, in another order."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from payment_shop import CREDENTIALS, SIMULATOR_ACCOUNT, Shop, story_of

from orchestrator.outbox import Later
from orchestrator.payments.records import PaymentRow
from orchestrator.webhooks import service as webhooks
from orchestrator.webhooks import store as webhook_store
from simulators.adyen.webhooks import signature

SECRETS = {
    "stripe": {"signing_secret": CREDENTIALS["stripe"]["webhook_secret"]},
    "adyen": {"hmac_key": CREDENTIALS["adyen"]["hmac_key"]},
}
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Raw:
    """One request as a gateway sent it."""

    gateway: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        told = json.loads(self.body)
        if self.gateway == "stripe" or "notificationItems" not in told:  # Adyen tells of tokens in another form
            return str(told["type"])
        return str(told["notificationItems"][0]["NotificationRequestItem"]["eventCode"])


@dataclass
class Receiver:
    """Answers 200 to everything and keeps it."""

    requests: list[Raw] = field(default_factory=list)
    url: str = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.strip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append(Raw(line.split()[1].strip("/"), headers, body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def listen_to(self, shop: Shop, *gateways: str) -> None:
        for gateway in gateways:
            account = SIMULATOR_ACCOUNT[gateway]
            url = f"{self.url}/{gateway}"
            await shop.tell("/endpoints", gateway=gateway, account=account, url=url, secrets=SECRETS[gateway])
            # Adyen sends nothing new while something old waits in line, such as what an earlier test did not take
            await shop.tell("/webhooks/retry", gateway=gateway)

    async def told(self, payment: PaymentRow, event: str) -> Raw:
        """The gateway's message of this event about the payment; waits until it is there."""
        for _ in range(int(PATIENCE_S / 0.05)):
            story = await story_of(payment)
            ours = [row.id for row in (*story.attempts, *story.operations)]
            for raw in self.requests:
                if raw.event == event and any(id.encode() in raw.body for id in ours):
                    return raw
            await asyncio.sleep(0.05)
        raise AssertionError(f"{event} was not told; heard {[raw.event for raw in self.requests]}")


async def deliver(shop: Shop, raw: Raw) -> int:
    """Hand the request in as the network would, and do the worker's work on it. The number of new messages."""
    new = await webhooks.receive(shop.accounts[raw.gateway], raw.headers, raw.body)
    await apply_all(shop, raw.gateway)
    return new


async def apply_all(shop: Shop, gateway: str) -> None:
    for row in await webhook_store.latest([shop.accounts[gateway]], 100):
        while isinstance(await webhooks.apply(row.id), Later):
            await asyncio.sleep(0.2)


def adyen_says(raw: Raw, **changed: Any) -> Raw:
    """The same Adyen message with other fields, signed again."""
    envelope = json.loads(raw.body)
    item = envelope["notificationItems"][0]["NotificationRequestItem"]
    item.update(changed)
    item["additionalData"]["hmacSignature"] = signature(item, CREDENTIALS["adyen"]["hmac_key"])
    return Raw("adyen", raw.headers, json.dumps(envelope).encode())
