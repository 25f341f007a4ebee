"""`clearway thaw`: how the database stands to its installation, and what gateways told of that it does not know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator import clock_port, db
from orchestrator.installation import service, store
from orchestrator.installation.standing import standing
from orchestrator.installation.store import InstallationRow

SHOWN_MAX = 50
_OPEN = """
    SELECT a.gateway, o.kind, count(*) AS count, min(o.sent_at) AS since
    FROM operation o JOIN attempt a ON a.id = o.attempt_id
    WHERE o.state IN ('sent', 'unknown', 'pending', 'needs_review') GROUP BY 1, 2 ORDER BY 1, 2"""
# Our ids are in what gateways send back: an attempt of ours that is in no table was made after the copy was.
_UNKNOWN = """
    SELECT m.received_at, g.gateway, m.event_type, m.content->>'reference' AS reference,
        m.content->>'gateway_payment_id' AS gateway_payment_id
    FROM webhook_message m JOIN gateway_account g ON g.id = m.gateway_account_id
    WHERE m.payment_id IS NULL AND m.content->>'reference' ~ '^(att|op|pay)_[0-9a-f]{32}$'
        AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.id = m.content->>'reference')
        AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.id = m.content->>'reference')
        AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = m.content->>'reference')
    ORDER BY m.received_at DESC LIMIT $1"""
_NEWEST = "SELECT max(sent_at) AS newest FROM operation"


@dataclass(frozen=True, slots=True)
class OpenCalls:
    """Calls of which the database does not know the end."""

    gateway: str
    kind: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class UnknownCharge:
    """A message by a gateway about an attempt that has our kind of id and is in no table."""

    received_at: datetime
    gateway: str
    event_type: str
    reference: str
    gateway_payment_id: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`newest`: the last call to a gateway that the database knows; what came after it, it has lost."""

    row: InstallationRow | None
    because: str
    newest: datetime | None
    open_calls: tuple[OpenCalls, ...]
    unknown: tuple[UnknownCharge, ...]


async def compare() -> Comparison:
    """What an operator has to look at before money moves again."""
    row = await store.installation()
    found = standing(row, service.own_side(), 0)
    (newest,) = await db.fetch(_NEWEST)
    return Comparison(
        row,
        found.frozen_because or found.stranger_because,
        newest["newest"],
        tuple(OpenCalls(**dict(each)) for each in await db.fetch(_OPEN)),
        tuple(UnknownCharge(**dict(each)) for each in await db.fetch(_UNKNOWN, SHOWN_MAX)),
    )


async def thaw(by: str) -> InstallationRow:
    """Let money move again. `by` is the person who has compared."""
    return await service.thaw(by, clock_port.now())


def told(found: Comparison) -> list[str]:
    """The comparison in lines for a terminal."""
    lines = [
        f"installation  {found.row.id if found.row else 'none yet'}",
        f"standing      {found.because or 'in order'}",
    ]
    if found.newest:
        lines.append(f"newest call   {found.newest:%Y-%m-%d %H:%M:%S} UTC: compare each gateway's payments since then")
    lines += [f"open          {o.gateway} {o.kind}: {o.count} since {o.since:%Y-%m-%d %H:%M}" for o in found.open_calls]
    lines += [
        f"not known     {u.gateway} {u.event_type} {u.gateway_payment_id} for {u.reference}, {u.received_at:%H:%M:%S}"
        for u in found.unknown
    ]
    return lines
