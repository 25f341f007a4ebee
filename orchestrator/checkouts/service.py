"""The verbs of checkout sessions: a hosted page for one payment, which ends when it is paid or its time is over.

A session and its payment are made in one transaction, so there is never a second payment for it, whoever opens the
page how often. What becomes of the payment comes here by a bell, at each change of its status and when time is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from msgspec import structs

from currency.money import Money
from orchestrator import clock_port, outbox
from orchestrator.access.store import bind_idempotency
from orchestrator.checkouts import store
from orchestrator.checkouts.records import LineItem, SessionRow, SessionState, SessionView
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.payments import answering, driver
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus, Story
from orchestrator.payments.service import NewPayment

LASTS_DEFAULT = timedelta(hours=24)
LASTS_MIN = timedelta(minutes=5)
LASTS_MAX = timedelta(days=7)
ACTION_GRACE = timedelta(hours=1)  # a shopper who is at the bank's page when time is over may come back this long
LOOK_AGAIN = timedelta(seconds=60)  # while a payment is under way past the session's time
HOSTED_METHODS = ("card",)  # what the hosted page takes today

_PAID = frozenset({PaymentStatus.AUTHORISED, PaymentStatus.PARTIALLY_CAPTURED, PaymentStatus.CAPTURED})
_GIVEN_UP = frozenset({PaymentStatus.CANCELED, PaymentStatus.FAILED})


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is made of: its payment (whose `return_url` is where a payer goes), and what the page adds.

    `expires_at` is LASTS_MIN to LASTS_MAX from now; LASTS_DEFAULT where it is left out.
    """

    payment: NewPayment
    line_items: tuple[LineItem, ...] = ()
    methods: tuple[str, ...] = HOSTED_METHODS
    cancel_url: str | None = None
    expires_at: datetime | None = None
    payment_link_id: str | None = None
    allowed: Callable[[], Awaitable[None]] | None = field(default=None, compare=False)
    """Asked in the transaction that makes the session; what it raises undoes all."""


async def create(new: NewSession, idempotency_id: str | None = None) -> SessionView:
    """A session that is open, with the payment that it is for. Raises InvalidField naming what does not fit."""
    now = clock_port.now()
    expires_at = new.expires_at or now + LASTS_DEFAULT
    _check(new, expires_at, now)
    session_id = new_id("cs")

    async def add_session(payment: PaymentRow) -> None:
        if new.allowed is not None:
            await new.allowed()
        row = SessionRow(
            id=session_id,
            merchant_id=payment.merchant_id,
            payment_id=payment.id,
            payment_link_id=new.payment_link_id,
            state=SessionState.OPEN,
            line_items=list(new.line_items),
            methods=list(new.methods),
            cancel_url=new.cancel_url,
            expires_at=expires_at,
            created_at=now,
            closed_at=None,
        )
        await store.insert_session(row)
        await outbox.enqueue(driver.MOVED, payment.id, expires_at)
        if idempotency_id:
            await bind_idempotency(idempotency_id, session_id)

    await payments.create(replace(new.payment, source=session_id), also=add_session)
    made = await store.session(session_id)
    assert made is not None
    return made


