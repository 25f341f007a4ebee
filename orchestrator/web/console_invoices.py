"""The console's invoices: the list with its filters, and one invoice with its mails, transmissions and reminders."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from currency.money import Money
from invoicing import reminder_store
from invoicing import service as invoicing
from invoicing.documents import DocumentType
from invoicing.errors import InvoiceNotFound, InvoicingError
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.store import InvoiceFilter, InvoiceRecord
from orchestrator import clock_port
from orchestrator.access.scopes import Scope
from orchestrator.access.store import bind_idempotency
from orchestrator.billing import sending
from orchestrator.billing import service as billing
from orchestrator.billing.automatic_charge import store as automatic_charge_store
from orchestrator.billing.delivery import store as delivery_store
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.billing.invoice_links import link_of
from orchestrator.billing.paying import PAYABLE
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders
from orchestrator.billing.transmissions import store as transmission_store
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, Conflict, NotFound
from orchestrator.web import replies
from orchestrator.web.console_desk import (
    NOTHING_SAID,
    Desk,
    Said,
    ask_back,
    asked,
    cursor,
    done,
    is_confirmed,
    older_url,
    once,
    open_desk,
    posted,
)
from orchestrator.web.console_invoice_views import InvoiceDetailView, LetterRow, SettledRow
from orchestrator.web.console_payments import PLACE as PAYMENTS
from orchestrator.web.console_views import InvoiceRow, InvoicesView, LinkView
from orchestrator.web.forms import BODY_MAX_BYTES, text_of

PLACE = "/console/invoices"
PAGE_ROWS, DELIVERIES_MAX, RELATED_MAX = 25, 50, 20
STATES = (
    InvoiceState.DRAFT,
    InvoiceState.OPEN,
    InvoiceState.PARTLY_PAID,
    InvoiceState.PAID,
    InvoiceState.CREDITED,
    InvoiceState.UNCOLLECTIBLE,
)
DONE = {
    "sent": "The mail is on its way. What became of it stands below.",
    "paused": "No reminder of this invoice goes out by itself until you resume them.",
    "resumed": "Reminders go on.",
    "disputed": "The invoice is marked as contested: nobody is reminded of it meanwhile.",
    "dispute_ended": "The invoice is no longer contested. Reminders go on.",
}


@get(PLACE)
async def invoices_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The newest invoices and drafts, or those that are looked for."""
    desk = await open_desk(request, Scope.INVOICES_READ)
    given = {"q": asked(request, "q", r".{1,100}"), "state": asked(request, "state", r"[a-z_]{1,20}")}
    state = InvoiceState(given["state"]) if given["state"] in {one.value for one in STATES} else None
    wanted = InvoiceFilter(state=state, text=given["q"] or None)
    found = await invoicing.list_invoices(
        desk.merchant_id, limit=PAGE_ROWS + 1, before_id=cursor(request, "inv"), wanted=wanted
    )
    shown = found[:PAGE_ROWS]
    next_url = older_url(PLACE, shown[-1].id, given) if len(found) > PAGE_ROWS else ""
    mails = await delivery_store.last_states(desk.merchant_id, [invoice.id for invoice in shown])
    rows = tuple(_row(invoice, mails.get(invoice.id, "")) for invoice in shown)
    return desk.page(InvoicesView(desk.shell, rows, next_url, given, tuple(one.value for one in STATES)))


@get(PLACE + "/{invoice_id:str}")
async def invoice_page(request: Request[Any, Any, Any], invoice_id: FromPath[str]) -> Response[str]:
    """One invoice. Raises NotFound, also for another merchant's."""
    desk = await open_desk(request, Scope.INVOICES_READ)
    return await _page(desk, invoice_id, done(request, DONE))


@post(PLACE + "/{invoice_id:str}/send", request_max_body_size=BODY_MAX_BYTES)
async def send_again(request: Request[Any, Any, Any], invoice_id: FromPath[str]) -> Response[Any]:
    """Mail the invoice again, to its buyer or elsewhere. Raises NotFound."""
    desk, form = await posted(request, Scope.INVOICES_WRITE)
    invoice, address = await _found(desk, invoice_id), f"{PLACE}/{invoice_id}"
    try:
        if invoice.document is None:
            raise Conflict("A draft is not sent. Issue it first.")
        to = sending.address_for(invoice, text_of(form, "to").strip() or None)
        if not is_confirmed(form):
            lines = (f"It goes to {to or invoice.draft.buyer.email}, with the PDF.",)
            return ask_back(desk, form, f"Send {invoice.number}?", lines, f"{address}/send", "Send it", address)

        async def work(claim: str) -> str:
            async with transaction():
                row = await sending.request_document(invoice, to)
                await bind_idempotency(claim, row.id)
            return "sent"

        word = await once(desk, form, f"{address}/send", work)
    except ClearwayError as refused:
        return await _page(desk, invoice_id, Said.no(refused))
    return replies.redirect(f"{address}?done={word}")


@post(PLACE + "/{invoice_id:str}/reminders", request_max_body_size=BODY_MAX_BYTES)
async def switch_reminders(request: Request[Any, Any, Any], invoice_id: FromPath[str]) -> Response[Any]:
    """Pause the invoice's reminders, or go on with them. Raises NotFound."""
    desk, form = await posted(request, Scope.INVOICES_WRITE)
    await _found(desk, invoice_id)
    pause = text_of(form, "do") == "pause"
    change = reminders_policy.pause_invoice if pause else reminders_policy.resume_invoice
    await change(desk.merchant_id, invoice_id)
    return replies.redirect(f"{PLACE}/{invoice_id}?done={'paused' if pause else 'resumed'}")


