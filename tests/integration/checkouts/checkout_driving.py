"""What tests of checkouts do: put the clock forward, and answer the bells that are due."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

BELLS_MAX = 200


class Time:
    """The product's clock, some way ahead of the machine's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from orchestrator import clock_port

        self._real, self.ahead = clock_port.now, timedelta()
        monkeypatch.setattr(clock_port, "now", self.now)

    def now(self) -> datetime:
        return self._real() + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


async def answer_bells(*topics: str) -> list[str]:
    """Answer what is due, like a worker: the topics that were answered, in their order. Some topics only, if named."""
    from orchestrator import clock_port, outbox
    from orchestrator.jobs import bells

    answered: list[str] = []
    for _ in range(BELLS_MAX):
        due = [bell for bell in await outbox.take_due(clock_port.now()) if not topics or bell.topic in topics]
        if not due:
            return answered
        for bell in due:
            await bells._answer(bell)
            answered.append(bell.topic)
    raise AssertionError(f"the bells never fall silent: {answered[-5:]}")
