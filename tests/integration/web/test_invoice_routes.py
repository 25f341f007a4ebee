"""The public invoice page: what it shows at each stage, and that it is paid once."""

from __future__ import annotations

from decimal import Decimal

import pytest_asyncio
from payment_shop import Shop
from web_driving import Visitor

from invoicing.documents import BankAccount, DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays
from orchestrator.billing import applying
from orchestrator.billing import service as billing
from orchestrator.payments import service as payments

SELLER = Party(
    name="Nordlicht GmbH", country="DE", address_lines=("Hafenstraße 1",), postal_code="20457", city="Hamburg"
)
BUYER = Party(name="Sakura Books Ltd", country="DE")
DRAFT = DraftInvoice(
    seller=SELLER,
    buyer=BUYER,
    currency="EUR",
    lines=(Line("Requests", Decimal(10_000), Decimal("0.0125"), TaxTreatment(TaxKind.VAT, 1900)),),
    terms=NetDays(30),
    bank=BankAccount(holder="Nordlicht GmbH", iban="DE89370400440532013000"),
)


@pytest_asyncio.fixture(loop_scope="session")
async def invoice(shop: Shop) -> InvoiceRecord:
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    return await billing.finalize(shop.merchant_id, draft.id, send_mail=False)


async def checkout_of(visitor: Visitor, invoice: InvoiceRecord) -> str:
    answer = await visitor.submit(f"/i/{invoice.public_token}/pay", f"/i/{invoice.public_token}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_the_page_shows_the_document_with_exact_prices(invoice: InvoiceRecord, visitor: Visitor) -> None:
    html = (await visitor.open(f"/i/{invoice.public_token}", **{"accept-language": "de"})).text
    for words in (invoice.number or "", "10.000", "0,0125\u00a0EUR", "125,00\u00a0€", "148,75\u00a0€", "19\u00a0%"):
        assert words in html
    assert "DE89 3704 0044 0532 0130 00" in html


async def test_a_draft_has_no_page(shop: Shop, visitor: Visitor) -> None:
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    assert (await visitor.open(f"/i/{draft.public_token}")).status_code == 404
    assert (await visitor.open(f"/i/{draft.public_token}/pdf")).status_code == 404


async def test_the_pdf_is_the_issued_document(invoice: InvoiceRecord, visitor: Visitor) -> None:
    answer = await visitor.open(f"/i/{invoice.public_token}/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert f'filename="{invoice.number}.pdf"' in answer.headers["content-disposition"]


async def test_two_visits_pay_through_the_same_checkout(invoice: InvoiceRecord, visitor: Visitor) -> None:
    assert await checkout_of(visitor, invoice) == await checkout_of(visitor, invoice)


async def test_paying_needs_the_pages_own_form(invoice: InvoiceRecord, visitor: Visitor) -> None:
    answer = await visitor.client.post(f"/i/{invoice.public_token}/pay", data={})
    assert answer.status_code == 403
    assert "nothing was done" in answer.text


async def test_a_paid_invoice_is_processing_until_applied_then_paid(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor
) -> None:
    page, checkout = f"/i/{invoice.public_token}", await checkout_of(visitor, invoice)
    token = checkout.removeprefix("/pay/")
    answer = (await visitor.pay(token, await shop.card())).json()
    assert answer["status"] == "succeeded"
    assert answer["url"].startswith(f"http://clearway.test{page}?payment_id=pay_")

    waiting = await visitor.open(page)
    assert "Payment in progress" in waiting.text
    assert waiting.headers["refresh"] == "4"
    assert f"{page}/pay" not in waiting.text

    await applying.apply_payment((await payments.by_token(token)).id)
    paid = await visitor.open(page)
    assert "Paid on" in paid.text
    assert "refresh" not in paid.headers


async def test_an_invoice_that_was_just_paid_is_not_paid_again(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor
) -> None:
    form = await visitor.token_on(f"/i/{invoice.public_token}")
    token = (await checkout_of(visitor, invoice)).removeprefix("/pay/")
    await visitor.pay(token, await shop.card())
    for _ in range(2):  # before and after it is applied
        again = await visitor.client.post(f"/i/{invoice.public_token}/pay", data={"_csrf_token": form})
        assert again.headers["location"] == f"/i/{invoice.public_token}"
        await applying.apply_payment((await payments.by_token(token)).id)
