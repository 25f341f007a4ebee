"""Only the demo may be told to call its own machine."""

from __future__ import annotations

import pytest

from orchestrator.settings import Mode, SettingsError, read_settings


@pytest.mark.parametrize("mode", [Mode.PRODUCTION, Mode.EVALUATION])
def test_no_real_installation_starts_with_loopback_allowed(monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    monkeypatch.setenv("CLEARWAY_MODE", mode.value)
    monkeypatch.setenv("CLEARWAY_WEBHOOKS__ALLOW_LOOPBACK", "true")
    with pytest.raises(SettingsError, match=r"CLEARWAY_WEBHOOKS has allow_loopback, which is for CLEARWAY_MODE=demo"):
        read_settings()


def test_the_demo_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_WEBHOOKS__ALLOW_LOOPBACK", "true")
    assert read_settings(mode=Mode.DEMO).webhooks.allow_loopback


def test_loopback_is_not_allowed_unless_said() -> None:
    assert not read_settings(mode=Mode.DEMO).webhooks.allow_loopback
