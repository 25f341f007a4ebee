"""The daily file comes in over TLS; a bad day of the bank, or no network at all, harms nothing and is told once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bank_server import DAILY, NINETY_DAYS, Bank

from currency import ecb
from orchestrator.access import service as access
from orchestrator.db import fetch
from orchestrator.fx import books, standing, store
from orchestrator.fx.fetching import LATE_EVERY, PAUSES_S, look
from orchestrator.outbox import Later

pytestmark = pytest.mark.usefixtures("database")

MONDAY, TUESDAY = ("2026-11-02", {"USD": "1.1500", "JPY": "171.23"}), ("2026-11-03", {"USD": "1.1600", "JPY": "171.9"})


async def usd_on(day: date) -> Decimal | None:
    return (await books.published()).published("USD", day)


async def state() -> store.FetchRow:
    row = await store.fetch_state(ecb.NAME)
    assert row is not None
    return row


async def test_the_daily_file_lies_on_top_of_the_history(bank: Bank, day: Any) -> None:
    day.now = datetime(2026, 11, 2, 16, tzinfo=UTC)
    bank.publish(MONDAY)
    answer = await look("ecb")
    assert bank.asked == [DAILY]
    assert await usd_on(date(2026, 11, 2)) == Decimal("1.1500")
    assert await usd_on(date(2026, 10, 30)) is not None
    assert answer == Later(datetime(2026, 11, 3, 15, 15, tzinfo=UTC))
    assert ((await state()).published_on, (await state()).failures) == (date(2026, 11, 2), 0)


async def test_a_gap_is_filled_from_the_file_of_90_days(bank: Bank, day: Any) -> None:
    day.now = datetime(2026, 11, 3, 16, tzinfo=UTC)
    bank.publish(MONDAY, TUESDAY)
    await look("ecb")
    assert bank.asked == [DAILY, NINETY_DAYS]
    assert [await usd_on(date(2026, 11, n)) for n in (2, 3)] == [Decimal("1.1500"), Decimal("1.1600")]


async def test_what_is_not_due_is_not_fetched(bank: Bank, day: Any) -> None:
    day.now = datetime(2026, 11, 2, 16, tzinfo=UTC)
    bank.publish(MONDAY)
    await look("ecb")
    day.now += timedelta(hours=1)
    assert await look("ecb") == Later((await state()).due_at)
    assert len(bank.asked) == 1


async def test_a_file_that_is_late_is_asked_for_again_within_the_hour(bank: Bank, day: Any) -> None:
    day.now = datetime(2026, 11, 3, 16, tzinfo=UTC)
    bank.publish(MONDAY)
    assert await look("ecb") == Later(day.now + LATE_EVERY)


async def test_a_corrected_publication_counts_and_the_first_one_stays(bank: Bank, day: Any) -> None:
    day.now = datetime(2026, 11, 2, 16, tzinfo=UTC)
    for units in ("1.1500", "1.1555"):
        bank.publish(("2026-11-02", {"USD": units}))
        await look("ecb")
        day.now += timedelta(days=1)
    assert await usd_on(date(2026, 11, 2)) == Decimal("1.1555")
    rows = await fetch("SELECT revision, units FROM fx_rate ORDER BY revision")
    assert [(row["revision"], str(row["units"])) for row in rows] == [(1, "1.1500"), (2, "1.1555")]


async def fails(bank: Bank, day: Any) -> str:
    before = (await books.published()).last_published
    answer = await asyncio.wait_for(look("ecb"), 60)
    assert answer == Later(day.now + timedelta(seconds=PAUSES_S[0]))
    assert (await books.published()).last_published == before
    assert (await state()).failures == 1
    return (await state()).error


async def test_an_error_of_the_bank_is_kept_in_words(bank: Bank, day: Any) -> None:
    bank.status = 503
    assert "answered 503" in await fails(bank, day)


async def test_a_redirect_is_not_followed(bank: Bank, day: Any) -> None:
    bank.status, bank.headers = 302, {"Location": NINETY_DAYS}
    assert "answered 302" in await fails(bank, day)
    assert bank.asked == [DAILY]


async def test_a_file_without_end_is_cut_off(bank: Bank, day: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.fx.download.FILE_BYTES_MAX", 1000)
    bank.files[DAILY] = b"<" * 5000
    assert "more than 1000 bytes" in await fails(bank, day)


async def test_a_bank_that_does_not_answer_is_left_after_a_while(bank: Bank, day: Any) -> None:
    bank.waits_s = 300
    assert "no answer within 2 s" in await fails(bank, day)


async def test_what_is_no_rates_file_is_not_taken_in(bank: Bank, day: Any) -> None:
    bank.files[DAILY] = b"<html>maintenance</html>"
    assert "no rates in it" in await fails(bank, day)


async def test_a_day_that_is_still_to_come_is_not_believed(bank: Bank, day: Any) -> None:
    bank.publish(("2099-01-01", {"USD": "2"}))
    assert "still to come" in await fails(bank, day)


async def test_a_certificate_of_nobody_known_is_refused(bank: Bank, day: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_FX__CA_FILE", "")
    get_settings.cache_clear()
    bank.publish(MONDAY)
    assert "CERTIFICATE_VERIFY_FAILED" in await fails(bank, day)
    assert bank.asked == []


async def test_a_host_that_cannot_be_reached_harms_nothing(
    bank: Bank, day: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_FX__ECB_URL", "https://nobody.invalid/eurofxref-daily.xml")
    get_settings.cache_clear()
    assert "nobody.invalid" in await fails(bank, day)
    book = await books.book_for("mer_1")
    assert book.rate("USD", "GBP", date(2026, 11, 2)).on == date(2026, 10, 30)


async def test_pauses_grow_with_failures_and_a_success_ends_them(bank: Bank, day: Any) -> None:
    pauses = []
    for _ in range(6):
        answer = await look("ecb")
        assert answer is not None
        pauses.append((answer.at - day.now).total_seconds())
        day.now = answer.at
    assert pauses == [*PAUSES_S, 3600, 3600]
    bank.publish(MONDAY)
    await look("ecb")
    assert (await state()).failures == 0


async def test_without_an_address_nothing_is_fetched(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.settings import get_settings

    monkeypatch.setenv("CLEARWAY_FX__ECB_URL", "")
    get_settings.cache_clear()
    assert await look("ecb") is None
    assert bank.asked == []


async def test_stale_rates_are_told_to_each_merchant_once_and_again_after_the_next_time(bank: Bank, day: Any) -> None:
    merchants = [(await access.create_merchant(name, {})).id for name in ("One", "Two")]

    async def told() -> list[str]:
        rows = await fetch("SELECT merchant_id FROM event WHERE type = 'incident.rates_stale' ORDER BY merchant_id")
        return [row["merchant_id"] for row in rows]

    day.now = datetime(2026, 11, 6, 9, tzinfo=UTC)
    await look("ecb")
    assert await told() == []
    for _ in range(3):
        day.now += timedelta(days=1)
        await look("ecb")
    assert await told() == sorted(merchants)
    assert (await standing.standing(day.now)).stale
    bank.publish(("2026-11-09", {"USD": "1.15"}))
    day.now = (await state()).due_at
    await look("ecb")
    assert not (await standing.standing(day.now)).stale
    bank.files.clear()
    day.now += timedelta(days=8)
    await look("ecb")
    assert len(await told()) == 2 * len(merchants)
