"""An SMTP sink that takes every letter, and a JSON view of them on the mail port."""

from __future__ import annotations

import asyncio
import email
import email.policy
import functools
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulators.asgi import App, ASGIApp, Request, Response, json_response
from simulators.world import World

DATA_LIMIT = 33_554_432
MAILBOX_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Letter:
    """`id` counts from 1; sender and recipients are those of the envelope; `raw` is the message as it came."""

    id: int
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return _parsed(self.raw)


# No slots: under Python 3.11.0 to 3.11.2 (Debian 12) a slotted dataclass has a stale __weakref__ (CPython gh-102069),
# on which aiosmtpd stumbles when it looks through its handler.
@dataclass
class Mailbox:
    letters: list[Letter] = field(default_factory=list)
    received: int = 0

    def add(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> None:
        self.received += 1  # ids go on when the mailbox is cleared
        self.letters.append(Letter(self.received, sender, recipients, raw))


def mailbox_of(world: World) -> Mailbox:
    return world.part("mail", Mailbox)


class _Postman:
    """aiosmtpd calls it with whole letters."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mailbox = mailbox_of(world)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if len(self._mailbox.letters) >= MAILBOX_LIMIT:
            return "452 Mailbox full"
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        self._mailbox.add(str(envelope.mail_from), tuple(str(address) for address in envelope.rcpt_tos), raw)
        self._world.bell()
        return "250 Message accepted"


@dataclass(frozen=True)
class SmtpListener:
    server: asyncio.Server
    port: int

    def close(self) -> None:
        """Stops listening; the letters stay."""
        self.server.close()


async def start(world: World, host: str, smtp_port: int) -> SmtpListener:
    """Listens in the running loop; port 0 picks a free one. Raises OSError when it is taken."""
    postman = _Postman(world)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postman, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=DATA_LIMIT, loop=loop),
        host,
        smtp_port,
    )
    return SmtpListener(server, server.sockets[0].getsockname()[1])


def create_app(world: World) -> ASGIApp:
    """GET /messages, GET /messages/{id}/attachments/{n} (n from 0), DELETE /messages."""
    mailbox = mailbox_of(world)
    app = App()

    async def messages(request: Request) -> Response:
        return json_response([_shown(letter) for letter in mailbox.letters])

    async def attachment(request: Request, id: str, n: str) -> Response:
        parts = [a for letter in mailbox.letters if str(letter.id) == id for a in _attachments(letter.message)]
        if not n.isdigit() or int(n) >= len(parts):
            return json_response({"error": "no such attachment"}, 404)
        part = parts[int(n)]
        return Response(200, _content(part), {"content-type": part.get_content_type()})

    async def clear(request: Request) -> Response:
        mailbox.letters.clear()
        return Response(204)

    app.route("GET", "/messages", messages)
    app.route("DELETE", "/messages", clear)
    app.route("GET", "/messages/{id}/attachments/{n}", attachment)
    return app


@functools.lru_cache(maxsize=256)
def _parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def _shown(letter: Letter) -> dict[str, Any]:
    message = letter.message
    return {
        "id": letter.id,
        "from": str(message.get("from", letter.sender)),
        "to": list(letter.recipients),
        "subject": str(message.get("subject", "")),
        "date": str(message.get("date", "")),
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "headers": {name: str(value) for name, value in message.items()},
        "attachments": [
            {"name": part.get_filename() or "", "type": part.get_content_type(), "size": len(_content(part))}
            for part in _attachments(message)
        ],
    }


def _attachments(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.walk() if isinstance(part, EmailMessage) and part.is_attachment()]


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""


def _content(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
