"""Bringing everything that is sealed under the newest key, so that an old one may be taken out of CLEARWAY_SECRET_KEY.

What is sealed with the newest key already is left as it is, so the work may be broken off and begun again at any time,
and costs little when there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.access import secrets
from orchestrator.db import fetch, transaction

BATCH = 50  # a webhook's body may have a megabyte


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Values sealed by `access.secrets`: text by `seal`, bytea by `seal_bytes`, or text in a field of a JSONB column.
    Empty is nothing.
    """

    table: str
    column: str
    field: str = ""

    @property
    def name(self) -> str:
        return ".".join(filter(None, (self.table, self.column, self.field)))

    @property
    def value(self) -> str:
        """The SQL that reads it."""
        return f"{self.column}->>'{self.field}'" if self.field else self.column

    @property
    def change(self) -> str:
        """The SQL that writes `$2`."""
        if not self.field:
            return f"{self.column} = $2"
        return f"{self.column} = jsonb_set({self.column}, '{{{self.field}}}', to_jsonb($2::text))"


# Whoever adds a sealed column adds a line here; a test compares this with the columns that are called `sealed_…`.
SEALED_COLUMNS: tuple[SealedColumn, ...] = (
    SealedColumn("gateway_account", "sealed_credentials"),
    SealedColumn("webhook_endpoint", "sealed_secret"),
    SealedColumn("webhook_endpoint", "sealed_previous_secret"),
    SealedColumn("console_user", "sealed_totp_secret"),
    SealedColumn("webhook_delivery", "sealed_body"),
    SealedColumn("payment", "instrument", "sealed_iban"),
)


@dataclass(slots=True)
class Tally:
    """How the values of a column stand: under the newest key, under an older one (now resealed), under none we have."""

    column: SealedColumn
    newest: int = 0
    older: int = 0
    unreadable: int = 0


async def count(column: SealedColumn) -> int:
    """How many values there are to look at."""
    rows = await fetch(f"SELECT count(*) FROM {column.table} WHERE {_filled(column)}")  # noqa: S608 - our own names
    return int(rows[0][0])


async def reseal(column: SealedColumn, *, dry_run: bool, step: Callable[[int], None]) -> Tally:
    """Seal a column's values anew, a batch in each transaction; `step` is told how many were looked at."""
    tally, last = Tally(column), ""
    while True:
        async with transaction() as connection:
            rows = await connection.fetch(
                f"SELECT id, {column.value} FROM {column.table} WHERE {_filled(column)} "  # noqa: S608 - our own names
                f"AND id > $1 ORDER BY id LIMIT {BATCH}{'' if dry_run else ' FOR UPDATE'}",
                last,
            )
            for row_id, value in rows:
                fresh = _fresh(tally, value)
                if fresh is not None and not dry_run:
                    sql = f"UPDATE {column.table} SET {column.change} WHERE id = $1"  # noqa: S608 - our own names
                    await connection.execute(sql, row_id, fresh)
        if not rows:
            return tally
        last = rows[-1][0]
        step(len(rows))


def may_drop_old_keys(tallies: list[Tally]) -> bool:
    """Whether nothing is left that needs an older key."""
    return not any(tally.older or tally.unreadable for tally in tallies)


def _fresh(tally: Tally, value: str | bytes) -> str | bytes | None:
    """The value under the newest key, or None where there is nothing to do. Counts it."""
    sealed = value.encode() if isinstance(value, str) else value
    if secrets.is_newest(sealed):
        tally.newest += 1
        return None
    try:
        fresh = secrets.seal_bytes(secrets.unseal_bytes(sealed))
    except secrets.SecretUnreadable:
        tally.unreadable += 1
        return None
    tally.older += 1
    return fresh.decode() if isinstance(value, str) else fresh


def _filled(column: SealedColumn) -> str:
    return f"length({column.value}) > 0"
