"""The judgement: the gateways' books against ours, payment by payment, and everything that must be empty, empty."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.chaos.books import Books

SHOWN_MAX = 6
# What the last event about a payment's status may say, by the status that it has. What is on its way is not told.
TOLD_AS = {
    "authorised": {"payment.authorised"},
    "partially_captured": {"payment.captured"},
    "captured": {"payment.captured"},
    "failed": {"payment.failed"},
    "canceled": {"payment.canceled"},
    "needs_review": {"payment.needs_review"},
    "requires_action": {"payment.requires_action"},
}
TELLING = frozenset().union(*TOLD_AS.values())
# What a gateway's own means cannot settle: Adyen has no call that reads a payment, so a lost webhook is a lost answer.
CANNOT_BE_READ = "adyen"
IN_REVIEW = """
    SELECT o.id, o.payment_id, o.kind, o.detail, o.exchange, o.sent_at, o.tries, a.gateway, a.gateway_payment_id
    FROM operation o JOIN attempt a ON a.id = o.attempt_id WHERE o.state = 'needs_review' ORDER BY o.id"""
STORIES_MAX = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about the aftermath; `wrong` says where it does not hold."""

    claim: str
    wrong: tuple[str, ...] = ()
    looked_at: int = 0

    @property
    def holds(self) -> bool:
        return not self.wrong


def judge(books: Books, charges: list[dict[str, Any]], events: dict[str, dict[str, Any]]) -> list[Check]:
    """`charges` are the gateways', `events` what the merchant's server was told, by id."""
    payments = {row["id"]: row for row in books.read("SELECT * FROM payment")}
    theirs = defaultdict(list)
    for charge in charges:
        theirs[charge["payment_reference"]].append(charge)
    in_review = {row["payment_id"] for row in books.read(IN_REVIEW)}
    return [
        _one_charge(payments, theirs),
        _amounts(payments, theirs, in_review),
        _nothing_hangs(payments, theirs, in_review),
        _check("no charge is of a payment that we do not know", charges, lambda c: c["payment_reference"] in payments),
        _nothing_in_limbo(books),
        _review_has_evidence(books, charges),
        *_ledger(books, charges, in_review),
        *_empty(books),
        *_told(books, payments, events),
    ]


def stories(books: Books, charges: list[dict[str, Any]], checks: Iterable[Check]) -> dict[str, Any]:
    """All that both sides have of the payments that failed checks name: for whoever looks for the reason."""
    named = {found for check in checks for line in check.wrong for found in re.findall(r"pay_[0-9a-f]{32}", line)}
    return {
        payment_id: {
            "payment": books.read("SELECT * FROM payment WHERE id = %s", payment_id),
            "attempts": books.read("SELECT * FROM attempt WHERE payment_id = %s ORDER BY position", payment_id),
            "operations": books.read("SELECT * FROM operation WHERE payment_id = %s ORDER BY id", payment_id),
            "events": books.read("SELECT * FROM event WHERE object_id = %s ORDER BY sequence", payment_id),
            "webhooks": books.read(
                "SELECT event_type, kind, state, note, content, received_at FROM webhook_message "
                "WHERE payment_id = %s ORDER BY id",
                payment_id,
            ),
            "charges": [charge for charge in charges if charge["payment_reference"] == payment_id],
        }
        for payment_id in sorted(named)[:STORIES_MAX]
    }


def _check(claim: str, rows: Iterable[Any], holds: Any) -> Check:
    every = list(rows)
    return Check(claim, tuple(str(row) for row in every if not holds(row)), len(every))


def _one_charge(payments: dict[str, Any], theirs: dict[str, list[dict[str, Any]]]) -> Check:
    wrong = [
        f"{payment_id}: {[(c['gateway'], c['id'], c['captured_minor'], c['refunded_minor']) for c in kept]}"
        for payment_id in payments
        if len(kept := [c for c in theirs[payment_id] if c["captured_minor"] and not c["voided"]]) > 1
    ]
    return Check("no payment was charged twice", tuple(wrong), len(payments))


