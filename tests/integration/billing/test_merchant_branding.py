"""Logo, colour and templates of a merchant's own: checked when they are given, and on what is issued from then on."""

from __future__ import annotations

import asyncio
import base64
import sys
import threading
from collections.abc import AsyncIterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from PIL import Image
from printed import has_colour, logos_on, png, text_of

sys.path.append(str(Path(__file__).parents[1] / "http"))

from http_driving import Api, merchant_api

from invoicing.rendering.branding import DEFAULT_ACCENT
from orchestrator.billing import pdf
from orchestrator.db import fetch
from tests.built_application import application

RED = "#cc0000"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'
OWN = '{% extends "invoice.html" %}{% block notes %}<p>Our own words</p>{% endblock %}'
DRAFT = {
    "currency": "EUR",
    "buyer": {"name": "Beta", "country": "DE"},
    "lines": [{"description": "a", "quantity": "1", "unit_price": "1", "tax": {"kind": "zero"}}],
}


@pytest_asyncio.fixture(loop_scope="session")
async def api(database: str) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clearway.test") as client:
        yield await merchant_api(client, "Acme GmbH")


async def put(api: Api, path: str, body: Any) -> httpx.Response:
    return await api.client.put(path, json=body, headers=api.headers())


async def put_logo(api: Api, picture: bytes) -> httpx.Response:
    return await api.client.put("/v1/branding/logo", content=picture, headers=api.headers())


async def remove(api: Api, path: str) -> int:
    return (await api.client.delete(path, headers=api.headers())).status_code


async def issued(api: Api, path: str = "invoices") -> str:
    made = (await api.post(f"/v1/{path}", DRAFT)).json()["id"]
    answer = await api.post(f"/v1/{path}/{made}/finalize", {"send": False})
    assert answer.status_code == 200, answer.text
    return str(made)


async def pdf_of(api: Api, document_id: str, path: str = "invoices") -> bytes:
    answer = await api.get(f"/v1/{path}/{document_id}/pdf")
    assert answer.status_code == 200, answer.text
    return answer.content


def refused(answer: httpx.Response, field: str) -> str:
    """The message about the one field that was refused."""
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field"), answer.text
    [error] = answer.json()["errors"]
    assert error["field"] == field
    return str(error["message"])


async def test_a_new_merchant_has_our_branding(api: Api) -> None:
    found = (await api.get("/v1/branding")).json()
    assert (found["version"], found["accent"], found["logo"]) == (0, DEFAULT_ACCENT, None)
    assert (await api.get("/v1/branding/logo")).status_code == 404


async def test_documents_issued_from_then_on_have_the_colour_and_the_logo(api: Api) -> None:
    before = await issued(api)
    assert (await put(api, "/v1/branding", {"accent": RED})).json()["version"] == 1
    assert (await put_logo(api, png())).json()["version"] == 2
    after = await issued(api)
    drawn = await pdf_of(api, after)
    assert (has_colour(drawn, "0.8", "0", "0"), logos_on(drawn)) == (True, True)
    drawn = await pdf_of(api, before)  # though it is drawn only now
    assert (has_colour(drawn, "0.8", "0", "0"), logos_on(drawn)) == (False, False)


async def test_what_was_drawn_stays_when_the_branding_changes(api: Api) -> None:
    invoice_id = await issued(api)
    drawn = await pdf_of(api, invoice_id)
    await put(api, "/v1/branding", {"accent": RED})
    assert await pdf_of(api, invoice_id) == drawn


@pytest.mark.parametrize(("picture", "kind"), [(png(), "image/png"), (SVG, "image/svg+xml")])
async def test_a_logo_is_given_out_as_it_is_kept(api: Api, picture: bytes, kind: str) -> None:
    told = (await put_logo(api, picture)).json()["logo"]
    found = await api.get("/v1/branding/logo")
    assert (found.headers["content-type"].split(";")[0], told["media_type"]) == (kind, kind)
    assert len(found.content) == told["size_bytes"]


async def test_a_logo_is_taken_away(api: Api) -> None:
    await put_logo(api, png())
    assert await remove(api, "/v1/branding/logo") == 204
    assert await remove(api, "/v1/branding/logo") == 204
    found = (await api.get("/v1/branding")).json()
    assert (found["logo"], found["version"]) == (None, 2)


def _jpeg() -> bytes:
    written = BytesIO()
    Image.new("RGB", (9, 9)).save(written, "JPEG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("picture", "remedy"),
    [
        (b"", "send the picture itself"),
        (_jpeg(), "must be a PNG or an SVG"),
        (SVG.replace(b"<path", b"<script/><path"), "turn everything into paths"),
        (SVG.replace(b"M0 0h9v9z", b"M0 0" + b"h1" * 100_000), "make it smaller"),
    ],
    ids=["empty", "jpeg", "script", "large"],
)
async def test_a_logo_that_cannot_be_used_is_refused_with_what_to_do(api: Api, picture: bytes, remedy: str) -> None:
    assert remedy in refused(await put_logo(api, picture), "logo")
    assert (await api.get("/v1/branding")).json()["version"] == 0


async def test_a_colour_that_is_hard_to_read_is_refused_with_one_that_is_not(api: Api) -> None:
    assert "the darker #" in refused(await put(api, "/v1/branding", {"accent": "#ffcc00"}), "accent")


