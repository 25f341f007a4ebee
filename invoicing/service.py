"""The verbs of a document's life: drafted, issued, found. Each joins its caller's transaction, takes time and ids, and
returns what happened; `orchestrator/billing` opens the transaction and writes the events to the outbox."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from msgspec import structs

from invoicing import application_store, issue_store, store
from invoicing.application_service import event_of
from invoicing.application_store import AppliedRow
from invoicing.documents import DocumentType, DraftInvoice, InvoiceTotals, IssuedInvoice, compute
from invoicing.errors import InvalidInvoice, InvoiceNotFound, InvoicingError, WrongState
from invoicing.events import InvoiceEvent, InvoiceEventKind
from invoicing.issue_store import IssuedRow
from invoicing.lifecycle import ApplicationKind, InvoiceState, require_transition, state_at_issue
from invoicing.series_service import DEFAULT_PATTERNS, open_series, take_numbers
from invoicing.series_store import SeriesKind
from invoicing.store import InvoiceFilter, InvoiceRecord
from invoicing.terms import check_issuable, due_date

__all__ = ["DEFAULT_PATTERNS", "InvoiceFilter", "open_series"]

MAX_PAGE = 100
ISSUE_DATE_SPAN = timedelta(days=366)  # to either side: books are closed by the year


@dataclass(frozen=True, slots=True)
class Changed:
    """The document as it is now, and what to tell about it (nothing where a call was a repetition)."""

    invoice: InvoiceRecord
    events: tuple[InvoiceEvent, ...]


# What each of the locked drafts is to say, or why it is refused.
Prepare = Callable[[Sequence[InvoiceRecord]], Awaitable[Sequence[DraftInvoice | InvoicingError]]]


def new_public_token() -> str:
    """The secret part of a hosted invoice's address: 192 random bits, URL-safe."""
    return secrets.token_urlsafe(24)


async def create_draft(
    invoice_id: str,
    *,
    merchant_id: str,
    customer_id: str,
    draft: DraftInvoice,
    public_token: str,
    now: datetime,
    reference: str = "",
    origin_id: str | None = None,
    valid_until: date | None = None,
) -> Changed:
    """Store a draft of an invoice, quote or pro forma with its sums; `origin_id` is the document that it comes from.

    Raises InvalidInvoice, TaxNotApplicable, OutsideTransaction.
    """
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
        reference=reference,
        origin_id=origin_id,
        valid_until=valid_until,
    )
    invoice = await get(merchant_id, invoice_id)
    return Changed(invoice, (event_of(InvoiceEventKind.CREATED, invoice),))


async def change_draft(
    invoice_id: str,
    *,
    merchant_id: str,
    customer_id: str,
    draft: DraftInvoice,
    reference: str,
    valid_until: date | None = None,
) -> InvoiceRecord:
    """Put another content into a draft. Raises InvoiceNotFound, WrongState once it is issued, InvalidInvoice."""
    before = await locked(merchant_id, invoice_id)
    if before.kind is not draft.type:
        raise InvalidInvoice("type", f"is {before.kind} and stays so")
    changes = {"reference": reference, "valid_until": valid_until}
    changed = await store.update_draft(invoice_id, draft, compute(draft), customer_id=customer_id, changes=changes)
    if not changed:
        raise WrongState("state", "what was issued stays as it is; credit it and issue another")
    return await get(merchant_id, invoice_id)


async def delete_draft(invoice_id: str, *, merchant_id: str) -> None:
    """Raises InvoiceNotFound, WrongState once it is issued."""
    await locked(merchant_id, invoice_id)
    if not await store.delete_draft(merchant_id, invoice_id):
        raise WrongState("state", "what was issued is never deleted; credit it")


async def finalize(
    invoice_id: str,
    *,
    merchant_id: str,
    issue_date: date,
    now: datetime,
    series: str | None = None,
    new_id: Callable[[], str] | None = None,
    in_order: bool = False,
) -> Changed:
    """Issue one draft as `finalize_many` does, and raise its refusal."""
    [outcome] = await finalize_many(
        [invoice_id],
        merchant_id=merchant_id,
        issue_date=issue_date,
        now=now,
        series=series,
        new_id=new_id,
        in_order=in_order,
    )
    if isinstance(outcome, InvoicingError):
        raise outcome
    return outcome


