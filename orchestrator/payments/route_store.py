"""Every query that routing asks of the payments' side: its settings, the tries of a card, what became of attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from orchestrator.db import UNHURRIED, Connection, fetch, hold
from orchestrator.payments.records import PaymentRow
from routing.account_store import MaintenanceWindow, Override
from routing.reasons import SAYS_NOTHING_OF_THE_GATEWAY
from routing.segments import Segment, Tally

TRIES_MAX = 200  # of a card, the newest; the networks' limits count at most 35

# What an attempt came to, in words that do not change with captures and voids. Undone before its outcome was known: it
# was never authorised, so there is no end of the authorisation.
_RESULT = """CASE WHEN a.status IN ('authorised', 'captured') THEN 'approved'
    WHEN a.status = 'voided' THEN CASE WHEN a.capture_before IS NULL THEN 'unknown' ELSE 'approved' END
    WHEN a.status IN ('declined', 'unknown', 'not_reached') THEN a.status ELSE 'open' END"""
_METHOD = "CASE p.instrument->>'type' WHEN 'saved' THEN p.instrument->>'method' ELSE p.instrument->>'type' END"
# From sending to the gateway's reply; what a webhook or a later look told says nothing of its speed.
_LATENCY = """(SELECT extract(epoch FROM o.settled_at - o.sent_at) * 1000 FROM operation o WHERE o.payment_id = p.id
    AND o.attempt_id = a.id AND o.kind = 'confirm' AND o.settled_by = 'reply' ORDER BY o.id LIMIT 1)"""
_ATTEMPTS = f"""SELECT a.gateway_account_id, a.gateway, a.created_at, p.currency, p.amount_minor,
    COALESCE({_METHOD}, '') AS method, COALESCE(p.instrument->>'brand', '') AS brand,
    COALESCE(p.instrument->>'issuer_country', '') AS issuer_country, COALESCE(p.country, '') AS country,
    {_RESULT} AS result, COALESCE(a.decline->>'reason', '') AS reason, {_LATENCY} AS latency_ms
    FROM attempt a JOIN payment p ON p.id = a.payment_id"""  # noqa: S608 - constants


class StoredSettings(msgspec.Struct, frozen=True):
    """What a merchant has set up for routing, as stored."""

    rules: dict[str, Any] | None
    policy: str | None
    category: str | None
    overrides: list[Override]
    windows: list[MaintenanceWindow]


_SETTINGS = """SELECT
    (SELECT id FROM rule_set WHERE merchant_id = $1 AND state = 'active') AS rules_id,
    (SELECT version FROM rule_set WHERE merchant_id = $1 AND state = 'active') AS rules_version,
    (SELECT document::text FROM rule_set WHERE merchant_id = $1 AND state = 'active') AS rules_document,
    (SELECT document::text FROM routing_policy WHERE merchant_id = $1 ORDER BY version DESC LIMIT 1) AS policy,
    (SELECT profile->>'merchant_category' FROM merchant WHERE id = $1) AS category,
    (SELECT json_agg(o)::text FROM account_override o JOIN gateway_account g ON g.id = o.account_id
        WHERE g.merchant_id = $1 AND (o.until IS NULL OR o.until > $2)) AS overrides,
    (SELECT json_agg(w)::text FROM maintenance_window w JOIN gateway_account g ON g.id = w.account_id
        WHERE g.merchant_id = $1 AND w.ends_at > $2) AS windows"""


async def settings_of(merchant_id: str, now: datetime) -> StoredSettings:
    """All of it in one statement; of overrides and windows those that are not over."""
    row = (await fetch(_SETTINGS, merchant_id, now))[0]
    rules = None
    if row["rules_id"]:
        rules = {"id": row["rules_id"], "version": row["rules_version"], "document": row["rules_document"]}
    return StoredSettings(
        rules,
        row["policy"],
        row["category"],
        msgspec.json.decode(row["overrides"] or "[]", type=list[Override]),
        msgspec.json.decode(row["windows"] or "[]", type=list[MaintenanceWindow]),
    )


_REFUSED = """SELECT a.created_at, a.status, a.decline::text AS decline, p.amount_minor, p.currency
    FROM (SELECT payment_id, created_at, status, decline FROM attempt WHERE refused_fingerprint = $1
        AND created_at > $2 ORDER BY created_at DESC LIMIT $4) a
    JOIN payment p ON p.id = a.payment_id WHERE p.merchant_id = $3
    UNION ALL
    SELECT created_at, 'declined', jsonb_build_object('reason', failure_reason)::text, 0, 'EUR' FROM payment_method
    WHERE fingerprint = $1 AND fingerprint <> '' AND status = 'failed' AND created_at > $2 AND merchant_id = $3
    AND failure_reason NOT IN ('gateway_unavailable', 'network_limit')"""
_LAST_APPROVAL = """SELECT a.created_at, p.amount_minor, p.currency FROM attempt a JOIN payment p ON p.id = a.payment_id
    WHERE a.fingerprint = $1 AND a.created_at > $2 AND p.merchant_id = $3
    AND (a.status IN ('authorised', 'captured') OR a.status = 'voided' AND a.capture_before IS NOT NULL)
    ORDER BY a.created_at DESC LIMIT 1"""


# One row for each card, so that of tries at the same moment each is told how many began before it. The statement is a
# transaction of its own: nobody waits for another's payment.
_BEGUN = f"""WITH begun AS (
    INSERT INTO card_start (merchant_id, fingerprint, starts, first_at, last_at)
    SELECT $3, $1, 1, $5::timestamptz, $5::timestamptz WHERE {UNHURRIED}
    ON CONFLICT (merchant_id, fingerprint) DO UPDATE SET last_at = EXCLUDED.last_at,
        starts = CASE WHEN card_start.last_at > $6 THEN card_start.starts + 1 ELSE 1 END,
        first_at = CASE WHEN card_start.last_at > $6 THEN card_start.first_at ELSE EXCLUDED.first_at END
    RETURNING starts, first_at
), refused AS ({_REFUSED})
    SELECT begun.*, refused.* FROM begun LEFT JOIN refused ON true"""  # noqa: S608


async def begin_try(
    merchant_id: str, fingerprint: str, since: datetime, now: datetime, run_since: datetime
) -> tuple[int, datetime, list[asyncpg.Record]]:
    """Which one in a run of tries of the card this is, from 1; when the run began; and the card's tries, at any
    gateway, that were declined or whose outcome is unknown.

    A run goes on while one try was begun after `run_since`.
    """
    rows = await fetch(_BEGUN, fingerprint, since, merchant_id, TRIES_MAX, now, run_since)
    return rows[0]["starts"], rows[0]["first_at"], [row for row in rows if row["created_at"] is not None]


async def refused_tries(merchant_id: str, fingerprint: str, since: datetime) -> list[asyncpg.Record]:
    """A card's tries, at any gateway, that were declined or whose outcome is unknown."""
    return await fetch(_REFUSED, fingerprint, since, merchant_id, TRIES_MAX)


