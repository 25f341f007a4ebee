"""What an invoice asks of its buyer on a day, and the payment behind the page on which the buyer pays it.

An invoice row and a payment row are never locked in one transaction: a captured payment comes here through the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec
from msgspec import structs

from currency.money import Money
from invoicing import service as invoicing
from invoicing.documents import IssuedInvoice
from invoicing.lifecycle import InvoiceState
from invoicing.reminders import parts_left
from invoicing.settling import discount_left, discountable
from invoicing.store import InvoiceRecord, find_invoice_by_id
from invoicing.terms import Sufficient, discount_at
from invoicing.terms.agreed import agreed_of
from orchestrator import clock_port, outbox
from orchestrator.billing import invoice_links
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.ledger.service import AccountKind
from orchestrator.payments import driver, tidying
from orchestrator.payments import service as payments
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.payments.service import NewPayment

PAYABLE = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID})
OUTDATED = "invoice.payment_outdated"  # the outbox topic: subject is the invoice


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked on one day. `suffices` settles the invoice: what is owed, less the `discount` that is offered until
    `discount_until`. Of an invoice in instalments `parts` are those still open, by due date, and `now` is what of them
    is due, or the next one where none is."""

    owed: Money
    suffices: Money
    now: Money
    discount: Money
    discount_until: date | None = None
    parts: tuple[tuple[date, Money], ...] = ()


def public_url(invoice: InvoiceRecord) -> str:
    """Where the buyer sees and pays the invoice: a link made today."""
    return invoice_links.url_of(invoice, clock_port.now().date())


def asked(invoice: InvoiceRecord, today: date) -> Asked:
    """What the page shows on that day, and what its checkout asks for."""
    owed, nothing = invoice.owed, Money.zero(invoice.total.currency)
    if invoice.document is None or not owed.minor:
        return Asked(owed, owed, owed, nothing)
    offered = _offered(invoice.document, discountable(invoice.standing, invoice.document), today)
    if offered.discount.minor and discount_left(invoice.standing, invoice.document, today):
        # never down to nothing: what settles an invoice is a payment
        suffices = max(owed - offered.discount, min(owed, Money(1, owed.currency)))
        return Asked(owed, suffices, suffices, owed - suffices, offered.last_day)
    parts = _parts(invoice.document, owed)
    due = Money(sum(amount.minor for day, amount in parts if day <= today), owed.currency)
    now = due if due.minor else parts[0][1] if parts else owed
    return Asked(owed, owed, now, nothing, parts=parts)


async def give_way(payment_id: str) -> bool:
    """Whether the page's payment is canceled now, so that another can take its place: only one that nobody has begun to
    pay is."""
    now = clock_port.now()
    async with transaction():
        payment = await payment_store.lock_payment(payment_id)
        assert payment is not None
        story = await payment_store.story_of(payment)
        is_idle = payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD and not payment.cancel_requested
        if not is_idle or any(op.open for op in story.operations) or tidying.winner_of(story):
            return payment.status is PaymentStatus.CANCELED
        await payment_store.update_payment(payment_id, {"cancel_requested": True}, now)
        canceling = structs.replace(payment, cancel_requested=True)
        await driver.proceed(structs.replace(story, payment=canceling), now)
    return True


async def settled_otherwise(invoice: InvoiceRecord) -> None:
    """Something else than its payment has settled a part of the invoice, in the caller's transaction: after that a page
    that somebody left open must not take it once more."""
    await outbox.enqueue(OUTDATED, invoice.id, clock_port.now())


async def withdraw_outdated(invoice_id: str) -> None:
    """Cancel the invoice's payment where nobody has begun it and it asks for more than is owed. One of an uncollectible
    invoice stays: it recovers what was given up."""
    invoice = await find_invoice_by_id(invoice_id)
    if invoice is None or invoice.state is InvoiceState.UNCOLLECTIBLE:
        return
    applied = await invoicing.list_payments(invoice.merchant_id, invoice.id)
    existing = await payment_store.payment_by_source(f"{invoice.id}/{len(applied)}")
    if existing is not None and existing.amount > invoice.owed:
        await give_way(existing.id)


def due_now(invoice: InvoiceRecord, today: date) -> Money:
    """What settles the invoice on that day: what is owed, less the discount for paying early where there is one."""
    return asked(invoice, today).suffices


async def payment_for(invoice: InvoiceRecord, *, in_full: bool = True) -> PaymentRow:
    """The one payment by which the invoice can be paid now, made when it is first asked for: over all that settles it,
    or else over what is due of its instalments.

    Two tabs get the same one: `source` counts the payments applied so far and is unique among open payments. Where what
    is asked has changed since, the one that nobody has begun to pay gives way to another. Raises Conflict when nothing
    is owed.
    """
    # Counted before what is owed is read anew: of a payment that is applied in between the invoice knows then, and the
    # old count is a source that is taken. So nobody is asked for what was just paid.
    applied = await invoicing.list_payments(invoice.merchant_id, invoice.id)
    invoice = await invoicing.get(invoice.merchant_id, invoice.id)
    if invoice.state not in PAYABLE or invoice.document is None:
        raise Conflict(f"The invoice is {invoice.state.value}: nothing is owed.")
    wanted = asked(invoice, clock_port.now().date())
    due = wanted.suffices if in_full else wanted.now
    source = f"{invoice.id}/{len(applied)}"
    existing = await payment_store.payment_by_source(source)
    if existing is not None:
        if existing.amount == due or existing.status is not PaymentStatus.REQUIRES_PAYMENT_METHOD:
            return existing
        if not await give_way(existing.id):  # somebody has just begun to pay it: then that is the one
            return existing
    new = NewPayment(
        merchant_id=invoice.merchant_id,
        amount=due,
        country=invoice.document.content.buyer.country,
        customer_id=invoice.customer_id,
        reference=invoice.number,
        description=invoice.number or "",
        locale=invoice.document.content.locale,
        return_url=public_url(invoice),
        source=source,
        credit_kind=AccountKind.CUSTOMER_RECEIVABLE,
    )
    try:
        return await payments.create(new)
    except payment_store.SourceTaken:
        existing = await payment_store.payment_by_source(source)
        assert existing is not None
        return existing


def _offered(document: IssuedInvoice, asked_in_all: Money, today: date) -> Sufficient:
    """The discount as it is printed: what is let pass beyond that (later, or a little less) is not offered."""
    terms = agreed_of(document.content.terms)
    if terms.early_payment is not None:
        early = msgspec.structs.replace(terms.early_payment, late_accepted_days=0, short_accepted_minor=0)
        terms = msgspec.structs.replace(terms, early_payment=early)
    return discount_at(terms, asked_in_all, document.issue_date, today)


def _parts(document: IssuedInvoice, owed: Money) -> tuple[tuple[date, Money], ...]:
    """What of each instalment is open, where there are any; whatever settled something went to the earliest."""
    return tuple(parts_left(document, owed)) if agreed_of(document.content.terms).instalments else ()
