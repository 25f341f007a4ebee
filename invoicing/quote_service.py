"""Quotes and pro formas: numbered documents that move no money, of which an invoice is made when they are accepted."""

from __future__ import annotations

from datetime import date

import msgspec

from invoicing import store
from invoicing.documents import DocumentType, DraftInvoice
from invoicing.errors import InvoiceNotFound, WrongState
from invoicing.lifecycle import InvoiceState, require_transition
from invoicing.store import InvoiceRecord

OFFERS = frozenset({DocumentType.QUOTE, DocumentType.PROFORMA})


def is_expired(quote: InvoiceRecord, today: date) -> bool:
    """Whether its last day is over and nobody has answered."""
    return quote.state is InvoiceState.ISSUED and quote.valid_until is not None and quote.valid_until < today


async def answer(quote_id: str, *, merchant_id: str, state: InvoiceState, today: date) -> InvoiceRecord:
    """Accept or decline an issued quote, once. Raises InvoiceNotFound, WrongState (answered, or too late)."""
    store.require_transaction()
    quote = await store.lock_invoice(merchant_id, quote_id)
    if quote is None or quote.kind not in OFFERS:
        raise InvoiceNotFound(quote_id)
    if is_expired(quote, today) and state is InvoiceState.ACCEPTED:
        raise WrongState("valid_until", f"the quote was valid until {quote.valid_until}; make another")
    require_transition(quote.state, state)
    await store.update_state(quote_id, expected=quote.state, state=state)
    return quote


def as_invoice(quote: InvoiceRecord) -> DraftInvoice:
    """The content of the quote as that of an invoice."""
    return msgspec.structs.replace(quote.draft, type=DocumentType.INVOICE)
