"""What settles an invoice, written down under its row lock: payments, receipts, credit, discounts, and what goes back.

Each verb joins its caller's transaction and returns the rows it added; the caller posts each to the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction

from currency.money import Money, round_fraction
from invoicing import allocation, application_store, store
from invoicing.application_store import AppliedRow
from invoicing.documents import DocumentType
from invoicing.errors import InvoiceNotFound, PaymentMismatch, WrongState
from invoicing.events import InvoiceEvent, InvoiceEventKind
from invoicing.lifecycle import ApplicationKind, InvoiceState, require_transition
from invoicing.reversal import ReceiptPart, credit_spent_again, credit_unspent, receipt_reversed
from invoicing.settling import (
    Earned,
    Exchanged,
    Move,
    Settled,
    TaxShare,
    credit_spent,
    credited,
    discounted,
    earned_by,
    given_up,
    kept_aside,
    nothing_earned,
    received,
    received_again,
    scaled,
    taken_back,
    tax_shares,
    uncollectible,
    within_tolerance,
)
from invoicing.store import InvoiceRecord
from invoicing.terms import agreed_of

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Applied:
    """The invoice as it is now, the rows that were added (none where the call was a repetition), and what to tell."""

    invoice: InvoiceRecord
    rows: tuple[AppliedRow, ...] = ()
    events: tuple[InvoiceEvent, ...] = ()

    def row(self, kind: ApplicationKind) -> AppliedRow | None:
        return next((row for row in self.rows if row.kind is kind), None)


@dataclass(frozen=True, slots=True)
class PaymentRecorded:
    """`surplus` is what the invoice did not owe, and is the customer's credit. The same at every repetition;
    `first_time` says whether this call did it. `rows` has what else happened: a recovery, a discount, a write-off."""

    invoice: InvoiceRecord
    applied: Money
    surplus: Money
    first_time: bool
    events: tuple[InvoiceEvent, ...]
    rows: tuple[AppliedRow, ...] = ()


async def lock(merchant_id: str, invoice_id: str) -> InvoiceRecord:
    """The invoice with its row locked until the caller's transaction ends.

    Raises InvoiceNotFound, also for a document of another kind; OutsideTransaction.
    """
    store.require_transaction()
    found = await store.lock_invoice(merchant_id, invoice_id)
    if found is None or found.kind is not DocumentType.INVOICE:
        raise InvoiceNotFound(invoice_id)
    return found


async def record_payment(
    new_id: NewId,
    *,
    merchant_id: str,
    invoice_id: str,
    payment_id: str,
    amount: Money,
    now: datetime,
    kind: ApplicationKind = ApplicationKind.PAYMENT,
    paid_on: date | None = None,
    tolerance_minor: int = 0,
) -> PaymentRecorded:
    """Put a captured payment, or a receipt, against the invoice: once for each (payment, invoice), however often told.

    What suffices on `paid_on` for the discount of an early payment takes it; a rest within the tolerance is given up.
    Raises InvoiceNotFound, WrongState for a draft, PaymentMismatch (other currency, not positive, or told before with
    another amount), OutsideTransaction.
    """
    invoice = await lock(merchant_id, invoice_id)
    found = await application_store.applications_of(invoice_id)
    before = next((row for row in found if row.source_id == payment_id and row.kind is kind), None)
    if before is not None:
        return _repeated(invoice, before, amount)
    if amount.currency != invoice.total.currency:
        raise PaymentMismatch("amount.currency", f"the invoice is in {invoice.total.currency}, not {amount.currency}")
    settled = received(invoice.state, invoice.standing, kind, amount)
    if invoice.document is not None:
        settled = discounted(settled, invoice.document, paid_on or now.date())
    settled = within_tolerance(settled, tolerance_minor)
    done = await _write(new_id, invoice, settled, source_id=payment_id, now=now)
    row = done.row(kind)
    assert row is not None
    return PaymentRecorded(done.invoice, row.applied, row.credit, True, done.events, done.rows)


async def settle_receipt(
    new_id: NewId, *, invoice: InvoiceRecord, part: allocation.Applied, receipt_id: str, now: datetime
) -> Applied:
    """Put a part of a receipt against the locked invoice, as it was allocated. Raises WrongState."""
    settled = received(invoice.state, invoice.standing, ApplicationKind.RECEIPT, part.applied)
    if part.received.currency != part.applied.currency:
        exchanged = Exchanged(part.received, part.fx_difference)
        settled = settled.by_way_of(ApplicationKind.RECEIPT, part.applied.minor, exchanged)
    if part.discount.minor:
        assert invoice.document is not None
        shares = tax_shares(invoice.document.totals, part.discount.minor)
        settled = settled.then(Move(ApplicationKind.DISCOUNT, part.discount.minor, part.discount.minor, shares))
    given_up = min(part.written_off.minor, settled.standing.owed)  # of an uncollectible invoice the rest is already
    if given_up:
        settled = settled.then(Move(ApplicationKind.WRITE_OFF, given_up, given_up))
    return await _write(new_id, invoice, settled, source_id=receipt_id, now=now)


async def settle_back(
    new_id: NewId,
    *,
    invoice: InvoiceRecord,
    kind: ApplicationKind,
    source_id: str,
    amount: Money,
    credit: Money,
    now: datetime,
    lost: Money | None = None,
    exchanged: Exchanged | None = None,
) -> Applied:
    """Money of the locked invoice went back: out of `credit` first, which is the customer's and came from this invoice;
    what is beyond is owed again, less what is `lost`, which neither has. `exchanged` is what went, where that was
    in another currency."""
    settled = taken_back(
        invoice.state,
        invoice.standing,
        kind,
        amount.minor,
        credit=credit.minor,
        lost=lost.minor if lost is not None else 0,
        discount=await _discount_of(invoice),
        earned=await _earned(invoice, without=source_id, amount=amount),
    ).by_way_of(kind, amount.minor, exchanged)
    return await _write(new_id, invoice, settled, source_id=source_id, now=now)


async def settle_again(
    new_id: NewId,
    *,
    invoice: InvoiceRecord,
    kind: ApplicationKind,
    source_id: str,
    amount: Money,
    lost: Money,
    elsewhere: Money,
    now: datetime,
    exchanged: Exchanged | None = None,
) -> Applied:
    """What had gone back of the locked invoice's money is there again, or more of it came. Of it `lost` was a loss
    when it went, and `elsewhere` is kept for other invoices that it pays again."""
    here, gone = amount - lost - elsewhere, await _discount_gone(invoice)
    settled = received_again(invoice.state, invoice.standing, kind, here, gone)
    settled = kept_aside(settled, kind, elsewhere=elsewhere.minor, lost=lost.minor)
    settled = settled.by_way_of(kind, amount.minor, exchanged)
    return await _write(new_id, invoice, settled, source_id=source_id, now=now)


async def spend_credit(
    new_id: NewId, *, invoice: InvoiceRecord, amount: Money, now: datetime, source_id: str = ""
) -> Applied:
    """The customer's credit pays a part of the locked invoice; the caller has seen that there is so much of it.
    `source_id` is the receipt whose rest it is, where that was said.

    Raises WrongState, InvalidInvoice for more than is owed.
    """
    _require_currency(invoice, amount)
    settled = credit_spent(invoice.state, invoice.standing, amount.minor)
    return await _write(new_id, invoice, settled, source_id=source_id or invoice.customer_id, now=now)


async def reverse_receipt(
    new_id: NewId, *, invoice: InvoiceRecord, part: ReceiptPart, receipt_id: str, credit: Money, now: datetime
) -> Applied:
    """Take what the locked invoice has of a receipt off it again: out of `credit`, the customer's, first."""
    settled = receipt_reversed(
        invoice.state,
        invoice.standing,
        part,
        credit=credit.minor,
        discount=await _discount_of(invoice),
        earned=await _earned(invoice, without=receipt_id, amount=Money(part.amount, credit.currency)),
    )
    return await _write(new_id, invoice, settled, source_id=receipt_id, now=now)


