"""The console's branding: a colour, a logo, and samples of what they make of a document."""

from __future__ import annotations

from io import BytesIO

import httpx
import pytest
from console_people import Colleague, signed_in
from payment_shop import Shop
from PIL import Image

from orchestrator.access.scopes import Role
from orchestrator.billing import branding

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAGE = "/console/branding"


def picture() -> bytes:
    written = BytesIO()
    Image.new("RGB", (40, 20), "#336699").save(written, "PNG")
    return written.getvalue()


async def uploads(colleague: Colleague, content: bytes) -> httpx.Response:
    token = await colleague.visitor.token_on(PAGE)
    files = {"logo": ("logo.png", content, "image/png")}
    return await colleague.visitor.client.post(f"{PAGE}/logo", data={"_csrf_token": token}, files=files)


async def test_a_colour_is_saved_and_one_that_is_hard_to_read_refused(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.FINANCE) as colleague:
        answer = await colleague.submits(PAGE, PAGE, accent="#cc0000")
        assert answer.headers["location"] == f"{PAGE}?done=colour"
        assert "#cc0000" in await colleague.opens(f"{PAGE}?done=colour")
        refused = await colleague.submits(PAGE, PAGE, accent="#ffcc00")
        assert refused.status_code == 422
        assert "has a contrast of" in refused.text
    assert (await branding.look_of(shop.merchant_id)).accent == "#cc0000"


async def test_a_logo_is_uploaded_shown_and_taken_away(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.FINANCE) as colleague:
        answer = await uploads(colleague, picture())
        assert answer.headers.get("location") == f"{PAGE}?done=logo", answer.text
        assert f'src="{PAGE}/logo?version=1"' in await colleague.opens(PAGE)
        shown = await colleague.visitor.open(f"{PAGE}/logo?version=1")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
        await colleague.submits(f"{PAGE}/logo/delete", PAGE)
        assert (await colleague.visitor.open(f"{PAGE}/logo")).status_code == 404


async def test_what_is_no_picture_is_refused_in_words(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.FINANCE) as colleague:
        refused = await uploads(colleague, b"GIF89a")
        assert refused.status_code == 422
        assert "Logo must be a PNG or an SVG image." in refused.text


async def test_a_sample_is_a_pdf_in_the_colour_that_is_asked_for(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        answer = await viewer.visitor.open(f"{PAGE}/sample?kind=quote&accent=%23cc0000")
        assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
        refused = await viewer.visitor.open(f"{PAGE}/sample?accent=%23ffffff")
        assert refused.status_code == 422


async def test_who_only_looks_changes_nothing(shop: Shop) -> None:
    async with signed_in(shop.merchant_id, Role.VIEWER) as viewer:
        assert "Use it" not in await viewer.opens(PAGE)
        assert (await viewer.submits(PAGE, "/console/account", accent="#cc0000")).status_code == 403
    assert (await branding.get(shop.merchant_id)).version == 0
