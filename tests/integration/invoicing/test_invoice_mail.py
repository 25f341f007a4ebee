"""An invoice is mailed once, however often the bell for it rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session

from invoicing.documents import DraftInvoice, Line, Party
from invoicing.tax import TaxKind, TaxTreatment
from orchestrator.access import service as access
from orchestrator.billing import sending
from orchestrator.billing import service as billing

BUYER = Party(name="Beta GmbH", country="DE", email="ap@beta.example")
LINE = Line("Work", Decimal(1), Decimal(100), TaxTreatment(TaxKind.VAT, 1900))


class Mailbox:
    """An SMTP server that counts what it is given."""

    def __init__(self) -> None:
        self.letters = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.letters += 1
        return "250 OK"


@pytest_asyncio.fixture(loop_scope="session")
async def mailbox(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
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


async def an_issued_invoice() -> str:
    merchant = await access.create_merchant("Acme GmbH", {"country": "DE"})
    draft = DraftInvoice(seller=Party(name="Acme GmbH", country="DE"), buyer=BUYER, currency="EUR", lines=(LINE,))
    made = await billing.create_draft(merchant.id, "", draft)
    return (await billing.finalize(merchant.id, made.id)).id


async def test_a_bell_that_rings_while_the_pdf_is_drawn_is_put_off(mailbox: Mailbox) -> None:
    invoice_id = await an_issued_invoice()
    answers = await asyncio.gather(*(sending.send(invoice_id) for _ in range(4)))
    assert mailbox.letters == 1
    assert sum(answer is not None for answer in answers) == 3


async def test_a_bell_that_rings_after_the_mail_was_taken_mails_nothing(mailbox: Mailbox) -> None:
    invoice_id = await an_issued_invoice()
    assert await sending.send(invoice_id) is None
    assert await sending.send(invoice_id) is None
    assert mailbox.letters == 1
