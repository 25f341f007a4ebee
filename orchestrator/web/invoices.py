"""The public invoice page: what is owed, the PDF, and the way to pay it."""

import re
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from invoicing import service as invoicing
from invoicing.store import InvoiceRecord
from orchestrator import clock_port
from orchestrator.billing import documents, paying
from orchestrator.errors import Conflict, NotFound
from orchestrator.gateways import store as gateway_store
from orchestrator.payments import store as payment_store
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.web import csrf, replies
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.presenters import PAYABLE, UNDER_WAY, in_test_mode, invoice_badge, invoice_view
from orchestrator.web.views import InvoiceBadge

BODY_MAX_BYTES = 5_000
REFRESH_S = 4  # while a payment is being applied; by header, since the page has no script


@get("/i/{public_token:str}")
async def invoice_page(request: Request[Any, Any, Any], public_token: FromPath[str]) -> Response[str]:
    """The invoice in the visitor's language. Raises NotFound, also for a draft."""
    invoice = await _found(public_token)
    assert invoice.document is not None
    payment = await _payment_now(invoice)
    badge = invoice_badge(invoice, payment, clock_port.now().date())
    csrf_token = csrf.token_of(request)
    accounts = await gateway_store.accounts_of(invoice.merchant_id)
    view = invoice_view(
        invoice,
        invoice.document,
        badge,
        locale=replies.locale_for(request),
        csrf_token=csrf_token,
        test_mode=in_test_mode(accounts),
    )
    # what waits for a person would reload for hours
    moving = (
        badge is InvoiceBadge.PROCESSING and payment is not None and payment.status is not PaymentStatus.NEEDS_REVIEW
    )
    cookies = (csrf.cookie_of(csrf_token), *replies.locale_cookies(request))
    return replies.page(view, cookies=cookies, refresh_s=REFRESH_S if moving else 0)


@get("/i/{public_token:str}/pdf")
async def invoice_pdf(public_token: FromPath[str]) -> Response[bytes]:
    """The document as it was issued. Raises NotFound."""
    invoice = await _found(public_token)
    content = await documents.pdf_of(invoice.merchant_id, invoice.id)
    name = re.sub(r"[^A-Za-z0-9._-]", "-", invoice.number or "")
    headers = {
        "Content-Disposition": f'inline; filename="{name or "invoice"}.pdf"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin",
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type="application/pdf", headers=headers)


@post("/i/{public_token:str}/pay", request_max_body_size=BODY_MAX_BYTES)
async def pay_invoice(request: Request[Any, Any, Any], public_token: FromPath[str]) -> Response[None]:
    """To the checkout of the invoice's one payment; back to the invoice where nothing is left to pay."""
    csrf.check(request, (await request.form()).get(CSRF_FIELD))
    invoice = await _found(public_token)
    try:
        payment = await paying.payment_for(invoice)
    except Conflict:
        return replies.redirect(f"/i/{public_token}")
    under_way = payment.status in UNDER_WAY - {PaymentStatus.PROCESSING}
    return replies.redirect(f"/i/{public_token}" if under_way else f"/pay/{payment.public_token}")


async def _found(public_token: str) -> InvoiceRecord:
    invoice = await invoicing.find_public(public_token)
    if invoice is None:
        raise NotFound("invoice", public_token)
    return invoice


async def _payment_now(invoice: InvoiceRecord) -> PaymentRow | None:
    """The payment that `paying.payment_for` would give, without making one: its `source` counts those applied."""
    if invoice.state not in PAYABLE:
        return None
    applied = await invoicing.list_payments(invoice.merchant_id, invoice.id)
    return await payment_store.payment_by_source(f"{invoice.id}/{len(applied)}")