def _check(new: NewSession, expires_at: datetime, now: datetime) -> None:
    if not now + LASTS_MIN <= expires_at <= now + LASTS_MAX:
        minutes, days = int(LASTS_MIN.total_seconds() // 60), LASTS_MAX.days
        raise InvalidField("expires_at", f"must be {minutes} minutes to {days} days from now")
    total = sum(item.amount_minor for item in new.line_items)
    if new.line_items and total != new.payment.amount.minor:
        raise InvalidField("line_items", f"sum to {total}, but the amount is {new.payment.amount.minor}")


async def get(merchant_id: str, session_id: str) -> SessionView:
    """Raises NotFound, also for another merchant's session."""
    found = await store.session(session_id)
    if found is None or found.session.merchant_id != merchant_id:
        raise NotFound("checkout session", session_id)
    return found


async def expire(merchant_id: str, session_id: str, idempotency_id: str | None = None) -> SessionView:
    """End a session before its time. Raises NotFound; Conflict where it has ended, or is being paid."""
    payment_id = (await get(merchant_id, session_id)).payment.id
    async with transaction():
        story = await _locked(payment_id)
        state = (await get(merchant_id, session_id)).session.state
        if state is not SessionState.OPEN:
            raise Conflict(f"The session is {state.value}: it cannot be expired any more.")
        if not _waits_for_shopper(story):
            raise Conflict("The session is being paid. Look again when its payment has come to rest.")
        if idempotency_id:
            await bind_idempotency(idempotency_id, session_id)
        errand = await _expire(session_id, story, clock_port.now())
    await _finish(payment_id, errand)
    return await get(merchant_id, session_id)


async def settle(payment_id: str) -> Later | None:
    """Bring the payment's session, if it has one, up to what the payment and the clock say. Safe to repeat.

    Also asked before a card is taken, so that a session past its time is never paid though its bell is late.
    """
    found = await store.session_of_payment(payment_id)
    if found is None or found.session.state is not SessionState.OPEN:
        return None
    session, errand, now = found.session, None, clock_port.now()
    async with transaction():
        story = await _locked(payment_id)
        status = story.payment.status
        if status in _PAID and not story.payment.cancel_requested:
            await _close(session, SessionState.COMPLETED, story.payment, now)
        elif status in _GIVEN_UP:
            await _close(session, SessionState.EXPIRED, story.payment, now)
        elif session.expires_at > now:
            return Later(session.expires_at)
        elif _waits_for_shopper(story) or _left_at_the_bank(story, session, now):
            errand = await _expire(session.id, story, now)
        else:
            return Later(now + LOOK_AGAIN)
    await _finish(payment_id, errand)
    return None


async def _locked(payment_id: str) -> Story:
    payment = await payment_store.lock_payment(payment_id)
    assert payment is not None
    return await payment_store.story_of(payment)


def _waits_for_shopper(story: Story) -> bool:
    """Whether nothing is under way: no card was tried, or the last one was refused."""
    return story.payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD and not any(op.open for op in story.operations)


def _left_at_the_bank(story: Story, session: SessionRow, now: datetime) -> bool:
    """Whether the shopper went to the bank's page and did not come back. A late success is given back by itself."""
    waits = story.payment.status is PaymentStatus.REQUIRES_ACTION and not any(op.open for op in story.operations)
    return waits and now >= session.expires_at + ACTION_GRACE


async def _expire(session_id: str, story: Story, now: datetime) -> driver.Errand | None:
    """End the session and give its payment up, in one transaction: no card is taken from here on."""
    found = await store.session(session_id)
    assert found is not None
    await payment_store.update_payment(story.payment.id, {"cancel_requested": True}, now)
    canceling = structs.replace(story.payment, cancel_requested=True)
    errand = await driver.proceed(structs.replace(story, payment=canceling), now)
    await _close(found.session, SessionState.EXPIRED, canceling, now)
    return errand


async def _close(session: SessionRow, state: SessionState, payment: PaymentRow, now: datetime) -> None:
    if not await store.close_session(session.id, state, now):
        return
    kind = (
        EventType.CHECKOUT_SESSION_COMPLETED if state is SessionState.COMPLETED else EventType.CHECKOUT_SESSION_EXPIRED
    )
    data = {"payment": payment.id, "amount_minor": payment.amount_minor, "currency": payment.currency}
    if session.payment_link_id:
        data["payment_link"] = session.payment_link_id
    await record(kind, session.merchant_id, session.id, data, now)


async def _finish(payment_id: str, errand: driver.Errand | None) -> None:
    if errand is not None:  # what was authorised is being voided
        await answering.answer(payment_id, errand)


def money_of(items: list[LineItem], currency: str) -> list[Money]:
    """What each line comes to."""
    return [Money(item.amount_minor, currency) for item in items]
