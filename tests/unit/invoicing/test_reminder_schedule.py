"""Which letter is due on a day: the highest that is, one at a time, of what is still owed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from invoicing.reminders import DEFAULT_POLICY, Policy, ReminderStep, SentLetter, next_by_hand, plan
from invoicing.reminders.schedule import Plan
from invoicing.terms import BusinessDays

DUE = date(2026, 6, 30)  # a Tuesday
ISSUED = date(2026, 5, 31)


def day(offset: int) -> date:
    return DUE + timedelta(days=offset)


def planned(offset: int, *sent: SentLetter, parts: tuple[date, ...] = (DUE,), quiet_since: date = ISSUED) -> Plan:
    return plan(DEFAULT_POLICY, parts, sent, today=day(offset), quiet_since=quiet_since)


def written(offset: int, level: int, deadline: int, part: date = DUE) -> SentLetter:
    return SentLetter(part, level, day(offset), day(deadline))


def level_of(found: Plan) -> int | None:
    return found.letter.step.level if found.letter else None


def test_letters_go_out_on_their_days() -> None:
    sent: list[SentLetter] = []
    days = {}
    for offset in range(-30, 60):
        found = planned(offset, *sent)
        if found.letter:
            days[offset] = found.letter.step.level
            sent.append(found.letter.sent(day(offset)))
    assert days == {-3: 0, 3: 1, 14: 2, 28: 3}


def test_the_next_look_is_the_next_letters_day() -> None:
    assert planned(-10).next_day == day(-3)
    assert planned(-3).next_day == day(3)
    assert planned(28, written(14, 2, 21)).next_day is None


def test_a_notice_gives_the_due_date_and_a_letter_a_new_deadline() -> None:
    notice, letter = planned(-3).letter, planned(3).letter
    assert notice
    assert letter
    assert (notice.deadline, letter.deadline) == (DUE, day(10))


def test_a_notice_that_is_late_is_not_sent_after_the_due_date() -> None:
    assert level_of(planned(0)) == 0
    assert planned(1) == Plan(None, day(3))


def test_after_an_outage_one_letter_goes_out_the_highest() -> None:
    found = planned(20)
    assert level_of(found) == 2
    assert found.next_day == day(28)


def test_the_next_letter_waits_for_the_deadline_of_the_one_before() -> None:
    found = planned(27)
    assert (level_of(found), found.next_day) == (2, day(35))


def test_nothing_goes_out_right_after_the_issue() -> None:
    assert planned(-3, quiet_since=day(-3)).letter is None
    assert planned(0, quiet_since=DUE).next_day == day(3)


def test_after_a_pause_the_highest_waits_a_little() -> None:
    found = planned(40, written(3, 1, 10), quiet_since=day(40))
    assert found == Plan(None, day(43))
    assert level_of(planned(43, written(3, 1, 10), quiet_since=day(40))) == 3


def test_each_instalment_is_a_debt_by_itself_and_the_oldest_comes_first() -> None:
    parts = (DUE, day(30))
    sent = (written(28, 3, 38),)
    found = planned(27, written(14, 2, 21), parts=parts)
    assert found.letter is not None
    assert (found.letter.part_due, found.letter.step.level) == (day(30), 0)
    assert planned(28, *sent, parts=parts).next_day == day(31) + timedelta(days=2)
    assert planned(33, *sent, parts=parts).letter is not None


def test_a_part_that_is_paid_is_not_reminded_of() -> None:
    assert planned(14, parts=()) == Plan(None, None)


def test_letters_and_deadlines_keep_to_business_days() -> None:
    calendar = BusinessDays("DE")
    policy = Policy(steps=(ReminderStep(offset_days=4, level=1, deadline_days=5),), on_business_days=True)
    assert plan(policy, [DUE], [], today=day(0), quiet_since=ISSUED, calendar=calendar).next_day == date(2026, 7, 6)
    found = plan(policy, [DUE], [], today=date(2026, 7, 6), quiet_since=ISSUED, calendar=calendar)
    assert found.letter is not None
    assert found.letter.deadline == date(2026, 7, 13)  # the 11th is a Saturday


def test_a_notice_goes_out_on_the_business_day_before() -> None:
    policy = Policy(steps=(ReminderStep(offset_days=-3, level=0),), on_business_days=True)
    found = plan(policy, [DUE], [], today=day(-20), quiet_since=ISSUED, calendar=BusinessDays("DE"))
    assert found.next_day == date(2026, 6, 26)  # the 27th is a Saturday


@pytest.mark.parametrize(
    ("offset", "sent", "level"),
    [
        (-20, (), 0),
        (-20, (written(-21, 0, 0),), None),
        (1, (), 1),
        (4, (written(3, 1, 10),), 2),
        (90, (written(28, 3, 38),), None),
    ],
)
def test_by_hand_the_next_level_goes_out_whatever_its_day(
    offset: int, sent: tuple[SentLetter, ...], level: int | None
) -> None:
    found = next_by_hand(DEFAULT_POLICY, [DUE], sent, today=day(offset))
    assert (found.step.level if found else None) == level
