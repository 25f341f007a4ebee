"""Bills what letters have claimed for a delay: an invoice of its own over interest and fees, each part billed once.

It is drafted outside the scope of VAT. Interest for paying late is no consideration for the supply: Court of Justice,
case 222/81 BAZ Bausystem (eur-lex.europa.eu/legal-content/EN/ALL/?uri=CELEX%3A61981CJ0222), and in the United Kingdom
VATSC06810 (gov.uk/hmrc-internal-manuals/vat-supply-and-consideration/vatsc06810). What a contract calls a fee may be
consideration all the same: it is a draft, whose tax the merchant can change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from currency.money import Money, to_major
from invoicing import application_service as applications
from invoicing import reminder_store
from invoicing.catalogues import catalogue_of
from invoicing.documents import DraftInvoice, IssuedInvoice, Line
from invoicing.reminder_store import BilledRow
from invoicing.reminders import Billed
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays
from orchestrator import clock_port
from orchestrator.billing.service import draft_within
from orchestrator.db import transaction
from orchestrator.errors import Conflict
from orchestrator.ids import new_id

DUE_DAYS = 14


async def draft_late_charges(merchant_id: str, invoice_id: str, idempotency_id: str | None = None) -> InvoiceRecord:
    """A draft over what was claimed of the invoice's delay and is in no other invoice; `origin_id` is the invoice.

    What was billed is claimed by no further letter. A draft that is deleted has billed nothing. Raises InvoiceNotFound,
    Conflict where nothing is left to bill.
    """
    async with transaction():
        invoice = await applications.lock(merchant_id, invoice_id)
        left = await _unbilled(invoice)
        if not left or invoice.document is None:
            raise Conflict(
                "No letter has claimed interest or a fee that is not billed already. A step of the reminder policy asks"
                " for them by with_late_charge or fees."
            )
        draft = _draft(invoice.document, left)
        made = await draft_within(merchant_id, invoice.customer_id, draft, idempotency_id, origin_id=invoice.id)
        for part_due, charge in left.items():
            await reminder_store.insert_billed(_billed(invoice, part_due, charge, made.id))
    return made


async def _unbilled(invoice: InvoiceRecord) -> dict[date, Billed]:
    """By part, the most that a letter came to less what is billed. A fixed sum in another currency is not in it."""
    claimed: dict[date, Billed] = {}
    nothing = Money.zero(invoice.total.currency)
    for row in await reminder_store.reminders_of(invoice.id):
        before = claimed.get(row.part_due, Billed(nothing, nothing))
        interest, fee = Money(row.interest_minor, row.currency), Money(row.fee_minor, row.currency)
        claimed[row.part_due] = Billed(max(before.interest, interest), max(before.fee, fee))
    gone: dict[date, list[BilledRow]] = defaultdict(list)
    for billed in await reminder_store.billed_of(invoice.id):
        gone[billed.part_due].append(billed)
    left = {
        part: Billed(
            max(most.interest - Money(sum(row.interest_minor for row in gone[part]), nothing.currency), nothing),
            max(most.fee - Money(sum(row.fee_minor for row in gone[part]), nothing.currency), nothing),
        )
        for part, most in claimed.items()
    }
    return {part: charge for part, charge in left.items() if charge != Billed(nothing, nothing)}


def _draft(document: IssuedInvoice, left: dict[date, Billed]) -> DraftInvoice:
    content = document.content
    return DraftInvoice(
        seller=content.seller,
        buyer=content.buyer,
        currency=content.currency,
        lines=tuple(_lines(document, left)),
        terms=NetDays(DUE_DAYS),
        locale=content.locale,
        buyer_reference=content.buyer_reference,
        bank=content.bank,
        purchase_order=content.purchase_order,
        project=content.project,
    )


def _lines(document: IssuedInvoice, left: dict[date, Billed]) -> Iterator[Line]:
    say = catalogue_of(document.content.locale).gettext
    for charge in left.values():
        for text, amount in ((say("Late payment interest"), charge.interest), (say("Late payment fee"), charge.fee)):
            if amount.minor:
                yield Line(
                    f"{text}: {document.number}",
                    Decimal(1),
                    to_major(amount),
                    TaxTreatment(TaxKind.OUTSIDE_SCOPE),
                )


def _billed(invoice: InvoiceRecord, part_due: date, charge: Billed, charged_by: str) -> BilledRow:
    return BilledRow(
        id=new_id("lcb"),
        merchant_id=invoice.merchant_id,
        invoice_id=invoice.id,
        part_due=part_due,
        charged_by=charged_by,
        currency=invoice.total.currency,
        interest_minor=charge.interest.minor,
        fee_minor=charge.fee.minor,
        created_at=clock_port.now(),
    )
