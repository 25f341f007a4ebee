"""The verbs of quotes and pro formas: accepted, which drafts their invoice, or declined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from invoicing import quote_service as quotes
from invoicing import service as invoicing
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord, invoices_made_from
from orchestrator import clock_port
from orchestrator.access.store import bind_idempotency
from orchestrator.billing.reminders.policy import today_of
from orchestrator.billing.service import draft_within
from orchestrator.db import transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.events import EventType
from orchestrator.notifications.service import record


async def get(merchant_id: str, quote_id: str) -> InvoiceRecord:
    """Raises NotFound, also for a document that is no quote and no pro forma."""
    found = await invoicing.get(merchant_id, quote_id)
    if found.kind not in quotes.OFFERS:
        raise NotFound("quote", quote_id)
    return found


async def invoices_of(found: Sequence[InvoiceRecord]) -> dict[str, str]:
    """The invoices that these quotes of a merchant became, by the quote's id; none where its draft was deleted."""
    accepted = [quote.id for quote in found if quote.state is InvoiceState.ACCEPTED]
    return await invoices_made_from(found[0].merchant_id, accepted) if accepted else {}


async def require_in_time(quote: InvoiceRecord, issue_date: date | None) -> None:
    """Raises InvalidField where the quote would be issued after its own last day."""
    if quote.valid_until is None:
        return
    if quote.valid_until < (issue_date or await today_of(quote.merchant_id)):
        raise InvalidField("valid_until", f"was {quote.valid_until}, before the issue: change the draft to a later day")


async def accept(merchant_id: str, quote_id: str, idempotency_id: str | None = None) -> InvoiceRecord:
    """The draft of the invoice that the quote becomes. Raises InvoiceNotFound, WrongState after its last day."""
    now, today = clock_port.now(), await today_of(merchant_id)
    async with transaction():
        quote = await quotes.answer(quote_id, merchant_id=merchant_id, state=InvoiceState.ACCEPTED, today=today)
        draft = await draft_within(
            merchant_id, quote.customer_id, quotes.as_invoice(quote), reference=quote.reference, origin_id=quote_id
        )
        data = {"number": quote.number, "invoice": draft.id}
        await record(EventType.QUOTE_ACCEPTED, merchant_id, quote_id, data, now)
        if idempotency_id:
            await bind_idempotency(idempotency_id, draft.id)
    return draft


async def decline(
    merchant_id: str, quote_id: str, reason: str = "", idempotency_id: str | None = None
) -> InvoiceRecord:
    """Raises InvoiceNotFound, WrongState."""
    now, today = clock_port.now(), await today_of(merchant_id)
    async with transaction():
        quote = await quotes.answer(quote_id, merchant_id=merchant_id, state=InvoiceState.DECLINED, today=today)
        data = {"number": quote.number, "reason": reason}
        await record(EventType.QUOTE_DECLINED, merchant_id, quote_id, data, now)
        if idempotency_id:
            await bind_idempotency(idempotency_id, quote_id)
    return await invoicing.get(merchant_id, quote_id)
