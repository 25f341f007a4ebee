"""Five days of work are due at once: they are done in bounded steps, and what is new does not wait behind all of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session

from invoicing import service as invoicing
from invoicing.documents import DraftInvoice, Line, Party
from invoicing.tax import TaxKind, TaxTreatment
from orchestrator import clock, clock_port, outbox
from orchestrator.access import service as access
from orchestrator.billing import sending
from orchestrator.billing import service as billing
from orchestrator.billing.delivery.tables import DocumentDelivery
from orchestrator.db import transaction
from orchestrator.jobs import mail_line
from orchestrator.jobs.bells import bells
from orchestrator.outbox import Outbox

pytestmark = pytest.mark.asyncio(loop_scope="session")
BACKLOG = 3 * outbox.RELAY_BATCH_MAX + 17
OUTAGE = timedelta(days=5)


async def leave_undone(count: int) -> None:
    begun = clock_port.now() - OUTAGE
    async with transaction():
        for number in range(count):
            await outbox.enqueue("payment.advance", f"pay_{number:032}", begun + timedelta(minutes=number))


async def test_one_look_of_the_clock_takes_a_bounded_part_of_the_backlog(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[tuple[str, str, int]]] = []
    monkeypatch.setattr(bells, "send", sent.append)
    await leave_undone(BACKLOG)
    assert await clock.relay() == outbox.RELAY_BATCH_MAX
    assert max(len(message) for message in sent) <= clock.BELLS_A_MESSAGE


async def test_the_backlog_is_rung_once_each_and_the_oldest_first(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[tuple[str, str, int]]] = []
    monkeypatch.setattr(bells, "send", sent.append)
    await leave_undone(BACKLOG)
    looks = 0
    while await clock.relay():
        looks += 1
    rung = [subject for message in sent for _, subject, _ in message]
    assert (looks, len(rung), len(set(rung))) == (4, BACKLOG, BACKLOG)
    first = rung[: outbox.RELAY_BATCH_MAX]
    assert set(first) == {f"pay_{number:032}" for number in range(outbox.RELAY_BATCH_MAX)}
    assert await Outbox.count().where(Outbox.parked_at.is_not_null()) == 0


async def test_what_was_rung_in_vain_for_days_is_not_given_up_at_the_first_failure(database: str) -> None:
    """The clock rings every fifteen seconds while no worker is there; that says nothing of the work."""
    await leave_undone(1)
    now = clock_port.now()
    for _ in range(2 * outbox.TRIES_MAX):
        (bell,) = await outbox.take_due(now)
        now += timedelta(seconds=outbox.RING_AGAIN_S)
    await outbox.fail(bell, "the database was in recovery mode", now)
    assert await outbox.parked() == 0
    assert await outbox.take_due(now + timedelta(seconds=outbox.BACKOFF_S[1])) == [bell]


MAILS = 60
LINE = Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 1900))
BUYER = Party(name="Beta GmbH", country="DE", email="ap@beta.example")


class SlowMailServer:
    """Counts its letters by their ids, and how many senders there were at once. Turns away the first of `refusals`."""

    def __init__(self) -> None:
        self.letters: Counter[str] = Counter()
        self.at_once = self.at_once_most = self.refusals = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        await asyncio.sleep(0.02)  # others that come meanwhile are seen
        self.at_once -= 1
        if self.refusals:
            self.refusals -= 1
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.letters[message_from_bytes(envelope.content)["Message-ID"]] += 1
        return "250 OK"


@pytest_asyncio.fixture(loop_scope="session")
async def mail_server(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowMailServer]:
    from orchestrator.settings import get_settings

    box = SlowMailServer()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("CLEARWAY_MAIL_FROM", "Acme Billing <billing@acme.example>")
    get_settings.cache_clear()
    yield box
    server.close()
    monkeypatch.undo()
    get_settings.cache_clear()


async def unsent_invoices(count: int) -> set[str]:
    """Their PDFs are there already; the ids that their mails will have."""
    merchant = await access.create_merchant("Acme GmbH", {"country": "DE"})
    draft = DraftInvoice(seller=Party(name="Acme GmbH", country="DE"), buyer=BUYER, currency="EUR", lines=(LINE,))
    for _ in range(count):
        invoice = await billing.create_draft(merchant.id, "", draft)
        await billing.finalize(merchant.id, invoice.id)
        async with transaction():
            await invoicing.attach_pdf(invoice.id, merchant_id=merchant.id, pdf=b"%PDF-1.7")
    found = await DocumentDelivery.select(DocumentDelivery.message_id)
    assert len(found) == count
    return {row["message_id"] for row in found}


async def all_mails_ring_at_once() -> int:
    """Their bells in messages as the clock makes them, worked at by more workers than there are messages."""
    await Outbox.update({Outbox.due_at: clock_port.now()}).where(
        Outbox.topic == sending.SEND, Outbox.parked_at.is_null()
    )
    due = [(bell.topic, bell.subject, bell.version) for bell in await outbox.take_due(clock_port.now())]
    inside: Any = bells.fn.__wrapped__  # type: ignore[attr-defined] # as its process runs it, in a loop of its own
    size = clock.BELLS_A_MESSAGE
    await asyncio.gather(*(inside(due[begin : begin + size]) for begin in range(0, len(due), size)))
    return len(due)


async def test_mails_of_days_go_out_few_at_once_each_once_and_none_is_lost(mail_server: SlowMailServer) -> None:
    expected = await unsent_invoices(MAILS)
    rounds = 0
    while await all_mails_ring_at_once():
        rounds += 1
        assert rounds < MAILS
    assert mail_server.at_once_most <= mail_line.AT_ONCE_MAX
    assert mail_server.letters == Counter(expected)


async def test_mails_of_days_hold_up_no_other_work_for_long(mail_server: SlowMailServer) -> None:
    """A worker's thread is taken until all that came in its message is done: only a few mails are waited for."""
    await unsent_invoices(MAILS)
    await all_mails_ring_at_once()
    assert mail_line.AT_ONCE_MAX <= mail_server.letters.total() <= mail_line.AT_ONCE_MAX + mail_line.WAITING_MAX
    assert await Outbox.count().where(Outbox.topic == sending.SEND) == MAILS - mail_server.letters.total()


async def test_a_mail_server_that_turns_mails_away_gets_them_later_once_each(mail_server: SlowMailServer) -> None:
    expected = await unsent_invoices(8)
    mail_server.refusals = 5
    rounds = 0
    while await all_mails_ring_at_once():
        rounds += 1
        assert rounds < MAILS
    assert mail_server.letters == Counter(expected)


async def test_waiting_in_line_does_not_make_failures_forgotten(mail_server: SlowMailServer) -> None:
    await leave_undone(1)
    (bell,) = await outbox.take_due(clock_port.now())
    await outbox.fail(bell, "the mail server was away", clock_port.now())
    await outbox.finish(bell, outbox.Later(clock_port.now(), tried=False))
    (row,) = await Outbox.select(Outbox.tries)
    assert row["tries"] == 1