async def unspend_credit(
    new_id: NewId, *, invoice: InvoiceRecord, amount: Money, source_id: str, now: datetime
) -> Applied:
    """Give the customer back credit that was spent on the locked invoice, which is owed again. The caller has seen that
    so much was. `source_id` is the receipt or payment that it came from."""
    settled = credit_unspent(
        invoice.state,
        invoice.standing,
        amount.minor,
        discount=await _discount_of(invoice),
        earned=await _earned(invoice, without=source_id, amount=amount),
    )
    return await _write(new_id, invoice, settled, source_id=source_id, now=now)


async def respend_credit(
    new_id: NewId, *, invoice: InvoiceRecord, amount: Money, source_id: str, now: datetime
) -> Applied:
    """Pay the locked invoice again with credit that was taken off it because the money of `source_id` went back, and
    give it the discount again that it lost by that. Raises WrongState, InvalidInvoice for more than is owed."""
    _require_currency(invoice, amount)
    gone = await _discount_gone(invoice)
    settled = credit_spent_again(invoice.state, invoice.standing, amount.minor, discount=gone)
    return await _write(new_id, invoice, settled, source_id=source_id, now=now)


async def write_off(
    new_id: NewId, *, merchant_id: str, invoice_id: str, amount: Money | None, now: datetime
) -> Applied:
    """Give up a part of what is owed, or all. Raises InvoiceNotFound, WrongState, InvalidInvoice, PaymentMismatch."""
    invoice = await lock(merchant_id, invoice_id)
    owed = invoice.owed if amount is None else amount
    _require_currency(invoice, owed)
    settled = given_up(invoice.state, invoice.standing, owed.minor)
    return await _write(new_id, invoice, settled, source_id=invoice_id, now=now)


