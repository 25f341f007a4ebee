"""An invoice is mailed once, however often the bell for it rings, and what became of the mail is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import aiosmtplib
import pytest
import pytest_asyncio
from mail_server import Mailbox, mail_server

from invoicing.documents import DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from orchestrator.access import service as access
from orchestrator.billing import credit_notes, invoice_links, sending
from orchestrator.billing import service as billing
from orchestrator.billing.delivery import store
from orchestrator.billing.delivery.states import DeliveryState
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.clock_port import now
from orchestrator.db import fetch, transaction
from orchestrator.jobs.bells import GIVE_UP
from orchestrator.notifications import store as events
from orchestrator.outbox import Outbox
from orchestrator.settings import get_settings

LINE = Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 1900))


@pytest_asyncio.fixture(loop_scope="session")
async def mailbox(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    async with mail_server(monkeypatch) as box:
        yield box


async def an_issued_invoice(
    locale: str = "de", to: str = "ap@beta.example", profile: dict[str, object] | None = None, send: bool = True
) -> InvoiceRecord:
    merchant = await access.create_merchant("Acme GmbH", {"country": "DE", **(profile or {})})
    draft = DraftInvoice(
        seller=Party(name="Acme GmbH", country="DE"),
        buyer=Party(name="Beta GmbH", country="DE", email=to),
        currency="EUR",
        lines=(LINE,),
        locale=locale,
    )
    made = await billing.create_draft(merchant.id, "", draft)
    return await billing.finalize(merchant.id, made.id, send_mail=send)


async def deliveries_of(invoice: InvoiceRecord) -> list[DeliveryRow]:
    return await store.of_object(invoice.merchant_id, invoice.id)


async def the_delivery(invoice: InvoiceRecord) -> DeliveryRow:
    [row] = await deliveries_of(invoice)
    return row


async def told(invoice: InvoiceRecord, kind: str) -> int:
    found = await events.events_of(invoice.merchant_id, limit=50, object_id=invoice.id)
    return sum(event.type == kind for event in found)


async def bells(delivery: DeliveryRow) -> int:
    return int(await Outbox.count().where(Outbox.topic == sending.SEND, Outbox.subject == delivery.id))


async def test_a_bell_that_rings_while_the_pdf_is_drawn_is_put_off(mailbox: Mailbox) -> None:
    delivery = await the_delivery(await an_issued_invoice())
    answers = await asyncio.gather(*(sending.send(delivery.id) for _ in range(4)))
    assert len(mailbox.letters) == 1
    assert sum(answer is not None for answer in answers) == 3


async def test_a_bell_that_rings_after_the_mail_was_taken_mails_nothing(mailbox: Mailbox) -> None:
    invoice = await an_issued_invoice()
    delivery = await the_delivery(invoice)
    assert await sending.send(delivery.id) is None
    assert await sending.send(delivery.id) is None
    assert len(mailbox.letters) == 1
    assert await told(invoice, "invoice.sent") == 1
    sent = await the_delivery(invoice)
    assert (sent.state, sent.tries, sent.sent_at is not None) == (DeliveryState.SENT, 1, True)


async def test_the_mail_has_the_pdf_and_the_way_to_pay_in_the_buyers_language(mailbox: Mailbox) -> None:
    invoice = await an_issued_invoice(profile={"email": "office@acme.example"})
    delivery = await the_delivery(invoice)
    await sending.send(delivery.id)
    [letter] = mailbox.letters
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text is not None
    assert html is not None
    link = f"http://127.0.0.1:8000/i/{invoice_links.link_of(invoice, now().date())}"
    for said in (str(text.get_content()), str(html.get_content())):
        assert "Rechnung ansehen und bezahlen" in said
        assert link in said
        assert "119,00\u00a0€" in said
    [pdf] = list(letter.iter_attachments())
    assert pdf.get_content().startswith(b"%PDF-")
    assert pdf.get_filename() == f"{invoice.number}.pdf"
    assert letter["Message-ID"] == delivery.message_id
    assert letter["Reply-To"].addresses[0].addr_spec == "office@acme.example"
    assert letter["From"].addresses[0].addr_spec == "billing@acme.example"


async def test_what_is_sent_again_or_credited_goes_in_the_thread_of_the_invoice(mailbox: Mailbox) -> None:
    invoice = await an_issued_invoice()
    async with transaction():
        again = await sending.request_document(invoice, "boss@beta.example")
    note = await credit_notes.issue(invoice.merchant_id, invoice.id)
    [credited] = await store.of_object(invoice.merchant_id, note.id)
    first = (await deliveries_of(invoice))[0]
    for row in (first, again, credited):
        await sending.send(row.id)
    assert [letter["In-Reply-To"] for letter in mailbox.letters] == [None, first.message_id, first.message_id]
    assert mailbox.recipients == ["ap@beta.example", "boss@beta.example", "ap@beta.example"]
    assert len({letter["Message-ID"] for letter in mailbox.letters}) == 3


async def test_a_mailbox_that_is_not_there_ends_the_delivery_and_is_told_once(mailbox: Mailbox) -> None:
    invoice = await an_issued_invoice()
    delivery = await the_delivery(invoice)
    mailbox.at_recipient = "550 5.1.1 no such user"
    assert await sending.send(delivery.id) is None  # the outbox strikes it out
    assert await sending.send(delivery.id) is None
    ended = await the_delivery(invoice)
    assert (ended.state, ended.tries) == (DeliveryState.BOUNCED, 1)
    assert "550 5.1.1 no such user" in ended.error
    assert (await told(invoice, "delivery.failed"), await told(invoice, "invoice.sent")) == (1, 0)


async def test_a_mail_that_is_refused_for_what_it_is_fails_for_good(mailbox: Mailbox) -> None:
    delivery = await the_delivery(invoice := await an_issued_invoice())
    mailbox.at_data = "552 5.3.4 message too large"
    await sending.send(delivery.id)
    ended = await the_delivery(invoice)
    assert (ended.state, "too large" in ended.error) == (DeliveryState.FAILED, True)


@pytest.mark.parametrize("place", ["at_recipient", "at_data"])
async def test_a_mail_that_is_refused_for_now_is_tried_again(mailbox: Mailbox, place: str) -> None:
    delivery = await the_delivery(invoice := await an_issued_invoice())
    setattr(mailbox, place, "451 4.7.1 greylisted")
    with pytest.raises(aiosmtplib.SMTPException):
        await sending.send(delivery.id)
    waiting = await the_delivery(invoice)
    assert (waiting.state, "greylisted" in waiting.error) == (DeliveryState.QUEUED, True)
    setattr(mailbox, place, "")
    await sending.send(delivery.id)
    sent = await the_delivery(invoice)
    assert (sent.state, sent.tries, sent.error) == (DeliveryState.SENT, 2, "")
    assert (await told(invoice, "delivery.failed"), await told(invoice, "invoice.sent")) == (0, 1)


async def test_a_mail_that_was_never_taken_is_given_up_with_the_last_reason(mailbox: Mailbox) -> None:
    delivery = await the_delivery(invoice := await an_issued_invoice())
    mailbox.at_data = "451 4.3.0 try later"
    await fetch("UPDATE document_delivery SET tries = $2 WHERE id = $1", delivery.id, sending.GIVE_UP_TRIES - 1)
    assert await sending.send(delivery.id) is None
    ended = await the_delivery(invoice)
    assert (ended.state, "try later" in ended.error) == (DeliveryState.FAILED, True)
    assert await told(invoice, "delivery.failed") == 1


async def test_a_mail_that_killed_its_workers_is_given_up_and_told(mailbox: Mailbox) -> None:
    delivery = await the_delivery(invoice := await an_issued_invoice())
    for _ in range(2):
        await GIVE_UP[sending.SEND](delivery.id, "begun 6 times and never ended")  # killed its workers
    ended = await the_delivery(invoice)
    assert (ended.state, ended.error) == (DeliveryState.FAILED, "begun 6 times and never ended")
    assert await told(invoice, "delivery.failed") == 1


async def test_an_invoice_without_an_address_is_issued_and_says_that_it_was_not_sent(mailbox: Mailbox) -> None:
    delivery = await the_delivery(await an_issued_invoice(to=""))
    assert (delivery.state, "no e-mail address" in delivery.error) == (DeliveryState.NOT_SENT, True)
    assert await bells(delivery) == 0


async def test_an_address_that_is_none_is_named_and_not_tried(mailbox: Mailbox) -> None:
    delivery = await the_delivery(await an_issued_invoice(to="ap@beta.example\r\nBcc: x@y.example"))
    assert (delivery.state, await bells(delivery)) == (DeliveryState.NOT_SENT, 0)
    assert "must be one plain address" in delivery.error


async def test_each_mail_comes_back_to_an_address_of_its_own(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_MAIL_BOUNCES", "bounces@acme.example")
    get_settings.cache_clear()
    delivery = await the_delivery(await an_issued_invoice())
    await sending.send(delivery.id)
    assert mailbox.senders == [f"bounces+{delivery.id}@acme.example"]
    assert mailbox.letters[0]["From"].addresses[0].addr_spec == "billing@acme.example"


async def test_without_a_mail_server_nothing_is_lost(database: str) -> None:
    delivery = await the_delivery(invoice := await an_issued_invoice())
    with pytest.raises(RuntimeError, match="SMTP_URL"):
        await sending.send(delivery.id)
    waiting = await the_delivery(invoice)
    assert (waiting.state, "SMTP_URL is not set" in waiting.error) == (DeliveryState.QUEUED, True)
    assert await bells(delivery) == 1
