"""Asking the register: the ids of one country one after the other, by whoever has that country's lane.

Answers are put where the question came from. What is lost on the way (a crash, a late answer about an id that is gone)
is asked again or dropped; nothing waits for it.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta

import structlog

from invoicing.vat_ids import ASK_AGAIN_AFTER, VALID_FOR, Register, VatIdCheck, VatIdRegister, VatIdState
from orchestrator import clock_port, outbox
from orchestrator.access import store as access
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.outbox import Later
from orchestrator.settings import get_settings
from orchestrator.tax_ids import store
from orchestrator.tax_ids.registers.vies import Vies
from orchestrator.tax_ids.service import TOPIC
from orchestrator.tax_ids.store import AnswerRow, VatIdRow

log = structlog.get_logger()

LEASE_MARGIN_S = 10  # beyond the time that two questions may take: without the proof one is asked twice
REST = timedelta(seconds=30)  # of a country whose register did not answer
TURN_S = 10.0  # after which the other bells have their turn
AT_ONCE_MAX = 2  # countries that one process asks: a register that hangs takes few of a worker's threads
PAUSE = timedelta(seconds=2)  # until one that found no place rings again
# Most silence is over within the minute (MS_MAX_CONCURRENT_REQ); registers at rest for the night, within hours.
PAUSES = (
    *(timedelta(minutes=1), timedelta(minutes=10), ASK_AGAIN_AFTER),
    *(4 * ASK_AGAIN_AFTER, 12 * ASK_AGAIN_AFTER, 24 * ASK_AGAIN_AFTER),
)
HOLDER_BITS = 62

_at_work: set[int] = set()


async def look(prefix: str) -> Later | None:
    """Ask about what is due in a country. Safe to repeat, and side by side; never raises for what a register does."""
    if not get_settings().vat.vies_url:
        return None
    if len(_at_work) >= AT_ONCE_MAX:
        return Later(clock_port.now() + PAUSE, tried=False)
    me = secrets.randbits(HOLDER_BITS)
    _at_work.add(me)
    try:
        return await _take_turn(prefix, me)
    finally:
        _at_work.discard(me)


async def _take_turn(prefix: str, me: int) -> Later | None:
    settings = get_settings().vat
    register = Vies(settings)
    lease = timedelta(seconds=2 * settings.timeout_s + LEASE_MARGIN_S)
    begun, rests_until = asyncio.get_running_loop().time(), None
    while True:
        now = clock_port.now()
        row = await store.next_due(prefix, now)
        if row is None or asyncio.get_running_loop().time() - begun > TURN_S:
            break
        if not await store.take_lane(prefix, me, now + lease, now):
            return Later(await store.lane_busy_until(prefix) or now, tried=False)
        if not await ask(row, register):
            rests_until = clock_port.now() + REST
            break
    now = clock_port.now()
    await store.free_lane(prefix, me, rests_until or now)
    next_at = await store.next_due_at(prefix)
    return None if next_at is None else Later(max(next_at, rests_until or now))


async def ask(row: VatIdRow, register: VatIdRegister) -> bool:
    """One question, outside any transaction, and what came of it. False where there was no answer."""
    merchant = await access.merchant(row.merchant_id)
    own = str(merchant.profile.get("vat_id", "")) if merchant else ""
    found = await register.check(row.vat_id, asked_by=own, now=clock_port.now())
    async with transaction():
        current = await store.lock(row.id)
        if current is not None:
            await _put(current, found, own, clock_port.now())
    return found.state is not VatIdState.UNAVAILABLE


async def look_around(now: datetime) -> None:
    """Have asked what became due while checks were off, and take out ids that nobody has and no document rests on."""
    async with transaction():
        await store.forget_all(now - VALID_FOR)
        if get_settings().vat.vies_url:
            for prefix in await store.due_prefixes(now):
                await outbox.enqueue(TOPIC, prefix, now)


async def _put(row: VatIdRow, found: VatIdCheck, own: str, now: datetime) -> None:
    if found.state is VatIdState.UNAVAILABLE:
        log.info("vat_id.not_answered", prefix=row.prefix, detail=found.detail, tries=row.tries + 1)
        pause = PAUSES[min(row.tries, len(PAUSES) - 1)]
        # A register that is silent takes nothing back of what it said before.
        state = row.answer.state if row.answer else VatIdState.UNAVAILABLE
        await store.put_silence(row, state, found.detail, now, now + pause)
    else:
        state = found.state
        await store.put_answer(row, _answer(found, own, now), found.detail)
    if state is not row.state:
        await _tell(row, state, found, now)


def _answer(found: VatIdCheck, own: str, now: datetime) -> AnswerRow:
    return AnswerRow(
        id=new_id("vaa"),
        register=Register.VIES,
        state=found.state,
        answered_at=found.checked_at or now,
        asked_by=own[:20] if found.proof else "",
        proof=found.proof,
        name=found.name,
        address=found.address,
    )


async def _tell(row: VatIdRow, state: VatIdState, found: VatIdCheck, now: datetime) -> None:
    """Each customer that has the id by now; one that had it and has another is not spoken of."""
    data = {"vat_id": row.vat_id, "state": state.value, "proof": found.proof, "detail": found.detail}
    for customer_id in await store.holders_of(row.id):
        await record(EventType.CUSTOMER_VAT_ID_CHECKED, row.merchant_id, customer_id, data, now)
