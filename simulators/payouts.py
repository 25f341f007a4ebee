"""Payouts: money on its way from a gateway account to the merchant's bank, with the movements that make it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from simulators.reports.lines import Batch
from simulators.world import World

IN_THE_BANKS_HANDS = timedelta(hours=12)
"""So long before a payout arrives it has left the gateway, and cannot be called back."""
_TELLS_ARRIVAL = frozenset({"stripe"})  # their packages end a payout themselves, with a webhook


class PayoutStatus(StrEnum):
    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a payout. `position` is that of the event among its charge's events; `minor` is signed, gross.

    `minor` and `fee_minor` are in `currency`; `net_minor` is what it adds to the payout, in the payout's currency, and
    `rate` what was given for one unit of the charge's currency where that is another. `kind` is the event's, or else
    `fee` (of the account) or `carried` (from the batch before). `id` is the gateway's, as its report has it.
    """

    charge_id: str
    position: int
    kind: str
    minor: int
    fee_minor: int
    id: str = ""
    payment_id: str = ""
    reference: str = ""
    currency: str = ""
    net_minor: int = 0
    rate: str = ""


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
    """All of them, each as far on its way as the clock says."""
    payouts, now = world.part("payouts", Payouts), world.clock.now()
    for payout in payouts.values():
        _move_on(payout, now)
    return payouts


def statements_of(world: World) -> dict[str, Batch]:
    """What the gateway's own report says of each payout, by the payout's id: its currency only, one total."""
    return world.part("statements", dict[str, Batch])


def _move_on(payout: Payout, now: datetime) -> None:
    if payout.status is PayoutStatus.PENDING and payout.arrival - IN_THE_BANKS_HANDS <= now:
        payout.status = PayoutStatus.IN_TRANSIT
    if payout.status is PayoutStatus.IN_TRANSIT and payout.arrival <= now and payout.gateway not in _TELLS_ARRIVAL:
        payout.status = PayoutStatus.PAID
