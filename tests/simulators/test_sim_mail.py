"""The mailbox: letters go in by SMTP and come out as JSON."""

from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest
import sim_served as served

from simulators.mail.server import create_app, start
from simulators.world import World


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    """The SMTP port, and a client of the JSON side."""
    world = World()
    smtp = await start(world, "127.0.0.1", 0)
    async with served.serving(create_app(world)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield smtp.port, client
    smtp.close()


def invoice_letter() -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = "Clearway <billing@shop.example>", "ada@client.example"
    letter["Subject"] = "Rechnung 2026-0001 über 1.190,00 €"
    letter.set_content("Grüße")
    letter.add_alternative("<p>Grüße</p>", subtype="html")
    letter.add_attachment(b"%PDF-1.7 \x00\xff", maintype="application", subtype="pdf", filename="2026-0001.pdf")
    return letter


async def send(port: int, letter: EmailMessage) -> None:
    await aiosmtplib.send(letter, hostname="127.0.0.1", port=port, start_tls=False, use_tls=False)


async def test_a_letter_is_shown_with_its_text_and_attachments(mailbox: tuple[int, httpx.AsyncClient]) -> None:
    port, client = mailbox
    await send(port, invoice_letter())
    (shown,) = (await client.get("/messages")).json()
    assert shown["from"] == "Clearway <billing@shop.example>"
    assert shown["to"] == ["ada@client.example"]
    assert shown["subject"] == "Rechnung 2026-0001 über 1.190,00 €"
    assert (shown["text"].strip(), shown["html"].strip()) == ("Grüße", "<p>Grüße</p>")
    assert shown["attachments"] == [{"name": "2026-0001.pdf", "type": "application/pdf", "size": 11}]


async def test_an_attachment_comes_out_as_it_went_in(mailbox: tuple[int, httpx.AsyncClient]) -> None:
    port, client = mailbox
    await send(port, invoice_letter())
    answer = await client.get("/messages/1/attachments/0")
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF-1.7 \x00\xff", "application/pdf")
    assert (await client.get("/messages/1/attachments/1")).status_code == 404


async def test_a_cleared_mailbox_is_empty(mailbox: tuple[int, httpx.AsyncClient]) -> None:
    port, client = mailbox
    await send(port, invoice_letter())
    await client.delete("/messages")
    assert (await client.get("/messages")).json() == []
