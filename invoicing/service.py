"""The verbs of an invoice. Each joins its caller's transaction, takes time and ids, and returns what happened;
`orchestrator/billing` opens the transaction and writes the events to the outbox."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from currency.money import Money
from invoicing import store
from invoicing.documents import DraftInvoice, IssuedInvoice, compute
from invoicing.errors import InvalidInvoice, InvoiceNotFound, PaymentMismatch, SeriesNotFound, SeriesTaken, WrongState
from invoicing.events import InvoiceEvent, InvoiceEventKind
from invoicing.lifecycle import AppliedPayment, InvoiceState, apply_payment, require_transition, state_at_issue
from invoicing.numbering import check_pattern, format_number
from invoicing.store import AppliedRow, InvoiceRecord
from invoicing.terms import due_date

DEFAULT_SERIES = "invoice"
DEFAULT_PATTERN = "INV-{year}-{seq:05}"
MAX_PAGE = 100
ISSUE_DATE_SPAN = timedelta(days=366)  # to either side: books are closed by the year


@dataclass(frozen=True, slots=True)
class Changed:
    """The invoice as it is now, and what to tell about it (nothing where a call was a repetition)."""

    invoice: InvoiceRecord
    events: tuple[InvoiceEvent, ...]


@dataclass(frozen=True, slots=True)
class PaymentRecorded:
    """`surplus` is what the invoice did not owe: the caller credits it or sends it back. The same at every repetition;
    `first_time` says whether this call did it."""

    invoice: InvoiceRecord
    applied: Money
    surplus: Money
    first_time: bool
    events: tuple[InvoiceEvent, ...]


def new_public_token() -> str:
    """The secret part of a hosted invoice's address: 192 random bits, URL-safe."""
    return secrets.token_urlsafe(24)


async def open_series(
    series_id: str, *, merchant_id: str, series: str = DEFAULT_SERIES, pattern: str = DEFAULT_PATTERN
) -> None:
    """Open a series of numbers, counting from 1; doing it again changes nothing.

    Raises InvalidPattern, SeriesTaken where the name has another pattern or the pattern another name.
    """
    check_pattern(pattern)
    if await store.insert_series(series_id, merchant_id, series, pattern):
        return
    found = await store.find_series(merchant_id, series)
    if found is None or found.pattern != pattern:
        raise SeriesTaken("series", f"{series!r} or its pattern {pattern!r} is in use already; numbers would collide")


async def create_draft(
    invoice_id: str, *, merchant_id: str, customer_id: str, draft: DraftInvoice, public_token: str, now: datetime
) -> Changed:
    """Store a draft with its sums. Raises InvalidInvoice, TaxNotApplicable, OutsideTransaction."""
    store.require_transaction()
    totals = compute(draft)
    await store.insert_invoice(
        invoice_id=invoice_id,
        merchant_id=merchant_id,
        customer_id=customer_id,
        draft=draft,
        totals=totals,
        public_token=public_token,
        created_at=now,
    )
    invoice = await get(merchant_id, invoice_id)
    return Changed(invoice, (_event(InvoiceEventKind.CREATED, invoice),))


async def finalize(
    invoice_id: str, *, merchant_id: str, issue_date: date, now: datetime, series: str = DEFAULT_SERIES
) -> Changed:
    """Issue the draft: it gets its number, dates and sums, for good. `issue_date` is a day at the seller's.

    The number is taken last, since its row lock makes other finalizes of the series wait for this commit.
    An invoice over nothing is paid at once. Raises InvoiceNotFound, InvalidInvoice (a date far from today), WrongState,
    SeriesNotFound, OutsideTransaction.
    """
    store.require_transaction()
    invoice = await _locked(merchant_id, invoice_id)
    if abs(issue_date - now.date()) > ISSUE_DATE_SPAN:
        raise InvalidInvoice("issue_date", f"must be within {ISSUE_DATE_SPAN.days} days of today")
    totals = compute(invoice.draft)
    state = state_at_issue(totals.total)
    require_transition(invoice.state, state)
    taken = await store.take_seq(merchant_id, series)
    if taken is None:
        raise SeriesNotFound(series)
    document = IssuedInvoice(
        number=format_number(taken.pattern, issue_date=issue_date, seq=taken.next_seq),
        issue_date=issue_date,
        due_date=due_date(invoice.draft.terms, issue_date),
        content=invoice.draft,
        totals=totals,
    )
    if not await store.mark_issued(invoice_id, document, state=state, issued_at=now):
        raise WrongState("state", "the invoice is no draft any more")
    issued = await get(merchant_id, invoice_id)
    kinds = [InvoiceEventKind.ISSUED, *([InvoiceEventKind.PAID] if state is InvoiceState.PAID else [])]
    return Changed(issued, tuple(_event(kind, issued) for kind in kinds))


