"""Cards of a merchant's program that are declined after the answer was given: counted against card testing too.

The answer says `processing` or `requires_action` then, and nobody is left who waits to see the decline.
"""

from __future__ import annotations

from datetime import timedelta

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.abuse import service as abuse
from orchestrator.abuse.service import Try
from orchestrator.db import transaction
from orchestrator.outbox import Later
from orchestrator.payments import store
from orchestrator.payments.instruments import Card, Instrument, NetworkToken, instrument_fingerprint
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus, Story

TOPIC = "abuse.declined"
FIRST_LOOK = timedelta(seconds=20)  # each further look comes after as long as the payment is old
LOOKED_FOR = timedelta(hours=2)  # what is declined later says little of who is testing cards now
_UNDECIDED = (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION)


def try_of(merchant_id: str, amount: Money | None, instrument: Instrument | None) -> Try | None:
    """What is counted; None for what is no card. Without `amount` a card is to be kept."""
    if not isinstance(instrument, Card | NetworkToken):
        return None
    return Try(merchant_id, amount, ip="", card=fingerprint_of(instrument))


def fingerprint_of(card: Card | NetworkToken) -> str:
    """The same for a card that is typed in again, for which the vault gives another token."""
    if isinstance(card, NetworkToken) or not card.bin:
        return instrument_fingerprint(card)
    return f"{card.bin}/{card.last4}/{card.expiry_month}/{card.expiry_year}"


def was_declined(story: Story) -> bool:
    """The payment failed, and not only for want of a gateway."""
    refused = any(attempt.status is AttemptStatus.DECLINED for attempt in story.attempts)
    return refused and story.payment.status is PaymentStatus.FAILED


async def look_later(payment: PaymentRow) -> None:
    """The answer is given, and the payment may be declined yet."""
    if payment.status in _UNDECIDED:
        async with transaction():
            await outbox.enqueue(TOPIC, payment.id, clock_port.now() + FIRST_LOOK)


async def look(payment_id: str) -> Later | None:
    """Count the decline, where it has come to one."""
    payment = await store.payment(payment_id)
    if payment is None:
        return None
    now, age = clock_port.now(), clock_port.now() - payment.created_at
    if payment.status in _UNDECIDED:
        return Later(now + max(age, FIRST_LOOK)) if age < LOOKED_FOR else None
    tried = try_of(payment.merchant_id, payment.amount, payment.instrument)
    if tried is not None and was_declined(await store.story_of(payment)):
        await abuse.declined(tried)
    return None
