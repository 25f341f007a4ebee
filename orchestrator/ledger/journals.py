"""What the ledger shows: journals with their transfers, by page and as CSV."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import StringIO

import msgspec

from currency.money import Money, to_major
from orchestrator.db import fetch

EXPORT_PAGE = 500
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class JournalTransfer(msgspec.Struct, frozen=True):
    """One transfer of a journal: `amount_minor` to the debit account from the credit account."""

    id: str
    debit_account_id: str
    debit: str
    credit_account_id: str
    credit: str
    recipient_id: str
    amount_minor: int
    currency: str


class JournalRow(msgspec.Struct, frozen=True):
    """One money event with its transfers."""

    id: str
    journal_key: str
    kind: str
    occurred_at: datetime
    memo: str
    gateway_account_id: str
    payment_id: str
    attempt_id: str
    operation_id: str
    gateway_payment_id: str
    gateway_operation_id: str
    transfers: list[JournalTransfer]


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which journals; empty means all. `since` is included, `until` is not; both by when the event occurred."""

    payment_id: str = ""
    account_id: str = ""
    account_kind: str = ""
    recipient_id: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before_id: str = ""


_JOURNALS = """
    SELECT row_to_json(found.*) AS it FROM (
        SELECT j.id, j.journal_key, j.kind, j.occurred_at, j.memo, j.gateway_account_id, j.payment_id, j.attempt_id,
            j.operation_id, j.gateway_payment_id, j.gateway_operation_id,
            (SELECT coalesce(json_agg(json_build_object('id', t.id, 'debit_account_id', d.id, 'debit', d.kind,
                'credit_account_id', c.id, 'credit', c.kind, 'recipient_id', d.recipient_id || c.recipient_id,
                'amount_minor', t.amount_minor, 'currency', t.currency) ORDER BY t.id), '[]')
             FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_account_id
             JOIN ledger_account c ON c.id = t.credit_account_id WHERE t.journal_id = j.id) AS transfers
        FROM ledger_journal j WHERE j.merchant_id = $1
            AND ($2 = '' OR j.payment_id = $2) AND ($3 = '' OR j.kind = $3) AND ($4 = '' OR j.id < $4)
            AND ($5::timestamptz IS NULL OR j.occurred_at >= $5) AND ($6::timestamptz IS NULL OR j.occurred_at < $6)
            AND (($7 = '' AND $8 = '' AND $9 = '') OR EXISTS (
                SELECT 1 FROM ledger_transfer t
                JOIN ledger_account a ON a.id IN (t.debit_account_id, t.credit_account_id)
                WHERE t.journal_id = j.id AND ($7 = '' OR a.id = $7) AND ($8 = '' OR a.kind = $8)
                    AND ($9 = '' OR a.recipient_id = $9)))
        ORDER BY j.id DESC LIMIT $10
    ) found"""


async def page(merchant_id: str, which: JournalFilter, limit: int) -> list[JournalRow]:
    """The journals, the one posted last first; `before_id` continues."""
    rows = await fetch(
        _JOURNALS,
        merchant_id,
        which.payment_id,
        which.kind,
        which.before_id,
        which.since,
        which.until,
        which.account_id,
        which.account_kind,
        which.recipient_id,
        limit,
    )
    return [msgspec.json.decode(row["it"], type=JournalRow) for row in rows]


COLUMNS = (
    "occurred_at", "journal_id", "journal_key", "kind", "memo", "debit", "debit_account_id", "credit",
    "credit_account_id", "amount", "currency", "recipient_id", "payment_id", "attempt_id", "operation_id",
    "gateway_account_id", "gateway_payment_id", "gateway_operation_id",
)  # fmt: skip


async def export_csv(merchant_id: str, which: JournalFilter) -> AsyncIterator[bytes]:
    """A line for each transfer, newest first, a page at a time, so that a long journal does not fill the memory.

    Amounts are decimals of major units. Texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    yield _lines([COLUMNS])
    while True:
        journals = await page(merchant_id, which, EXPORT_PAGE)
        if journals:
            yield _lines([_cells(journal, transfer) for journal in journals for transfer in journal.transfers])
        if len(journals) < EXPORT_PAGE:
            return
        which = replace(which, before_id=journals[-1].id)


def _cells(journal: JournalRow, transfer: JournalTransfer) -> Sequence[str]:
    amount = to_major(Money(transfer.amount_minor, transfer.currency))
    texts = (
        journal.occurred_at.isoformat(), journal.id, journal.journal_key, journal.kind, journal.memo, transfer.debit,
        transfer.debit_account_id, transfer.credit, transfer.credit_account_id, f"{amount:f}", transfer.currency,
        transfer.recipient_id, journal.payment_id, journal.attempt_id, journal.operation_id, journal.gateway_account_id,
        journal.gateway_payment_id, journal.gateway_operation_id,
    )  # fmt: skip
    return [f"'{text}" if text.startswith(_FORMULA_STARTS) else text for text in texts]


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    file = StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue().encode()
