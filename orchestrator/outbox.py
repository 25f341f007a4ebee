"""Work that must happen after a commit, written in that commit. The broker only rings; what is due, and when, is here.

A row says "look at this subject": (topic, subject) is unique, so news about a subject that is already waiting joins its
row. Handlers look at the subject's present state and may therefore be rung late, twice or in any order.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from piccolo.columns import BigInt, Integer, Serial, Text, Timestamptz, Varchar
from piccolo.table import Table

from orchestrator.db import UNHURRIED, fetch, later
from orchestrator.gathering import Gathering

KEEP_EVERY_S = 5  # a handler at work says so this often
RING_AGAIN_S = 15  # a bell that nobody answered (broker lost it, worker died) rings again after this
TRIES_MAX = 25  # then the row is parked with its error, for a person to see
BEGUN_MAX = 6  # tries that never came to an end, one after the other: then the row is parked too
SUSPECT_AFTER = 2  # such tries, after which it is worked at with no other suspect beside it in the process
SUSPECT_PAUSE_S = 2  # until a suspect asks again whether it is its turn
BACKOFF_S = (1, 2, 5, 10, 30, 60, 300, 900, 3600)
VERSION_BITS = 62
RELAY_BATCH_MAX = 200
HEARTBEAT, HOUSEKEEPING, WEBHOOK_WATCH = "worker.heartbeat", "housekeeping", "webhook.watch"
RATES = "fx.rates"
ROUTE_TALLY = "routing.tally"
E_INVOICE_ANSWERS = "einvoice.answers"
LEDGER_CARE = ("ledger.fold", "ledger.verify")


class Outbox(Table, tablename="outbox"):
    id = Serial(primary_key=True)
    topic = Varchar(length=60, null=False, default=None)
    subject = Varchar(length=80, null=False, default=None)
    due_at = Timestamptz(null=False, default=None)
    # Another number with each piece of news: what was rung before is not all there is. By chance and not counted up,
    # for a row may go and come again while a bell of the old one is still being answered.
    version = BigInt(null=False, default=1)
    tries = Integer(null=False, default=0)  # that failed, one after the other
    begun = Integer(null=False, default=0)  # tries that came to no end: the worker that was at it died, or gave up
    parked_at = Timestamptz(null=True, default=None)
    error = Text(null=True, default=None)


class Heartbeat(Table, tablename="heartbeat"):
    name = Varchar(length=40, primary_key=True, default=None)
    at = Timestamptz(null=False, default=None)


@dataclass(frozen=True, slots=True)
class Bell:
    """One due row, as it travels through the broker: ids only."""

    topic: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Later:
    """A handler's answer: look again at this moment. `tried` is false where nothing was: its failures still count."""

    at: datetime
    tried: bool = True


# News about what has killed its workers is worth one more try, and not as many as before.
_PUT = f"""
    INSERT INTO outbox (topic, subject, due_at, version, tries) VALUES ($1, $2, $3, $4, 0)
    ON CONFLICT (topic, subject) DO UPDATE SET version = EXCLUDED.version, tries = 0, parked_at = NULL, error = NULL,
        begun = LEAST(outbox.begun, {BEGUN_MAX - 1}), """  # noqa: S608 - a constant
_SOONER = _PUT + "due_at = LEAST(outbox.due_at, EXCLUDED.due_at)"
_OUTRIGHT = _PUT + "due_at = EXCLUDED.due_at"
_DISMISS = "DELETE FROM outbox WHERE topic = $1 AND subject = $2"
# What the relay and the handlers note of a bell may be lost in a crash: it rings again then, as it may at any time.
_TAKE_DUE = f"""
    UPDATE outbox SET due_at = $1 WHERE {UNHURRIED} AND id IN (
        SELECT id FROM outbox WHERE due_at <= $2 AND parked_at IS NULL ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) RETURNING topic, subject, version"""  # noqa: S608 - a constant