async def was_tried_at(merchant_id: str, fingerprint: str, moment: datetime) -> bool:
    """Whether the try that began at that moment is written down; of one that was kept there is nothing to be feared."""
    rows = await fetch(
        "SELECT 1 FROM attempt a JOIN payment p ON p.id = a.payment_id WHERE a.fingerprint = $2 AND a.created_at = $3 "
        "AND p.merchant_id = $1 UNION ALL SELECT 1 FROM payment_method "
        "WHERE merchant_id = $1 AND fingerprint = $2 AND fingerprint <> '' AND created_at = $3 "
        "AND status IN ('failed', 'processing', 'requires_action') LIMIT 1",
        merchant_id,
        fingerprint,
        moment,
    )
    return bool(rows)


async def purge_starts(before: datetime) -> None:
    """Forget runs of tries that ended before."""
    await fetch("DELETE FROM card_start WHERE last_at < $1", before)


# One statement sees one moment: between two a try could cease to be open and not have been seen as refused.
_REFUSED_OR_OPEN = f"""{_REFUSED} UNION ALL
    (SELECT a.created_at, 'open', NULL, p.amount_minor, p.currency FROM attempt a
    JOIN payment p ON p.id = a.payment_id WHERE a.fingerprint = $1 AND a.created_at > $6 AND p.merchant_id = $3
    AND p.id <> $5 AND a.status IN ('started', 'created', 'pending') ORDER BY a.created_at DESC LIMIT $4) UNION ALL
    (SELECT created_at, 'open', NULL, 0, 'EUR' FROM payment_method WHERE fingerprint = $1 AND fingerprint <> ''
    AND created_at > $6 AND merchant_id = $3 AND id <> $5 AND status IN ('processing', 'requires_action'))"""  # noqa: S608


async def refused_or_open_tries(
    merchant_id: str, fingerprint: str, since: datetime, besides_id: str, open_since: datetime
) -> list[asyncpg.Record]:
    """With them those for other payments whose outcome is still to come, as open."""
    return await fetch(_REFUSED_OR_OPEN, fingerprint, since, merchant_id, TRIES_MAX, besides_id, open_since)


async def lock_card(merchant_id: str, fingerprint: str) -> None:
    """Until the caller's transaction ends nobody else gets this lock."""
    await hold(f"card {merchant_id} {fingerprint}")


async def last_approval(merchant_id: str, fingerprint: str, since: datetime) -> asyncpg.Record | None:
    rows = await fetch(_LAST_APPROVAL, fingerprint, since, merchant_id)
    return rows[0] if rows else None


_TALLY = f"""INSERT INTO route_tally
    (hour, account_id, currency, method, brand, issuer_country, tried, approved, latency_ms)
    SELECT date_trunc('hour', created_at, 'UTC'), gateway_account_id, currency, method, brand, issuer_country, count(*),
        count(*) FILTER (WHERE result = 'approved'), percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms)
    FROM ({_ATTEMPTS} WHERE a.created_at >= $1) tries
    WHERE result <> 'open' AND NOT (result = 'declined' AND reason = ANY ($2))
    GROUP BY 1, 2, 3, 4, 5, 6"""  # noqa: S608 - constants


