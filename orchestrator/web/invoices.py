"""The public pages of an invoice, by a signed link: what is owed and why, the files, the way to pay, a new link."""

import re
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from invoicing import service as invoicing
from invoicing.einvoice.errors import EInvoiceRefused, NotExpressible
from invoicing.einvoice.formats import Format
from invoicing.problems import ProblemKind
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import documents, invoice_links, paying
from orchestrator.billing.automatic_charge.letter import charge_notice
from orchestrator.billing.delivery import service as deliveries
from orchestrator.billing.delivery import store as delivery_store
from orchestrator.billing.delivery.states import DeliveryKind
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.billing.invoice_links import Opened
from orchestrator.db import hold, transaction
from orchestrator.errors import Conflict, NotFound
from orchestrator.gateways import store as gateway_store
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.web import csrf, page_policy, replies
from orchestrator.web.invoice_presenter import UNDER_WAY, invoice_badge, invoice_view
from orchestrator.web.invoice_views import ExpiredLinkView, InvoiceBadge
from orchestrator.web.locales import cookies_for, words_for
from orchestrator.web.looks import look_of
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.presenters import in_test_mode

BODY_MAX_BYTES = 5_000
REFRESH_S = 4  # while a payment is being applied; by header, since the page has no script
NEW_LINK_PAUSE = timedelta(minutes=15)
NEW_LINKS_A_DAY = 5
ROBOTS = {"X-Robots-Tag": "noindex, nofollow"}

PageRequest = Request[Any, Any, Any]


@get("/i/{link:str}")
async def invoice_page(request: PageRequest, link: FromPath[str]) -> Response[Any]:
    """The invoice in the visitor's language. Raises NotFound, also for a draft; 410 where the link has expired."""
    found = await _opened(link)
    if found.is_expired:
        return await _expired(request, link, found.invoice)
    invoice = found.invoice
    assert invoice.document is not None
    today, payment = clock_port.now().date(), await _payment_now(invoice)
    asked = paying.asked(invoice, today)
    words = words_for(request, invoice.document.content.locale)
    badge, csrf_token = invoice_badge(invoice, payment, asked, today), csrf.token_of(request)
    view = invoice_view(
        invoice,
        invoice.document,
        badge,
        asked,
        await invoicing.list_applications(invoice.merchant_id, invoice.id),
        words=words,
        address=f"/i/{link}",
        has_xml=_has_xml(invoice),
        csrf_token=csrf_token,
        test_mode=in_test_mode(await gateway_store.accounts_of(invoice.merchant_id)),
        today=today,
        look=await look_of(invoice.merchant_id),
        charge_notice=await charge_notice(invoice, words.locale),
    )
    # what waits for a person would reload for hours
    moving = (
        badge is InvoiceBadge.PROCESSING and payment is not None and payment.status is not PaymentStatus.NEEDS_REVIEW
    )
    cookies = (csrf.cookie_of(csrf_token), *cookies_for(request))
    return _unlisted(replies.page(view, cookies=cookies, refresh_s=REFRESH_S if moving else 0))


@get("/i/{link:str}/pdf")
async def invoice_pdf(request: PageRequest, link: FromPath[str]) -> Response[Any]:
    """The document as it was issued. Raises NotFound; 410 where the link has expired."""
    found = await _opened(link)
    if found.is_expired:
        return await _expired(request, link, found.invoice)
    content = await documents.pdf_of(found.invoice.merchant_id, found.invoice.id)
    return _file(found.invoice, content, "application/pdf", "pdf", "inline")


@get("/i/{link:str}/xml")
async def invoice_xml(request: PageRequest, link: FromPath[str]) -> Response[Any]:
    """The e-invoice as it is mailed: the file beside the PDF, else the one in it. Raises NotFound, also where there is
    none; 410 where the link has expired."""
    found = await _opened(link)
    if found.is_expired:
        return await _expired(request, link, found.invoice)
    beside = await einvoices.attachment_for(found.invoice)
    if beside is not None:
        return _file(found.invoice, beside[1], "application/xml", "xml", "attachment")
    try:
        made = await einvoices.einvoice_of(found.invoice.merchant_id, found.invoice.id, Format.FACTUR_X)
    except (EInvoiceRefused, NotExpressible):
        raise NotFound("e-invoice", found.invoice.number or "") from None
    return _file(found.invoice, made.xml, "application/xml", "xml", "attachment")


