"""Every query on the counters and on what browsers report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from orchestrator.abuse.rules import WINDOW_MAX_MIN, Counts
from orchestrator.db import UNHURRIED, fetch

# Counted first and judged after: of tries that come at once, each sees those before it. All rows are taken in one
# order, so that two tries wait for each other and do not block each other for good.
_COUNT = f"""
    WITH given AS (
        SELECT * FROM unnest($1::varchar[], $2::varchar[]) AS t (subject, sighting) WHERE {UNHURRIED}
    ), seen AS (
        SELECT DISTINCT subject FROM abuse_counter WHERE subject = ANY ($2) AND minute > $3 - 60
    ), sighted AS (
        INSERT INTO abuse_counter (subject, minute, tries, cards, declines, small_tries, small_declines, blocked)
        SELECT sighting, $3, 1, 0, 0, 0, 0, 0 FROM given WHERE sighting <> '' ORDER BY sighting
        ON CONFLICT (subject, minute) DO UPDATE SET tries = abuse_counter.tries + 1
    ), counted AS (
        INSERT INTO abuse_counter (subject, minute, tries, cards, declines, small_tries, small_declines, blocked)
        SELECT subject, $3, 1, CASE WHEN sighting = '' OR sighting IN (SELECT subject FROM seen) THEN 0 ELSE 1 END,
            0, $4, 0, 0
        FROM given ORDER BY subject
        ON CONFLICT (subject, minute) DO UPDATE SET tries = abuse_counter.tries + 1,
            cards = abuse_counter.cards + EXCLUDED.cards, small_tries = abuse_counter.small_tries + EXCLUDED.small_tries
        RETURNING subject, minute, tries, cards, declines, small_tries, small_declines, blocked, passed
    )
    SELECT * FROM counted
    UNION ALL
    SELECT subject, minute, tries, cards, declines, small_tries, small_declines, blocked, passed
    FROM abuse_counter
    WHERE subject = ANY ($1) AND minute < $3 AND minute > $3::bigint - $5::bigint"""  # noqa: S608 - constants
_DECLINED = f"""
    INSERT INTO abuse_counter (subject, minute, tries, cards, declines, small_tries, small_declines, blocked)
    SELECT subject, $2, 0, 0, 1, 0, $3, 0 FROM unnest($1::varchar[]) AS t (subject) WHERE {UNHURRIED} ORDER BY subject
    ON CONFLICT (subject, minute) DO UPDATE SET declines = abuse_counter.declines + 1,
        small_declines = abuse_counter.small_declines + EXCLUDED.small_declines"""  # noqa: S608 - constants
_PASSED = f"""
    INSERT INTO abuse_counter (subject, minute, tries, cards, declines, small_tries, small_declines, blocked, passed)
    SELECT $1::varchar, $2::bigint, 0, 0, 0, 0, 0, 0, 1 WHERE {UNHURRIED}
    ON CONFLICT (subject, minute) DO UPDATE SET passed = abuse_counter.passed + 1"""
_BLOCKED = f"""
    UPDATE abuse_counter SET blocked = blocked + 1, small_tries = small_tries - $3 WHERE {UNHURRIED} AND id IN (
        SELECT id FROM abuse_counter WHERE subject = ANY ($1) AND minute = $2 ORDER BY subject FOR UPDATE
    )"""  # noqa: S608 - constants
_KEEP = f"""
    INSERT INTO abuse_open_try (payment_id, round, subjects, small, minute)
    SELECT $1::varchar, $2::int, $3::text, $4::boolean, $5::bigint WHERE {UNHURRIED} ON CONFLICT DO NOTHING"""
_TALLY = f"""
    INSERT INTO abuse_counter (subject, minute, tries, cards, declines, small_tries, small_declines, blocked)
    SELECT $1::varchar, $2::bigint, 1, 0, 0, 0, 0, 0 WHERE {UNHURRIED}
    ON CONFLICT (subject, minute) DO UPDATE SET tries = abuse_counter.tries + 1 RETURNING tries"""
_VERDICTS = """
    SELECT split_part(subject, ':', 1) AS decision, split_part(subject, ':', 2) AS rule, sum(tries)::int AS tries
    FROM abuse_counter WHERE minute > $1 AND (subject LIKE 'block:%' OR subject LIKE 'challenge:%')
    GROUP BY 1, 2 ORDER BY 1, 2"""
# Of a day's kinds only so many are kept; a flood of made-up ones ends in one row.
_VIOLATION = """
    INSERT INTO page_violation (day, page, directive, blocked, reports)
    SELECT $1::date, kept.page, kept.directive, kept.blocked, 1 FROM (
        SELECT CASE WHEN room THEN $2 ELSE 'other' END AS page, CASE WHEN room THEN $3 ELSE 'other' END AS directive,
            CASE WHEN room THEN $4 ELSE 'other' END AS blocked
        FROM (SELECT EXISTS (SELECT 1 FROM page_violation
                WHERE day = $1 AND page = $2 AND directive = $3 AND blocked = $4)
            OR (SELECT count(*) FROM page_violation WHERE day = $1) < $5::int AS room) AS there
    ) AS kept
    ON CONFLICT (day, page, directive, blocked) DO UPDATE SET reports = page_violation.reports + 1"""


async def count(
    subjects: Sequence[str], sightings: Sequence[str], minute: int, *, small: bool
) -> dict[str, list[Counts]]:
    """Count a try of each subject, and what each has in the longest window now, this try among it.

    `sightings` stands beside `subjects`: the subject with its card, or nothing where cards are not counted.
    """
    rows = await fetch(_COUNT, list(subjects), list(sightings), minute, int(small), WINDOW_MAX_MIN)
    found: dict[str, list[Counts]] = {}
    for subject, *numbers in (tuple(row.values()) for row in rows):
        found.setdefault(subject, []).append(Counts(*numbers))
    return found


async def declined(subjects: Sequence[str], minute: int, *, small: bool) -> None:
    """The try of these subjects was declined."""
    await fetch(_DECLINED, list(subjects), minute, int(small))


async def passed(subject: str, minute: int) -> None:
    """A try of this subject was answered, and not with a decline."""
    await fetch(_PASSED, subject, minute)


async def blocked(subjects: Sequence[str], minute: int, *, small: bool) -> None:
    """The try of these subjects was not let through."""
    await fetch(_BLOCKED, list(subjects), minute, int(small))


async def keep(payment_id: str, round_: int, subjects: Sequence[str], minute: int, *, small: bool) -> None:
    """The try of these subjects has no answer yet."""
    await fetch(_KEEP, payment_id, round_, " ".join(subjects), small, minute)


async def take(payment_id: str, round_: int) -> tuple[list[str], bool] | None:
    """Subjects of a try that was kept, and whether it was small; once, then it is forgotten."""
    rows = await fetch(
        "DELETE FROM abuse_open_try WHERE payment_id = $1 AND round = $2 RETURNING subjects, small", payment_id, round_
    )
    return (rows[0]["subjects"].split(), rows[0]["small"]) if rows else None


async def tally(subject: str, minute: int) -> int:
    """How often in this minute, this time among it."""
    return int((await fetch(_TALLY, subject, minute))[0]["tries"])


async def verdicts(since_minute: int) -> list[tuple[str, str, int]]:
    """Decision, rule and how often, of all that was not simply allowed since."""
    return [(row["decision"], row["rule"], row["tries"]) for row in await fetch(_VERDICTS, since_minute)]


async def purge(before_minute: int) -> None:
    """Forget what no window reaches any more."""
    await fetch("DELETE FROM abuse_counter WHERE minute < $1", before_minute)
    await fetch("DELETE FROM abuse_open_try WHERE minute < $1", before_minute)


async def add_violation(day: date, page: str, directive: str, blocked: str, kinds_max: int) -> None:
    """Count a report of a browser."""
    await fetch(_VIOLATION, day, page, directive, blocked, kinds_max)


async def violations(since: date) -> list[tuple[date, str, str, str, int]]:
    """Day, page, directive, what was blocked, and how often; newest day and most first."""
    rows = await fetch(
        "SELECT day, page, directive, blocked, reports FROM page_violation WHERE day >= $1 "
        "ORDER BY day DESC, reports DESC LIMIT 200",
        since,
    )
    return [(row["day"], row["page"], row["directive"], row["blocked"], row["reports"]) for row in rows]