async def tally_since(connection: Connection, hour: datetime) -> None:
    """Count the attempts that began in this hour or later anew, for every merchant. In the caller's transaction."""
    await connection.execute("DELETE FROM route_tally WHERE hour >= $1", hour)
    # a decline without a reason says nothing either
    await connection.execute(_TALLY, hour, [*SAYS_NOTHING_OF_THE_GATEWAY, ""])


async def last_tallied_hour() -> datetime | None:
    rows = await fetch("SELECT max(hour) AS hour FROM route_tally")
    found: datetime | None = rows[0]["hour"]
    return found


async def purge_tallies(connection: Connection, before: datetime) -> None:
    await connection.execute("DELETE FROM route_tally WHERE hour < $1", before)


async def tallies(
    account_ids: Sequence[str], since: datetime, latency_since: datetime
) -> list[tuple[str, Segment, Tally]]:
    """By account and narrowest kind, summed over the hours from `since`; the latency of those from `latency_since`."""
    rows = await fetch(
        "SELECT account_id, currency, method, brand, issuer_country, sum(tried)::bigint AS tried, "
        "sum(approved)::bigint AS approved, max(latency_ms) FILTER (WHERE hour >= $3) AS latency_ms "
        "FROM route_tally WHERE hour >= $2 AND account_id = ANY ($1) GROUP BY 1, 2, 3, 4, 5",
        list(account_ids),
        since,
        latency_since,
    )
    return [
        (
            row["account_id"],
            Segment(row["currency"], row["method"], row["brand"], row["issuer_country"]),
            Tally(row["tried"], row["approved"], row["latency_ms"]),
        )
        for row in rows
    ]


_PAST = """SELECT row_to_json(payment.*) AS it FROM payment WHERE merchant_id = $1 AND created_at >= $2
    AND created_at < $3 AND plan IS NOT NULL AND instrument IS NOT NULL ORDER BY id DESC LIMIT $4"""
_payments = msgspec.json.Decoder(PaymentRow)


async def routed_payments(merchant_id: str, since: datetime, until: datetime, limit: int) -> list[PaymentRow]:
    """The newest payments of a time that were routed."""
    return [_payments.decode(row["it"]) for row in await fetch(_PAST, merchant_id, since, until, limit)]


GROUPS = {
    "gateway": "gateway",
    "gateway_account_id": "gateway_account_id",
    "method": "method",
    "currency": "currency",
    "country": "country",
    "brand": "brand",
    "issuer_country": "issuer_country",
    "reason": "CASE WHEN result = 'declined' THEN reason WHEN result = 'approved' THEN '' ELSE result END",
}
GRAINS = ("hour", "day", "week", "month")
_FINE = ("gateway_account_id", "gateway", "method", "currency", "country", "brand", "issuer_country", "reason")


async def counts(
    merchant_id: str, since: datetime, until: datetime, grain: str | None, limit: int
) -> list[asyncpg.Record]:
    """Ended attempts by every group there is, and by time where a grain is given; `limit` groups at most."""
    groups = ", ".join(f"{GROUPS[name]} AS {name}" for name in _FINE)
    sql = f"""SELECT {_moment(grain)} AS moment, {groups}, count(*) AS attempts,
        count(*) FILTER (WHERE result = 'approved') AS approved,
        count(*) FILTER (WHERE result = 'declined') AS declined,
        COALESCE(sum(amount_minor) FILTER (WHERE result = 'approved'), 0)::bigint AS approved_minor
        FROM ({_ATTEMPTS} WHERE {_OF_MERCHANT}) tries WHERE result <> 'open'
        GROUP BY {_numbers(len(_FINE) + 1)} LIMIT $4"""  # noqa: S608 - our own words
    return await fetch(sql, merchant_id, since, until, limit)


async def latencies(
    merchant_id: str, since: datetime, until: datetime, grain: str | None, by: Sequence[str]
) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Median and 95th percentile in milliseconds of the replies, by (moment, *groups)."""
    groups = "".join(f", {GROUPS[name]}" for name in by)
    sql = f"""SELECT {_moment(grain)}{groups}, percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms)
        FROM ({_ATTEMPTS} WHERE {_OF_MERCHANT}) tries WHERE result <> 'open' AND latency_ms IS NOT NULL
        GROUP BY {_numbers(len(by) + 1)}"""  # noqa: S608 - our own words
    found = {}
    for row in await fetch(sql, merchant_id, since, until):
        *key, percentiles = tuple(row)
        found[tuple(key)] = (round(percentiles[0]), round(percentiles[1]))
    return found


_OF_MERCHANT = "a.created_at >= $2 AND a.created_at < $3 AND p.merchant_id = $1"


def _moment(grain: str | None) -> str:
    if grain is None:
        return "NULL::timestamptz"
    if grain not in GRAINS:
        raise ValueError(f"{grain} is no grain")
    return f"date_trunc('{grain}', created_at, 'UTC')"


def _numbers(count: int) -> str:
    return ", ".join(str(number) for number in range(1, count + 1))


def hour_of(moment: datetime) -> datetime:
    """The hour's beginning."""
    return moment - timedelta(minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
