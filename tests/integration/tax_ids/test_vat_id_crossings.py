"""Many documents at once that bring ids never seen, or old ones: nobody waits for anybody crosswise."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
from vat_desk import AUSTRIAN, ITALIAN, OTHER_AUSTRIAN, VAT, Day, Desk, ask, rung

from invoicing.batch_store import ItemState
from invoicing.documents import DraftInvoice
from invoicing.vat_ids import VALID_FOR
from orchestrator.billing import batches, credit_notes
from orchestrator.db import engine, fetch, transaction
from orchestrator.tax_ids import at_issue, service

IDS = (AUSTRIAN, ITALIAN, OTHER_AUSTRIAN, "ATU65033803", "ATU57477929", "FR40303265045")
PATIENCE_S = 90


async def contents(desk: Desk, *vat_ids: str) -> list[DraftInvoice]:
    draft = (await desk.draft("", VAT)).draft
    return [
        msgspec.structs.replace(draft, buyer=msgspec.structs.replace(draft.buyer, vat_id=vat_id)) for vat_id in vat_ids
    ]


async def until_somebody_waits() -> None:
    """For a lock, in the database."""
    async with asyncio.timeout(PATIENCE_S):
        while not await fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


def beside(work: Any) -> asyncio.Task[None]:
    """In a transaction of its own, while the caller's is open."""

    async def alone() -> None:
        engine().current_transaction.set(None)
        await work

    return asyncio.create_task(alone())


async def test_who_waited_for_a_new_id_rings_no_bell_before_it_has_all_ids(desk: Desk, vies: Any, day: Day) -> None:
    """Three drafts for one buyer: the first adds the id, the second waits for that, the third finds it there."""
    [content] = await contents(desk, AUSTRIAN)
    came, goes_on = asyncio.Event(), asyncio.Event()

    async def second() -> None:
        async with transaction():
            await at_issue.foresee(desk.merchant_id, content)
            came.set()
            await goes_on.wait()
            await at_issue.foresee(desk.merchant_id, content)

    async def third() -> None:
        async with transaction():
            await at_issue.foresee(desk.merchant_id, content)

    async with transaction():
        await at_issue.foresee(desk.merchant_id, content)
        waits = beside(second())
        await beside(until_somebody_waits())
    await asyncio.wait_for(came.wait(), PATIENCE_S)
    last = beside(third())
    await asyncio.wait({last}, timeout=0.5)
    goes_on.set()
    await asyncio.wait_for(asyncio.gather(waits, last), PATIENCE_S)
    assert (await rung(), len(await fetch("SELECT 1 FROM vat_id WHERE vat_id = $1", AUSTRIAN))) == (["AT"], 1)


async def test_documents_that_bring_new_ids_in_any_order_never_wait_crosswise(desk: Desk, vies: Any, day: Day) -> None:
    drawn = random.Random(4)
    for _ in range(4):
        await fetch("DELETE FROM vat_id")
        orders = [await contents(desk, *drawn.sample(IDS, len(IDS))) for _ in range(6)]
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(issue_beside(desk, order, day) for order in orders))
        assert len(await fetch("SELECT 1 FROM vat_id")) == len(IDS)


async def test_nor_do_those_whose_answers_are_old(desk: Desk, vies: Any, day: Day) -> None:
    drawn = random.Random(5)
    for round_ in range(4):
        async with transaction():
            await service.all_known(desk.merchant_id, IDS[:4], day.now)
        for country in ("AT", "IT", "FR"):
            await ask(country)
        day.now += 2 * VALID_FOR
        orders = [await contents(desk, *drawn.sample(IDS[: 4 + round_ % 3], 4)) for _ in range(6)]
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(issue_beside(desk, order, day) for order in orders))
        assert await fetch("SELECT 1 FROM vat_id WHERE due_at <= $1", day.now)


async def issue_beside(desk: Desk, order: list[DraftInvoice], day: Day) -> None:
    """What the issue of a group of drafts does about the ids of their buyers."""
    await beside(_issue(desk, order, day))


async def _issue(desk: Desk, order: list[DraftInvoice], day: Day) -> None:
    async with transaction():
        await at_issue.known_of(desk.merchant_id, order, day.now)
        await asyncio.sleep(0)
        await at_issue.known_of(desk.merchant_id, order[:1], day.now)


async def test_many_drafts_at_once_for_one_buyer_are_all_made(desk: Desk, vies: Any) -> None:
    for vat_id in IDS:
        made = await asyncio.wait_for(asyncio.gather(*(desk.draft(vat_id, VAT) for _ in range(8))), PATIENCE_S)
        assert len({one.id for one in made}) == 8
    assert await rung() == ["AT", "FR", "IT"]


async def test_batches_and_reissues_side_by_side_are_all_done(desk: Desk, vies: Any, day: Day) -> None:
    """With ids whose answers are old by then, and ids that are new."""
    drafts = [await desk.draft(vat_id, VAT) for vat_id in IDS[:4] for _ in range(2)]
    issued = [await desk.issue(vat_id, VAT) for vat_id in IDS[:4]]
    for country in ("AT", "IT"):
        await ask(country)
    day.now += 2 * VALID_FOR
    begun = [
        await batches.begin(desk.merchant_id, [one.id for one in order], send_mail=False)
        for order in (drafts[::2], drafts[:0:-2])
    ]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(
            *(batches.work(one.batch.id) for one in begun),
            *(credit_notes.reissue(desk.merchant_id, one.id) for one in issued),
            *(desk.draft(vat_id, VAT) for vat_id in IDS[4:] for _ in range(2)),
        )
    for one in begun:
        shown = await batches.get(desk.merchant_id, one.batch.id)
        assert (shown.counts, shown.refused) == ({ItemState.ISSUED: 4}, ())