async def mark_uncollectible(new_id: NewId, *, merchant_id: str, invoice_id: str, now: datetime) -> Applied:
    """Give up all that is owed. A later payment recovers it. Raises InvoiceNotFound, WrongState."""
    invoice = await lock(merchant_id, invoice_id)
    settled = uncollectible(invoice.state, invoice.standing)
    done = await _write(new_id, invoice, settled, source_id=invoice_id, now=now)
    return replace(done, events=(*done.events, event_of(InvoiceEventKind.UNCOLLECTIBLE, done.invoice)))


async def apply_credit_note(
    new_id: NewId, *, invoice: InvoiceRecord, credit_note_id: str, amount: Money, now: datetime
) -> Applied:
    """Put a credit note against its locked invoice. Raises WrongState, InvalidInvoice for more than is left."""
    settled = credited(
        invoice.state,
        invoice.standing,
        amount.minor,
        await _discount_of(invoice),
        gone=await _discount_gone(invoice),
        earned=await _earned(invoice),
    )
    done = await _write(new_id, invoice, settled, source_id=credit_note_id, now=now)
    if done.invoice.state is InvoiceState.CREDITED:
        return replace(done, events=(*done.events, event_of(InvoiceEventKind.CREDITED, done.invoice)))
    return done


async def set_disputed(*, merchant_id: str, invoice_id: str, disputed_at: datetime | None) -> InvoiceRecord | None:
    """Mark an issued invoice as disputed by its buyer, or as no longer so; None where it was so already.

    Raises InvoiceNotFound, WrongState for a draft.
    """
    invoice = await lock(merchant_id, invoice_id)
    if invoice.issued_at is None:
        raise WrongState("state", "a draft cannot be disputed; finalize it first")
    if (invoice.disputed_at is None) == (disputed_at is None):
        return None
    await store.update_disputed(invoice_id, disputed_at)
    return await store.find_invoice(merchant_id, invoice_id)


