"""Tries of a card that are declined after the answer was given: counted against card testing too.

The answer says `processing` or `requires_action` then, and nobody is left who waits to see the decline: it is learned
from the gateway's webhook or by the resolver.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.abuse import service as abuse
from orchestrator.abuse.service import Try
from orchestrator.customers import method_store
from orchestrator.customers.kept_methods import MethodStatus
from orchestrator.customers.method_store import MethodRow
from orchestrator.db import transaction
from orchestrator.outbox import Later
from orchestrator.payments import store
from orchestrator.payments.instruments import Card, Instrument, NetworkToken, instrument_fingerprint
from orchestrator.payments.lifecycle import NETWORK_LIMIT
from orchestrator.payments.records import AttemptStatus, PaymentRow, PaymentStatus, Story

TOPIC = "abuse.declined"
FIRST_LOOK = timedelta(seconds=20)  # each further look comes after as long as the payment is old
LOOKED_FOR = timedelta(hours=2)  # what is declined later says little of who is testing cards now
UNDECIDED = (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION)
_SETUP_UNDECIDED = (MethodStatus.PROCESSING, MethodStatus.REQUIRES_ACTION)
_NOBODY_REFUSED = (NETWORK_LIMIT, "gateway_unavailable")
_SETUP = "pm_"


class Answer(Enum):
    UNDECIDED = auto()
    DECLINED = auto()
    OTHER = auto()  # approved, given up, or nobody was asked


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


def answer_of_payment(story: Story, round_: int) -> Answer:
    """What came of one round of a payment's tries."""
    if story.payment.round == round_ and story.payment.status in UNDECIDED:
        return Answer.UNDECIDED
    ends = {attempt.status for attempt in story.attempts if attempt.round == round_}
    approved = ends & {AttemptStatus.AUTHORISED, AttemptStatus.CAPTURED}
    return Answer.DECLINED if AttemptStatus.DECLINED in ends and not approved else Answer.OTHER


def answer_of_setup(method: MethodRow) -> Answer:
    """What came of keeping a card."""
    if method.status in _SETUP_UNDECIDED:
        return Answer.UNDECIDED
    refused = method.status == MethodStatus.FAILED and method.failure_reason not in _NOBODY_REFUSED
    return Answer.DECLINED if refused else Answer.OTHER


async def look_later(tried: Try, about_id: str, round_: int = 1) -> None:
    """The answer of a payment's round, or of a set-up, is to come: count it then."""
    await abuse.keep(tried, about_id, round_)
    async with transaction():
        await outbox.enqueue(TOPIC, _subject(about_id, round_), clock_port.now() + FIRST_LOOK)


async def look(subject: str) -> Later | None:
    """The job: count the answer, where it has come to one."""
    about_id, _, number = subject.partition("/")
    round_ = int(number or 1)
    found = await _found(about_id, round_)
    if found is None:
        return None
    answer, began_at = found
    if answer is not Answer.UNDECIDED:
        await abuse.answered(about_id, round_, declined=answer is Answer.DECLINED)
        return None
    now = clock_port.now()
    age = now - began_at
    return Later(now + max(age, FIRST_LOOK)) if age < LOOKED_FOR else None


async def look_now(payment: PaymentRow) -> None:
    """The shopper is back, so the answer may be there before the job looks for it."""
    await look(_subject(payment.id, payment.round))


async def _found(about_id: str, round_: int) -> tuple[Answer, datetime] | None:
    if about_id.startswith(_SETUP):
        method = await method_store.method(about_id)
        return (answer_of_setup(method), method.created_at) if method else None
    payment = await store.payment(about_id)
    if payment is None:
        return None
    story = await store.story_of(payment)
    began = [attempt.created_at for attempt in story.attempts if attempt.round == round_]
    return answer_of_payment(story, round_), min(began, default=payment.created_at)


def _subject(about_id: str, round_: int) -> str:
    return about_id if round_ == 1 else f"{about_id}/{round_}"
