"""Whatever the policy, the days on which anybody looks, and when parts are paid: nobody is pestered."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from invoicing.reminders import Policy, ReminderStep, SentLetter, plan
from invoicing.terms import BusinessDays

ISSUED = date(2026, 3, 2)
LAST = 200


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    between = draw(st.integers(1, 10))
    steps: list[ReminderStep] = []
    if draw(st.booleans()):
        steps.append(ReminderStep(offset_days=draw(st.integers(-10, 0)), level=0))
    least = max(1, steps[0].offset_days + between) if steps else 1
    for level in range(1, draw(st.integers(1, 4)) + 1):
        offset, deadline = least + draw(st.integers(0, 10)), draw(st.integers(1, 14))
        steps.append(ReminderStep(offset_days=offset, level=level, deadline_days=deadline))
        least = max(offset + deadline + 1, offset + between)
    return Policy(steps=tuple(steps), min_days_between=between, on_business_days=draw(st.booleans()))


@given(
    policy=policies(),
    parts=st.lists(st.integers(0, 60), min_size=1, max_size=4, unique=True),
    looks=st.sets(st.integers(0, LAST), max_size=60),
    paid=st.lists(st.integers(0, LAST), min_size=4, max_size=4),
)
def test_nobody_is_pestered(policy: Policy, parts: list[int], looks: set[int], paid: list[int]) -> None:
    calendar = BusinessDays("DE") if policy.on_business_days else None
    due = sorted(ISSUED + timedelta(days=offset) for offset in parts)
    paid_on = {day: ISSUED + timedelta(days=offset) for day, offset in zip(due, paid, strict=False)}
    sent: list[SentLetter] = []
    for offset in sorted(looks):
        today = ISSUED + timedelta(days=offset)
        left = [day for day in due if paid_on[day] > today]
        found = plan(policy, left, sent, today=today, quiet_since=ISSUED, calendar=calendar)
        assert found.next_day is None or found.next_day > today
        if found.letter is not None:
            assert found.letter.part_due in left
            assert found.letter.step.is_notice is (today <= found.letter.part_due)
            assert not plan(policy, left, [*sent, found.letter.sent(today)], today=today, quiet_since=ISSUED).letter
            sent.append(found.letter.sent(today))
    days = [letter.on for letter in sent]
    assert all((after - before).days >= policy.min_days_between for before, after in itertools.pairwise(days))
    by_part = defaultdict(list)
    for letter in sent:
        assert letter.on < paid_on[letter.part_due]
        by_part[letter.part_due].append(letter)
    for letters in by_part.values():
        for before, after in itertools.pairwise(letters):
            assert after.level > before.level
            assert after.on > before.deadline


@given(policy=policies(), start=st.integers(0, LAST))
def test_whoever_looks_when_told_to_sends_all_that_is_left(policy: Policy, start: int) -> None:
    """From whatever day the first look is: the highest level is written in the end, by looks on the days given only."""
    due, today = ISSUED + timedelta(days=30), ISSUED + timedelta(days=start)
    sent: list[SentLetter] = []
    for _ in range(len(policy.steps) + 1):
        found = plan(policy, [due], sent, today=today, quiet_since=ISSUED)
        if found.letter is not None:
            sent.append(found.letter.sent(today))
        if found.next_day is None:
            break
        today = found.next_day
    else:
        raise AssertionError("it never ends")
    assert sent[-1].level == policy.steps[-1].level