def _amounts(payments: dict[str, Any], theirs: dict[str, list[dict[str, Any]]], in_review: set[str]) -> Check:
    """Captured and refunded, to the cent. Where a person has to look, they may differ: that is why."""
    wrong = []
    for payment_id, payment in payments.items():
        ours = (payment["amount_captured_minor"], payment["amount_refunded_minor"])
        gateways = (
            sum(c["captured_minor"] for c in theirs[payment_id]),
            sum(c["refunded_minor"] for c in theirs[payment_id]),
        )
        if ours != gateways and payment_id not in in_review:
            wrong.append(f"{payment_id} {payment['status']}: ours {ours}, the gateways' {gateways}")
    return Check("each payment's captured and refunded amount is what the gateways have", tuple(wrong), len(payments))


def _nothing_hangs(payments: dict[str, Any], theirs: dict[str, list[dict[str, Any]]], in_review: set[str]) -> Check:
    """An authorisation that is neither captured nor voided belongs to a payment that waits to be captured: one each."""
    wrong = []
    for payment_id, payment in payments.items():
        hanging = [c["id"] for c in theirs[payment_id] if not c["captured_minor"] and not c["voided"]]
        may = 1 if payment["status"] == "authorised" else 0
        if len(hanging) != may and payment_id not in in_review:
            wrong.append(f"{payment_id} {payment['status']}: {hanging}")
    return Check("no authorisation was left hanging, and none was given up that is wanted", tuple(wrong), len(payments))


def _nothing_in_limbo(books: Books) -> Check:
    moving = books.read("SELECT id, status FROM payment WHERE status IN ('processing', 'requires_action')")
    wrong = [f"{row['id']} {row['status']}" for row in moving]
    wrong += [f"{row['payment_id']} {row['kind']} {row['state']}" for row in books.open_operations()]
    return Check("no payment and no operation is in limbo", tuple(wrong), books.value("SELECT count(*) FROM operation"))


def _review_has_evidence(books: Books, charges: list[dict[str, Any]]) -> Check:
    """A person finds what was sent or why nobody knows, and only what cannot be read is left to a person."""
    wrong, rows = [], books.read(IN_REVIEW)
    for row in rows:
        told = books.value(
            "SELECT count(*) FROM event WHERE object_id = %s AND type = 'payment.needs_review'", row["payment_id"]
        )
        evidence = bool(row["exchange"] or row["detail"])
        if row["gateway"] != CANNOT_BE_READ or not evidence or not told:
            said = f"evidence {evidence}, told {told}, asked {row['tries']} times"
            wrong.append(f"{row['payment_id']} {row['gateway']} {row['kind']} {row['id']}: {said}")
    return Check(
        "only what its gateway cannot be asked about is left to a person, with evidence", tuple(wrong), len(rows)
    )


_LEDGER_BY_OPERATION = """
    SELECT o.id, o.kind, o.state, o.outcome, o.amount_minor, coalesce(l.sum, 0) AS posted_minor
    FROM operation o LEFT JOIN (
        SELECT j.operation_id, sum(CASE WHEN j.kind = 'reversal' THEN -t.amount_minor ELSE t.amount_minor END) AS sum
        FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id
        WHERE j.operation_id <> '' GROUP BY j.operation_id
    ) l ON l.operation_id = o.id
    WHERE o.kind IN ('capture', 'refund')"""
_CLEARING = """
    SELECT a.gateway, upper(j.currency) AS currency, sum(j.minor)::bigint AS minor FROM (
        SELECT d.gateway_account_id, t.currency, t.amount_minor AS minor
        FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_account_id WHERE d.kind = 'gateway_clearing'
        UNION ALL
        SELECT c.gateway_account_id, t.currency, -t.amount_minor
        FROM ledger_transfer t JOIN ledger_account c ON c.id = t.credit_account_id WHERE c.kind = 'gateway_clearing'
    ) j JOIN gateway_account a ON a.id = j.gateway_account_id GROUP BY 1, 2"""


