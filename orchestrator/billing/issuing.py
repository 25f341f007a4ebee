"""Issues drafts: one, or many of a merchant together, for all of which the database is asked once.

What speaks against a draft is found before any number is taken, and refuses that draft alone. What is raised after that
takes the whole transaction back, numbers included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from invoicing import service as invoicing
from invoicing.documents import DocumentType, DraftInvoice
from invoicing.errors import InvoicingError
from invoicing.service import Changed
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import prepaying, tax_rates, telling
from orchestrator.billing.automatic_charge import service as automatic_charge
from orchestrator.billing.bookings import book_issued
from orchestrator.billing.einvoices import rules as einvoice_rules
from orchestrator.billing.einvoices.rules import Wishes
from orchestrator.billing.issue_dates import day_of_issue
from orchestrator.billing.reminders import service as reminders
from orchestrator.billing.sending import queue_within
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record
from orchestrator.tax_ids import at_issue as vat_ids
from orchestrator.tax_ids.store import VatIdRow


@dataclass(frozen=True, slots=True)
class Issue:
    """How drafts are issued: today, where the merchant is, without a date; in the kind's own series where none is
    named."""

    issue_date: date | None = None
    send_mail: bool = True
    kind: DocumentType = DocumentType.INVOICE
    series: str | None = None


class NotTogether(Exception):
    """What a draft with a deposit leaves of its customer's credit must be known before the next one is looked at."""


def is_alone(draft: InvoiceRecord) -> bool:
    """Whether it cannot be issued together with others."""
    return draft.draft.prepaid > 0


async def issue_within(
    merchant_id: str, invoice_ids: Sequence[str], how: Issue
) -> list[InvoiceRecord | InvoicingError]:
    """Issue these drafts in this order, in the caller's transaction: each as it is then, or why it was refused.

    Raises SeriesNotFound, SeriesTaken and InvalidInvoice (a date to come), which are about all of them, and
    NotTogether; the caller rolls back.
    """
    now = clock_port.now()
    group = _Group(merchant_id, how, now, await day_of_issue(merchant_id, how.issue_date))
    outcomes = await invoicing.finalize_many(
        invoice_ids,
        merchant_id=merchant_id,
        issue_date=group.on,
        now=now,
        kind=how.kind,
        series=how.series,
        new_id=lambda: new_id("ser"),
        prepare=group.prepare,
        in_order=how.issue_date is not None,
    )
    issued = await group.settle([one for one in outcomes if not isinstance(one, InvoicingError)])
    return [one if isinstance(one, InvoicingError) else issued[one.invoice.id] for one in outcomes]


@dataclass(slots=True)
class _Group:
    """Drafts that are issued together, and what was found out about them before they had numbers."""

    merchant_id: str
    how: Issue
    now: datetime
    on: date
    wishes: Wishes = field(default_factory=Wishes)
    deposits: prepaying.Sources = ()  # of a draft that is alone
    vat_ids: Mapping[str, VatIdRow] = field(default_factory=dict)

    async def prepare(self, drafts: Sequence[InvoiceRecord]) -> list[DraftInvoice | InvoicingError]:
        """What each of the locked drafts will say, or what speaks against it."""
        if len(drafts) > 1 and any(map(is_alone, drafts)):
            raise NotTogether
        self.wishes = await einvoice_rules.wishes_of(self.merchant_id, drafts)
        self.vat_ids = await vat_ids.known_of(self.merchant_id, [draft.draft for draft in drafts], self.now)
        contents: list[DraftInvoice | InvoicingError] = []
        for draft in drafts:
            try:
                contents.append(await self._prepared(draft))
            except InvoicingError as refused:
                contents.append(refused)
        return contents

    async def _prepared(self, draft: InvoiceRecord) -> DraftInvoice:
        if draft.kind is not DocumentType.INVOICE:
            return draft.draft
        self.deposits = await prepaying.secured(draft)
        content = await tax_rates.frozen(self.merchant_id, draft.draft, self.on)
        content = einvoice_rules.ready(draft, content, self.on, self.wishes, send=self.how.send_mail)
        await vat_ids.check(self.merchant_id, content, self.vat_ids, self.now)
        return content

    async def settle(self, issued: Sequence[Changed]) -> dict[str, InvoiceRecord]:
        """All that follows from the issue: books, events, deposits, what is rung for later. The documents by id."""
        documents = [one.invoice for one in issued]
        if self.how.kind is DocumentType.INVOICE:
            await book_issued(documents, at=self.now)
            await vat_ids.keep(documents, self.vat_ids, self.now)
            await telling.tell([event for one in issued for event in one.events], self.now)
            documents = [await prepaying.apply(invoice, self.deposits, self.now) for invoice in documents]
            await automatic_charge.schedule_within(documents, self.now)
            await reminders.schedule(documents)
        else:
            for quote in documents:
                await record(EventType.QUOTE_ISSUED, self.merchant_id, quote.id, {"number": quote.number}, self.now)
        if self.how.send_mail:
            for document in documents:
                await queue_within(document, self.wishes.of(document.customer_id))
        return {document.id: document for document in documents}
