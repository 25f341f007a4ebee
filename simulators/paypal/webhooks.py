"""PayPal's webhook events, signed with the simulator's certificate when they are sent."""

from __future__ import annotations

import json
import secrets
from typing import Any

from simulators.paypal.resources import stamp
from simulators.paypal.state import State, state_of
from simulators.world import Builder, Endpoint, Signed, World

_SUMMARIES = {
    "PAYMENT.AUTHORIZATION.CREATED": ("authorization", "A payment authorization was created"),
    "PAYMENT.AUTHORIZATION.VOIDED": ("authorization", "A payment authorization was voided"),
    "PAYMENT.CAPTURE.COMPLETED": ("capture", "A payment was captured"),
    "PAYMENT.CAPTURE.DENIED": ("capture", "A payment capture was denied"),
    "PAYMENT.CAPTURE.REFUNDED": ("refund", "A payment was refunded"),
}


def tell(world: World, state: State, account: str, event_type: str, resource: dict[str, Any]) -> None:
    """Queues one event. `resource` is the authorization, capture or refund as the API shows it now."""
    body = _event(world, state, event_type, resource)
    world.notify("paypal", account, event_type, builder(world, state, body))


def builder(world: World, state: State, body: bytes) -> Builder:
    """Each try is a transmission of its own, with a time and a signature of its own."""

    def build(endpoint: Endpoint) -> Signed:
        webhook_id = endpoint.secrets.get("webhook_id", "")
        headers = state.signer.sign(body, webhook_id, world.clock.now(), _address(world, state))
        return Signed(body, {"content-type": "application/json", **headers})

    return build


def forged(world: World, account: str) -> Builder:
    """A capture that never was, under a signature made for the webhook of somebody else."""
    state = state_of(world)
    resource = {
        "id": "0FORGED0CAPTURE00",
        "status": "COMPLETED",
        "amount": {"currency_code": "EUR", "value": "42.00"},
        "invoice_id": "att_forged",
        "custom_id": "att_forged",
    }
    body = _event(world, state, "PAYMENT.CAPTURE.COMPLETED", resource)

    def build(endpoint: Endpoint) -> Signed:
        headers = state.signer.sign(body, "0SOMEBODYELSE0000", world.clock.now(), _address(world, state))
        return Signed(body, {"content-type": "application/json", **headers})

    return build


def _address(world: World, state: State) -> str:
    return state.base_url or world.urls.get("paypal", "https://api-m.sandbox.paypal.com")


def _event(world: World, state: State, event_type: str, resource: dict[str, Any]) -> bytes:
    resource_type, summary = _SUMMARIES[event_type]
    id = f"WH-{secrets.token_hex(9).upper()}-{secrets.token_hex(9).upper()}"
    event = {
        "id": id,
        "event_version": "1.0",
        "create_time": stamp(world.clock.now()),
        "resource_type": resource_type,
        "resource_version": "2.0",
        "event_type": event_type,
        "summary": summary,
        "resource": resource,
        "links": [
            {"href": f"{_address(world, state)}/v1/notifications/webhooks-events/{id}", "rel": "self", "method": "GET"}
        ],
    }
    return json.dumps(event).encode()