# A row that is locked is being written by others, and is counted the next time. In one order, as everywhere.
_BEGIN = f"""
    WITH rung AS (SELECT * FROM unnest($1::varchar[], $2::varchar[]) AS r (topic, subject)), free AS (
        SELECT outbox.id FROM outbox JOIN rung USING (topic, subject) WHERE parked_at IS NULL AND begun < $3
        ORDER BY outbox.id FOR UPDATE OF outbox SKIP LOCKED
    ), counted AS (
        UPDATE outbox SET begun = begun + 1 FROM free WHERE outbox.id = free.id AND {UNHURRIED}
    )
    SELECT topic, subject, begun >= $3 AS suspected FROM outbox JOIN rung USING (topic, subject)
    WHERE parked_at IS NULL"""  # noqa: S608 - a constant
_BEGIN_SUSPECT = """
    UPDATE outbox SET begun = begun + 1 WHERE topic = $1 AND subject = $2 AND parked_at IS NULL RETURNING begun"""
_PUT_OFF = "UPDATE outbox SET due_at = $4 WHERE topic = $1 AND subject = $2 AND version = $3 AND parked_at IS NULL"
_STRIKE_OUT = f"""
    WITH rung AS (
        SELECT * FROM unnest($1::varchar[], $2::varchar[], $3::bigint[]) AS r (topic, subject, version)
    ), ended AS (
        UPDATE outbox SET begun = 0 FROM rung
        WHERE outbox.topic = rung.topic AND outbox.subject = rung.subject AND outbox.version <> rung.version
    )
    DELETE FROM outbox USING rung
    WHERE outbox.topic = rung.topic AND outbox.subject = rung.subject AND outbox.version = rung.version
    AND {UNHURRIED}"""  # noqa: S608 - a constant
STRIKE_OUT_MAX, STRIKE_OUT_WAITING_MAX = 100, 10_000
_LOOK_AGAIN = """
    UPDATE outbox SET begun = 0, due_at = CASE WHEN version = $3 THEN $4 ELSE due_at END,
        tries = CASE WHEN version = $3 AND $5 THEN 0 ELSE tries END
    WHERE topic = $1 AND subject = $2"""
_BEAT = (
    f"INSERT INTO heartbeat (name, at) SELECT $1::varchar, $2::timestamptz WHERE {UNHURRIED} "
    "ON CONFLICT (name) DO UPDATE SET at = EXCLUDED.at"
)


async def enqueue(topic: str, subject: str, due_at: datetime) -> None:
    """Have `topic`'s handler look at `subject` at `due_at` or soon after. Part of the transaction that causes it."""
    await later(f"outbox {topic} {subject}", _SOONER, topic, subject, due_at, secrets.randbits(VERSION_BITS))


async def postpone(topic: str, subject: str, due_at: datetime) -> None:
    """Set the time outright, earlier or later: for a watchdog whose subject has just been looked at."""
    await later(f"outbox {topic} {subject}", _OUTRIGHT, topic, subject, due_at, secrets.randbits(VERSION_BITS))


async def dismiss(topic: str, subject: str) -> None:
    """Nothing is left to look at: the watchdog goes, in the transaction that made it needless."""
    await later(f"outbox {topic} {subject}", _DISMISS, topic, subject)


