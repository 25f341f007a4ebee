"""Payouts: money on its way from a gateway account to the merchant's bank, with the movements that make it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from simulators.world import World


class PayoutStatus(StrEnum):
    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a payout. `position` is that of the event among its charge's events; `minor` is signed, gross."""

    charge_id: str
    position: int
    kind: str
    minor: int
    fee_minor: int
    id: str = ""


@dataclass(slots=True)
class Payout:
    """`bank_reference` is what the merchant's bank statement says."""

    id: str
    gateway: str
    account: str
    currency: str
    minor: int
    created: datetime
    arrival: datetime
    movements: tuple[Movement, ...] = ()
    status: PayoutStatus = PayoutStatus.PENDING
    bank_reference: str = ""


class Payouts(dict[str, Payout]):
    """By id, in the order in which they were made."""

    def of(self, gateway: str, account: str) -> list[Payout]:
        return [p for p in self.values() if (p.gateway, p.account) == (gateway, account)]


def payouts_of(world: World) -> Payouts:
    return world.part("payouts", Payouts)