@post(PLACE + "/{invoice_id:str}/dispute", request_max_body_size=BODY_MAX_BYTES)
async def switch_dispute(request: Request[Any, Any, Any], invoice_id: FromPath[str]) -> Response[Any]:
    """Mark the invoice as contested, or no longer. Raises NotFound."""
    desk, form = await posted(request, Scope.INVOICES_WRITE)
    await _found(desk, invoice_id)
    begin = text_of(form, "do") == "begin"
    try:
        await billing.set_disputed(desk.merchant_id, invoice_id, begin)
    except InvoicingError as refused:
        return await _page(desk, invoice_id, Said(error=refused.message, status=409))
    return replies.redirect(f"{PLACE}/{invoice_id}?done={'disputed' if begin else 'dispute_ended'}")


async def _found(desk: Desk, invoice_id: str) -> InvoiceRecord:
    try:
        found = await invoicing.get(desk.merchant_id, invoice_id)
    except InvoiceNotFound:
        raise NotFound("invoice", invoice_id) from None
    if found.kind is not DocumentType.INVOICE:
        raise NotFound("invoice", invoice_id)
    return found


async def _page(desk: Desk, invoice_id: str, said: Said = NOTHING_SAID) -> Response[str]:
    invoice = await _found(desk, invoice_id)
    mails = await delivery_store.deliveries_of(desk.merchant_id, limit=DELIVERIES_MAX, object_id=invoice_id)
    standing = await reminders.standing(desk.merchant_id, invoice_id)
    draft = invoice.draft
    view = InvoiceDetailView(
        shell=desk.shell,
        id=invoice.id,
        number=invoice.number or "",
        state=invoice.state.value,
        buyer_name=draft.buyer.name,
        email=draft.buyer.email,
        customer_id=invoice.customer_id if desk.may(Scope.PAYMENTS_READ) else "",
        total=invoice.total,
        owed=invoice.owed,
        sums=_sums(invoice),
        issued_on=invoice.issue_date,
        due_on=invoice.due_date,
        reference=invoice.reference,
        disputed_at=invoice.disputed_at,
        problems=tuple(invoice.problems),
        settled=await _settled(desk, invoice_id),
        deliveries=tuple(mails),
        transmissions=tuple(
            await transmission_store.of_merchant(desk.merchant_id, limit=RELATED_MAX, document_id=invoice_id)
        ),
        letters=await _letters(invoice_id, mails),
        reminders_paused=standing.is_paused,
        next_reminder=standing.next_on,
        charge=await automatic_charge_store.find(invoice_id),
        related=await _related(desk, invoice),
        hosted_url=f"/i/{link_of(invoice, clock_port.now().date())}" if invoice.number else "",
        may_change=desk.may(Scope.INVOICES_WRITE),
        is_open=invoice.state in PAYABLE,
        is_overdue=_is_overdue(invoice),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


def _sums(invoice: InvoiceRecord) -> tuple[tuple[str, Money], ...]:
    standing, currency = invoice.standing, invoice.total.currency
    named = (
        ("Paid", invoice.paid.minor),
        ("Credited", standing.credited),
        ("Discount", standing.discount),
        ("Written off", standing.written_off),
    )
    return tuple((label, Money(minor, currency)) for label, minor in named if minor)


async def _settled(desk: Desk, invoice_id: str) -> tuple[SettledRow, ...]:
    return tuple(
        SettledRow(
            row.kind.value,
            row.applied,
            row.applied_at,
            f"{PAYMENTS}/{row.source_id}"
            if row.kind is ApplicationKind.PAYMENT and desk.may(Scope.PAYMENTS_READ)
            else "",
        )
        for row in await invoicing.list_applications(desk.merchant_id, invoice_id)
    )


async def _letters(invoice_id: str, mails: list[DeliveryRow]) -> tuple[LetterRow, ...]:
    state_of = {mail.object_id: mail.state.value for mail in reversed(mails)}
    return tuple(
        LetterRow(
            row.number,
            row.level,
            row.issued_on,
            row.deadline,
            row.letter.total,
            state_of.get(row.id, ""),
            row.letter.problem,
        )
        for row in await reminder_store.reminders_of(invoice_id)
    )


async def _related(desk: Desk, invoice: InvoiceRecord) -> tuple[LinkView, ...]:
    """What came of it: credit notes, what was issued anew, late charges."""
    wanted = InvoiceFilter(kind=None, origin_id=invoice.id)
    found = await invoicing.list_invoices(desk.merchant_id, limit=RELATED_MAX, wanted=wanted)
    return tuple(
        LinkView(
            row.number or f"{row.kind.value} (draft)".replace("_", " ").capitalize(),
            f"{PLACE}/{row.id}" if row.kind is DocumentType.INVOICE else "",
        )
        for row in found
    )


def _row(invoice: InvoiceRecord, mail: str) -> InvoiceRow:
    return InvoiceRow(
        number=invoice.number or "",
        url=f"{PLACE}/{invoice.id}",
        buyer_name=invoice.draft.buyer.name,
        issued_on=invoice.issue_date,
        due_on=invoice.due_date,
        total=invoice.total,
        due=invoice.owed,
        state=invoice.state.value,
        mail=mail,
        problems=tuple(one.kind.value for one in invoice.problems),
        is_disputed=invoice.disputed_at is not None,
        is_overdue=_is_overdue(invoice),
    )


def _is_overdue(invoice: InvoiceRecord) -> bool:
    return invoice.state in PAYABLE and invoice.due_date is not None and invoice.due_date < clock_port.now().date()


ROUTES = [invoices_page, invoice_page, send_again, switch_reminders, switch_dispute]