async def test_two_changes_at_once_both_stay(api: Api) -> None:
    answers = await asyncio.gather(put(api, "/v1/branding", {"accent": RED}), put_logo(api, png()))
    assert {answer.json()["version"] for answer in answers} == {1, 2}
    found = (await api.get("/v1/branding")).json()
    assert (found["version"], found["accent"], found["logo"] is None) == (2, RED, False)


async def test_a_version_is_never_changed_afterwards(api: Api) -> None:
    await put(api, "/v1/branding", {"accent": RED})
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await fetch("UPDATE branding_version SET accent = '#000000'")


async def test_the_audit_log_tells_what_was_before(api: Api) -> None:
    await put(api, "/v1/branding", {"accent": RED})
    await put(api, "/v1/document-templates/invoice", {"template": OWN})
    template, colour = (await api.get("/v1/audit-log?action=setting.changed")).json()["data"]
    assert colour["before"]["branding"]["accent"] == DEFAULT_ACCENT
    assert colour["after"]["branding"]["accent"] == RED
    assert (template["before"], template["after"]["invoice_template"]["version"]) == ({"invoice_template": None}, 1)


async def test_documents_issued_from_then_on_are_drawn_with_the_template_of_their_kind(api: Api) -> None:
    before = await issued(api)
    answer = await put(api, "/v1/document-templates/invoice", {"template": OWN})
    assert (answer.status_code, answer.json()["version"]) == (200, 1), answer.text
    assert "Our own words" in text_of(await pdf_of(api, await issued(api)))
    assert "Our own words" not in text_of(await pdf_of(api, before))
    quote = await issued(api, "quotes")
    assert "Our own words" not in text_of(await pdf_of(api, quote, "quotes"))


async def test_a_template_is_taken_away(api: Api) -> None:
    path = "/v1/document-templates/quote"
    await put(api, path, {"template": OWN})
    assert (await api.get(path)).json()["template"] == OWN
    assert [await remove(api, path) for _ in range(2)] == [204, 404]
    assert (await api.get(path)).status_code == 404
    assert "Our own words" not in text_of(await pdf_of(api, await issued(api, "quotes"), "quotes"))
    assert (await put(api, path, {"template": OWN})).json()["version"] == 3


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("<p>\n{{ number.__class__ }}</p>", "line 2: there is no __class__"),
        ("{% if %}", "line 1"),
        ("<p>\n{{ no_such_thing }}</p>", "everything on it: line 2: 'no_such_thing' is undefined"),
        ("<p>{{ bank.facts|length }}</p>", "has only what it must"),
        ('<img src="https://elsewhere.example/logo.png">', "fetches nothing"),
    ],
)
async def test_a_template_that_would_fail_is_refused_with_the_line(api: Api, source: str, why: str) -> None:
    path = "/v1/document-templates/invoice"
    assert why in refused(await put(api, path, {"template": source}), "template")
    assert (await api.get(path)).status_code == 404


async def test_a_kind_of_document_that_has_no_template_is_refused(api: Api) -> None:
    answer = await put(api, "/v1/document-templates/letter", {"template": OWN})
    assert answer.status_code in (400, 404), answer.text


@pytest.mark.parametrize("kind", ["invoice", "credit_note", "quote", "proforma"])
async def test_a_preview_shows_what_is_given_and_keeps_nothing(api: Api, kind: str) -> None:
    given = {"kind": kind, "accent": RED, "logo": base64.b64encode(png()).decode(), "template": OWN, "locale": "de"}
    answer = await api.post("/v1/branding/preview", given)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    assert (has_colour(answer.content, "0.8", "0", "0"), logos_on(answer.content)) == (True, True)
    assert "Our own words" in text_of(answer.content)
    assert (await api.get("/v1/branding")).json()["version"] == 0


async def test_a_preview_shows_what_is_stored_where_nothing_is_given(api: Api) -> None:
    await put_logo(api, png())
    await put(api, "/v1/document-templates/invoice", {"template": OWN})
    stored = await api.post("/v1/branding/preview", {})
    assert (logos_on(stored.content), "Our own words" in text_of(stored.content)) == (True, True)
    bare = await api.post("/v1/branding/preview", {"logo": ""})
    assert not logos_on(bare.content)


async def test_a_preview_of_a_template_that_fails_tells_the_line(api: Api) -> None:
    answer = await api.post("/v1/branding/preview", {"template": "\n\n{{ no_such_thing }}"})
    assert "line 3" in refused(answer, "template")


async def test_one_preview_of_a_merchant_is_drawn_at_a_time(api: Api) -> None:
    asked, free = [asyncio.create_task(api.post("/v1/branding/preview", {})) for _ in range(3)], threading.Event()
    threads = pdf._threads()
    for _ in range(threads._max_workers):
        threads.submit(free.wait, 60)  # others are being drawn: the first preview stands in line
    try:
        refused_ones = [await one for one in islice(asyncio.as_completed(asked, timeout=60), 2)]
    finally:
        free.set()
    assert [(answer.status_code, answer.json()["code"]) for answer in refused_ones] == [(503, "busy")] * 2
    assert sorted([(await one).status_code for one in asked]) == [200, 503, 503]


async def test_each_merchant_has_a_branding_of_its_own(api: Api) -> None:
    other = await merchant_api(api.client, "Other Ltd")
    await put_logo(api, png())
    await put(api, "/v1/document-templates/invoice", {"template": OWN})
    assert (await other.get("/v1/branding")).json()["version"] == 0
    assert (await other.get("/v1/document-templates/invoice")).status_code == 404
    assert "Our own words" not in text_of(await pdf_of(other, await issued(other)))
