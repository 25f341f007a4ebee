"""Batches: what is wrong with one draft stops no other, and together is as one by one."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from billing_desk import NET_30, SKONTO, Desk, draft_of

from invoicing import series_service
from invoicing.batch_store import ItemState, items_of
from invoicing.documents import DraftInvoice, compute
from invoicing.errors import InvoicingError
from invoicing.lifecycle import InvoiceState
from invoicing.numbering import Reset
from invoicing.series_store import SeriesKind
from invoicing.terms import DueOnReceipt
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.billing import batches, service
from orchestrator.billing.batches import Progress
from orchestrator.db import fetch, transaction
from orchestrator.ledger.service import entries_of

YEAR = clock_port.now().year


def number(seq: int) -> str:
    return f"INV-{YEAR}-{seq:05}"


async def worked(desk: Desk, ids: list[str], issue_date: date | None = None, *, send_mail: bool = False) -> Progress:
    begun = await batches.begin(desk.merchant_id, ids, issue_date=issue_date, send_mail=send_mail)
    await batches.work(begun.batch.id)
    return await batches.get(desk.merchant_id, begun.batch.id)


async def numbers_of(desk: Desk, ids: list[str]) -> list[str | None]:
    rows = await fetch("SELECT id, number FROM invoice WHERE id = ANY($1::varchar[])", ids)
    by_id = {row["id"]: row["number"] for row in rows}
    return [by_id.get(one) for one in ids]


async def with_deposit(desk: Desk, deposit: str) -> str:
    draft = msgspec.structs.replace(draft_of("100"), prepaid=Decimal(deposit))
    return (await service.create_draft(desk.merchant_id, desk.customer_id, draft)).id


async def test_refused_drafts_amid_a_group_take_no_number(desk: Desk) -> None:
    done = await desk.issue()
    first, second, third = [(await desk.draft()).id for _ in range(3)]
    too_much = await with_deposit(desk, "50")
    after = await worked(desk, [first, done.id, second, "inv_none", too_much, third])
    assert [(one.invoice_id, one.code) for one in after.refused] == [
        (done.id, "WrongState"),
        ("inv_none", "InvoiceNotFound"),
        (too_much, "InvalidInvoice"),
    ]
    assert after.counts == {ItemState.ISSUED: 3, ItemState.REFUSED: 3}
    assert await numbers_of(desk, [first, second, third]) == [number(2), number(3), number(4)]
    assert (await desk.issue()).number == number(5)


async def test_two_deposits_of_one_batch_do_not_spend_the_same_credit(desk: Desk) -> None:
    await desk.receive(6_000)
    ids = [await with_deposit(desk, "50"), (await desk.draft()).id, await with_deposit(desk, "50")]
    after = await worked(desk, ids)
    assert [(one.invoice_id, one.code) for one in after.refused] == [(ids[2], "InvalidInvoice")]
    assert await numbers_of(desk, ids) == [number(1), number(2), None]
    assert (await desk.balances())["customer_credit"] == -1_000


async def test_a_series_that_starts_again_each_year_counts_both_days_of_two_batches(desk: Desk) -> None:
    async with transaction():
        await series_service.change_series(
            "ser_yearly",
            merchant_id=desk.merchant_id,
            series="invoice",
            kind=SeriesKind.INVOICE,
            pattern="{year}/{seq:03}",
            reset=Reset.YEARLY,
        )
    ids = [(await desk.draft()).id for _ in range(8)]
    new_year = date(YEAR, 1, 1)
    old_year = new_year - timedelta(days=1)
    for part, day in ((ids[:3], old_year), (ids[3:5], new_year), (ids[5:], old_year)):
        await worked(desk, part, day)
    old = [f"{YEAR - 1}/{seq:03}" for seq in (1, 2, 3, 4, 5, 6)]
    assert await numbers_of(desk, ids) == [*old[:3], f"{YEAR}/001", f"{YEAR}/002", *old[3:]]


async def test_numbers_that_another_document_has_refuse_each_draft_and_none_is_taken(desk: Desk) -> None:
    async with transaction():
        await series_service.change_series(
            "ser_2",
            merchant_id=desk.merchant_id,
            series="second",
            kind=SeriesKind.INVOICE,
            pattern=f"INV-{YEAR}-" + "{seq:05}",
        )
    made = await desk.draft()
    await service.finalize(desk.merchant_id, made.id, send_mail=False, series="second")
    ids = [(await desk.draft()).id for _ in range(3)]
    after = await worked(desk, ids)
    assert [one.code for one in after.refused] == ["SeriesTaken"] * 3
    assert await numbers_of(desk, ids) == [None, None, None]


async def test_a_draft_that_cannot_be_read_is_tried_after_the_others_and_then_counts_as_failed(desk: Desk) -> None:
    ids = [(await desk.draft()).id for _ in range(7)]
    await fetch("UPDATE invoice SET draft = '{}' WHERE id = $1", ids[3])
    begun = await batches.begin(desk.merchant_id, ids, send_mail=False)
    for tries in range(1, batches.TRIES_MAX):
        with pytest.raises(ExceptionGroup, match="1 drafts") as raised:
            await batches.work(begun.batch.id)
        assert raised.group_contains(msgspec.ValidationError)
        [waiting] = await items_of(begun.batch.id, ItemState.WAITING, limit=10)
        assert (waiting.invoice_id, waiting.code, waiting.tries) == (ids[3], "ValidationError", tries)
        assert await numbers_of(desk, ids) == [*map(number, (1, 2, 3)), None, *map(number, (4, 5, 6))]
        assert await desk.told(begun.batch.id) == []
    assert await batches.work(begun.batch.id) is None
    after = await batches.get(desk.merchant_id, begun.batch.id)
    assert after.counts == {ItemState.ISSUED: 6, ItemState.FAILED: 1}
    assert [(one.invoice_id, one.state, one.code) for one in after.refused] == [
        (ids[3], ItemState.FAILED, "ValidationError")
    ]
    assert "required field" in after.refused[0].message
    assert await desk.told(begun.batch.id) == ["invoice_batch.finished"]
    await fetch("DELETE FROM invoice WHERE id = $1", ids[3])


async def test_what_failed_once_and_is_well_again_is_issued(desk: Desk) -> None:
    ids = [(await desk.draft()).id for _ in range(2)]
    content = (await fetch("SELECT draft::text AS it FROM invoice WHERE id = $1", ids[0]))[0]["it"]
    await fetch("UPDATE invoice SET draft = '{}' WHERE id = $1", ids[0])
    begun = await batches.begin(desk.merchant_id, ids, send_mail=False)
    with pytest.raises(ExceptionGroup):
        await batches.work(begun.batch.id)
    await fetch("UPDATE invoice SET draft = $2::jsonb WHERE id = $1", ids[0], content)
    assert await batches.work(begun.batch.id) is None
    assert await numbers_of(desk, ids) == [number(2), number(1)]
    [first, _] = await items_of(begun.batch.id, ItemState.ISSUED, limit=10)
    assert (first.code, first.message, first.tries) == ("", "", 1)


def any_draft(chance: random.Random) -> DraftInvoice:
    prices = [f"{chance.randint(0, 3) * chance.randint(1, 90_000)}E-2" for _ in range(chance.randint(1, 5))]
    draft = draft_of(*prices, terms=chance.choice((NET_30, SKONTO, DueOnReceipt())))
    buyer = msgspec.structs.replace(draft.buyer, vat_id=chance.choice(("", "", "DE136695976", "FR40303265045")))
    seller = msgspec.structs.replace(draft.seller, vat_id="DE129273398")
    if chance.random() < 0.2:
        seller, buyer = (msgspec.structs.replace(one, country="RO", vat_id="RO361757") for one in (seller, buyer))
    deposit = Decimal(1 if chance.random() < 0.15 and compute(draft).total.minor >= 100 else 0)
    return msgspec.structs.replace(draft, seller=seller, buyer=buyer, prepaid=deposit)


async def books_of(desk: Desk, ids: list[str]) -> list[Any]:
    """All that came of drafts, in their order, without ids and moments."""
    found: list[Any] = []
    for one in ids:
        invoice = await service.invoicing.get(desk.merchant_id, one)
        rung = await fetch("SELECT topic, due_at FROM outbox WHERE subject = $1 ORDER BY topic", one)
        kept = await fetch("SELECT state, untaxed FROM vat_id_on_invoice WHERE invoice_id = $1", one)
        sent = await fetch("SELECT kind, recipient, state FROM document_delivery WHERE object_id = $1", one)
        found.append(
            (
                (invoice.state, invoice.number, invoice.document, invoice.standing, invoice.due_date),
                await entries_of(f"invoice:{one}"),
                await desk.told(one),
                [tuple(row) for row in rung],
                [tuple(row) for row in kept],
                [tuple(row) for row in sent],
            )
        )
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_together_is_as_one_by_one(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    other = Desk((await access.create_merchant("One By One", {})).id, "cus_2")
    drafts = [any_draft(chance) for _ in range(60)]
    ids: dict[Desk, list[str]] = {}
    for one in (desk, other):
        await one.receive(300)
        ids[one] = [(await service.create_draft(one.merchant_id, one.customer_id, draft)).id for draft in drafts]
    refused: dict[str, str] = {}
    for invoice_id in ids[other]:
        try:
            await service.finalize(other.merchant_id, invoice_id)
        except InvoicingError as why:
            refused[invoice_id] = str(why)
    after = await worked(desk, ids[desk], send_mail=True)
    assert [(ids[desk].index(one.invoice_id), one.message) for one in after.refused] == [
        (ids[other].index(invoice_id), why) for invoice_id, why in refused.items()
    ]
    assert 0 < len(refused) < 40
    together, one_by_one = await books_of(desk, ids[desk]), await books_of(other, ids[other])
    assert together == one_by_one
    assert {state for (state, *_), *_ in together} >= {InvoiceState.DRAFT, InvoiceState.OPEN}
    assert await desk.balances() == await other.balances()
