"""PayPal's webhook events, signed with the simulator's certificate when they are sent."""

from __future__ import annotations

import json
import secrets

from simulators.paypal.state import State, state_of
from simulators.paypal.wire import Json, link, stamp
from simulators.world import Endpoint, Signed, World

# developer.paypal.com/api/rest/webhooks/event-names, as far as something here can cause them:
# resource type, its version where there is one, summary
EVENT_TYPES: dict[str, tuple[str, str, str]] = {
    "CHECKOUT.ORDER.APPROVED": ("checkout-order", "2.0", "An order has been approved by buyer"),
    "CHECKOUT.ORDER.COMPLETED": ("checkout-order", "2.0", "Checkout Order Completed"),
    "PAYMENT.AUTHORIZATION.CREATED": ("authorization", "2.0", "A payment authorization was created"),
    "PAYMENT.AUTHORIZATION.VOIDED": ("authorization", "2.0", "A payment authorization was voided"),
    "PAYMENT.CAPTURE.COMPLETED": ("capture", "2.0", "Payment completed"),
    "PAYMENT.CAPTURE.DECLINED": ("capture", "2.0", "A payment capture was declined"),
    "PAYMENT.CAPTURE.DENIED": ("capture", "2.0", "A payment capture was denied"),
    "PAYMENT.CAPTURE.PENDING": ("capture", "2.0", "Payment pending"),
    "PAYMENT.CAPTURE.REFUNDED": ("refund", "2.0", "A capture payment was refunded"),
    "PAYMENT.CAPTURE.REVERSED": ("refund", "2.0", "A capture payment was reversed"),
    "PAYMENT.REFUND.PENDING": ("refund", "2.0", "A refund is pending"),
    "PAYMENT.REFUND.FAILED": ("refund", "2.0", "A refund has failed"),
    "CUSTOMER.DISPUTE.CREATED": ("dispute", "", "A new dispute opened"),
    "CUSTOMER.DISPUTE.UPDATED": ("dispute", "", "A dispute was updated"),
    "CUSTOMER.DISPUTE.RESOLVED": ("dispute", "", "A dispute was resolved"),
    "VAULT.PAYMENT-TOKEN.CREATED": ("payment_token", "3.0", "A payment token has been created."),
    "VAULT.PAYMENT-TOKEN.DELETED": ("payment_token", "3.0", "A payment token has been deleted."),
    "VAULT.PAYMENT-TOKEN.DELETION-INITIATED": ("payment_token", "3.0", "A payment token deletion was requested."),
}
_EVENTS_KEPT = 10_000


def tell(world: World, account: str, event_type: str, resource: Json) -> None:
    """Queues one event. `resource` is what it is about, as the API shows it now."""
    state = state_of(world)
    event = _event(world, state, event_type, resource)
    state.events[event["id"]] = account, event
    if len(state.events) > _EVENTS_KEPT:
        del state.events[next(iter(state.events))]
    world.notify("paypal", account, event_type, json.dumps(event).encode())


def tell_again(world: World, account: str, event: Json) -> None:
    world.notify("paypal", account, event["event_type"], json.dumps(event).encode())


def sign(world: World, endpoint: Endpoint, body: bytes) -> Signed:
    """Each try is a transmission of its own, with a time and a signature of its own."""
    return _signed(world, endpoint.secrets.get("webhook_id", ""), body)


def forged(world: World, endpoint: Endpoint) -> Signed:
    """A capture that never was, under a signature made for the webhook of somebody else."""
    resource = {
        "id": "0FORGED0CAPTURE00",
        "status": "COMPLETED",
        "amount": {"currency_code": "EUR", "value": "42.00"},
        "invoice_id": "att_forged",
        "custom_id": "att_forged",
    }
    body = json.dumps(_event(world, state_of(world), "PAYMENT.CAPTURE.COMPLETED", resource)).encode()
    return _signed(world, "0SOMEBODYELSE0000", body)


def _signed(world: World, webhook_id: str, body: bytes) -> Signed:
    state = state_of(world)
    headers = state.signer.sign(body, webhook_id, world.clock.now(), _address(world, state))
    return Signed(body, {"content-type": "application/json", **headers})


def _address(world: World, state: State) -> str:
    return state.base_url or world.urls.get("paypal", "https://api-m.sandbox.paypal.com")


def _event(world: World, state: State, event_type: str, resource: Json) -> Json:
    resource_type, version, summary = EVENT_TYPES[event_type]
    id = f"WH-{secrets.token_hex(9).upper()}-{secrets.token_hex(9).upper()}"
    url = f"{_address(world, state)}/v1/notifications/webhooks-events/{id}"
    return {
        "id": id,
        "event_version": "1.0",
        "create_time": stamp(world.clock.now()),
        "resource_type": resource_type,
        **({"resource_version": version} if version else {}),
        "event_type": event_type,
        "summary": summary,
        "resource": resource,
        "links": [link(url, "self", "GET"), link(f"{url}/resend", "resend", "POST")],
    }
