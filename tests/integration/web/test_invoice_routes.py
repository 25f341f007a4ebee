"""The public invoice page: what it shows at each stage, that it is paid once, and that its link ends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import msgspec
import pytest
import pytest_asyncio
from payment_shop import Shop
from web_driving import Visitor

from currency.money import Money
from invoicing import service as invoicing
from invoicing.documents import Adjustment, BankAccount, DocumentAdjustment, DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, Instalment, NetDays
from orchestrator import clock_port
from orchestrator.access.secrets import sign
from orchestrator.billing import applying, credit_notes, documents, invoice_links, paying, sending, settling
from orchestrator.billing import service as billing
from orchestrator.billing.delivery import store as deliveries
from orchestrator.billing.delivery.states import DeliveryKind
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.customers import service as customers
from orchestrator.db import fetch
from orchestrator.payments import service as payments
from orchestrator.settings import get_settings

SELLER = Party(
    name="Nordlicht GmbH", country="DE", address_lines=("Hafenstraße 1",), postal_code="20457", city="Hamburg"
)
BUYER = Party(name="Sakura Books Ltd", country="DE", email="ap@sakura.example")
VAT = TaxTreatment(TaxKind.VAT, 1900)
DRAFT = DraftInvoice(
    seller=SELLER,
    buyer=BUYER,
    currency="EUR",
    lines=(Line("Requests", Decimal(10_000), Decimal("0.0125"), VAT),),
    terms=NetDays(30),
    bank=BankAccount(holder="Nordlicht GmbH", iban="DE89370400440532013000"),
)
SKONTO = AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),), late_accepted_days=3))
RATES = AgreedTerms(
    instalments=(Instalment(due=NetDays(5), share_bps=5_000), Instalment(due=NetDays(40), share_bps=5_000))
)


async def issued(shop: Shop, draft: DraftInvoice = DRAFT, days_ago: int = 0) -> InvoiceRecord:
    made = await billing.create_draft(shop.merchant_id, "cus_1", draft)
    on = clock_port.now().date() - timedelta(days=days_ago)
    return await billing.finalize(shop.merchant_id, made.id, issue_date=on, send_mail=False)


@pytest_asyncio.fixture(loop_scope="session")
async def invoice(shop: Shop) -> InvoiceRecord:
    return await issued(shop)


@pytest_asyncio.fixture(loop_scope="session")
async def letters(
    shop: Shop, simulator_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """The simulators' mailbox."""
    monkeypatch.setenv("SMTP_URL", f"smtp://{simulator_urls['smtp'].rpartition('/')[2]}")
    monkeypatch.setenv("CLEARWAY_MAIL_FROM", "Billing <billing@clearway.example>")
    get_settings.cache_clear()
    async with httpx.AsyncClient(base_url=simulator_urls["mail"]) as client:
        await client.delete("/messages")
        yield client


def path_of(invoice: InvoiceRecord) -> str:
    return f"/i/{invoice_links.link_of(invoice, clock_port.now().date())}"


def expired_path_of(invoice: InvoiceRecord, seconds_ago: int = 60) -> str:
    """A link that was good until then; ours, and signed."""
    until = int((clock_port.now() - timedelta(seconds=seconds_ago)).timestamp())
    signed = f"{invoice.public_token}.{until}"
    return f"/i/{signed}.{sign('invoice-link', signed)}"


async def checkout_of(visitor: Visitor, invoice: InvoiceRecord, **fields: str) -> str:
    answer = await visitor.submit(f"{path_of(invoice)}/pay", path_of(invoice), **fields)
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def asked_by(checkout: str) -> Money:
    return (await payments.by_token(checkout.removeprefix("/pay/"))).amount


async def test_the_page_shows_the_document_with_exact_prices(invoice: InvoiceRecord, visitor: Visitor) -> None:
    html = (await visitor.open(path_of(invoice), **{"accept-language": "de"})).text
    for words in (invoice.number or "", "10.000", "0,0125\u00a0EUR", "125,00\u00a0€", "148,75\u00a0€", "19\u00a0%"):
        assert words in html
    assert "DE89 3704 0044 0532 0130 00" in html
    assert re.search(r"RF\d\d INV2 026", html)  # what the code for banking apps carries


@pytest.mark.parametrize("language", ["fr", "el", "th", "ko", "zh-TW", "he"])
async def test_the_page_speaks_the_languages_of_documents(
    invoice: InvoiceRecord, visitor: Visitor, language: str
) -> None:
    html = (await visitor.open(path_of(invoice), **{"accept-language": language})).text
    assert "Amount due" not in html
    assert f'dir="{"rtl" if language == "he" else "ltr"}"' in html


async def test_a_draft_has_no_page(shop: Shop, visitor: Visitor) -> None:
    draft = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    assert (await visitor.open(path_of(draft))).status_code == 404
    assert (await visitor.open(f"{path_of(draft)}/pdf")).status_code == 404


