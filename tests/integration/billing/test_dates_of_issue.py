"""The dates that documents may have: today where the merchant is, or before, and never before the last number's."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from billing_desk import Desk, draft_of

from invoicing.batch_store import ItemState
from invoicing.documents import DocumentType
from invoicing.errors import InvalidInvoice
from orchestrator import clock_port
from orchestrator.access import store as access_store
from orchestrator.billing import batches, credit_notes, quotes, service
from orchestrator.db import fetch, transaction

EVENING = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def evening(monkeypatch: pytest.MonkeyPatch) -> date:
    """Half an hour before midnight in UTC: in Berlin it is tomorrow."""
    monkeypatch.setattr(clock_port, "now", lambda: EVENING)
    return EVENING.date()


async def at(desk: Desk, zone: str) -> None:
    async with transaction():
        await access_store.put_in_profile(desk.merchant_id, "timezone", zone)


async def test_without_a_date_it_is_today_where_the_merchant_is(desk: Desk, evening: date) -> None:
    assert (await desk.issue()).issue_date == evening
    await at(desk, "Europe/Berlin")
    assert (await desk.issue()).issue_date == evening + DAY
    invoice = await desk.issue()
    assert (await credit_notes.issue(desk.merchant_id, invoice.id, send_mail=False)).issue_date == evening + DAY


async def test_no_document_is_dated_ahead(desk: Desk, evening: date) -> None:
    await at(desk, "Europe/Berlin")
    assert (await desk.issue(on=evening + DAY)).issue_date == evening + DAY
    with pytest.raises(InvalidInvoice, match="issue_date: must not be after 2026-11-21, which is today"):
        await desk.issue(on=evening + 2 * DAY)
    await at(desk, "America/New_York")
    with pytest.raises(InvalidInvoice, match="must not be after 2026-11-20"):
        await desk.issue(on=evening + DAY)


async def test_nor_is_a_credit_note_or_a_batch(desk: Desk, evening: date) -> None:
    invoice, draft = await desk.issue(), await desk.draft()
    for ahead in (
        credit_notes.issue(desk.merchant_id, invoice.id, issue_date=evening + DAY),
        batches.begin(desk.merchant_id, [draft.id], issue_date=evening + DAY),
    ):
        with pytest.raises(InvalidInvoice, match="must not be after 2026-11-20"):
            await ahead


async def test_no_document_is_dated_before_the_last_of_its_series(desk: Desk, evening: date) -> None:
    before = await desk.issue(on=evening - 5 * DAY)
    assert before.issue_date == evening - 5 * DAY
    await desk.issue(on=evening - 3 * DAY)
    with pytest.raises(InvalidInvoice, match="issue_date: must not be before 2026-11-17, the latest of 'invoice'"):
        await desk.issue(on=evening - 4 * DAY)
    after = await desk.issue(on=evening - 3 * DAY)
    assert str(after.number).endswith("00003")  # what was refused took no number
    with pytest.raises(InvalidInvoice, match="must not be before 2026-11-15, when the invoice was issued"):
        await credit_notes.issue(desk.merchant_id, before.id, issue_date=evening - 6 * DAY)


async def test_who_names_no_date_is_never_refused_for_it(desk: Desk, evening: date) -> None:
    """The merchant moved west, and it is yesterday there."""
    await at(desk, "Europe/Berlin")
    await desk.issue()
    await at(desk, "America/New_York")
    assert (await desk.issue()).issue_date == evening


async def test_drafts_of_a_batch_with_such_a_date_are_refused_and_take_no_number(desk: Desk, evening: date) -> None:
    ids = [(await desk.draft()).id for _ in range(3)]
    begun = await batches.begin(desk.merchant_id, ids, issue_date=evening - DAY, send_mail=False)
    await desk.issue()
    await batches.work(begun.batch.id)
    after = await batches.get(desk.merchant_id, begun.batch.id)
    assert after.counts == {ItemState.REFUSED: 3}
    assert {one.message for one in after.refused} == {
        f"issue_date: must not be before {evening}, the latest of 'invoice': numbers go by date; leave it out, or "
        "name another series"
    }
    assert str((await desk.issue()).number).endswith("00002")


async def test_numbers_go_by_date_however_many_issue_at_once(desk: Desk, evening: date) -> None:
    drafts = [await desk.draft() for _ in range(8)]
    days = [evening - place % 3 * DAY for place in range(8)]
    await asyncio.gather(
        *(
            service.finalize(desk.merchant_id, one.id, issue_date=on, send_mail=False)
            for one, on in zip(drafts, days, strict=True)
        ),
        return_exceptions=True,
    )
    rows = await fetch("SELECT issue_date FROM invoice WHERE number IS NOT NULL ORDER BY number")
    dates = [row["issue_date"] for row in rows]
    assert dates
    assert dates == sorted(dates)


async def test_a_quote_is_answered_on_the_merchants_day(desk: Desk, evening: date) -> None:
    quote = await service.create_draft(
        desk.merchant_id,
        desk.customer_id,
        msgspec.structs.replace(draft_of("100"), type=DocumentType.QUOTE),
        valid_until=evening,
    )
    await service.finalize(desk.merchant_id, quote.id, kind=DocumentType.QUOTE, send_mail=False)
    await at(desk, "America/New_York")
    assert (await quotes.accept(desk.merchant_id, quote.id)).origin_id == quote.id
