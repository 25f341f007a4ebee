"""Disputes as every simulated gateway has them: the case, its deadline, and the money that it moves in the books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from simulators.world import Charge, ChargeEvent, World


class DisputeKind(StrEnum):
    INQUIRY = "inquiry"  # the bank or buyer asks, no money is taken yet
    CHARGEBACK = "chargeback"


class DisputeState(StrEnum):
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"
    EXPIRED = "expired"  # nobody answered in time


REASONS = (
    *("fraudulent", "not_received", "not_as_described", "duplicate", "credit_not_processed"),
    *("subscription_canceled", "unrecognized", "incorrect_amount", "general"),
)
"""Words of ours for why a shopper or bank disputes; each gateway puts them in its own."""


@dataclass(slots=True)
class Dispute:
    """`minor` is what is disputed; `withdrawn_minor` and `fee_minor` what the gateway holds of the merchant's now.

    `evidence` is what the merchant has handed in, by the gateway's own names; `facts` is the gateway's to use.
    """

    id: str
    gateway: str
    account: str
    charge_id: str
    minor: int
    currency: str
    reason: str
    kind: DisputeKind
    opened_at: datetime
    evidence_due: datetime
    state: DisputeState = DisputeState.NEEDS_RESPONSE
    evidence: dict[str, str] = field(default_factory=dict)
    submitted_at: datetime | None = None
    closed_at: datetime | None = None
    withdrawn_minor: int = 0
    fee_minor: int = 0
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state in (DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW)


class Disputes(dict[str, Dispute]):
    """By id, in the order in which they were opened."""

    def of(self, gateway: str, account: str) -> list[Dispute]:
        return [d for d in self.values() if (d.gateway, d.account) == (gateway, account)]


def disputes_of(world: World) -> Disputes:
    return world.part("disputes", Disputes)


def charge_of(world: World, dispute: Dispute) -> Charge:
    return world.charges[dispute.gateway, dispute.charge_id]


def withdraw(world: World, dispute: Dispute, minor: int, fee_minor: int = 0) -> None:
    """The gateway takes the disputed amount, and its fee for the trouble, from the merchant's balance."""
    book = world.book(dispute.gateway, dispute.account, dispute.currency)
    book.disputed_minor += minor
    book.dispute_fees_minor += fee_minor
    dispute.withdrawn_minor += minor
    dispute.fee_minor += fee_minor
    _note(world, dispute, "dispute_withdrawn", minor)


def reinstate(world: World, dispute: Dispute, fee_minor: int = 0) -> None:
    """All that was withdrawn goes back, and as much of the fee as the gateway gives back."""
    minor = dispute.withdrawn_minor
    book = world.book(dispute.gateway, dispute.account, dispute.currency)
    book.disputed_minor -= minor
    book.dispute_fees_minor -= fee_minor
    dispute.withdrawn_minor = 0
    dispute.fee_minor -= fee_minor
    _note(world, dispute, "dispute_reinstated", minor)


def _note(world: World, dispute: Dispute, kind: str, minor: int) -> None:
    charge_of(world, dispute).events.append(ChargeEvent(kind, minor, world.clock.now(), dispute.id))
