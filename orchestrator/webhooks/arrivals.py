"""The door for gateways' requests: verify, seal, keep together with what arrives at the same moment, acknowledge.

Nothing is acknowledged before its own commit is on disk. What cannot be stored as it is (NUL characters, half of a
surrogate pair, endless names) is made storable, because a gateway that is refused one message may hold back all others:
https://docs.adyen.com/development-resources/webhooks/troubleshoot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from orchestrator import clock_port
from orchestrator.access import secrets
from orchestrator.card_numbers import mask_card_numbers, mask_card_numbers_in
from orchestrator.errors import ClearwayError, NotFound
from orchestrator.gateways import connections
from orchestrator.gateways.base import WebhookMessage, WebhookRejected, WebhookUnreadable
from orchestrator.gathering import Gathering
from orchestrator.ids import new_id
from orchestrator.payments import store as payment_store
from orchestrator.settings import get_settings
from orchestrator.webhooks import store
from orchestrator.webhooks.store import NewDelivery, NewMessage, NewRejection

TOPIC = "webhook.apply"
UNREADABLE = "unreadable"
CHANGES_NOTHING = "this kind of message changes nothing"
WAITING_MAX = 5_000  # requests that wait for the database; more are answered 503, and the gateway sends them again
REASON_CHARS_MAX = 300
EVENT_KEY_CHARS_MAX, EVENT_TYPE_CHARS_MAX = 200, 80
_NOT_KEPT = frozenset({"authorization", "cookie"})  # headers that carry a password of ours


class Rejected(ClearwayError):
    """The sender learns nothing of why."""

    status = 401
    code = "webhook_rejected"


async def receive(account_id: str, headers: Mapping[str, str], body: bytes) -> int:
    """Verify and store; the number of new messages. `headers` by their names in lower case.

    What the gateway signed and we cannot read is kept too: refused, it would come again until the gateway disables our
    endpoint. Raises NotFound for no such account, Rejected for a forgery, Busy where too many wait already.
    """
    try:
        connection = await connections.connect(account_id)
    except LookupError:
        raise NotFound("webhook endpoint", account_id) from None
    now = clock_port.now()
    try:
        read = await connection.verify_webhook(dict(headers), body)
        messages = [await as_kept(account_id, message, now) for message in read]
    except WebhookUnreadable as unread:
        messages = [_unread(body, unread)]
    except WebhookRejected as rejection:
        await _rejecting.put(NewRejection(account_id, _storable(str(rejection)), now))
        raise Rejected("The webhook was not accepted.") from None
    kept = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
    delivery = NewDelivery(
        id=new_id("wha"),
        gateway_account_id=account_id,
        headers=mask_card_numbers_in(msgspec.json.encode(kept)).decode(),
        sealed_body=secrets.seal_bytes(mask_card_numbers_in(body)),
        received_at=now,
        messages=tuple(messages),
    )
    return await _keeping.put(delivery)


async def _keep(deliveries: Sequence[NewDelivery]) -> list[int]:
    return await store.keep(deliveries, TOPIC)


async def _reject(rejections: Sequence[NewRejection]) -> list[None]:
    return await store.reject(rejections, get_settings().limits.webhook_rejections_kept_max)


_keeping = Gathering(_keep, size_max=store.KEEP_MAX, waiting_max=WAITING_MAX)
_rejecting = Gathering(_reject, size_max=store.KEEP_MAX, waiting_max=WAITING_MAX)


def _unread(body: bytes, why: WebhookUnreadable) -> NewMessage:
    """Known by its body; its worker parks it."""
    message = WebhookMessage(f"{UNREADABLE}:{hashlib.sha256(body).hexdigest()}", UNREADABLE, UNREADABLE)
    content = msgspec.Raw(msgspec.json.encode(message))
    return NewMessage(new_id("whk"), message.event_key, UNREADABLE, UNREADABLE, content, note=reason_of(why))


def reason_of(why: WebhookRejected) -> str:
    """As it can be stored and shown; it may quote the request."""
    return mask_card_numbers(_storable(str(why)))[:REASON_CHARS_MAX]


async def as_kept(account_id: str, told: WebhookMessage, now: datetime) -> NewMessage:
    """The message as it is kept: what changes nothing needs no worker, only the payment that it is shown with.

    Raises WebhookUnreadable where an adapter took another type of value for an event's key or type.
    """
    if not (isinstance(told.event_key, str) and isinstance(told.event_type, str)):
        raise WebhookUnreadable("signed, but not an event: its key and type are no texts")
    message, content = encoded(told)
    ignored = message.kind == "ignored"
    attempt = (
        await payment_store.attempt_at_gateway(
            account_id, message.reference, message.operation_reference, message.gateway_payment_id
        )
        if ignored
        else None
    )
    return NewMessage(
        id=new_id("whk"),
        event_key=short_key(message.event_key),
        event_type=message.event_type[:EVENT_TYPE_CHARS_MAX],
        kind=message.kind,
        content=content,
        payment_id=attempt.payment_id if attempt else None,
        state="ignored" if ignored else "received",
        note=CHANGES_NOTHING if ignored else "",
        applied_at=now if ignored else None,
    )


def encoded(message: WebhookMessage) -> tuple[WebhookMessage, msgspec.Raw]:
    """The message, and its JSON, both as PostgreSQL can keep them."""
    try:
        content = msgspec.json.encode(message)
        if b"\\u0000" not in content:
            return message, msgspec.Raw(content)
    except UnicodeEncodeError:
        pass
    message = msgspec.convert(_storable(msgspec.to_builtins(message)), WebhookMessage)
    return message, msgspec.Raw(msgspec.json.encode(message))


def _storable(value: Any) -> Any:
    """The value without what a text in PostgreSQL cannot have, in its place U+FFFD or `?`."""
    match value:
        case str():
            return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        case dict():
            return {key: _storable(inner) for key, inner in value.items()}
        case list():
            return [_storable(inner) for inner in value]
        case _:
            return value


def short_key(event_key: str) -> str:
    """The key as it is stored."""
    if len(event_key) <= EVENT_KEY_CHARS_MAX:
        return event_key
    return f"sha256:{hashlib.sha256(event_key.encode()).hexdigest()}"
