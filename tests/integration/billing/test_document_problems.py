"""What goes wrong with drawing a document never touches the document: it is kept with it, and tried again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from printed import has_colour, text_of, warm_process

sys.path.append(str(Path(__file__).parents[1] / "http"))

from http_driving import Api, merchant_api

from invoicing import service as invoicing
from invoicing.problems import ProblemKind
from orchestrator import clock_port, outbox
from orchestrator.billing import document_problems, pdf
from orchestrator.billing.einvoices import service as einvoices
from orchestrator.db import fetch
from orchestrator.jobs import bells
from orchestrator.settings import get_settings
from tests.built_application import application

LINE = {"description": "Work", "quantity": "1", "unit_price": "1", "tax": {"kind": "vat", "rate_bps": 1900}}
BUYER = {"name": "Beta GmbH", "country": "DE", "postal_code": "20457", "city": "Hamburg", "email": "ap@beta.example"}
DRAFT = {"currency": "EUR", "buyer": BUYER, "lines": [LINE]}
# Within every limit of a template, on a sample of three lines done in a moment, and minutes of work for 36.
SLOW = (
    "{% for a in lines %}{% for b in lines %}{% for c in lines %}<table><tr><td>x</td></tr></table>"
    "{% endfor %}{% endfor %}{% endfor %}"
)


class Mailbox:
    """An SMTP server that counts what it is given."""

    def __init__(self) -> None:
        self.letters = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.letters += 1
        return "250 OK"


@pytest.fixture(autouse=True, scope="module")
def _one_process() -> Iterator[None]:
    """For all tests: to start it takes longer than most of them, and those that kill it leave a new one."""
    pdf.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARWAY_LIMITS__PDF_PROCESSES", "1")
        get_settings.cache_clear()
        yield
        pdf.close()
    get_settings.cache_clear()


@pytest_asyncio.fixture(loop_scope="session")
async def api(database: str) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        yield await merchant_api(client, "Acme GmbH")


@pytest_asyncio.fixture(loop_scope="session")
async def mailbox(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("CLEARWAY_MAIL_FROM", "Acme Billing <billing@acme.example>")
    get_settings.cache_clear()
    yield box
    server.close()


async def issued(api: Api, *, send: bool = False, **changes: Any) -> str:
    made = (await api.post("/v1/invoices", DRAFT | changes)).json()["id"]
    answer = await api.post(f"/v1/invoices/{made}/finalize", {"send": send})
    assert answer.status_code == 200, answer.text
    assert answer.json()["problems"] == []
    return str(made)


async def shown(api: Api, invoice_id: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/invoices/{invoice_id}")
    found: dict[str, Any] = answer.json()
    return found


async def kinds(api: Api, invoice_id: str) -> list[str]:
    return [problem["kind"] for problem in (await shown(api, invoice_id))["problems"]]


async def told(api: Api, invoice_id: str) -> list[str]:
    """The events of the document that are about its drawing and sending, oldest first."""
    found = (await api.get(f"/v1/events?object_id={invoice_id}")).json()["data"]
    names = [event["type"] for event in reversed(found) if event["data"].get("object_id", invoice_id) == invoice_id]
    return [name for name in names if name not in ("invoice.issued", "credit_note.issued")]


async def ring(after_s: int = 0) -> None:
    """Have a worker answer what is due, as if so many seconds had passed."""
    due = await outbox.take_due(clock_port.now() + timedelta(seconds=after_s))
    await asyncio.gather(*(bells._answer(bell) for bell in due))


async def fails_once(asking: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it when the process that draws is killed over the document that it is given."""
    process = await warm_process()
    pid, drawn = process._process.pid, process._drawn
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    work = asyncio.ensure_future(asking)
    while process._drawn == drawn and not work.done():
        await asyncio.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return await work


