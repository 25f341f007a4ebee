"""Rows of a dispute's history, and what really happens at a gateway, as a simple machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from currency.money import Money
from orchestrator.disputes.lifecycle import (
    ACCEPTED,
    INQUIRY,
    LOST,
    OPENED,
    UPDATED,
    WON,
)
from orchestrator.disputes.records import HistoryRow, Source
from orchestrator.gateways.facets import Dispute, DisputeStatus

START = datetime(2026, 10, 1, tzinfo=UTC)
AMOUNT = Money(1000, "EUR")
S = DisputeStatus
KINDS = {
    "inquiry": INQUIRY,
    "opened": OPENED,
    "updated": UPDATED,
    "won": WON,
    "lost": LOST,
    "accepted": ACCEPTED,
}


def notice(number: int, word: str, minor: int = AMOUNT.minor) -> HistoryRow:
    """The `number`th thing that happened, as it was told. `accepted` is ours."""
    at = START + timedelta(hours=number)
    return HistoryRow(
        id=f"dsh_{number}",
        dispute_id="dsp_1",
        source=Source.OURS if word == "accepted" else Source.NOTICE,
        event_key=f"{number}:{word}",
        event_type=word,
        kind=KINDS[word],
        status=S.NEEDS_RESPONSE,
        amount_minor=minor,
        currency=AMOUNT.currency,
        funds_withdrawn=word == "opened",
        evidence_due_at=None,
        occurred_at=at,
        heard_at=at,
    )


def as_told(status: DisputeStatus, *, away: bool, minor: int = AMOUNT.minor) -> Dispute:
    """A dispute as a gateway answers when it is asked."""
    return Dispute("du_1", status, Money(minor, "EUR"), "fraud", funds_withdrawn=away)


# What Adyen does next in each state, what it tells of it, and where that leads. The state is (status, away).
_State = tuple[DisputeStatus, bool]
ADYEN: dict[_State, dict[str, tuple[str, _State]]] = {
    (S.INQUIRY, False): {
        "answer the question": ("updated", (S.INQUIRY, False)),
        "let it pass": ("lost", (S.CLOSED, False)),
        "charge back": ("opened", (S.NEEDS_RESPONSE, True)),
    },
    (S.CLOSED, False): {"charge back": ("opened", (S.NEEDS_RESPONSE, True))},
    (S.NEEDS_RESPONSE, True): {
        "defend": ("updated", (S.UNDER_REVIEW, True)),
        "let it pass": ("lost", (S.LOST, True)),
    },
    (S.UNDER_REVIEW, True): {
        "reverse": ("won", (S.WON, False)),
        "lose in arbitration": ("lost", (S.LOST, True)),
    },
    (S.WON, False): {
        "time of the issuer is over": ("won", (S.WON, False)),
        "charge back again": ("opened", (S.LOST, True)),
    },
    (S.LOST, True): {},
}


@dataclass
class AdyenWorld:
    """What happens to one dispute, and the notices of it in the order in which it happens."""

    state: _State
    notices: list[HistoryRow] = field(default_factory=list)

    @classmethod
    def begun(cls, inquiry: bool) -> AdyenWorld:
        word, state = ("inquiry", (S.INQUIRY, False)) if inquiry else ("opened", (S.NEEDS_RESPONSE, True))
        return cls(state, [notice(0, word)])

    def go_on(self, step: str) -> None:
        word, self.state = ADYEN[self.state][step]
        self.notices.append(notice(len(self.notices), word))


# What a gateway that can be asked may be found in, and how it comes from one to the other.
READABLE: dict[_State, tuple[_State, ...]] = {
    (S.INQUIRY, False): ((S.CLOSED, False), (S.NEEDS_RESPONSE, True)),
    (S.NEEDS_RESPONSE, True): ((S.UNDER_REVIEW, True), (S.LOST, True)),
    (S.UNDER_REVIEW, True): ((S.WON, False), (S.LOST, True), (S.NEEDS_RESPONSE, True)),
    (S.WON, False): ((S.NEEDS_RESPONSE, True), (S.UNDER_REVIEW, True)),  # reopened
    (S.LOST, True): ((S.UNDER_REVIEW, True), (S.WON, False)),  # appealed
    (S.CLOSED, False): (),
}
