"""How a dispute begins and ends at the simulated Stripe."""

from __future__ import annotations

import secrets
from datetime import timedelta

from simulators.disputes import Dispute, DisputeKind, DisputeState, disputes_of, reinstate, withdraw
from simulators.world import Charge, World

_TIME_TO_ANSWER = timedelta(days=9)


def open_dispute(world: World, charge: Charge, reason: str, kind: DisputeKind, minor: int) -> Dispute:
    """Opens a case over `minor` of a captured charge; a chargeback withdraws it at once."""
    now = world.clock.now()
    dispute = Dispute(
        "du_" + secrets.token_hex(12), charge.gateway, charge.account, charge.id, minor, charge.currency,
        reason, kind, now, now + _TIME_TO_ANSWER,
    )  # fmt: skip
    disputes_of(world)[dispute.id] = dispute
    if kind is DisputeKind.CHARGEBACK:
        withdraw(world, dispute, minor)
    return dispute


def decide(world: World, dispute: Dispute, won: bool) -> None:
    """The issuer's last word on an open case."""
    dispute.state = DisputeState.WON if won else DisputeState.LOST
    dispute.closed_at = world.clock.now()
    if won:
        reinstate(world, dispute)
