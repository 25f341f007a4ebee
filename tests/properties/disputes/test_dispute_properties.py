"""Late, twice, in another order: at the end a dispute stands, and is booked, as it is at the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field

from dispute_model import ADYEN, AMOUNT, READABLE, AdyenWorld, as_told
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.disputes.lifecycle import (
    TRANSITIONS,
    Held,
    MoveKind,
    Standing,
    from_notices,
    from_reading,
    moves,
)
from orchestrator.disputes.records import DisputeKind, HistoryRow
from orchestrator.gateways.facets import DisputeStatus

TAKEN = (DisputeStatus.LOST, DisputeStatus.ACCEPTED)


@dataclass
class Books:
    """The ledger's side of one dispute: its three accounts, and the row that says what is booked."""

    clearing: int = 0
    disputes: int = 0
    chargebacks: int = 0
    held: Held = field(default_factory=Held)
    standings: list[Standing] = field(default_factory=list)

    def stand(self, standing: Standing) -> None:
        made, self.held = moves(self.held, standing)
        for move in made:
            assert move.minor > 0
            match move.kind:
                case MoveKind.WITHDRAWN:
                    self.clearing, self.disputes = self.clearing - move.minor, self.disputes + move.minor
                case MoveKind.RETURNED:
                    self.clearing, self.disputes = self.clearing + move.minor, self.disputes - move.minor
                case MoveKind.LOST:
                    self.disputes, self.chargebacks = self.disputes - move.minor, self.chargebacks + move.minor
                case MoveKind.RECOVERED:
                    self.disputes, self.chargebacks = self.disputes + move.minor, self.chargebacks - move.minor
            assert self.chargebacks >= 0
            assert 0 <= self.disputes <= AMOUNT.minor
            assert -AMOUNT.minor <= self.clearing <= 0
        self.standings.append(standing)

    def check_transitions(self) -> None:
        for before, after in zip(self.standings, self.standings[1:], strict=False):
            assert after.status is before.status or after.status in TRANSITIONS[before.status]
            assert not (before.kind is DisputeKind.CHARGEBACK and after.kind is DisputeKind.INQUIRY)

    def check_equal(self, status: DisputeStatus, away: bool) -> None:
        """The books say what the gateway's say."""
        assert self.clearing == (-AMOUNT.minor if away else 0)
        assert self.chargebacks == (AMOUNT.minor if away and status in TAKEN else 0)
        assert self.clearing + self.disputes + self.chargebacks == 0


@st.composite
def adyen_stories(draw: st.DrawFn) -> AdyenWorld:
    world = AdyenWorld.begun(inquiry=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 6))):
        steps = sorted(ADYEN[world.state])
        if not steps or len([row for row in world.notices if row.event_type == "opened"]) > 1:
            break
        world.go_on(draw(st.sampled_from(steps)))
    return world


@given(adyen_stories(), st.data())
def test_notices_in_any_order_and_number_end_where_the_gateway_is(world: AdyenWorld, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(world.notices), max_size=5))
    heard: dict[str, HistoryRow] = {}
    books = Books()
    for row in data.draw(st.permutations([*world.notices, *again])):
        heard.setdefault(row.event_key, row)
        books.stand(from_notices(list(heard.values())))
    books.check_transitions()
    status, away = world.state
    assert books.standings[-1].status is status
    books.check_equal(status, away)
    assert books.held.withdrawals == sum(row.event_type == "opened" for row in world.notices)


@given(adyen_stories())
def test_a_notice_heard_again_books_nothing(world: AdyenWorld) -> None:
    books = Books()
    books.stand(from_notices(world.notices))
    before = (books.clearing, books.disputes, books.chargebacks, books.held)
    books.stand(from_notices(world.notices[::-1]))
    assert (books.clearing, books.disputes, books.chargebacks, books.held) == before


@dataclass
class Reader:
    """A worker that has asked: what it knew then, and what it was told."""

    version: int
    told: tuple[DisputeStatus, bool]


@given(st.booleans(), st.data())
def test_answers_that_come_late_never_undo_newer_ones(begins_as_inquiry: bool, data: st.DataObject) -> None:
    """Workers ask at any time and apply at any time, in the way of `news.read`: an answer counts where nothing was
    applied since it was asked for, else the worker asks anew."""
    state = (DisputeStatus.INQUIRY, False) if begins_as_inquiry else (DisputeStatus.NEEDS_RESPONSE, True)
    books, version, told_last = Books(), 0, None
    readers: list[Reader] = [Reader(0, state)]
    for _ in range(data.draw(st.integers(0, 12))):
        match data.draw(st.sampled_from(["happens", "ask", "apply"])):
            case "happens" if READABLE[state]:
                state = data.draw(st.sampled_from(READABLE[state]))
                readers.append(Reader(version, state))  # each event has a message, and each message a reading
            case "ask":
                readers.append(Reader(version, state))
            case "apply" if readers:
                reader = readers.pop(data.draw(st.integers(0, len(readers) - 1)))
                if reader.version != version:
                    readers.append(Reader(version, state))
                    continue
                if reader.told != told_last:
                    version, told_last = version + 1, reader.told
                books.stand(from_reading(books.held, as_told(reader.told[0], away=reader.told[1]), accepted=False))
            case _:
                pass
    for reader in readers:  # the messages that are left
        told = reader.told if reader.version == version else state
        if told != told_last:
            version, told_last = version + 1, told
        books.stand(from_reading(books.held, as_told(told[0], away=told[1]), accepted=False))
    assert books.standings[-1].status is state[0]
    books.check_equal(*state)