async def record_payment(
    applied_id: str, *, merchant_id: str, invoice_id: str, payment_id: str, amount: Money, now: datetime
) -> PaymentRecorded:
    """Put a captured payment against the invoice, once for each (payment, invoice), however often it is told.

    Raises InvoiceNotFound, WrongState for a draft, PaymentMismatch (other currency, not positive, or told before with
    another amount), OutsideTransaction.
    """
    store.require_transaction()
    invoice = await _locked(merchant_id, invoice_id)
    before = await store.find_applied(invoice_id, payment_id)
    if before is not None:
        return _repeated(invoice, before, amount)
    result = apply_payment(invoice.state, total=invoice.total, paid=invoice.paid, amount=amount)
    await store.insert_applied(
        applied_id=applied_id,
        invoice_id=invoice_id,
        payment_id=payment_id,
        amount=amount,
        applied=result.applied,
        applied_at=now,
    )
    became_paid = result.state is InvoiceState.PAID and invoice.state is not InvoiceState.PAID
    paid_at = now if became_paid else invoice.paid_at
    if not await store.update_paid(
        invoice_id, expected=invoice.state, state=result.state, paid=result.paid, paid_at=paid_at
    ):
        raise WrongState("state", "the invoice changed meanwhile")
    after = await get(merchant_id, invoice_id)
    events = tuple(
        _event(kind, after, payment_id, result.applied, result.surplus) for kind in _kinds(result, became_paid)
    )
    return PaymentRecorded(after, result.applied, result.surplus, True, events)


async def attach_pdf(invoice_id: str, *, merchant_id: str, pdf: bytes) -> bool:
    """Keep the PDF of the issued document; the first one stays. Returns whether this was it.

    Raises InvoiceNotFound, WrongState for a draft.
    """
    if await store.insert_pdf(merchant_id, invoice_id, pdf):
        return True
    invoice = await get(merchant_id, invoice_id)
    if invoice.issued_at is None:
        raise WrongState("state", "a draft has no PDF; finalize it first")
    return False


async def get(merchant_id: str, invoice_id: str) -> InvoiceRecord:
    """Raises InvoiceNotFound, also for another merchant's invoice."""
    return _found(await store.find_invoice(merchant_id, invoice_id), invoice_id)


async def find_public(public_token: str) -> InvoiceRecord | None:
    """The invoice of a hosted page, if it was issued."""
    invoice = await store.find_by_token(public_token)
    return invoice if invoice is not None and invoice.issued_at is not None else None


async def get_pdf(merchant_id: str, invoice_id: str) -> bytes | None:
    """The stored PDF, None where it is not rendered yet. Raises InvoiceNotFound."""
    await get(merchant_id, invoice_id)
    return await store.find_pdf(merchant_id, invoice_id)


async def list_invoices(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    customer_id: str | None = None,
    state: InvoiceState | None = None,
) -> list[InvoiceRecord]:
    """Up to `limit` (at most MAX_PAGE) invoices, newest first, those before `before_id`."""
    return await store.list_invoices(
        merchant_id, limit=min(limit, MAX_PAGE), before_id=before_id, customer_id=customer_id, state=state
    )


async def list_payments(merchant_id: str, invoice_id: str) -> list[AppliedRow]:
    """The payments put against the invoice, oldest first. Raises InvoiceNotFound."""
    await get(merchant_id, invoice_id)
    return await store.list_applied(invoice_id)


def _kinds(result: AppliedPayment, became_paid: bool) -> Iterator[InvoiceEventKind]:
    if result.applied.minor:
        yield InvoiceEventKind.PAYMENT_APPLIED
    if became_paid:
        yield InvoiceEventKind.PAID
    if result.surplus.minor:
        yield InvoiceEventKind.OVERPAID


def _repeated(invoice: InvoiceRecord, before: AppliedRow, amount: Money) -> PaymentRecorded:
    if before.amount != amount:
        raise PaymentMismatch("amount", "this payment was recorded for this invoice before, with another amount")
    return PaymentRecorded(invoice, before.applied, before.amount - before.applied, False, ())


async def _locked(merchant_id: str, invoice_id: str) -> InvoiceRecord:
    return _found(await store.lock_invoice(merchant_id, invoice_id), invoice_id)


def _found(invoice: InvoiceRecord | None, invoice_id: str) -> InvoiceRecord:
    if invoice is None:
        raise InvoiceNotFound(invoice_id)
    return invoice


def _event(
    kind: InvoiceEventKind,
    invoice: InvoiceRecord,
    payment_id: str | None = None,
    applied: Money | None = None,
    surplus: Money | None = None,
) -> InvoiceEvent:
    return InvoiceEvent(
        kind=kind,
        merchant_id=invoice.merchant_id,
        invoice_id=invoice.id,
        currency=invoice.total.currency,
        total_minor=invoice.total.minor,
        paid_minor=invoice.paid.minor,
        number=invoice.number,
        payment_id=payment_id,
        applied_minor=applied.minor if applied else 0,
        surplus_minor=surplus.minor if surplus else 0,
    )
