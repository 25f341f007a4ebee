"""A reminder is mailed with its PDF in the buyer's language, once, and not at all where it was paid meanwhile."""

from __future__ import annotations

import email
import email.policy
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from email.message import EmailMessage

import pypdf
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from billing_desk import NET_30, VAT, Desk, eur

from invoicing import reminder_store
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.reminder_store import ReminderRow
from invoicing.reminders import Policy, ReminderStep
from invoicing.store import InvoiceRecord
from invoicing.terms import AgreedLate, AgreedTerms, NetDays, Terms
from orchestrator import clock_port
from orchestrator.billing import sending, service
from orchestrator.billing.delivery import store as deliveries
from orchestrator.billing.delivery.states import DeliveryState
from orchestrator.billing.reminders import letters as reminders_letters
from orchestrator.billing.reminders import policy as reminders_policy
from orchestrator.billing.reminders import service as reminders

BUYER = Party(name="Beta GmbH", country="DE", email="ap@beta.example", locale="de")
SELLER = Party(name="Acme GmbH", country="DE")


class Mailbox:
    """An SMTP server that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 OK"


@pytest_asyncio.fixture(loop_scope="session")
async def mailbox(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    import asyncio

    from orchestrator.settings import get_settings

    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("CLEARWAY_MAIL_FROM", "Acme Billing <billing@acme.example>")
    get_settings.cache_clear()
    yield box
    server.close()
    monkeypatch.undo()
    get_settings.cache_clear()


async def issued(desk: Desk, *, locale: str = "de", terms: Terms = NET_30) -> InvoiceRecord:
    line = Line("Work", Decimal(1), Decimal(100), VAT)
    draft = DraftInvoice(seller=SELLER, buyer=BUYER, currency="EUR", lines=(line,), terms=terms, locale=locale)
    made = await service.create_draft(desk.merchant_id, desk.customer_id, draft)
    return await service.finalize(desk.merchant_id, made.id, send_mail=False)


async def reminded(invoice: InvoiceRecord, offset: int, monkeypatch: pytest.MonkeyPatch) -> ReminderRow:
    """The letter of that day after the due date."""
    assert invoice.due_date is not None
    moment = datetime.combine(invoice.due_date + timedelta(days=offset), time(9), UTC)
    monkeypatch.setattr(clock_port, "now", lambda: moment)
    await reminders.look(invoice.id)
    return (await reminder_store.reminders_of(invoice.id))[-1]


async def delivered(desk: Desk, letter: ReminderRow) -> DeliveryState:
    (row,) = await deliveries.of_object(desk.merchant_id, letter.id)
    await sending.send(row.id)
    await sending.send(row.id)
    (row,) = await deliveries.of_object(desk.merchant_id, letter.id)
    return row.state


async def test_the_mail_says_what_is_owed_and_until_when_in_the_buyers_language(
    desk: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await issued(desk)
    letter = await reminded(invoice, 3, monkeypatch)
    assert await delivered(desk, letter) is DeliveryState.SENT
    (mail,) = mailbox.mails
    assert mail["To"] == "ap@beta.example"
    assert str(invoice.number) in mail["Subject"]
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "119,00" in text
    assert "/i/" in text
    (attached,) = list(mail.iter_attachments())
    assert attached.get_filename() == f"{letter.number}.pdf"
    assert attached.get_content() == await reminders_letters.pdf_of(desk.merchant_id, letter.id)
    assert set(await desk.told(letter.id)) == {"reminder.issued", "reminder.sent"}


async def test_the_pdf_shows_every_sum_of_the_letter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ReminderStep(
        offset_days=10, level=2, deadline_days=7, fees=(eur(750),), with_late_charge=True, note="Hello!"
    )
    await reminders_policy.put(desk.merchant_id, Policy(steps=(step,)))
    invoice = await issued(desk, locale="en", terms=AgreedTerms(due=NetDays(30), late=AgreedLate(rate_bps=3650)))
    letter = await reminded(invoice, 10, monkeypatch)
    content = await reminders_letters.pdf_of(desk.merchant_id, letter.id)
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    # 119.00 at 36.5 % a year for ten days is 1.19
    for shown in (letter.number, str(invoice.number), "119.00", "1.19", "7.50", "127.69", "36.5", "Hello!"):
        assert shown in text, shown
    assert await reminders_letters.pdf_of(desk.merchant_id, letter.id) == content


async def test_a_letter_of_what_was_paid_before_it_went_out_is_not_mailed(
    desk: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await issued(desk)
    letter = await reminded(invoice, 3, monkeypatch)
    await desk.receive(11900)
    assert await delivered(desk, letter) is DeliveryState.NOT_SENT
    assert mailbox.mails == []
    assert await desk.told(letter.id) == ["reminder.issued"]


async def test_nor_is_one_that_was_contested_meanwhile(
    desk: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await issued(desk)
    letter = await reminded(invoice, 3, monkeypatch)
    await service.set_disputed(desk.merchant_id, invoice.id, True)
    assert await delivered(desk, letter) is DeliveryState.NOT_SENT
    assert mailbox.mails == []