async def test_the_files_are_those_of_the_issued_document(invoice: InvoiceRecord, visitor: Visitor) -> None:
    pdf = await visitor.open(f"{path_of(invoice)}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert f'filename="{invoice.number}.pdf"' in pdf.headers["content-disposition"]
    page = (await visitor.open(path_of(invoice))).text
    xml = await visitor.open(f"{path_of(invoice)}/xml")
    if "e-invoice" not in page:  # this seller lacks what the standard asks for
        assert xml.status_code == 404
    else:
        assert xml.headers["content-type"] == "application/xml"
    for answer in (pdf, await visitor.open(path_of(invoice))):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"


async def test_an_e_invoice_is_offered_where_there_is_one(shop: Shop, visitor: Visitor) -> None:
    seller = msgspec.structs.replace(
        SELLER, vat_id="DE136695976", email="s@n.example", contact_name="N", contact_phone="+49 40 1"
    )
    buyer = msgspec.structs.replace(BUYER, address_lines=("Weg 1",), postal_code="10115", city="Berlin")
    found = await issued(shop, msgspec.structs.replace(DRAFT, seller=seller, buyer=buyer))
    assert f"{path_of(found)}/xml" not in (await visitor.open(path_of(found))).text
    await documents.pdf_of(shop.merchant_id, found.id)
    assert f"{path_of(found)}/xml" in (await visitor.open(path_of(found))).text
    xml = await visitor.open(f"{path_of(found)}/xml")
    assert (xml.status_code, b"CrossIndustryInvoice" in xml.content) == (200, True)


async def test_the_page_gives_the_e_invoice_in_the_customers_own_format(shop: Shop, visitor: Visitor) -> None:
    wish = {"e_invoice": {"format": "xrechnung_ubl", "channel": "email", "buyer_reference": "991-01484-64"}}
    customer = await customers.create(shop.merchant_id, "B", "b@b.example", country="DE", locale="en", profile=wish)
    seller = msgspec.structs.replace(
        SELLER, vat_id="DE136695976", email="s@n.example", contact_name="N", contact_phone="+49 40 1"
    )
    buyer = msgspec.structs.replace(BUYER, address_lines=("Weg 1",), postal_code="10115", city="Berlin")
    draft = msgspec.structs.replace(DRAFT, seller=seller, buyer=buyer)
    made = await billing.create_draft(shop.merchant_id, customer.id, draft)
    found = await billing.finalize(shop.merchant_id, made.id, send_mail=False)
    mailed = await einvoices.attachment_for(found)
    assert mailed is not None
    assert b"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" in mailed[1]
    assert (await visitor.open(f"{path_of(found)}/xml")).content == mailed[1]


async def test_two_visits_pay_through_the_same_checkout(invoice: InvoiceRecord, visitor: Visitor) -> None:
    assert await checkout_of(visitor, invoice) == await checkout_of(visitor, invoice)


async def test_paying_needs_the_pages_own_form(invoice: InvoiceRecord, visitor: Visitor) -> None:
    for verb in ("pay", "renew"):
        answer = await visitor.client.post(f"{path_of(invoice)}/{verb}", data={})
        assert answer.status_code == 403
        assert "nothing was done" in answer.text


async def test_a_paid_invoice_is_processing_until_applied_then_paid(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor
) -> None:
    page, checkout = path_of(invoice), await checkout_of(visitor, invoice)
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
    assert "-€148.75" in paid.text.replace("\u200e", "")
    assert "refresh" not in paid.headers
    assert "DE89" not in paid.text  # nothing is asked for any more


async def test_an_invoice_that_was_just_paid_is_not_paid_again(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor
) -> None:
    form = await visitor.token_on(path_of(invoice))
    token = (await checkout_of(visitor, invoice)).removeprefix("/pay/")
    await visitor.pay(token, await shop.card())
    for _ in range(2):  # before and after it is applied
        again = await visitor.client.post(f"{path_of(invoice)}/pay", data={"_csrf_token": form})
        assert again.headers["location"] == path_of(invoice)
        await applying.apply_payment((await payments.by_token(token)).id)


# --- what is asked -----------------------------------------------------------------------------------------------


async def test_the_checkout_asks_what_the_page_shows_for_paying_early(shop: Shop, visitor: Visitor) -> None:
    found = await issued(shop, msgspec.structs.replace(DRAFT, terms=SKONTO))
    html = (await visitor.open(path_of(found))).text
    assert "Pay €145.77" in html
    assert re.search(r"Pay by \w+ \d+, \d{4} and €145\.77 is enough: you save €2\.98\.", html)
    assert "€148.75" in html  # what is owed
    assert await asked_by(await checkout_of(visitor, found)) == Money(14_577, "EUR")


@pytest.mark.parametrize("days_ago", [11, 13, 14])
async def test_a_discount_is_not_offered_longer_than_it_is_printed(shop: Shop, visitor: Visitor, days_ago: int) -> None:
    """What the merchant lets pass (here three days) is theirs to let pass; nobody is told of it."""
    found = await issued(shop, msgspec.structs.replace(DRAFT, terms=SKONTO), days_ago)
    html = (await visitor.open(path_of(found))).text
    assert "you save" not in html
    assert "Pay €148.75" in html
    assert await asked_by(await checkout_of(visitor, found)) == Money(14_875, "EUR")


async def test_less_than_a_discount_is_never_asked_as_nothing_or_below(shop: Shop) -> None:
    found = await issued(shop, msgspec.structs.replace(DRAFT, terms=SKONTO))
    left = msgspec.structs.replace(found, standing=replace(found.standing, paid=found.standing.total - 100))
    asked = paying.asked(left, clock_port.now().date())
    assert (asked.owed.minor, asked.suffices.minor) == (100, 1)


async def test_instalments_ask_for_what_is_due_or_for_all(shop: Shop, visitor: Visitor) -> None:
    found = await issued(shop, msgspec.structs.replace(DRAFT, terms=RATES), days_ago=10)
    html = (await visitor.open(path_of(found))).text
    assert "Due now" in html
    assert "Overdue" in html
    assert "Pay €74.38" in html
    assert "Pay all of it: €148.75" in html
    assert await asked_by(await checkout_of(visitor, found, shown="7438")) == Money(7_438, "EUR")
    assert await asked_by(await checkout_of(visitor, found, what="all", shown="14875")) == Money(14_875, "EUR")


async def test_the_next_instalment_is_asked_where_none_is_due(shop: Shop, visitor: Visitor) -> None:
    found = await issued(shop, msgspec.structs.replace(DRAFT, terms=RATES))
    token = (await checkout_of(visitor, found)).removeprefix("/pay/")
    await visitor.pay(token, await shop.card())
    await applying.apply_payment((await payments.by_token(token)).id)
    html = (await visitor.open(path_of(found))).text
    assert "Next instalment" in html
    assert "Partly paid" in html
    assert "Pay €74.37" in html
    assert "Pay all of it" not in html


async def test_what_is_no_longer_asked_is_shown_before_it_is_paid(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor
) -> None:
    """The page was opened before a part was written off: its button leads to the page as it is now."""
    form = await visitor.token_on(path_of(invoice))
    await settling.write_off(shop.merchant_id, invoice.id, Money(4_875, "EUR"))
    fields = {"_csrf_token": form, "shown": "14875"}
    answer = await visitor.client.post(f"{path_of(invoice)}/pay", data=fields)
    assert answer.headers["location"] == path_of(invoice)
    html = (await visitor.open(path_of(invoice))).text
    assert "Written off" in html
    assert "Pay €100.00" in html


async def test_the_page_says_what_state_the_invoice_is_in(shop: Shop, visitor: Visitor) -> None:
    disputed, credited, given_up = [await issued(shop) for _ in range(3)]
    await billing.set_disputed(shop.merchant_id, disputed.id, True)
    await credit_notes.issue(shop.merchant_id, credited.id, send_mail=False)
    await settling.mark_uncollectible(shop.merchant_id, given_up.id)
    shown = [(await visitor.open(path_of(one))).text for one in (disputed, credited, given_up)]
    assert "You have disputed this invoice." in shown[0]
    assert "Pay €148.75" in shown[0]
    assert "Credited" in shown[1]
    assert "Credit note" in shown[1]
    assert "Please contact \u2068Nordlicht GmbH" in shown[2] or "Please contact Nordlicht GmbH" in shown[2]
    assert not any("/pay" in html for html in shown[1:])


# --- the link ----------------------------------------------------------------------------------------------------


async def test_only_a_link_that_we_signed_opens_the_page(invoice: InvoiceRecord, visitor: Visitor) -> None:
    token, until, signature = path_of(invoice).removeprefix("/i/").split(".")
    forged = (
        *(token, f"{token}.{until}", f"{token}.{until}.", f"{token}.{int(until) + 1}.{signature}"),
        *(f"{token}.{until}.{'0' * 64}", f"{token}x.{until}.{signature}", f"{token}.{until}.{signature}0"),
        f"{token}.{until}.{signature.upper()}",
    )
    for link in forged:
        assert (await visitor.open(f"/i/{link}")).status_code == 404, link
        assert (await visitor.open(f"/i/{link}/pdf")).status_code == 404


async def test_a_link_holds_so_long_after_the_due_date_and_is_made_anew_when_it_is_read(
    shop: Shop, invoice: InvoiceRecord
) -> None:
    today, due = clock_port.now().date(), invoice.due_date
    assert due is not None
    assert invoice_links.expires_at(invoice, today).date() == due + timedelta(days=90)
    late = due + timedelta(days=400)
    assert invoice_links.expires_at(invoice, late).date() == late + timedelta(days=90)


@pytest.mark.parametrize("what", ["", "/pdf", "/xml"])
async def test_after_its_end_a_link_opens_nothing_but_the_way_to_a_new_one(
    invoice: InvoiceRecord, visitor: Visitor, what: str
) -> None:
    answer = await visitor.open(expired_path_of(invoice) + what, **{"accept-language": "de"})
    assert answer.status_code == 410
    assert "Dieser Link ist abgelaufen" in answer.text
    assert "Neuen Link zusenden" in answer.text
    for secret in ("ap@sakura.example", "148,75", "Sakura", invoice.number or ""):
        assert secret not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_an_expired_link_pays_nothing(invoice: InvoiceRecord, visitor: Visitor) -> None:
    path = expired_path_of(invoice)
    answer = await visitor.submit(f"{path}/pay", path)
    assert answer.status_code == 410


async def test_a_new_link_is_mailed_to_the_address_on_the_invoice_and_not_too_often(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor, letters: httpx.AsyncClient
) -> None:
    path = expired_path_of(invoice)
    first = await visitor.submit(f"{path}/renew", path)
    again = await visitor.submit(f"{path}/renew", path)
    assert (first.status_code, again.status_code) == (200, 429)
    assert "ap@sakura.example" not in first.text + again.text
    [row] = await deliveries.of_object(shop.merchant_id, invoice.id)
    assert row.kind is DeliveryKind.LINK
    await sending.send(row.id)
    [letter] = (await letters.get("/messages")).json()
    assert letter["to"] == ["ap@sakura.example"]
    assert letter["attachments"] == []
    [link] = set(re.findall(r"http://clearway\.test(/i/\S+)", letter["text"]))
    assert (await visitor.open(link)).status_code == 200


async def test_a_day_has_few_new_links_however_far_apart(shop: Shop, invoice: InvoiceRecord, visitor: Visitor) -> None:
    path, answers = expired_path_of(invoice), []
    for _ in range(6):
        answers.append((await visitor.submit(f"{path}/renew", path)).status_code)
        await fetch("UPDATE document_delivery SET created_at = created_at - interval '1 hour'")
    assert answers == [200] * 5 + [429]


async def test_a_link_without_an_address_sends_its_visitor_to_the_seller(shop: Shop, visitor: Visitor) -> None:
    found = await issued(shop, msgspec.structs.replace(DRAFT, buyer=msgspec.structs.replace(BUYER, email="")))
    html = (await visitor.open(expired_path_of(found))).text
    assert "/renew" not in html
    assert "Please ask Nordlicht GmbH for a new link." in html


async def test_a_link_that_still_holds_is_not_mailed_again(
    shop: Shop, invoice: InvoiceRecord, visitor: Visitor
) -> None:
    answer = await visitor.submit(f"{path_of(invoice)}/renew", path_of(invoice))
    assert (answer.status_code, answer.headers["location"]) == (303, path_of(invoice))
    assert await deliveries.of_object(shop.merchant_id, invoice.id) == []
    assert (await invoicing.get(shop.merchant_id, invoice.id)).number == invoice.number


@pytest.mark.parametrize("gross", [False, True])
async def test_every_discount_and_charge_is_on_the_page_so_that_the_sums_add_up(
    shop: Shop, visitor: Visitor, gross: bool
) -> None:
    line = Line(
        "Strings",
        Decimal(3),
        Decimal("11.90"),
        VAT,
        discounts=(Adjustment(reason="Loyalty", percent=Decimal(10)),),
        seller_item_id="S-100",
    )
    whole = (DocumentAdjustment(reason="Autumn", amount=Decimal(2)),)
    draft = msgspec.structs.replace(
        DRAFT, lines=(line,), discounts=whole, prices_include_tax=gross, purchase_order="PO-4711"
    )
    html = (await visitor.open(path_of(await issued(shop, draft)), **{"accept-language": "en"})).text
    for words in ("S-100", "Loyalty", "-€3.57", "€32.13", "Autumn", "-€2.00", "PO-4711"):
        assert words in html, words
    sums = [
        int(amount.replace("€", "").replace(".", ""))
        for amount in re.findall(r"<dd><bdi>(-?€[0-9.]+)</bdi></dd>", html.partition('<dl class="totals">')[2])
    ]
    if gross:
        discount, net, tax, total = sums[:4]
        assert 3213 + discount == net + tax == total
    else:
        lines, discount, net, tax, total = sums[:5]
        assert (lines, lines + discount, net + tax) == (3213, net, total)
