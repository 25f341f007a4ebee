"""The page of an invoice in a real browser: nothing is refused by its own policy, and it fits a phone in each script.

The browser asks the application itself, in this process, headers and all. `SCREENS_DIR`: a folder for pictures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from browser_flags import FLAGS
from msgspec.structs import replace
from playwright.async_api import Browser, Page, Route, async_playwright

from invoicing.documents import BankAccount, DraftInvoice, Line, Party
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import AgreedTerms, DiscountStep, EarlyPayment, Instalment, NetDays
from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access.secrets import sign
from orchestrator.billing import invoice_links
from orchestrator.billing import service as billing
from orchestrator.settings import get_settings
from tests.built_application import application

ORIGIN = "http://127.0.0.1:9"  # trusted as if it were https; every request is answered here
WIDTHS = {"desk": 1280, "phone": 360}
LANGUAGES = ("en", "de", "ar", "he", "th", "zh-Hant")
SELLER = Party(
    name="Nordlicht Messtechnik Donaudampfschifffahrtsgesellschaft mbH",
    country="DE",
    address_lines=("Hafenstraße 1",),
    postal_code="20457",
    city="Hamburg",
    vat_id="DE136695976",
)
DRAFT = DraftInvoice(
    seller=SELLER,
    buyer=Party(name="Alpenklang Handels GmbH", country="AT", city="Salzburg", email="ap@alpenklang.example"),
    currency="EUR",
    lines=(
        Line("Oszilloskop NW-200 mit Kalibrierzertifikat", Decimal(2), Decimal(1249), TaxTreatment(TaxKind.VAT, 1900)),
        Line("Support", Decimal("3.5"), Decimal("0.0125"), TaxTreatment(TaxKind.VAT, 700), unit="HUR"),
    ),
    terms=AgreedTerms(due=NetDays(30), early_payment=EarlyPayment(steps=(DiscountStep(10, 200),))),
    bank=BankAccount(holder="Nordlicht GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX"),
)
RATES = AgreedTerms(
    instalments=(Instalment(due=NetDays(5), share_bps=3_000), Instalment(due=NetDays(40), share_bps=7_000))
)


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine")
    async with async_playwright() as driver:
        started = await driver.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def merchant_id(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("CLEARWAY_PUBLIC_URL", ORIGIN)
    get_settings.cache_clear()
    yield (await access.create_merchant("Nordlicht GmbH", {"country": "DE"})).id
    monkeypatch.undo()
    get_settings.cache_clear()


async def issued(merchant_id: str, draft: DraftInvoice, days_ago: int = 0) -> InvoiceRecord:
    made = await billing.create_draft(merchant_id, "", draft)
    on = clock_port.now().date() - timedelta(days=days_ago)
    return await billing.finalize(merchant_id, made.id, issue_date=on, send_mail=False)


def path_of(invoice: InvoiceRecord) -> str:
    return f"/i/{invoice_links.link_of(invoice, clock_port.now().date())}"


def expired_path_of(invoice: InvoiceRecord) -> str:
    signed = f"{invoice.public_token}.{int(clock_port.now().timestamp()) - 60}"
    return f"/i/{signed}.{sign('invoice-link', signed)}"


async def opened(browser: Browser, path: str, language: str, width: int) -> tuple[Page, list[str]]:
    """The page as that visitor sees it, and what the browser complained of."""
    context = await browser.new_context(
        locale=language, viewport={"width": width, "height": 900}, color_scheme="light", base_url=ORIGIN
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url=ORIGIN)

    async def answer(route: Route) -> None:
        found = await client.get(route.request.url, headers=await route.request.all_headers())
        await route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    await context.route("**/*", answer)
    page, complaints = await context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(path)
    return page, [one for one in complaints if "410" not in one and "Permissions-Policy" not in one]


async def keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENS_DIR"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_fits_and_is_refused_nothing(
    browser: Browser, merchant_id: str, language: str, width: str
) -> None:
    rates = await issued(merchant_id, replace(DRAFT, terms=RATES), days_ago=10)  # first: numbers go by date
    early = await issued(merchant_id, DRAFT)
    paths = {"early": path_of(early), "rates": path_of(rates), "expired": expired_path_of(early)}
    for name, path in paths.items():
        page, complaints = await opened(browser, path, language, WIDTHS[width])
        await keep_picture(page, f"{name}-{language}-{width}")
        assert complaints == [], name
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        assert await page.evaluate("document.documentElement.dir") == ("rtl" if language in ("ar", "he") else "ltr")
        assert await page.evaluate("document.documentElement.lang") == language
        if name != "expired":
            assert await page.locator("form button").first.is_visible()
            scan = await page.locator(".scan").bounding_box()
            assert scan is not None
            assert scan["width"] > 100
        await page.context.close()
