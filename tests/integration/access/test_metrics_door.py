"""Who may read the metrics: whoever has the token; without one, this machine only."""

from __future__ import annotations

import pytest
from one_browser import browser

from orchestrator.settings import get_settings


@pytest.mark.parametrize(
    ("ip", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.1", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 401),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 401),
    ],
)
async def test_without_a_token_they_are_for_this_machine(
    database: str, ip: str, headers: dict[str, str], status: int
) -> None:
    async with browser(ip) as client:
        assert (await client.get("/metrics", headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer the-token", 200), ("Bearer another", 401), ("", 401), ("Bearer the-töken", 401)]
)
async def test_with_a_token_everybody_needs_it(
    database: str, monkeypatch: pytest.MonkeyPatch, header: str, status: int
) -> None:
    monkeypatch.setenv("CLEARWAY_METRICS_TOKEN", "the-token")
    get_settings.cache_clear()
    async with browser("127.0.0.1") as client:
        answer = await client.get("/metrics", headers={"Authorization": header.encode("latin-1")})
        assert answer.status_code == status
