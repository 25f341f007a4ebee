"""How a dispute stands by all that is known of it, and what that means for the money. Pure, and free of order.

A gateway that can be asked is believed as it answers. Of one that only tells (Adyen), the set of signed notices
decides, in whatever order they came: funds have left as often as a chargeback was told, and are back while fewer of
them than that are out. https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from currency.money import Money
from orchestrator.disputes.records import DisputeKind, HistoryRow, Source
from orchestrator.gateways.facets import Dispute, DisputeStatus

OPENED, INQUIRY, UPDATED, WON, LOST = (
    f"dispute.{word}" for word in ("opened", "inquiry", "updated", "won", "lost")
)  # kinds of webhook
ACCEPTED, EVIDENCE_SUBMITTED = "dispute.accepted", "dispute.evidence_submitted"  # ours

_S = DisputeStatus
OVER = frozenset({_S.WON, _S.LOST, _S.ACCEPTED, _S.CLOSED})
_TAKEN = (_S.LOST, _S.ACCEPTED)  # the money is the customer's for good, as far as anybody knows

# What may follow what. News comes late and in any order, so steps may be left out; and a decision may be appealed. But
# a chargeback is never a mere question again, and what we accepted is not defended any more.
TRANSITIONS: dict[DisputeStatus, frozenset[DisputeStatus]] = {
    _S.INQUIRY: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.WON, _S.LOST, _S.ACCEPTED, _S.CLOSED}),
    _S.NEEDS_RESPONSE: frozenset({_S.UNDER_REVIEW, _S.WON, _S.LOST, _S.ACCEPTED, _S.CLOSED}),
    _S.UNDER_REVIEW: frozenset({_S.NEEDS_RESPONSE, _S.WON, _S.LOST, _S.ACCEPTED, _S.CLOSED}),
    _S.WON: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.LOST, _S.ACCEPTED}),
    _S.LOST: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.WON, _S.ACCEPTED}),
    _S.ACCEPTED: frozenset({_S.WON, _S.LOST}),
    _S.CLOSED: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.WON, _S.LOST, _S.ACCEPTED}),
}


@dataclass(frozen=True, slots=True)
class Held:
    """What is booked of a dispute: how often its funds left, and what of them is out or written off, in minor units."""

    kind: DisputeKind = DisputeKind.INQUIRY
    withdrawals: int = 0
    withdrawn_minor: int = 0
    written_off_minor: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a dispute stands. `away`: its funds are out now; `withdrawals`: how often they have left so far."""

    kind: DisputeKind
    status: DisputeStatus
    amount: Money
    away: bool
    withdrawals: int


def from_reading(held: Held, told: Dispute, accepted: bool) -> Standing:
    """As the gateway answered. `accepted`: we gave in, for which Stripe and PayPal have no word but lost.

    A chargeback that is won when it is first heard of has taken the funds and given them back in between.
    """
    status = _S.ACCEPTED if accepted and told.status is _S.LOST else told.status
    is_question = status in (_S.INQUIRY, _S.CLOSED) and not told.funds_withdrawn
    kind = DisputeKind.INQUIRY if is_question and held.kind is DisputeKind.INQUIRY else DisputeKind.CHARGEBACK
    withdrawals = held.withdrawals
    if told.funds_withdrawn and not held.withdrawn_minor:
        withdrawals += 1
    if status is _S.WON and not withdrawals:
        withdrawals = 1
    return Standing(kind, status, told.amount, told.funds_withdrawn, withdrawals)


def from_notices(notices: Sequence[HistoryRow]) -> Standing:
    """By what was told and done, in any order, each once. Needs at least one notice.

    A second chargeback is final, and implies that the funds had come back before it.
    """
    opened = sorted(_of(notices, OPENED), key=lambda row: (row.occurred_at, row.event_key))
    is_won, withdrawals = bool(_of(notices, WON)), len(opened)
    away = withdrawals > 1 or (withdrawals == 1 and not is_won)
    status = _status(notices, opened, is_won)
    chargeback = bool(opened) or status not in (_S.INQUIRY, _S.CLOSED)
    latest = (opened or sorted(notices, key=lambda row: (row.occurred_at, row.event_key)))[-1]
    kind = DisputeKind.CHARGEBACK if chargeback else DisputeKind.INQUIRY
    return Standing(kind, status, Money(latest.amount_minor, latest.currency), away, withdrawals)


def _status(notices: Sequence[HistoryRow], opened: Sequence[HistoryRow], is_won: bool) -> DisputeStatus:
    if len(opened) > 1:
        return _S.LOST
    if is_won:
        return _S.WON
    if _of(notices, ACCEPTED):
        return _S.ACCEPTED
    # an answer or an end of the time to answer that came before the chargeback was about the inquiry before it
    since = opened[0].occurred_at if opened else None
    is_lost = any(since is None or row.occurred_at >= since for row in _of(notices, LOST))
    if opened:
        answered = [*_of(notices, UPDATED), *_of(notices, EVIDENCE_SUBMITTED)]
        is_answered = any(since is None or row.occurred_at >= since for row in answered)
        return _S.LOST if is_lost else _S.UNDER_REVIEW if is_answered else _S.NEEDS_RESPONSE
    return _S.CLOSED if is_lost else _S.INQUIRY  # as long as no chargeback is heard of, it was a question


def _of(notices: Sequence[HistoryRow], kind: str) -> list[HistoryRow]:
    """Those that tell of this. What we learned by asking is another way, and counts for nothing here."""
    return [row for row in notices if row.kind == kind and row.source is not Source.READING]


# Money


class MoveKind(StrEnum):
    """A journal of a dispute."""

    WITHDRAWN = "withdrawn"  # out of the gateway's clearing account
    RETURNED = "returned"
    LOST = "lost"  # what was withdrawn becomes an expense
    RECOVERED = "recovered"  # an expense that was none after all


@dataclass(frozen=True, slots=True)
class Move:
    """Money that is to be booked; positive."""

    kind: MoveKind
    minor: int


def moves(held: Held, standing: Standing) -> tuple[list[Move], Held]:
    """What is to be booked so that the books say what the standing says, in order; and what is booked then."""
    made: list[Move] = []
    withdrawals, out, lost = held.withdrawals, held.withdrawn_minor, held.written_off_minor
    target = standing.amount.minor if standing.away else 0
    target_lost = target if standing.status in _TAKEN else 0
    if lost and (lost != target_lost or out != target or withdrawals != standing.withdrawals):
        made.append(Move(MoveKind.RECOVERED, lost))
        lost = 0
    while withdrawals < standing.withdrawals:
        if out:
            made.append(Move(MoveKind.RETURNED, out))
        made.append(Move(MoveKind.WITHDRAWN, standing.amount.minor))
        withdrawals, out = withdrawals + 1, standing.amount.minor
    if out and out != target:
        made.append(Move(MoveKind.RETURNED, out))
        out = 0
    if target and not out:  # the amount was corrected while it was out
        made.append(Move(MoveKind.WITHDRAWN, target))
        out = target
    if target_lost and not lost:
        made.append(Move(MoveKind.LOST, target_lost))
        lost = target_lost
    return made, Held(standing.kind, withdrawals, out, lost)