async def take_due(now: datetime) -> list[Bell]:
    """The due rows, each put off by RING_AGAIN_S so that a lost bell rings again. Several relays may run at once."""
    rows = await fetch(_TAKE_DUE, now + timedelta(seconds=RING_AGAIN_S), now, RELAY_BATCH_MAX)
    return [Bell(row["topic"], row["subject"], row["version"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Begun:
    """Bells whose work may begin, and those whose work was begun before and never came to an end."""

    free: tuple[Bell, ...]
    suspects: tuple[Bell, ...]


async def begin(bells: Sequence[Bell]) -> Begun:
    """Count, before any of it is done, that their work begins: a worker that it kills can count no more.

    Suspects are counted when their turn comes (`begin_suspect`). What is struck out or parked is in neither: the broker
    repeated itself.
    """
    rows = await fetch(_BEGIN, [bell.topic for bell in bells], [bell.subject for bell in bells], SUSPECT_AFTER)
    suspected = {(row["topic"], row["subject"]): row["suspected"] for row in rows}
    return Begun(
        tuple(bell for bell in bells if suspected.get((bell.topic, bell.subject)) is False),
        tuple(bell for bell in bells if suspected.get((bell.topic, bell.subject))),
    )


async def begin_suspect(bell: Bell) -> int | None:
    """How often its work was begun without an end, this time included; None where it is no longer to be done."""
    rows = await fetch(_BEGIN_SUSPECT, bell.topic, bell.subject)
    return rows[0]["begun"] if rows else None


async def put_off(bell: Bell, until: datetime) -> None:
    """Have it ring again then; nothing was begun."""
    await fetch(_PUT_OFF, bell.topic, bell.subject, bell.version, until)


async def park(bell: Bell, error: str, now: datetime) -> None:
    """Leave it for a person to see."""
    await Outbox.update({Outbox.parked_at: now, Outbox.error: error[:2000]}).where(
        Outbox.topic == bell.topic, Outbox.subject == bell.subject
    )


async def keep(bell: Bell, now: datetime) -> None:
    """Its handler is still at work: the bell rings again only RING_AGAIN_S after the last word of it."""
    await Outbox.update({Outbox.due_at: now + timedelta(seconds=RING_AGAIN_S)}).where(
        Outbox.topic == bell.topic, Outbox.subject == bell.subject, Outbox.version == bell.version
    )


async def finish(bell: Bell, answer: Later | None) -> None:
    """Strike the row out, or set its next time; news that came meanwhile (another version) keeps the row.

    Either way its work came to an end, and what was begun before counts no more.
    """
    if answer is None:
        await _striking_out.put(bell)
    else:
        await fetch(_LOOK_AGAIN, bell.topic, bell.subject, bell.version, answer.at, answer.tried)


async def _strike_out(bells: Sequence[Bell]) -> list[None]:
    """In the order of their keys, which keeps two workers from waiting for each other crosswise."""
    rung = sorted(bells, key=lambda bell: (bell.topic, bell.subject))
    columns = ([bell.topic for bell in rung], [bell.subject for bell in rung], [bell.version for bell in rung])
    await fetch(_STRIKE_OUT, *columns)
    return [None] * len(bells)


_striking_out = Gathering(_strike_out, size_max=STRIKE_OUT_MAX, waiting_max=STRIKE_OUT_WAITING_MAX)


async def fail(bell: Bell, error: str, now: datetime) -> None:
    """A handler raised: try again with growing pauses, then park. A bell that nobody answered counts for nothing."""
    await fetch("UPDATE outbox SET begun = 0 WHERE topic = $1 AND subject = $2", bell.topic, bell.subject)
    rows = await Outbox.select(Outbox.tries).where(Outbox.topic == bell.topic, Outbox.subject == bell.subject)
    if not rows:
        return
    tries = rows[0]["tries"] + 1
    pause_s = BACKOFF_S[min(tries, len(BACKOFF_S) - 1)]
    parked_at = now if tries >= TRIES_MAX else None
    await Outbox.update(
        {
            Outbox.due_at: now + timedelta(seconds=pause_s),
            Outbox.tries: tries,
            Outbox.error: error[:2000],
            Outbox.parked_at: parked_at,
        }
    ).where(Outbox.topic == bell.topic, Outbox.subject == bell.subject, Outbox.version == bell.version)


async def lag_s(now: datetime) -> float:
    """How long the oldest due row has been waiting, in seconds; 0 when none is."""
    rows = await Outbox.raw("SELECT min(due_at) AS oldest FROM outbox WHERE parked_at IS NULL")
    oldest = rows[0]["oldest"] if rows else None
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


async def parked() -> int:
    """How many rows wait for a person."""
    return int(await Outbox.count().where(Outbox.parked_at.is_not_null()))


async def beat(name: str, now: datetime) -> None:
    """Say that a process that should always run is running."""
    await fetch(_BEAT, name, now)


async def last_beat(name: str) -> datetime | None:
    rows = await Heartbeat.select(Heartbeat.at).where(Heartbeat.name == name)
    return rows[0]["at"] if rows else None