def _ledger(books: Books, charges: list[dict[str, Any]], in_review: set[str]) -> list[Check]:
    rows = books.read(_LEDGER_BY_OPERATION)
    wrong = [
        f"{row['id']} {row['kind']} {row['outcome']}: posted {row['posted_minor']} of {row['amount_minor']}"
        for row in rows
        if row["posted_minor"] != (row["amount_minor"] if row["outcome"] == "approved" else 0)
    ]
    ours = {(row["gateway"], row["currency"]): row["minor"] for row in books.read(_CLEARING)}
    theirs: dict[tuple[str, str], int] = defaultdict(int)
    open_minor: dict[tuple[str, str], int] = defaultdict(int)
    for charge in charges:
        key = (charge["gateway"], charge["currency"])
        theirs[key] += charge["captured_minor"] - charge["refunded_minor"]
        if charge["payment_reference"] in in_review:
            open_minor[key] += charge["captured_minor"]
    apart = [
        f"{key}: ledger {ours.get(key, 0)}, gateway {theirs.get(key, 0)}, in review at most {open_minor[key]}"
        for key in sorted(set(ours) | set(theirs))
        if abs(ours.get(key, 0) - theirs.get(key, 0)) > open_minor[key]
    ]
    return [
        Check("every capture and refund is in the ledger once, and nothing else is", tuple(wrong), len(rows)),
        Check("each clearing account equals the gateway's books, but for what a person has", tuple(apart), len(ours)),
    ]


def _empty(books: Books) -> list[Check]:
    bells = books.waiting_bells()
    failed = books.read("SELECT id, event_id, last_error FROM event_delivery WHERE state NOT IN ('delivered')")
    parked = books.read("SELECT topic, subject, error FROM outbox WHERE parked_at IS NOT NULL")
    return [
        Check("the outbox is empty", tuple(str(bell) for bell in bells), len(bells)),
        Check("nothing is parked", tuple(str(row) for row in parked), len(parked)),
        Check("no webhook is unworked", ("some are",) if (waiting := books.unworked_webhooks()) else (), waiting),
        Check("no event waits to be told", tuple(str(row) for row in failed), len(failed)),
    ]


def _told(books: Books, payments: dict[str, Any], events: dict[str, dict[str, Any]]) -> list[Check]:
    rows = books.read("SELECT id, type, object_id, sequence FROM event ORDER BY object_id, sequence")
    untold = [f"{row['id']} {row['type']} of {row['object_id']}" for row in rows if row["id"] not in events]
    last: dict[str, str] = {}
    for row in rows:
        if row["type"] in TELLING and row["id"] in events:
            last[row["object_id"]] = row["type"]
    wrong = [
        f"{payment_id} {payment['status']}: last told {last.get(payment_id)}"
        for payment_id, payment in payments.items()
        if payment["status"] in TOLD_AS and last.get(payment_id) not in _tellings(payment["status"])
    ]
    gaps = [row["id"] for before, row in pairwise(rows) if _gap(before, row)]
    return [
        Check("every event was told", tuple(untold), len(rows)),
        Check("an object's events are numbered without gaps", tuple(gaps), len(rows)),
        Check("what was told last of each payment is how it ended", tuple(wrong), len(payments)),
    ]


def _tellings(status: str) -> set[str]:
    """A refund or capture of a captured payment may need a person, who is told of it by the same event."""
    return TOLD_AS[status] | {"payment.needs_review"}


def _gap(before: dict[str, Any], row: dict[str, Any]) -> bool:
    if before["object_id"] != row["object_id"]:
        return bool(row["sequence"] != 1)
    return bool(row["sequence"] != before["sequence"] + 1)
