"""Balances by projection: days that are summed up already, and the transfers that no day counts yet.

A posting only adds rows, so payments of one gateway never wait for each other. A trigger puts each transfer into
`ledger_unfolded` too; now and then `fold` moves a batch from there into `ledger_day`, in one statement. Nothing depends
on the order of ids, clocks or commits: a transfer whose transaction commits late simply turns up late in what is
unfolded. A balance is both parts read by one statement, so one snapshot, in which each transfer is in exactly one.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from orchestrator.db import fetch, transaction

FOLD_BATCH_MAX = 20_000
FOLD_EVERY_S = 5


class BalanceRow(msgspec.Struct, frozen=True):
    """An account and its balance: debits less credits, in minor units."""

    id: str
    kind: str
    gateway_account_id: str
    recipient_id: str
    currency: str
    balance_minor: int


# Both sides of each unfolded transfer, by account.
_UNFOLDED = """
    SELECT account_id, sum(net) AS net FROM (
        SELECT debit_account_id AS account_id, amount_minor AS net, day FROM ledger_unfolded
        UNION ALL SELECT credit_account_id, -amount_minor, day FROM ledger_unfolded
    ) sides WHERE {until} GROUP BY account_id"""
_BALANCES = """
    SELECT a.id, a.kind, a.gateway_account_id, a.recipient_id, a.currency,
        (COALESCE(d.net, 0) + COALESCE(u.net, 0){more})::bigint AS balance_minor
    FROM ledger_account a
    LEFT JOIN LATERAL (
        SELECT sum(debits_minor - credits_minor) AS net FROM ledger_day WHERE account_id = a.id AND {until}
    ) d ON true
    LEFT JOIN ({unfolded}) u ON u.account_id = a.id
    {join}
    WHERE {which} ORDER BY a.kind, a.gateway_account_id, a.recipient_id, a.currency"""
_ALL = _BALANCES.format(
    more="", until="true", unfolded=_UNFOLDED.format(until="true"), join="", which="a.merchant_id = $1"
)
_ONE = _BALANCES.format(
    more="",
    until="true",
    unfolded=_UNFOLDED.format(until="true"),
    join="",
    which="(a.merchant_id, a.kind, a.gateway_account_id, a.recipient_id, a.currency) = ($1, $2, $3, $4, $5)",
)
_OF_RECIPIENT = _BALANCES.format(
    more="", until="true", unfolded=_UNFOLDED.format(until="true"), join="", which="a.recipient_id = $1"
)
# Whole days before, and of the last day ($2) what occurred until the moment ($3), from the transfers themselves.
_AT = _BALANCES.format(
    more=" + COALESCE(last.net, 0)",
    until="day < $2",
    unfolded=_UNFOLDED.format(until="day < $2"),
    join="""LEFT JOIN (
        SELECT side.account_id, sum(side.net) AS net FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id
        CROSS JOIN LATERAL (
            VALUES (t.debit_account_id, t.amount_minor), (t.credit_account_id, -t.amount_minor)
        ) AS side (account_id, net)
        WHERE j.merchant_id = $1 AND j.occurred_at >= ($2::date)::timestamp AT TIME ZONE 'UTC' AND j.occurred_at <= $3
        GROUP BY side.account_id
    ) last ON last.account_id = a.id""",
    which="a.merchant_id = $1",
)
# One folder at a time, and none while a rebuild runs. Readers and postings go on.
_LOCK = "LOCK TABLE ledger_day IN SHARE ROW EXCLUSIVE MODE"
_BY_DAY = """
    SELECT account_id, day, sum(debits) AS debits, sum(credits) AS credits FROM (
        SELECT debit_account_id AS account_id, day, amount_minor AS debits, 0 AS credits FROM {source}
        UNION ALL SELECT credit_account_id, day, 0, amount_minor FROM {source}
    ) sides GROUP BY account_id, day"""
_FOLD = f"""
    WITH taken AS (
        DELETE FROM ledger_unfolded WHERE transfer_id IN (SELECT transfer_id FROM ledger_unfolded LIMIT $1) RETURNING *
    ), folded AS (
        INSERT INTO ledger_day AS d (account_id, day, debits_minor, credits_minor) {_BY_DAY.format(source="taken")}
        ON CONFLICT (account_id, day) DO UPDATE SET debits_minor = d.debits_minor + EXCLUDED.debits_minor,
            credits_minor = d.credits_minor + EXCLUDED.credits_minor
    )
    SELECT count(*) FROM taken"""  # noqa: S608 - a constant
_POSTED = """(SELECT t.debit_account_id, t.credit_account_id, t.amount_minor,
        (j.occurred_at AT TIME ZONE 'UTC')::date AS day
    FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id) posted"""
_REBUILD = "INSERT INTO ledger_day (account_id, day, debits_minor, credits_minor) " + _BY_DAY.format(source=_POSTED)


async def current(merchant_id: str) -> list[BalanceRow]:
    """Every account of the merchant with its balance now."""
    return msgspec.convert([dict(row) for row in await fetch(_ALL, merchant_id)], list[BalanceRow])


async def at(merchant_id: str, moment: datetime) -> list[BalanceRow]:
    """Every account with the balance of what had occurred by then, also where it was posted later.

    Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    rows = await fetch(_AT, merchant_id, moment.astimezone(UTC).date(), moment)
    return msgspec.convert([dict(row) for row in rows], list[BalanceRow])


async def of_account(merchant_id: str, kind: str, gateway_account_id: str, recipient_id: str, currency: str) -> int:
    """Debits less credits of one account, in minor units."""
    rows = await fetch(_ONE, merchant_id, kind, gateway_account_id, recipient_id, currency)
    return int(rows[0]["balance_minor"]) if rows else 0


async def of_recipient(recipient_id: str) -> list[BalanceRow]:
    """The accounts of one recipient."""
    return msgspec.convert([dict(row) for row in await fetch(_OF_RECIPIENT, recipient_id)], list[BalanceRow])


async def fold(batch: int = FOLD_BATCH_MAX) -> int:
    """Move up to `batch` transfers into their days; how many."""
    async with transaction() as connection:
        await connection.execute(_LOCK)
        return int(await connection.fetchval(_FOLD, batch))


async def rebuild() -> int:
    """Make all days anew from the transfers; how many days of accounts there are. Payments go on meanwhile.

    The lock is taken before the snapshot (https://www.postgresql.org/docs/current/sql-lock.html), so no folder is in
    between. What commits after the snapshot is in neither our sum nor our deletion, and stays unfolded.
    """
    async with transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.execute(_LOCK)
        await connection.execute("DELETE FROM ledger_unfolded")
        await connection.execute("DELETE FROM ledger_day")
        await connection.execute(_REBUILD)
        return int(await connection.fetchval("SELECT count(*) FROM ledger_day"))
