"""What accounts departments ask of all documents at once: the sales journal, receivables, customers' accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from currency.money import Money
from invoicing.documents import IssuedInvoice
from invoicing.reminders import parts_left
from orchestrator.db import fetch

JOURNAL_MAX = 50_000  # lines of one sales journal; ask for a shorter time beyond that


class Age(StrEnum):
    """How long an invoice is overdue, in days."""

    NOT_DUE = "0"
    TO_30 = "1-30"
    TO_60 = "31-60"
    TO_90 = "61-90"
    OVER_90 = "90+"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """What one document, or a discount for paying early, adds to one tax; credit notes and discounts are negative."""

    day: date
    document: str
    number: str
    invoice_number: str
    customer_id: str
    buyer: str
    country: str
    vat_id: str
    tax_kind: str
    rate_bps: int
    reason_code: str
    base: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class AgedRow:
    """What one customer owes in one currency, by how long it is overdue."""

    customer_id: str
    buyer: str
    currency: str
    owed: dict[Age, Money]

    @property
    def total(self) -> Money:
        return Money(sum(amount.minor for amount in self.owed.values()), self.currency)


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a statement: what it adds to what the customer owes, and what is owed after it."""

    day: date
    kind: str
    number: str
    amount: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """The account of a customer in one currency from one day to another, both included. `closing` is what is owed;
    below zero it is the customer's credit."""

    currency: str
    opening: Money
    movements: tuple[Movement, ...]
    closing: Money


_JOURNAL = f"""
    SELECT * FROM (
        SELECT i.issue_date AS day, i.kind AS document, i.number, COALESCE(o.number, '') AS invoice_number,
            i.customer_id, i.document->'content'->'buyer' AS buyer, t->'treatment' AS treatment, i.currency,
            CASE i.kind WHEN 'credit_note' THEN -1 ELSE 1 END * (t->'base'->>'minor')::bigint AS base_minor,
            CASE i.kind WHEN 'credit_note' THEN -1 ELSE 1 END * (t->'tax'->>'minor')::bigint AS tax_minor, i.id
        FROM invoice i LEFT JOIN invoice o ON o.id = i.origin_id AND i.kind = 'credit_note'
        CROSS JOIN LATERAL jsonb_array_elements(i.document->'totals'->'taxes') t
        WHERE i.merchant_id = $1 AND i.kind IN ('invoice', 'credit_note') AND i.issue_date BETWEEN $2 AND $3
        UNION ALL
        SELECT (a.applied_at AT TIME ZONE 'UTC')::date, 'discount', i.number, i.number, i.customer_id,
            i.document->'content'->'buyer', t->'treatment', i.currency, -(t->>'base_minor')::bigint,
            -(t->>'tax_minor')::bigint, a.id
        FROM invoice_application a JOIN invoice i ON i.id = a.invoice_id
        CROSS JOIN LATERAL jsonb_array_elements(a.taxes) t
        WHERE i.merchant_id = $1 AND a.kind = 'discount'
            AND (a.applied_at AT TIME ZONE 'UTC')::date BETWEEN $2 AND $3
    ) lines ORDER BY day, number, id, treatment->>'rate_bps' LIMIT {JOURNAL_MAX:d}"""  # noqa: S608 - a constant

_OPEN = """
    SELECT customer_id, document->'content'->'buyer'->>'name' AS buyer, currency, due_date,
        total_minor + rounding_minor - paid_minor - credited_minor - discount_minor - written_off_minor AS owed,
        CASE WHEN jsonb_array_length(document->'content'->'terms'->'instalments') > 0 THEN document END AS in_parts
    FROM invoice WHERE merchant_id = $1 AND kind = 'invoice' AND state IN ('open', 'partly_paid')
    ORDER BY customer_id, buyer, currency"""

