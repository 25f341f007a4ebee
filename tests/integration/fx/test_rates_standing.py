"""How old rates are, where operators look; and the clock's bell that has them fetched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from bank_server import Bank

from orchestrator import outbox
from orchestrator.doctor import State, _rates
from orchestrator.jobs.bells import HANDLERS
from orchestrator.settings import get_settings


@pytest.fixture(autouse=True)
def _doctors_day(day: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.doctor.now", lambda: day.now)


async def test_doctor_is_content_while_rates_may_be_used(database: str) -> None:
    [found] = await _rates(get_settings())
    assert (found.part, found.state) == ("exchange rates", State.OK)
    assert found.detail == "newest of 2026-10-30, 3 days old"


async def test_doctor_says_that_rates_are_stale_and_why_none_came(bank: Bank, database: str, day: Any) -> None:
    day.now = datetime(2026, 11, 20, 16, tzinfo=UTC)
    bank.status = 503
    await HANDLERS[outbox.RATES]("ecb")
    [found] = await _rates(get_settings())
    assert found.state is State.WARNING
    assert "21 days old; fetching failed 1 times" in found.detail
    assert "answered 503" in found.detail
    assert "POST /v1/rates" in found.remedy


async def test_doctor_names_the_setting_where_nothing_is_fetched(database: str, day: Any) -> None:
    day.now = datetime(2026, 11, 20, 16, tzinfo=UTC)
    [found] = await _rates(get_settings())
    assert found.remedy == "set CLEARWAY_FX__ECB_URL"


async def test_metrics_have_the_age_of_the_rates(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert "clearway_rates_age_days 3.0" in answer.text


@pytest.mark.parametrize("url", ["http://www.ecb.europa.eu/x.xml", "ftp://x/y", "nonsense"])
def test_rates_are_read_over_tls_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.settings import SettingsError

    monkeypatch.setenv("CLEARWAY_FX__ECB_URL", url)
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match="ECB_URL"):
        get_settings()
    monkeypatch.undo()
    get_settings.cache_clear()
