"""An SMTP server in the tests' own loop, which keeps what it is given and refuses what it is told to refuse."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """`at_recipient` and `at_data` are what is answered there in place of 250, while they say something."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.senders: list[str] = []
        self.recipients: list[str] = []
        self.at_recipient = self.at_data = ""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_recipient:
            return self.at_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.at_data:
            return self.at_data
        raw = envelope.content or b""
        message = email.message_from_bytes(raw if isinstance(raw, bytes) else raw.encode(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.letters.append(message)
        self.senders.append(str(envelope.mail_from))
        self.recipients += [str(one) for one in envelope.rcpt_tos]
        return "250 OK"


@asynccontextmanager
async def mail_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    """The settings name it as the server that mails go to."""
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
