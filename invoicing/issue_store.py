"""The queries that issue documents, many in one statement. Opens no transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg
import msgspec

from invoicing.documents import IssuedInvoice
from invoicing.errors import SeriesTaken
from invoicing.lifecycle import InvoiceState
from invoicing.tables import Invoice


class IssuedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft becomes when it is issued."""

    id: str
    state: InvoiceState
    number: str
    issue_date: date
    due_date: date
    document: IssuedInvoice
    net_minor: int
    tax_minor: int
    total_minor: int
    rounding_minor: int
    paid_at: datetime | None


_MARK_ISSUED = """
    UPDATE invoice SET state = r.state, series = {}, number = r.number, issue_date = r.issue_date,
        due_date = r.due_date, document = r.document, net_minor = r.net_minor, tax_minor = r.tax_minor,
        total_minor = r.total_minor, rounding_minor = r.rounding_minor, issued_at = {}, paid_at = r.paid_at
    FROM jsonb_to_recordset({}::jsonb) AS r (id varchar, state varchar, number varchar, issue_date date, due_date date,
        document jsonb, net_minor bigint, tax_minor bigint, total_minor bigint, rounding_minor bigint,
        paid_at timestamptz)
    WHERE invoice.id = r.id AND invoice.state = {} RETURNING invoice.id"""


async def mark_issued(rows: Sequence[IssuedRow], *, series: str, issued_at: datetime) -> bool:
    """Freeze the documents. False where one was no draft any more. Raises SeriesTaken where another document of the
    merchant has one of the numbers."""
    given = msgspec.json.encode(rows).decode()
    try:
        issued = await Invoice.raw(_MARK_ISSUED, series, issued_at, given, InvoiceState.DRAFT.value)
    except asyncpg.UniqueViolationError:
        numbers = rows[0].number if len(rows) == 1 else f"{rows[0].number} to {rows[-1].number}"
        what = f"gives {numbers}, which another document has; change its pattern or next number"
        raise SeriesTaken("series", what) from None
    return len(issued) == len(rows)
