"""Which letter about an invoice is due on a day, and when to look again. Each open part of it is a debt by itself.

Only what there is now counts: after an outage or a pause one letter is due, the highest, and the others keep apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from invoicing.reminders.policy import Policy, ReminderStep
from invoicing.terms import BusinessDays, Convention, adjust

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter that went out about the part that was due on `part_due`."""

    part_due: date
    level: int
    on: date
    deadline: date


@dataclass(frozen=True, slots=True)
class DueLetter:
    """The letter to write now."""

    part_due: date
    step: ReminderStep
    deadline: date

    def sent(self, on: date) -> SentLetter:
        return SentLetter(self.part_due, self.step.level, on, self.deadline)


@dataclass(frozen=True, slots=True)
class Plan:
    """`letter` is due today, if any is; `next_day` is when the next one may be, None where none will."""

    letter: DueLetter | None
    next_day: date | None


def plan(
    policy: Policy,
    parts: Sequence[date],
    sent: Sequence[SentLetter],
    *,
    today: date,
    quiet_since: date,
    calendar: BusinessDays | None = None,
) -> Plan:
    """What to do about an invoice whose parts due on `parts` are unpaid, after what was `sent`.

    `quiet_since` is its issue, or the end of its last pause: nothing is sent until `min_days_between` after it. The
    oldest part comes first, and of its letters the highest that is due. With a `calendar` on its business days only.
    """
    days = list(_days(policy, parts, sent, today=today, quiet_since=quiet_since, calendar=calendar))
    due = [(part, step) for part, step, day in days if day == today]
    if not due:
        return Plan(None, min((day for _, _, day in days), default=None))
    part, step = max(due, key=lambda found: (-found[0].toordinal(), found[1].level))
    letter = DueLetter(part, step, deadline_of(step, part, today, calendar))
    after = plan(policy, parts, [*sent, letter.sent(today)], today=today, quiet_since=quiet_since, calendar=calendar)
    return Plan(letter, after.next_day)


def next_by_hand(
    policy: Policy,
    parts: Sequence[date],
    sent: Sequence[SentLetter],
    *,
    today: date,
    calendar: BusinessDays | None = None,
) -> DueLetter | None:
    """The next level of the oldest part that has one left, whatever its day; None where all were sent, or it is too
    early (a notice before the due date, all others after it)."""
    for part in sorted(parts):
        for step in _left(policy, part, sent):
            if step.is_notice is (today <= part):
                return DueLetter(part, step, deadline_of(step, part, today, calendar))
    return None


def deadline_of(step: ReminderStep, part_due: date, on: date, calendar: BusinessDays | None = None) -> date:
    """The last day that a letter of that day gives: the due date itself for a notice."""
    return part_due if step.is_notice else _open_day(on + timedelta(days=step.deadline_days), calendar)


def _days(
    policy: Policy,
    parts: Sequence[date],
    sent: Sequence[SentLetter],
    *,
    today: date,
    quiet_since: date,
    calendar: BusinessDays | None,
) -> Iterator[tuple[date, ReminderStep, date]]:
    """Part, step, and the first day from today on which its letter may go out."""
    last = max((letter.on for letter in sent), default=quiet_since)
    quiet = max(last, quiet_since) + timedelta(days=policy.min_days_between)
    for part in parts:
        deadline = max((letter.deadline for letter in sent if letter.part_due == part), default=date.min)
        for step in _left(policy, part, sent):
            day = _open_day(max(_wanted(step, part, calendar), quiet, deadline + _ONE_DAY, today), calendar)
            if day <= part or not step.is_notice:
                yield part, step, day


def _left(policy: Policy, part: date, sent: Sequence[SentLetter]) -> list[ReminderStep]:
    """The steps above the highest that was sent about the part."""
    highest = max((letter.level for letter in sent if letter.part_due == part), default=-1)
    return [step for step in policy.steps if step.level > highest]


def _wanted(step: ReminderStep, part: date, calendar: BusinessDays | None) -> date:
    day = part + timedelta(days=step.offset_days)
    if step.is_notice and calendar is not None:
        return adjust(day, BusinessDays(calendar.country, Convention.PRECEDING, calendar.subdivision))
    return day


def _open_day(day: date, calendar: BusinessDays | None) -> date:
    return day if calendar is None else adjust(day, calendar)