def event_of(
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


async def _write(new_id: NewId, invoice: InvoiceRecord, settled: Settled, *, source_id: str, now: datetime) -> Applied:
    state = settled.state
    if state is not invoice.state:
        require_transition(invoice.state, state)
    currency = invoice.total.currency
    rows = tuple(
        [
            await application_store.insert_application(
                new_id(), invoice.id, move, source_id=source_id, currency=currency, applied_at=now
            )
            for move in settled.moves
        ]
    )
    became_paid = state is InvoiceState.PAID and invoice.state is not InvoiceState.PAID
    paid_at = now if became_paid else invoice.paid_at if settled.standing.owed == 0 else None
    if not await store.update_standing(
        invoice.id, expected=invoice.state, state=state, standing=settled.standing, paid_at=paid_at
    ):
        raise WrongState("state", "the invoice changed meanwhile")
    after = await store.find_invoice(invoice.merchant_id, invoice.id)
    assert after is not None
    return Applied(after, rows, tuple(_events(after, rows, became_paid=became_paid, before=invoice.state)))


def _events(
    after: InvoiceRecord, rows: Sequence[AppliedRow], *, became_paid: bool, before: InvoiceState
) -> list[InvoiceEvent]:
    money = [row for row in rows if row.kind not in (ApplicationKind.DISCOUNT, ApplicationKind.WRITE_OFF)]
    applied = InvoiceEventKind.PAYMENT_APPLIED
    events = [
        event_of(applied, after, row.source_id, row.applied, row.credit) for row in money if row.applied.minor > 0
    ]
    if became_paid:
        events.append(event_of(InvoiceEventKind.PAID, after, *_cause(money)))
    if after.owed.minor > 0 and before in (InvoiceState.PAID, InvoiceState.CREDITED):
        events.append(event_of(InvoiceEventKind.REOPENED, after, *_cause(money)))
    overpaid = InvoiceEventKind.OVERPAID
    return events + [
        event_of(overpaid, after, row.source_id, row.applied, row.credit) for row in money if row.credit.minor > 0
    ]


def _cause(rows: Sequence[AppliedRow]) -> tuple[str | None, Money | None, Money | None]:
    return (rows[0].source_id, rows[0].applied, rows[0].credit) if rows else (None, None, None)


def _repeated(invoice: InvoiceRecord, before: AppliedRow, amount: Money) -> PaymentRecorded:
    if before.amount != amount:
        raise PaymentMismatch("amount", "this payment was recorded for this invoice before, with another amount")
    return PaymentRecorded(invoice, before.applied, before.credit, False, ())


def _require_currency(invoice: InvoiceRecord, amount: Money) -> None:
    if amount.currency != invoice.total.currency:
        raise PaymentMismatch("amount.currency", f"the invoice is in {invoice.total.currency}, not {amount.currency}")


async def _discount_of(invoice: InvoiceRecord) -> tuple[TaxShare, ...]:
    """What stands of the discounts that were taken, by tax."""
    if not invoice.standing.discount:
        return ()
    found: dict[object, TaxShare] = {}
    for row in await application_store.applications_of(invoice.id):
        for share in row.taxes:
            before = found.get(share.treatment)
            base, tax = (before.base_minor, before.tax_minor) if before else (0, 0)
            found[share.treatment] = TaxShare(
                treatment=share.treatment, base_minor=base + share.base_minor, tax_minor=tax + share.tax_minor
            )
    return tuple(found.values())


async def _earned(invoice: InvoiceRecord, *, without: str = "", amount: Money | None = None) -> Earned:
    """What the money of the invoice earns as a discount, `amount` of what came from a source not counted. Whatever took
    a discount itself was in time; a receipt came on its day, and all else when it was put to the invoice."""
    if invoice.document is None or agreed_of(invoice.document.content.terms).early_payment is None:
        return nothing_earned
    rows = await application_store.applications_of(invoice.id)
    came: dict[str, int] = {without: -amount.minor} if amount is not None else {}
    days = await application_store.received_on([row.source_id for row in rows if row.kind is ApplicationKind.RECEIPT])
    days |= {row.source_id: invoice.document.issue_date for row in rows if _took_discount(row)}
    for row in rows:
        if row.kind not in _NO_MONEY:
            brought = row.applied if row.kind is ApplicationKind.CREDIT else row.amount
            came[row.source_id] = came.get(row.source_id, 0) + brought.minor
            days.setdefault(row.source_id, row.applied_at.date())
    gone = sum(minor for minor in came.values() if minor < 0)
    there = [(days[source], minor) for source, minor in came.items() if minor > 0]
    return earned_by(invoice.document, [(date.min, gone), *there])


_NO_MONEY = (ApplicationKind.DISCOUNT, ApplicationKind.WRITE_OFF, ApplicationKind.CREDIT_NOTE)


def _took_discount(row: AppliedRow) -> bool:
    return row.kind is ApplicationKind.DISCOUNT and row.applied.minor > 0


async def _discount_gone(invoice: InvoiceRecord) -> tuple[TaxShare, ...]:
    """The discount that money took away by going back, in proportion to what no credit note has taken back since."""
    rows = await application_store.applications_of(invoice.id)
    notes = {row.source_id for row in rows if row.kind is ApplicationKind.CREDIT_NOTE}
    place = max((place for place, row in enumerate(rows) if row.kind is ApplicationKind.DISCOUNT), default=None)
    if place is None or rows[place].applied.minor > 0 or rows[place].source_id in notes:
        return ()
    since = sum(row.amount.minor for row in rows[place:] if row.kind is ApplicationKind.CREDIT_NOTE)
    left = invoice.standing.total - invoice.standing.credit_notes
    if not left:
        return ()
    off = round_fraction(Fraction(-rows[place].applied.minor * left, left + since))
    return scaled(rows[place].taxes, off)
