"""How a dispute stands by what was told of it, and what is booked for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dispute_model import AMOUNT, as_told, notice

from currency.money import Money
from orchestrator.disputes.diagram import dispute_diagram
from orchestrator.disputes.lifecycle import (
    TRANSITIONS,
    Held,
    Move,
    MoveKind,
    Standing,
    from_notices,
    from_reading,
    moves,
)
from orchestrator.disputes.records import DisputeKind
from orchestrator.gateways.facets import DisputeStatus

PAGE = Path(__file__).parents[3] / "docs" / "dispute-lifecycle.md"
S = DisputeStatus


def test_the_page_shows_the_diagram_as_the_table_has_it() -> None:
    remedy = "run python -m orchestrator.disputes.diagram and put the result into the page"
    assert dispute_diagram() in PAGE.read_text(), remedy


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(DisputeStatus)


def test_a_chargeback_is_never_a_question_again() -> None:
    assert not [status for status, followers in TRANSITIONS.items() if S.INQUIRY in followers]


@pytest.mark.parametrize(
    ("told", "status", "away"),
    [
        ("inquiry", S.INQUIRY, False),
        ("inquiry updated", S.INQUIRY, False),
        ("inquiry lost", S.CLOSED, False),  # the time to answer a question is over: no money was at stake
        ("inquiry lost opened", S.NEEDS_RESPONSE, True),  # and then the chargeback came, which can be defended
        ("inquiry updated opened", S.NEEDS_RESPONSE, True),
        ("opened", S.NEEDS_RESPONSE, True),
        ("opened updated", S.UNDER_REVIEW, True),
        ("opened lost", S.LOST, True),
        ("opened updated won", S.WON, False),
        ("opened updated won won", S.WON, False),
        ("opened updated won opened", S.LOST, True),
        ("lost", S.CLOSED, False),  # told before its opening: nothing is known to be lost until that comes
        ("won", S.WON, False),
        ("opened accepted", S.ACCEPTED, True),
        ("opened accepted lost", S.ACCEPTED, True),
    ],
)
def test_notices_say_how_it_stands(told: str, status: DisputeStatus, away: bool) -> None:
    standing = from_notices([notice(number, word) for number, word in enumerate(told.split())])
    assert (standing.status, standing.away) == (status, away)


def test_the_amount_is_that_of_the_latest_chargeback() -> None:
    rows = [notice(1, "opened", 900), notice(2, "won", 900), notice(3, "opened", 1000)]
    assert from_notices(rows[::-1]).amount == Money(1000, "EUR")


def test_what_was_accepted_and_is_lost_is_accepted() -> None:
    told = as_told(S.LOST, away=True)
    assert from_reading(Held(), told, accepted=True).status is S.ACCEPTED
    assert from_reading(Held(), told, accepted=False).status is S.LOST


def test_a_chargeback_won_before_it_was_heard_of_has_moved_its_money_twice() -> None:
    standing = from_reading(Held(), as_told(S.WON, away=False), accepted=False)
    made, held = moves(Held(), standing)
    assert made == [Move(MoveKind.WITHDRAWN, AMOUNT.minor), Move(MoveKind.RETURNED, AMOUNT.minor)]
    assert (held.withdrawals, held.withdrawn_minor) == (1, 0)


def test_an_inquiry_that_closes_moves_nothing() -> None:
    standing = from_reading(Held(), as_told(S.CLOSED, away=False), accepted=False)
    assert standing.kind is DisputeKind.INQUIRY
    assert moves(Held(), standing)[0] == []


def test_an_expense_is_taken_back_before_the_money_returns() -> None:
    lost = Held(DisputeKind.CHARGEBACK, 1, 1000, 1000)
    made, held = moves(lost, Standing(DisputeKind.CHARGEBACK, S.WON, AMOUNT, away=False, withdrawals=1))
    assert [move.kind for move in made] == [MoveKind.RECOVERED, MoveKind.RETURNED]
    assert (held.withdrawn_minor, held.written_off_minor) == (0, 0)


def test_an_amount_that_changes_while_it_is_out_is_booked_anew() -> None:
    out = Held(DisputeKind.CHARGEBACK, 1, 1000, 0)
    standing = Standing(DisputeKind.CHARGEBACK, S.UNDER_REVIEW, Money(400, "EUR"), away=True, withdrawals=1)
    made, held = moves(out, standing)
    assert made == [Move(MoveKind.RETURNED, 1000), Move(MoveKind.WITHDRAWN, 400)]
    assert moves(held, standing)[0] == []