@post("/i/{link:str}/pay", request_max_body_size=BODY_MAX_BYTES)
async def pay_invoice(request: PageRequest, link: FromPath[str]) -> Response[Any]:
    """To the checkout of the invoice's one payment, over exactly what the page showed; back to the invoice where that
    has changed, or nothing is left to pay. 410 where the link has expired."""
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    found = await _opened(link)
    if found.is_expired:
        return await _expired(request, link, found.invoice)
    try:
        in_full = form.get("what") == "all"
        payment = await paying.payment_for(found.invoice, in_full=in_full)
    except Conflict:
        return replies.redirect(f"/i/{link}")
    under_way = payment.status in UNDER_WAY - {PaymentStatus.PROCESSING}
    changed = str(form.get("shown") or payment.amount.minor) != str(payment.amount.minor)
    return replies.redirect(f"/i/{link}" if under_way or changed else f"/pay/{payment.public_token}")


@post("/i/{link:str}/renew", request_max_body_size=BODY_MAX_BYTES)
async def renew_link(request: PageRequest, link: FromPath[str]) -> Response[Any]:
    """Have a new link mailed to the address on the invoice, which is not shown. Raises NotFound."""
    csrf.check(request, (await request.form()).get(CSRF_FIELD))
    found = await _opened(link)
    if not found.is_expired:
        return replies.redirect(f"/i/{link}")
    asked = await _ask_for_link(found.invoice)
    words = words_for(request, found.invoice.locale)
    if asked:
        title = words.say("A new link is on its way")
        sentence = words.say("It should arrive within a few minutes, at the e-mail address on the invoice.")
    else:
        title = words.say("A link was sent not long ago")
        sentence = words.say("Please look into your mail, or try again later.")
    look = await look_of(found.invoice.merchant_id)
    view = ExpiredLinkView(words, _seller(found.invoice), title, (sentence,), address=f"/i/{link}", look=look)
    return _unlisted(replies.page(view, status=200 if asked else 429, cookies=cookies_for(request)))


async def _opened(link: str) -> Opened:
    found = await invoice_links.opened(link, clock_port.now())
    if found is None:
        raise NotFound("invoice", link[:20])
    return found


async def _ask_for_link(invoice: InvoiceRecord) -> bool:
    """Whether a new link is mailed now: not more often than now and then, whoever asks."""
    assert invoice.document is not None
    now, kind = clock_port.now(), DeliveryKind.LINK
    async with transaction():
        await hold(f"invoice-link:{invoice.id}")
        recent = await delivery_store.sent_since(invoice.id, kind, now - NEW_LINK_PAUSE)
        today = await delivery_store.sent_since(invoice.id, kind, now - timedelta(days=1))
        if recent or today >= NEW_LINKS_A_DAY:
            return False
        to = invoice.document.content.buyer.email
        await deliveries.request(invoice.merchant_id, object_id=invoice.id, kind=kind, to=to)
    return True


async def _expired(request: PageRequest, link: str, invoice: InvoiceRecord) -> Response[Any]:
    """In the place of what the link once led to."""
    words, csrf_token = words_for(request, invoice.locale), csrf.token_of(request)
    seller, by_mail = _seller(invoice), bool(invoice.document and invoice.document.content.buyer.email)
    sentences = [words.say("For your protection, links to invoices work for a limited time only.")]
    if by_mail:
        sentences.append(words.say("It goes to the e-mail address on the invoice."))
    else:
        sentences.append(words.say("Please ask {merchant} for a new link.", merchant=seller))
    view = ExpiredLinkView(
        words,
        seller,
        words.say("This link has expired"),
        tuple(sentences),
        renew_url=f"/i/{link}/renew" if by_mail else "",
        csrf_token=csrf_token,
        look=await look_of(invoice.merchant_id),
    )
    cookies = (csrf.cookie_of(csrf_token), *cookies_for(request))
    return _unlisted(replies.page(view, status=410, cookies=cookies))


def _seller(invoice: InvoiceRecord) -> str:
    return invoice.draft.seller.name


def _file(invoice: InvoiceRecord, content: bytes, media_type: str, ending: str, disposition: str) -> Response[Any]:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", invoice.number or "") or "invoice"
    headers = {**page_policy.headers(), **ROBOTS, "Content-Disposition": f'{disposition}; filename="{name}.{ending}"'}
    return Response(content, media_type=media_type, headers=headers)


def _unlisted(response: Response[Any]) -> Response[Any]:
    response.headers.update(ROBOTS)
    return response


def _has_xml(invoice: InvoiceRecord) -> bool:
    """Whether the PDF was made with an e-invoice in it."""
    return invoice.pdf_sha256 is not None and all(one.kind is not ProblemKind.E_INVOICE for one in invoice.problems)


async def _payment_now(invoice: InvoiceRecord) -> PaymentRow | None:
    """The payment that `paying.payment_for` would give, without making one: its `source` counts those applied."""
    if invoice.state not in paying.PAYABLE:
        return None
    applied = await invoicing.list_payments(invoice.merchant_id, invoice.id)
    return await payment_store.payment_by_source(f"{invoice.id}/{len(applied)}")


ROUTES = [invoice_page, invoice_pdf, invoice_xml, pay_invoice, renew_link]
