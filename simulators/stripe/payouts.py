"""How a payout is told and arrives (docs.stripe.com/payouts/reconciliation)."""

from __future__ import annotations

from simulators.payouts import Payout, PayoutStatus, payouts_of
from simulators.stripe.balance import payout_shown
from simulators.stripe.webhooks import tell
from simulators.world import World


def announce(world: World, payout: Payout) -> None:
    """To be called for each new payout: tells of it, and has it arrive when it is due."""
    tell(world, payout.account, "payout.created", payout_shown(payout))
    world.at(payout.arrival, "stripe", "payout_arrives", payout=payout.id)
    tell(world, payout.account, "payout.reconciliation_completed", payout_shown(payout))


def arrive(world: World, id: str) -> None:
    payout = payouts_of(world)[id]
    if payout.status in (PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT):
        payout.status = PayoutStatus.PAID
        tell(world, payout.account, "payout.paid", payout_shown(payout))


def fail(world: World, payout: Payout) -> None:
    """The bank sends it back, which may be after it was paid: the money is in the balance again."""
    if payout.status in (PayoutStatus.FAILED, PayoutStatus.CANCELED):
        return
    payout.status = PayoutStatus.FAILED
    world.book("stripe", payout.account, payout.currency).paid_out_minor -= payout.minor
    tell(world, payout.account, "payout.failed", payout_shown(payout))
