"""Who deals with a shop's disputes: opens and decides them in the world, hands in what the gateways tell, compares."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import raw_webhooks
from payment_shop import Shop, euros
from raw_webhooks import apply_all

from orchestrator.disputes import store
from orchestrator.disputes.records import DisputeRow
from orchestrator.gateways import accounts
from orchestrator.ledger import service as ledger
from orchestrator.notifications import store as events
from orchestrator.payments import service
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment
from orchestrator.webhooks import service as webhooks

GATEWAYS = ("stripe", "adyen", "paypal")
PATIENCE_S = 90.0
# What each gateway tells when a chargeback has taken the money.
OPENED = {"stripe": "charge.dispute.funds_withdrawn", "adyen": "CHARGEBACK", "paypal": "CUSTOMER.DISPUTE.CREATED"}
INQUIRED = {
    "stripe": "charge.dispute.created",
    "adyen": "REQUEST_FOR_INFORMATION",
    "paypal": "CUSTOMER.DISPUTE.CREATED",
}


def credentials_of(gateway: str, own: str) -> tuple[dict[str, str], str]:
    """Credentials of an account that no other test has, and its name at the simulator."""
    match gateway:
        case "stripe":
            return {"secret_key": f"sk_test_{own}", "webhook_secret": f"whsec_{own}"}, f"acct_{own}"
        case "adyen":
            hmac_key = (own * 8)[:64].upper()
            return {"api_key": f"key-{own}", "merchant_account": f"Shop{own}", "hmac_key": hmac_key}, f"Shop{own}"
        case _:
            secret = {"client_secret": f"secret-{own}", "webhook_id": f"WH-{own}"}
            return {"client_id": f"client-{own}", **secret}, f"paypal-{own}"


@dataclass(frozen=True)
class Raw(raw_webhooks.Raw):
    """One request as a gateway sent it."""

    @property
    def event(self) -> str:
        return str(json.loads(self.body)["event_type"]) if self.gateway == "paypal" else super().event


class Receiver(raw_webhooks.Receiver):
    """Answers 200 to everything and keeps it."""

    def said(self, event: str, about: str) -> Raw | None:
        for raw in self.requests:
            again = Raw(raw.gateway, raw.headers, raw.body)
            if about.encode() in raw.body and again.event == event:
                return again
        return None


@dataclass
class Desk:
    """The merchant's side of its disputes, and the world's."""

    shop: Shop
    names: dict[str, str]
    receiver: Receiver
    own: str

    @property
    def merchant_id(self) -> str:
        return self.shop.merchant_id

    async def listen(self) -> None:
        for gateway in GATEWAYS:
            credentials, account = credentials_of(gateway, self.own)
            secrets = {
                "stripe": {"signing_secret": credentials.get("webhook_secret")},
                "adyen": {"hmac_key": credentials.get("hmac_key")},
                "paypal": {"webhook_id": credentials.get("webhook_id")},
            }[gateway]
            url = f"{self.receiver.url}/{gateway}"
            await self.shop.tell("/endpoints", gateway=gateway, account=account, url=url, secrets=secrets)

    async def paid(self, gateway: str, minor: int = 2000, number: str = "4242424242424242") -> PaymentRow:
        """A payment captured at this gateway."""
        for name, account_id in self.shop.accounts.items():
            await accounts.switch(self.merchant_id, account_id, enabled=name == gateway)
        new = NewPayment(self.merchant_id, euros(minor), instrument=await self.shop.card(number))
        payment = await service.create(new)
        if gateway == "adyen":
            (attempt,) = (await service.story(payment)).attempts
            await self.hand_in(await self.told("CAPTURE", attempt.gateway_payment_id))
            payment = await service.get(self.merchant_id, payment.id)
        assert payment.status is PaymentStatus.CAPTURED
        return payment

    async def disputed(self, gateway: str, reference: str, **more: Any) -> str:
        """The world opens a dispute of the payment; the gateway's id of it."""
        facts = {"gateway": gateway, "account": self.names[gateway], "reference": reference, **more}
        return str((await self.shop.tell("/disputes", **facts))["id"])

    async def decided(self, dispute_id: str, outcome: str) -> None:
        await self.shop.tell(f"/disputes/{dispute_id}/decide", outcome=outcome)

    async def told(self, event: str, about: str) -> Raw:
        """The gateway's message of this event about this id; waits until it is there."""
        for _ in range(int(PATIENCE_S / 0.05)):
            if raw := self.receiver.said(event, about):
                return raw
            await asyncio.sleep(0.05)
        heard = [Raw(raw.gateway, raw.headers, raw.body).event for raw in self.receiver.requests]
        raise AssertionError(f"{event} about {about} was not told; heard {heard}")

    async def hand_in(self, *raws: Raw) -> None:
        """As the network would, with the worker's work."""
        for raw in raws:
            await webhooks.receive(self.shop.accounts[raw.gateway], raw.headers, raw.body)
            await apply_all(self.shop, raw.gateway)

    async def opened(self, gateway: str, reference: str, **more: Any) -> DisputeRow:
        """A chargeback of the payment, and we have heard of it."""
        dispute_id = await self.disputed(gateway, reference, **more)
        event = INQUIRED if more.get("kind") == "inquiry" else OPENED
        await self.hand_in(await self.told(event[gateway], dispute_id))
        return await self.dispute(gateway, dispute_id)

    async def dispute(self, gateway: str, dispute_id: str) -> DisputeRow:
        row = await store.dispute_at(self.shop.accounts[gateway], dispute_id)
        assert row is not None, f"{dispute_id} is not stored"
        return row

    async def balance(self, kind: str, currency: str = "EUR") -> int:
        rows = await ledger.balances(self.merchant_id)
        return sum(row.balance_minor for row in rows if row.kind == kind and row.currency == currency)

    async def at_gateway(self, gateway: str) -> int:
        """What the gateway's own books hold for us, its fees put back: those are booked from its reports."""
        answer = await self.shop.world.get("/books", params={"gateway": gateway, "account": self.names[gateway]})
        return sum(
            book["balance_minor"] + book["fees_minor"] + book["dispute_fees_minor"]
            for book in answer.json()
            if book["currency"] == "EUR"
        )

    async def events(self, object_id: str) -> list[str]:
        """What was told of an object, oldest first."""
        rows = await events.events_of(self.merchant_id, limit=100, object_id=object_id)
        return [row.type for row in reversed(rows)]
