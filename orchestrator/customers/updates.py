"""What gateways tell of kept credentials: a new number or expiry, or that they keep one no more.

A message is a reason to look. Where the gateway lists what it keeps, the list counts.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs

from orchestrator import clock_port, outbox
from orchestrator.customers import kept_methods, method_store
from orchestrator.customers.kept_methods import MethodStatus, TokenState
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.gateways import connections
from orchestrator.gateways.base import WebhookMessage
from orchestrator.gateways.facets import SavedMethod
from orchestrator.outbox import Later
from routing.outcomes import OutcomeKind

ASK_AGAIN = timedelta(seconds=60)


async def hear(account_id: str, message: WebhookMessage) -> str | Later:
    """Apply a message of a kind `method.…`: one line for people of what it changed, or when to come again.

    Safe to repeat. Nothing in it is believed but which credential it is about.
    """
    tokens = await method_store.kept_at(account_id, message.gateway_operation_id)
    if message.kind == "method.saved":
        return await _saved(account_id)
    if not tokens:
        return "no payment method of ours is meant"
    listed = await _listed(account_id, tokens[0].gateway_customer)
    if listed is None and message.kind == "method.updated":
        return Later(clock_port.now() + ASK_AGAIN)
    there = next((one for one in listed or () if one.gateway_token == message.gateway_operation_id), None)
    if there is None and (listed is not None or message.kind == "method.detached"):
        for token in tokens:
            await _gone(token)
        return "the gateway keeps it no more"
    for token in tokens:
        if there is not None:
            await _changed(token.payment_method_id, there)
    return "the gateway was asked how it is"


async def _saved(account_id: str) -> str:
    """Some gateway tells that it keeps something: whoever waits for that account looks now."""
    waiting, now = await method_store.waiting_at(account_id), clock_port.now()
    async with transaction():
        for method_id in waiting:
            await outbox.enqueue(kept_methods.SETTLE, method_id, now)
    return f"{len(waiting)} payment methods are looked for" if waiting else "nothing was being kept there"


async def _listed(account_id: str, customer: str) -> tuple[SavedMethod, ...] | None:
    """What the gateway keeps for the customer; None where it cannot say."""
    connection = await connections.connect(account_id)
    methods = connection.gateway.facets.methods
    if methods is None:
        return None
    answer = await connection.ask(lambda _: methods.saved(customer))
    return answer.value if answer.kind is OutcomeKind.APPROVED else None


async def _gone(token: method_store.TokenRow) -> None:
    """Removed at the gateway, by the customer or by hand. The method goes with its last token."""
    now = clock_port.now()
    async with transaction():
        method = await method_store.lock_method(token.payment_method_id)
        assert method is not None
        if not await method_store.set_token_state(
            token.id, [TokenState.KEPT], TokenState.FORGOTTEN, detail="removed at the gateway"
        ):
            return
        left = [one for one in await method_store.tokens_of(method.id) if one.state == TokenState.KEPT]
        if left:
            await kept_methods.tell(EventType.PAYMENT_METHOD_UPDATED, method, now)
        else:
            await kept_methods.detached(method.id, MethodStatus.ACTIVE, now)


async def _changed(method_id: str, there: SavedMethod) -> None:
    """The new last digits and expiry, told of once. What the gateway does not say stays."""
    async with transaction():
        method = await method_store.lock_method(method_id)
        assert method is not None
        news = {
            "last4": there.last4 or method.last4,
            "brand": there.brand or method.brand,
            "expiry_month": there.expiry_month or method.expiry_month,
            "expiry_year": there.expiry_year or method.expiry_year,
        }
        after = structs.replace(method, **news)
        if after != method and await method_store.change_method(method_id, [MethodStatus.ACTIVE], **news):
            await kept_methods.tell(EventType.PAYMENT_METHOD_UPDATED, after, clock_port.now())