async def stands_still(process: pdf._Process, asking: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it when the process is at the document for longer than it may be. It burns no processor over it."""
    pid, drawn = process._process.pid, process._drawn
    assert pid is not None
    work = asyncio.ensure_future(asking)
    while process._drawn == drawn and not work.done():
        await asyncio.sleep(0.001)
    await asyncio.sleep(1)  # at work on it
    os.kill(pid, signal.SIGSTOP)
    return await work


async def test_a_process_that_dies_during_a_send_delays_the_mail_and_nothing_else(api: Api, mailbox: Mailbox) -> None:
    invoice_id = await issued(api, send=True)
    number = (await shown(api, invoice_id))["number"]
    await fails_once(ring())
    [problem] = (await shown(api, invoice_id))["problems"]
    assert (problem["kind"], problem["times"]) == ("pdf", 1)
    assert "died" in problem["message"]
    assert (mailbox.letters, (await shown(api, invoice_id))["number"]) == (0, number)
    await ring(after_s=60)
    assert (mailbox.letters, await kinds(api, invoice_id)) == (1, [])
    assert await told(api, invoice_id) == ["invoice.pdf_failed", "invoice.problem_solved", "invoice.sent"]


async def test_a_pdf_that_cannot_be_drawn_now_is_a_503_that_says_so(api: Api) -> None:
    invoice_id = await issued(api)
    answer = await fails_once(api.get(f"/v1/invoices/{invoice_id}/pdf"))
    assert (answer.status_code, answer.json()["code"]) == (503, "pdf_unavailable"), answer.text
    assert "ask again" in answer.json()["detail"]
    assert await kinds(api, invoice_id) == ["pdf"]
    assert (await api.get(f"/v1/invoices/{invoice_id}/pdf")).status_code == 200
    assert await kinds(api, invoice_id) == []


async def test_a_problem_is_told_once_and_counted(api: Api) -> None:
    invoice_id = await issued(api)
    for _ in range(2):
        await fails_once(api.get(f"/v1/invoices/{invoice_id}/pdf"))
    [problem] = (await shown(api, invoice_id))["problems"]
    assert (problem["times"], problem["first_at"] < problem["last_at"]) == (2, True)
    assert await told(api, invoice_id) == ["invoice.pdf_failed"]


async def test_invoices_are_found_by_their_problem(api: Api) -> None:
    found, other = await issued(api), await issued(api)
    await fails_once(api.get(f"/v1/invoices/{found}/pdf"))
    assert [one["id"] for one in (await api.get("/v1/invoices?problem=pdf")).json()["data"]] == [found]
    assert (await api.get("/v1/invoices?problem=e_invoice")).json()["data"] == []
    await api.get(f"/v1/invoices/{found}/pdf")
    assert (await api.get("/v1/invoices?problem=pdf")).json()["data"] == []
    assert await kinds(api, other) == []


async def test_credit_notes_and_quotes_have_their_problems_too(api: Api) -> None:
    invoice_id = await issued(api)
    note = (await api.post("/v1/credit-notes", {"invoice_id": invoice_id, "send": False})).json()["id"]
    quote = (await api.post("/v1/quotes", DRAFT)).json()["id"]
    await api.post(f"/v1/quotes/{quote}/finalize", {"send": False})
    for path in (f"/v1/credit-notes/{note}", f"/v1/quotes/{quote}"):
        await fails_once(api.get(f"{path}/pdf"))
        assert [problem["kind"] for problem in (await api.get(path)).json()["problems"]] == ["pdf"]


async def test_a_failure_that_is_told_after_another_process_drew_it_does_not_stand(api: Api) -> None:
    invoice_id = await issued(api)
    before = await invoicing.get(api.merchant_id, invoice_id)
    await api.get(f"/v1/invoices/{invoice_id}/pdf")
    await document_problems.note_undrawn(before, ProblemKind.PDF, "too late")
    assert await kinds(api, invoice_id) == []


async def test_a_document_that_failed_is_drawn_with_what_was_corrected_since(api: Api) -> None:
    invoice_id = await issued(api)
    await fails_once(api.get(f"/v1/invoices/{invoice_id}/pdf"))
    await api.client.put("/v1/branding", json={"accent": "#cc0000"}, headers=api.headers())
    drawn = await api.get(f"/v1/invoices/{invoice_id}/pdf")
    assert has_colour(drawn.content, "0.8", "0", "0")


async def test_a_logo_over_which_drawing_dies_is_refused(api: Api) -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'
    answer = await fails_once(api.client.put("/v1/branding/logo", content=logo, headers=api.headers()))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "logo"), answer.text
    assert "died" in answer.json()["detail"]
    assert (await api.get("/v1/branding")).json()["version"] == 0


async def test_a_template_that_takes_for_ever_is_replaced_by_ours_until_it_is_corrected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/v1/document-templates/invoice"
    answer = await api.client.put(path, json={"template": SLOW}, headers=api.headers())
    assert answer.status_code == 200, answer.text
    invoice_id = await issued(api, lines=[LINE] * 36)
    process = await warm_process()
    monkeypatch.setenv("CLEARWAY_LIMITS__PDF_TIMEOUT_S", "40")  # our template, and a new process for it, have as long
    get_settings.cache_clear()
    drawn = await stands_still(process, api.get(f"/v1/invoices/{invoice_id}/pdf"))
    assert "Bank transfer" in text_of(drawn.content)
    [problem] = [one for one in (await shown(api, invoice_id))["problems"] if one["kind"] == "template"]
    assert "took longer than 40 s" in problem["message"]
    assert "invoice.template_failed" in await told(api, invoice_id)
    await api.client.delete(path, headers=api.headers())
    assert "template" not in await kinds(api, invoice_id)
    assert (await told(api, invoice_id))[-1] == "invoice.problem_solved"
    assert (await api.get(f"/v1/invoices/{invoice_id}/pdf")).content == drawn.content


async def test_an_e_invoice_that_is_refused_is_said_in_words_and_the_pdf_is_there(api: Api) -> None:
    invoice_id = await issued(api, currency="KWD", lines=[LINE | {"tax": {"kind": "zero"}}])
    assert (await api.get(f"/v1/invoices/{invoice_id}/pdf")).status_code == 200
    [problem] = (await shown(api, invoice_id))["problems"]
    refused = (await api.get(f"/v1/invoices/{invoice_id}/xml")).json()["detail"]
    assert (problem["kind"], problem["message"]) == ("e_invoice", refused)
    assert await told(api, invoice_id) == ["invoice.e_invoice_missing"]


async def test_rules_that_do_not_answer_are_a_problem_until_they_do(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice_id = await issued(api)
    validator = einvoices._validator()
    monkeypatch.setattr(validator, "_limit_s", 0.01)
    with validator._lock:  # as if another invoice took for ever
        answer = await api.get(f"/v1/invoices/{invoice_id}/pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert await kinds(api, invoice_id) == ["e_invoice"]
    monkeypatch.undo()
    assert (await api.get(f"/v1/invoices/{invoice_id}/pdf")).status_code == 200
    assert await kinds(api, invoice_id) == []


async def test_another_merchants_problem_is_not_solved_by_this_ones_template(api: Api) -> None:
    invoice_id = await issued(api)
    await fetch(
        "INSERT INTO document_problem (id, merchant_id, document_id, kind, message, times, first_at, last_at) "
        "VALUES ('dpr_1', $1, $2, 'template', 'line 1', 1, $3, $3)",
        api.merchant_id,
        invoice_id,
        clock_port.now(),
    )
    other = await merchant_api(api.client, "Other Ltd")
    template = {"template": "<p>{{ number }}</p>"}
    await other.client.put("/v1/document-templates/invoice", json=template, headers=other.headers())
    assert await kinds(api, invoice_id) == ["template"]
