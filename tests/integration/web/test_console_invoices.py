"""The console's invoices: the list tells what needs a look, a page tells the whole story, and forms change it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from console_people import signed_in
from payment_shop import Shop

from currency.money import Money
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.problems import ProblemKind
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import NetDays
from orchestrator import clock_port
from orchestrator.access.scopes import Role
from orchestrator.billing import document_problems, settling
from orchestrator.billing import service as billing
from orchestrator.billing.delivery import store as deliveries
from orchestrator.billing.delivery.states import DeliveryState
from orchestrator.billing.reminders import service as reminders

pytestmark = pytest.mark.asyncio(loop_scope="session")
PLACE = "/console/invoices"
PARTY = Party(name="Sakura Books Ltd", country="DE", email="ap@sakura.example")
DRAFT = DraftInvoice(
    seller=PARTY,
    buyer=PARTY,
    currency="EUR",
    lines=(Line("Harps", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 1900)),),
    terms=NetDays(14),
)


async def issued(shop: Shop, *, days_ago: int = 0, mailed: bool = True) -> InvoiceRecord:
    made = await billing.create_draft(shop.merchant_id, "cus_1", DRAFT, reference="order-9")
    on: date = clock_port.now().date() - timedelta(days=days_ago)
    return await billing.finalize(shop.merchant_id, made.id, issue_date=on, send_mail=mailed)


async def bounced(invoice: InvoiceRecord) -> None:
    [mail] = await deliveries.of_object(invoice.merchant_id, invoice.id)
    await deliveries.mark_ended(mail.id, DeliveryState.BOUNCED, "550 no such mailbox", clock_port.now())


async def test_the_list_shows_mails_that_came_back_and_finds_by_number_and_state(shop: Shop) -> None:
    invoice, draft = await issued(shop), await billing.create_draft(shop.merchant_id, "cus_1", DRAFT)
    await bounced(invoice)
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens(PLACE)
        assert "Bounced" in html
        assert (invoice.id in html, draft.id in html) == (True, True)
        for query, is_shown in ((f"q={invoice.number}", True), ("q=order-9&state=open", True), ("state=draft", False)):
            assert (invoice.id in await viewer.opens(f"{PLACE}?{query}")) is is_shown, query
        assert "No invoice fits" in await viewer.opens(f"{PLACE}?q=nobody")


async def test_a_page_tells_what_became_of_an_invoice(shop: Shop) -> None:
    invoice = await issued(shop, days_ago=60)
    await bounced(invoice)
    letter = await reminders.send_next(shop.merchant_id, invoice.id)
    await document_problems.note_undrawn(invoice, ProblemKind.PDF, "drawing it took too long")
    await settling.write_off(shop.merchant_id, invoice.id, Money(100, "EUR"))
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        html = await viewer.opens(f"{PLACE}/{invoice.id}")
    for said in (
        invoice.number,
        "550 no such mailbox",
        letter.number,
        "drawing it took too long",
        "Write off",
        "€118.00",
    ):
        assert str(said) in html, said
    assert "<form" not in html.partition("<main")[2].partition("</main")[0]


async def test_a_mail_is_sent_again_once_and_then_nothing_is_said_of_the_old_one(shop: Shop) -> None:
    invoice = await issued(shop)
    await bounced(invoice)
    page = f"{PLACE}/{invoice.id}"
    async with signed_in(shop.merchant_id, Role.FINANCE) as clerk:
        wrong = await clerk.submits(f"{page}/send", page, to="nobody at all")
        assert (wrong.status_code, "To " in wrong.text) == (422, True)
        asked = await clerk.submits(f"{page}/send", page, to="other@sakura.example")
        assert [(await clerk.confirms(asked)).status_code for _ in range(2)] == [303, 409]
    sent = await deliveries.of_object(shop.merchant_id, invoice.id)
    assert [row.recipient for row in sent] == ["ap@sakura.example", "other@sakura.example"]


async def test_reminders_are_paused_and_a_contest_is_begun_and_ended_by_a_form(shop: Shop) -> None:
    invoice = await issued(shop)
    page = f"{PLACE}/{invoice.id}"
    async with signed_in(shop.merchant_id, Role.FINANCE) as clerk:
        for action, word, is_said in (
            ("reminders", "pause", "Reminders are paused"),
            ("reminders", "resume", "The next one is due"),
            ("dispute", "begin", "Contested"),
            ("dispute", "end", "no longer contested"),
        ):
            answer = await clerk.submits(f"{page}/{action}", page, do=word)
            assert answer.status_code == 303, answer.text
            assert is_said in await clerk.opens(answer.headers["location"]), (action, word)


async def test_nobody_sees_or_changes_another_merchants_invoice(shop: Shop) -> None:
    from orchestrator.access import service as access

    invoice = await issued(shop)
    other = await access.create_merchant("Other Ltd", {"country": "DE"})
    async with signed_in(other.id, Role.ADMIN) as stranger:
        assert (await stranger.visitor.open(f"{PLACE}/{invoice.id}")).status_code == 404
        for action in ("send", "reminders", "dispute"):
            answer = await stranger.submits(f"{PLACE}/{invoice.id}/{action}", PLACE, do="pause")
            assert answer.status_code == 404, action
