"""Stored rates: exact, only ever added to, the newest revision counts."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import pytest

from currency import store
from currency.store import Mark, NewRate
from orchestrator.db import fetch

pytestmark = pytest.mark.usefixtures("database")

NOW, DAY = datetime(2026, 11, 2, 16, tzinfo=UTC), date(2026, 11, 2)


def usd(units: str | None, day: date = DAY) -> NewRate:
    return NewRate("EUR", "USD", day, None if units is None else Decimal(units))


async def units() -> list[str]:
    return [format(row.units or 0, "f") for row in await store.newest("ecb")]


@pytest.mark.parametrize("text", ["1.1172", "1.1000", "0.000000000012", "123456789012.5", "7"])
async def test_units_come_back_exactly_as_they_were_published(text: str) -> None:
    await store.add("ecb", [usd(text)], NOW)
    assert await units() == [text]


async def test_what_is_known_already_is_not_added_again() -> None:
    assert len(await store.add("ecb", [usd("1.10")], NOW)) == 1
    assert await store.add("ecb", [usd("1.100")], NOW) == []
    assert await units() == ["1.10"]


async def test_a_correction_is_a_further_revision_and_counts() -> None:
    await store.add("ecb", [usd("1.10")], NOW)
    [row] = await store.add("ecb", [usd("1.11")], NOW)
    assert (row.revision, await units()) == (2, ["1.11"])
    assert (await fetch("SELECT count(*) AS n FROM fx_rate"))[0]["n"] == 2


async def test_a_withdrawn_rate_counts_no_more_and_can_be_entered_again() -> None:
    assert await store.add("ecb", [usd(None)], NOW) == []
    await store.add("ecb", [usd("1.10")], NOW)
    await store.add("ecb", [usd(None)], NOW)
    assert await units() == []
    await store.add("ecb", [usd("1.10")], NOW)
    assert await units() == ["1.10"]


async def test_merchants_and_sources_are_kept_apart() -> None:
    await store.add("ecb", [usd("1.10")], NOW)
    await store.add("manual", [usd("1.20")], NOW, merchant_id="mer_1", entered_by="key_1")
    assert await units() == ["1.10"]
    [own] = await store.newest("manual", merchant_id="mer_1")
    assert (own.units, own.entered_by) == (Decimal("1.20"), "key_1")
    assert await store.newest("manual", merchant_id="mer_2") == []


async def test_two_fetchers_at_once_keep_each_rate_once() -> None:
    await asyncio.gather(*(store.add("ecb", [usd("1.10"), usd("1.12", date(2026, 11, 3))], NOW) for _ in range(8)))
    assert await units() == ["1.10", "1.12"]
    assert (await fetch("SELECT max(revision) AS n FROM fx_rate"))[0]["n"] == 1


@pytest.mark.parametrize("statement", ["UPDATE fx_rate SET units = 2", "DELETE FROM fx_rate", "TRUNCATE fx_rate"])
async def test_no_rate_is_ever_changed(statement: str) -> None:
    await store.add("ecb", [usd("1.10")], NOW)
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        await fetch(statement)


@pytest.mark.parametrize("text", ["0", "-1", "Infinity", "NaN"])
async def test_an_impossible_rate_is_refused(text: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await store.add("ecb", [usd(text)], NOW)


async def test_the_mark_changes_with_every_rate_that_is_added() -> None:
    seen = [await store.marks("mer_1")]
    await store.add("ecb", [usd("1.10")], NOW)
    seen.append(await store.marks("mer_1"))
    await store.add("manual", [usd("1.10")], NOW, merchant_id="mer_1")
    seen.append(await store.marks("mer_1"))
    await store.add("manual", [usd("1.10")], NOW, merchant_id="mer_2")
    seen.append(await store.marks("mer_1"))
    assert seen[0] == (Mark(), Mark())
    assert len(set(seen)) == 3
    assert seen[3] == seen[2]


async def test_revisions_are_paged_from_the_newest() -> None:
    for text in ("1.10", "1.11", "1.12"):
        await store.add("manual", [usd(text)], NOW, merchant_id="mer_1")
    newest, middle = await store.revisions("manual", merchant_id="mer_1", limit=2)
    [oldest] = await store.revisions("manual", merchant_id="mer_1", limit=2, before_id=middle.id)
    assert [row.revision for row in (newest, middle, oldest)] == [3, 2, 1]
