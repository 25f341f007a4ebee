"""What went wrong with a document that was issued: kept with it, told as an event when it is new, and when it is
solved."""

from __future__ import annotations

from datetime import datetime

from invoicing import problem_store as store
from invoicing import service as invoicing
from invoicing.documents import DocumentType
from invoicing.problems import ProblemKind
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.events import EventType
from orchestrator.ids import new_id
from orchestrator.notifications.service import record

_EVENTS = {
    ProblemKind.PDF: EventType.INVOICE_PDF_FAILED,
    ProblemKind.TEMPLATE: EventType.INVOICE_TEMPLATE_FAILED,
    ProblemKind.E_INVOICE: EventType.INVOICE_E_INVOICE_MISSING,
}


async def note_undrawn(document: InvoiceRecord, kind: ProblemKind, message: str) -> None:
    """The document could not be drawn; it has no PDF yet, unless another process was luckier meanwhile."""
    now = clock_port.now()
    async with transaction():
        if (await invoicing.locked(document.merchant_id, document.id)).pdf_sha256 is None:
            await _note(document, kind, message, now)


async def settle_drawn(document: InvoiceRecord, found: dict[ProblemKind, str], now: datetime) -> None:
    """The document is drawn, in the caller's transaction: with the problems that were found, and no others."""
    rest = tuple(kind for kind in ProblemKind if kind not in found)
    for kind in await store.solve(document.merchant_id, document.id, rest, now):
        await _tell_solved(document.merchant_id, document.id, kind, now)
    for kind, message in found.items():
        await _note(document, kind, message, now)


async def solve_templates(merchant_id: str, kind: DocumentType, now: datetime) -> None:
    """The template of the kind was replaced or taken away, in the caller's transaction."""
    for document_id in await store.solve_templates(merchant_id, kind, now):
        await _tell_solved(merchant_id, document_id, ProblemKind.TEMPLATE, now)


async def _note(document: InvoiceRecord, kind: ProblemKind, message: str, now: datetime) -> None:
    is_news = await store.note(
        new_id("dpr"),
        merchant_id=document.merchant_id,
        document_id=document.id,
        kind=kind,
        message=message,
        now=now,
    )
    if is_news:
        data = {"number": document.number, "message": message[: store.MAX_MESSAGE]}
        await record(_EVENTS[kind], document.merchant_id, document.id, data, now)


async def _tell_solved(merchant_id: str, document_id: str, kind: ProblemKind, now: datetime) -> None:
    await record(EventType.INVOICE_PROBLEM_SOLVED, merchant_id, document_id, {"kind": kind.value}, now)
