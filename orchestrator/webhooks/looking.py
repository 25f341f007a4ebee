"""What applying a message looks at and notes without a lock, in company: messages rung together ask together."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.gateways.base import WebhookMessage
from orchestrator.gathering import Gathering
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import AttemptRow, Story
from orchestrator.webhooks import store
from orchestrator.webhooks.store import Mark, WebhookRow

SIZE_MAX, WAITING_MAX = 100, 10_000


async def message(message_id: str) -> WebhookRow | None:
    """The message as it is stored."""
    return await _messages.put(message_id)


async def attempt(account_id: str, told: WebhookMessage) -> AttemptRow | None:
    """The attempt that the message speaks of; see `attempt_at_gateway`."""
    if told.reference:
        found = await _attempts.put(told.reference)
        if found is not None and found.gateway_account_id == account_id:
            return found
    return await payment_store.attempt_at_gateway(
        account_id, "", "" if told.reference else told.operation_reference, told.gateway_payment_id
    )


async def story(payment_id: str) -> Story:
    """The payment with its attempts and operations, as of one moment."""
    found = await _stories.put(payment_id)
    assert found is not None
    return found


async def mark_without_effect(mark: Mark) -> None:
    """The message changes nothing: it says what is known, or is about nothing of ours."""
    await _marks.put(mark)


async def _messages_of(message_ids: Sequence[str]) -> list[WebhookRow | None]:
    found = {row.id: row for row in await store.messages(list(message_ids))}
    return [found.get(message_id) for message_id in message_ids]


async def _attempts_of(attempt_ids: Sequence[str]) -> list[AttemptRow | None]:
    found = {row.id: row for row in await payment_store.attempts(list(attempt_ids))}
    return [found.get(attempt_id) for attempt_id in attempt_ids]


async def _stories_of(payment_ids: Sequence[str]) -> list[Story | None]:
    found = {told.payment.id: told for told in await payment_store.stories(list(payment_ids))}
    return [found.get(payment_id) for payment_id in payment_ids]


async def _mark(marks: Sequence[Mark]) -> list[None]:
    await store.mark_without_effect(marks)
    return [None] * len(marks)


_messages = Gathering(_messages_of, size_max=SIZE_MAX, waiting_max=WAITING_MAX)
_attempts = Gathering(_attempts_of, size_max=SIZE_MAX, waiting_max=WAITING_MAX)
_stories = Gathering(_stories_of, size_max=SIZE_MAX, waiting_max=WAITING_MAX)
_marks = Gathering(_mark, size_max=SIZE_MAX, waiting_max=WAITING_MAX)