# What adds to what a customer owes: documents, and what settles them. Credit spent moves nothing between the two, and
# a credit note is counted whole when it is issued.
_MOVEMENTS = """
    SELECT * FROM (
        SELECT issue_date AS day, issued_at AS at, kind, number, currency, id,
            CASE kind WHEN 'credit_note' THEN -1 ELSE 1 END * (total_minor + rounding_minor) AS minor
        FROM invoice WHERE merchant_id = $1 AND customer_id = $2 AND kind IN ('invoice', 'credit_note')
            AND issued_at IS NOT NULL
        UNION ALL
        SELECT (a.applied_at AT TIME ZONE 'UTC')::date, a.applied_at, a.kind, i.number, a.currency, a.id,
            -a.amount_minor
        FROM invoice_application a JOIN invoice i ON i.id = a.invoice_id
        WHERE i.merchant_id = $1 AND i.customer_id = $2 AND a.kind NOT IN ('credit', 'credit_note')
        UNION ALL
        SELECT (created_at AT TIME ZONE 'UTC')::date, created_at, 'receipt', number, currency, id, -credited_minor
        FROM receipt WHERE merchant_id = $1 AND customer_id = $2 AND credited_minor <> 0
        UNION ALL
        SELECT (v.created_at AT TIME ZONE 'UTC')::date, v.created_at, 'receipt_reversal', r.number, r.currency, v.id,
            r.credited_minor
        FROM receipt_reversal v JOIN receipt r ON r.id = v.receipt_id
        WHERE r.merchant_id = $1 AND r.customer_id = $2 AND r.credited_minor <> 0
        UNION ALL
        SELECT (created_at AT TIME ZONE 'UTC')::date, created_at, 'credit_payout', reference, currency, id, amount_minor
        FROM credit_payout WHERE merchant_id = $1 AND customer_id = $2
    ) moves WHERE day <= $3 ORDER BY currency, day, at, id"""


async def sales_journal(merchant_id: str, since: date, until: date) -> list[JournalLine]:
    """Every issued invoice, credit note and discount of these days, both included, by tax code."""
    return [_journal_line(row) for row in await fetch(_JOURNAL, merchant_id, since, until)]


async def aged_receivables(merchant_id: str, today: date) -> list[AgedRow]:
    """What is owed, by customer and currency; invoices to buyers who are no customers are told apart by name."""
    found: dict[tuple[str, str, str], dict[Age, Money]] = {}
    for row in await fetch(_OPEN, merchant_id):
        key = (row["customer_id"], row["buyer"], row["currency"])
        ages = found.setdefault(key, {age: Money.zero(row["currency"]) for age in Age})
        for due_date, owed in _open_parts(row):
            ages[age_of(due_date, today)] += owed
    return [AgedRow(*key, owed=ages) for key, ages in found.items()]


def _open_parts(row: Any) -> list[tuple[date, Money]]:
    """What is owed of an invoice, by due date: each instalment is a debt by itself."""
    owed = Money(row["owed"], row["currency"])
    if row["in_parts"] is None:
        return [(row["due_date"], owed)]
    return parts_left(msgspec.json.decode(row["in_parts"], type=IssuedInvoice), owed)


def age_of(due_date: date, today: date) -> Age:
    """The column of a day that has come or not."""
    overdue = (today - due_date).days
    limits = ((0, Age.NOT_DUE), (30, Age.TO_30), (60, Age.TO_60), (90, Age.TO_90))
    return next((age for most, age in limits if overdue <= most), Age.OVER_90)


async def statements(merchant_id: str, customer_id: str, since: date, until: date) -> list[Statement]:
    """The customer's account in each currency in which anything ever moved."""
    moves: dict[str, list[Movement]] = {}
    opening: dict[str, Money] = {}
    balance: dict[str, Money] = {}
    for row in await fetch(_MOVEMENTS, merchant_id, customer_id, until):
        currency, amount = row["currency"], Money(row["minor"], row["currency"])
        before = balance.get(currency, Money.zero(currency))
        balance[currency] = before + amount
        if row["day"] < since:
            opening[currency] = balance[currency]
        else:
            move = Movement(row["day"], row["kind"], row["number"], amount, balance[currency])
            moves.setdefault(currency, []).append(move)
    return [
        Statement(currency, opening.get(currency, Money.zero(currency)), tuple(moves.get(currency, ())), closing)
        for currency, closing in balance.items()
    ]


def totals_of(rows: Sequence[AgedRow]) -> list[AgedRow]:
    """One row for each currency: the sums over all customers."""
    sums: dict[str, dict[Age, Money]] = {}
    for row in rows:
        ages = sums.setdefault(row.currency, {age: Money.zero(row.currency) for age in Age})
        for age, amount in row.owed.items():
            ages[age] += amount
    return [AgedRow("", "", currency, ages) for currency, ages in sorted(sums.items())]


def _journal_line(row: Any) -> JournalLine:
    buyer, treatment = msgspec.json.decode(row["buyer"]), msgspec.json.decode(row["treatment"])
    return JournalLine(
        day=row["day"],
        document=row["document"],
        number=row["number"],
        invoice_number=row["invoice_number"],
        customer_id=row["customer_id"],
        buyer=buyer["name"],
        country=buyer["country"],
        vat_id=buyer.get("vat_id", ""),
        tax_kind=treatment["kind"],
        rate_bps=treatment.get("rate_bps", 0),
        reason_code=treatment.get("reason_code", ""),
        base=Money(row["base_minor"], row["currency"]),
        tax=Money(row["tax_minor"], row["currency"]),
    )
