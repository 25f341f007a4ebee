"""Idempotency as the Adyen and PayPal simulators keep it: first answers by key, for a span of world time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from simulators.asgi import Response


class Known(StrEnum):
    NO = "no"
    RUNNING = "running"
    OTHER_BODY = "other_body"
    ANSWERED = "answered"


@dataclass(slots=True)
class _Entry:
    body: bytes
    at: datetime
    response: Response | None = None


class Replays:
    """Keys with the request's body and, once there is one, the answer."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, ...], _Entry] = {}

    def begin(self, key: tuple[str, ...], body: bytes, now: datetime, kept: timedelta) -> tuple[Known, Response | None]:
        """Looks the key up; an unknown or outlived one is taken and counts as running until `keep` or `forget`."""
        entry = self._entries.get(key)
        if entry is None or now - entry.at > kept:
            self._entries[key] = _Entry(body, now)
            return Known.NO, None
        if entry.body != body:
            return Known.OTHER_BODY, entry.response
        return (Known.ANSWERED, entry.response) if entry.response else (Known.RUNNING, None)

    def keep(self, key: tuple[str, ...], response: Response) -> None:
        self._entries[key].response = response

    def forget(self, key: tuple[str, ...]) -> None:
        """Gives the key back, unless it has been answered."""
        if (entry := self._entries.get(key)) and entry.response is None:
            del self._entries[key]
