"""Days that pass in a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from payment_shop import Shop

A_MOMENT = timedelta(seconds=30)  # past what is due then, and within what webhooks tolerate


@dataclass
class Time:
    """The clock of the simulators, which the product's own goes by meanwhile."""

    shop: Shop
    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def passes(self, **span: float) -> None:
        """So much time, and a moment."""
        seconds = (timedelta(**span) + A_MOMENT).total_seconds()
        told: dict[str, Any] = await self.shop.tell("/clock", advance_seconds=seconds)
        self.ahead = timedelta(seconds=told["ahead_seconds"])