async def finalize_many(
    invoice_ids: Sequence[str],
    *,
    merchant_id: str,
    issue_date: date,
    now: datetime,
    kind: DocumentType | None = None,
    series: str | None = None,
    new_id: Callable[[], str] | None = None,
    prepare: Prepare | None = None,
    in_order: bool = False,
) -> list[Changed | InvoicingError]:
    """Issue these drafts of one kind, in this order: each gets its number, dates and sums, for good; or it is refused
    and stays as it is, without a number. `issue_date` is a day at the seller's.

    `prepare` sees the locked drafts before a number is taken, and refuses each or gives what is to be frozen, such as
    the content with a tax rate. What was paid before (`prepaid`) is for the caller to apply: until then it is owed.

    The numbers are taken last, since their row lock makes other finalizes of the series wait for this commit; `series`
    is that of the documents' kind when left out. An invoice over nothing is paid at once. Refusals are InvoiceNotFound
    (of a document that is not of `kind`, too), InvalidInvoice (a date far from today, or with `in_order` before the
    latest of the series) and WrongState. Raises what is about all of them: SeriesNotFound, SeriesTaken,
    OutsideTransaction.
    """
    store.require_transaction()
    found = await store.find_invoices(merchant_id, invoice_ids, lock=True)
    drafts = [found[one] for one in invoice_ids if one in found and kind in (None, found[one].kind)]
    contents = await prepare(drafts) if prepare else [draft.draft for draft in drafts]
    outcomes: dict[str, Changed | InvoicingError] = {}
    issued: list[_Ready] = []
    for draft, content in zip(drafts, contents, strict=True):
        try:
            issued.append(_checked(draft, content, issue_date, now.date()))
        except InvoicingError as refused:
            outcomes[draft.id] = refused
    if issued:
        numbered = SeriesKind(issued[0].draft.kind.value)
        name = series or numbered.value
        try:
            numbers = await take_numbers(
                new_id or (lambda: f"ser_{secrets.token_hex(16)}"),
                merchant_id=merchant_id,
                series=name,
                kind=numbered,
                issue_date=issue_date,
                count=len(issued),
                in_order=in_order,
            )
        except InvalidInvoice as too_early:  # no number was taken
            outcomes.update({one.draft.id: too_early for one in issued})
        else:
            outcomes.update(await _freeze(issued, numbers, issue_date, name, now))
    return [outcomes.get(one) or InvoiceNotFound(one) for one in invoice_ids]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A draft with nothing against it, and what it will say."""

    draft: InvoiceRecord
    content: DraftInvoice
    totals: InvoiceTotals
    state: InvoiceState


def _checked(draft: InvoiceRecord, content: DraftInvoice | InvoicingError, issue_date: date, today: date) -> _Ready:
    if isinstance(content, InvoicingError):
        raise content
    totals = compute(content)
    if abs(issue_date - today) > ISSUE_DATE_SPAN:
        raise InvalidInvoice("issue_date", f"must be within {ISSUE_DATE_SPAN.days} days of today")
    state = state_at_issue(totals.asked, draft.kind)
    require_transition(draft.state, state)
    check_issuable(draft.draft.terms, totals.payable, issue_date)
    return _Ready(draft, content, totals, state)


async def _freeze(
    issued: Sequence[_Ready], numbers: Sequence[str], issue_date: date, series: str, now: datetime
) -> dict[str, Changed]:
    rows = [_row(one, number, issue_date, now) for one, number in zip(issued, numbers, strict=True)]
    if not await issue_store.mark_issued(rows, series=series, issued_at=now):
        raise WrongState("state", "the document is no draft any more")
    return {row.id: _changed(one, row, series, now) for one, row in zip(issued, rows, strict=True)}


def _row(one: _Ready, number: str, issue_date: date, now: datetime) -> IssuedRow:
    due = due_date(one.content.terms, issue_date)
    return IssuedRow(
        id=one.draft.id,
        state=one.state,
        number=number,
        issue_date=issue_date,
        due_date=due,
        document=IssuedInvoice(
            number=number, issue_date=issue_date, due_date=due, content=one.content, totals=one.totals
        ),
        net_minor=one.totals.net.minor,
        tax_minor=one.totals.tax.minor,
        total_minor=one.totals.total.minor,
        rounding_minor=one.totals.rounding_minor,
        paid_at=now if one.state is InvoiceState.PAID else None,
    )


def _changed(one: _Ready, row: IssuedRow, series: str, now: datetime) -> Changed:
    totals = one.totals
    issued = structs.replace(
        one.draft,
        state=row.state,
        number=row.number,
        series=series,
        issue_date=row.issue_date,
        due_date=row.due_date,
        document=row.document,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
        standing=replace(one.draft.standing, total=totals.asked.minor),
        issued_at=now,
        paid_at=row.paid_at,
    )
    kinds = [InvoiceEventKind.ISSUED, *([InvoiceEventKind.PAID] if row.paid_at else [])]
    return Changed(issued, tuple(event_of(kind, issued) for kind in kinds))


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


async def find_many(merchant_id: str, invoice_ids: Sequence[str]) -> list[InvoiceRecord]:
    """Those of the merchant's documents that there are."""
    return list((await store.find_invoices(merchant_id, invoice_ids)).values())


async def find_public(public_token: str) -> InvoiceRecord | None:
    """The invoice of a hosted page, if it was issued."""
    invoice = await store.find_by_token(public_token)
    if invoice is None or invoice.issued_at is None or invoice.kind is not DocumentType.INVOICE:
        return None
    return invoice


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
    wanted: InvoiceFilter | None = None,
) -> list[InvoiceRecord]:
    """Up to `limit` (at most MAX_PAGE) invoices, newest first, those before `before_id`. `wanted` narrows further."""
    which = wanted or InvoiceFilter(customer_id=customer_id, state=state)
    return await store.list_invoices(merchant_id, which, limit=min(limit, MAX_PAGE), before_id=before_id)


async def list_payments(merchant_id: str, invoice_id: str) -> list[AppliedRow]:
    """The payments put against the invoice, oldest first. Raises InvoiceNotFound."""
    return [row for row in await list_applications(merchant_id, invoice_id) if row.kind is ApplicationKind.PAYMENT]


async def list_applications(merchant_id: str, invoice_id: str) -> list[AppliedRow]:
    """Everything that settled the invoice or opened it again, oldest first. Raises InvoiceNotFound."""
    await get(merchant_id, invoice_id)
    return await application_store.applications_of(invoice_id)


async def locked(merchant_id: str, invoice_id: str) -> InvoiceRecord:
    """A document of any kind with its row locked. Raises InvoiceNotFound."""
    return _found(await store.lock_invoice(merchant_id, invoice_id), invoice_id)


def _found(invoice: InvoiceRecord | None, invoice_id: str) -> InvoiceRecord:
    if invoice is None:
        raise InvoiceNotFound(invoice_id)
    return invoice
