"""A shop at the simulated Adyen: its calls over HTTP, its webhooks, and the passing of its time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import sim_served as served

from simulators.adyen.app import create_app
from simulators.adyen.timers import HANDLERS
from simulators.world import Endpoint, World

ACCOUNT = "ClearwayECOM"
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ENDPOINT = Endpoint("adyen", ACCOUNT, "http://127.0.0.1:9/", {"hmac_key": HMAC_KEY, "username": "u", "password": "p"})
CHECKOUT = "adyen-CheckoutService-v72.json"
DISPUTES = "adyen-DisputeService-v30.json"
CARD = {"type": "scheme", "number": "4111111111111111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}
IBAN = "NL13TEST0123456789"

Body = dict[str, Any]


@dataclass
class Shop:
    """`client` carries the API key. What is answered with another status than `expect` fails the test."""

    world: World
    client: httpx.AsyncClient

    async def call(self, method: str, path: str, *, expect: int = 200, key: str = "", **kwargs: Any) -> Any:
        headers = {"idempotency-key": key} if key else {}
        answer = await self.client.request(method, path, headers=headers, **kwargs)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def post(self, path: str, *, expect: int = 200, key: str = "", **body: Any) -> Any:
        return await self.call("POST", path, expect=expect, key=key, json={"merchantAccount": ACCOUNT, **body})

    async def pay(self, *, expect: int = 200, key: str = "", **more: Any) -> Any:
        request = {
            "amount": {"value": 1999, "currency": "EUR"},
            "reference": "att_1",
            "returnUrl": "https://shop.example/return",
            "paymentMethod": CARD,
            "additionalData": {"manualCapture": "true"},
            **more,
        }
        return await self.post("/v72/payments", expect=expect, key=key, **request)

    async def paid(self, **more: Any) -> str:
        """The pspReference of a payment that is captured."""
        answer = await self.pay(**{"additionalData": {}, **more})
        return str(answer["pspReference"])

    async def modify(self, psp: str, verb: str, value: int = 1999, **more: Any) -> Any:
        amount = {"value": value, "currency": "EUR"}
        return await self.post(f"/v72/payments/{psp}/{verb}", expect=201, amount=amount, reference=f"op_{verb}", **more)

    async def dispute(self, verb: str, id: str, **more: Any) -> Any:
        body = {"merchantAccountCode": ACCOUNT, "disputePspReference": id, **more}
        return await self.call("POST", f"/ca/services/DisputeService/v30/{verb}", json=body)

    def days(self, count: float) -> None:
        """Puts the clock forward, stopping at each timer on the way. What is told meanwhile lies there to be read."""
        clock, timers = self.world.clock, self.world.timers
        target = clock.now() + timedelta(days=count)
        while (due := timers.next_due()) is not None and due <= target:
            clock.reach(due)
            while timer := timers.take_due(clock.now()):
                HANDLERS[timer.handler](self.world, timer.facts)
        clock.reach(target)

    def events(self) -> list[tuple[str, str]]:
        """(event, success or status of the dispute) of all that was told."""
        return [(i["eventCode"], i["additionalData"].get("disputeStatus") or i["success"]) for i in self.items()]

    def items(self) -> list[Body]:
        return [item for body in self.told() for item in _items_of(body)]

    def told(self) -> list[Body]:
        """Every webhook so far, as it is sent, held to the published contract on the way."""
        for event, signed in served.told(self.world, ENDPOINT):
            _conforms(event, json.loads(signed.body))
        return [json.loads(signed.body) for _, signed in served.told(self.world, ENDPOINT)]

    def charge(self, psp: str) -> Any:
        return self.world.charges["adyen", psp]

    def balance_minor(self) -> int:
        return self.world.book("adyen", ACCOUNT, "EUR").balance_minor


@asynccontextmanager
async def shop_of(world: World) -> AsyncIterator[Shop]:
    world.register_account("adyen", ACCOUNT, {"api_key": "test_key"})
    async with (
        served.serving(create_app(world)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, headers={"x-api-key": "test_key"}) as client,
    ):
        yield Shop(world, client)


def conforms(schema: str, reply: Any, contract: str = CHECKOUT) -> None:
    served.conforms(served.contract(contract), schema, reply)


def _items_of(body: Body) -> list[Body]:
    return [one["NotificationRequestItem"] for one in body.get("notificationItems", [])]


def _conforms(event: str, body: Body) -> None:
    document = served.contract("adyen-Webhooks-v1.json")
    if f"/{event}" not in document["webhooks"]:
        assert event.startswith("recurring.token."), event
        return
    if event in ("RECURRING_CONTRACT", "OFFER_CLOSED"):  # whose schemas lack the signature that their examples have
        del body["notificationItems"][0]["NotificationRequestItem"]["additionalData"]["hmacSignature"]
    content = document["webhooks"][f"/{event}"]["post"]["requestBody"]["content"]
    served.conforms(document, content["application/json"]["schema"]["$ref"].rpartition("/")[2], body)
