"""Scripts in every text that is stored, shown by every page in a real browser: none runs, none is even refused."""

from __future__ import annotations

import re
import shutil
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from http_driving import Api
from litestar.routes import HTTPRoute
from payment_shop import NO_FUNDS, VISA, Shop
from people import new_person
from playwright.async_api import Browser, Page, Route, async_playwright
from test_two_merchants import things_of

from orchestrator.access import service as access
from orchestrator.db import fetch

pytestmark = pytest.mark.timeout(300)

EUROS = {"amount": 1_000, "currency": "EUR"}
SCRIPT = "\"'><script>xss=1</script><img src=x onerror=xss=1><svg onload=xss=1>{{7*7}}"
SHORT = "<img src=x onerror=xss=1>"
LISTENER = """
window.refused = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
# What gateways, banks, browsers and people say, and we keep: by the names of columns and of members of JSON.
SAID = frozenset(
    [
        "why",
        "detail",
        "failure_message",
        "note",
        "description",
        "gateway_reason",
        "label",
        "reference",
        "name",
        "error",
        "last_error",
        "failure",
        "endpoint_problem",
        "browser",
        "event_type",
        "message",
        "text",
        "response",
        "holder",
        "buyer_name",
        "title",
        "reason_text",
        "raw_code",
    ]
)


@pytest_asyncio.fixture(loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


async def poison() -> int:
    """Put the script into everything in the database that somebody else has said. How many columns took it."""
    columns = await fetch(
        "SELECT table_name, column_name, data_type, character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type IN ('text', 'character varying', 'jsonb')"
    )
    taken = 0
    for table, column, kind, most in columns:
        if kind == "jsonb":
            for member in SAID:
                change = f"jsonb_set({column}, '{{{member}}}', to_jsonb($1::text))"
                where = f"jsonb_typeof({column}->'{member}') = 'string'"
                taken += await _updated(table, column, change, where, SCRIPT)
        elif column in SAID:
            text = SCRIPT if most is None or most >= len(SCRIPT) else SHORT
            if most is None or most >= len(text):
                taken += await _updated(table, column, "$1", "true", text)
    return taken


async def _updated(table: str, column: str, change: str, where: str, text: str) -> bool:
    try:
        sql = f'UPDATE "{table}" SET "{column}" = {change} WHERE {where} RETURNING 1'
        return bool(await fetch(sql, text))
    except Exception:  # a column with a constraint, or a table to which one may only add
        return False


async def things(api: Api, shop: Shop) -> dict[str, str]:
    """One of everything, with scripts in what the API takes."""
    ids = await things_of(api)
    for number in (NO_FUNDS, VISA):
        card = await shop.card(number)
        shown = {name: getattr(card, name) for name in ("vault_token", "brand", "last4", "expiry_month", "expiry_year")}
        body = {
            "amount": EUROS,
            "reference": SHORT,
            "description": SCRIPT,
            "metadata": {SHORT: SCRIPT},
            "payment_method": {"type": "card", **shown, "holder": SHORT},
        }
        made = (await api.post("/v1/payments", body)).json()
        ids["payment_id"] = made["id"]
    await api.post("/v1/customers", {"name": SCRIPT, "email": "x@y.example", "metadata": {SHORT: SCRIPT}})
    await api.post("/v1/api-keys", {"name": SCRIPT[:100], "scopes": ["payments:read"]})
    await api.post(
        "/v1/users", {"email": "<img/src=x/onerror=xss=1>@x.example", "role": "viewer", "name": SCRIPT[:100]}
    )
    await api.post("/v1/webhook-endpoints", {"url": "https://h.example/<script>xss=1</script>", "description": SCRIPT})
    item = {"description": SCRIPT, "quantity": 1, "amount": EUROS}
    session = await api.post("/v1/checkout-sessions", {"amount": EUROS, "line_items": [item], "description": SCRIPT})
    link = await api.post("/v1/payment-links", {"amount": EUROS, "description": SCRIPT})
    ids["token"] = session.json()["url"].rsplit("/", 1)[1] if session.status_code == 201 else ""
    ids["link_token"] = link.json()["url"].rsplit("/", 1)[1]
    operations = await fetch("SELECT id FROM operation WHERE payment_id = $1", ids["payment_id"])
    return {**ids, **({"operation_id": operations[0][0]} if operations else {})}


def pages(ids: dict[str, str]) -> list[str]:
    """The address of every page that there is."""
    from orchestrator.app import create_app

    found = []
    for route in create_app().routes:
        template = re.sub(r":\w+\}", "}", getattr(route, "path_format", ""))
        if not isinstance(route, HTTPRoute) or "GET" not in route.route_handler_map:
            continue
        if template.startswith("/console") and not template.endswith((".csv", ".xlsx")):
            found.append(re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], "x"), template))
    asked = urllib.parse.quote(SCRIPT)
    search = [f"{page}?q={asked}&status={asked}&before={asked}&action={asked}&next={asked}" for page in found]
    return [
        *found,
        *search,
        f"/pay/{ids['token']}",
        f"/l/{ids['link_token']}",
        f"/l/{ids['link_token']}?locale={asked}",
    ]


def served(client: httpx.AsyncClient) -> Any:
    """The browser's network: every request of it is the application's, with the headers of its answer."""

    async def answer(route: Route) -> None:
        request = route.request
        if not request.url.startswith("http://clearway.test"):
            await route.abort()
            return
        found = await client.request(request.method, request.url, follow_redirects=True)
        headers = {name: value for name, value in found.headers.items() if name not in ("set-cookie", "content-length")}
        await route.fulfill(status=found.status_code, headers=headers, body=found.content)

    return answer


async def verdict(page: Page, address: str) -> list[str]:
    """What went wrong on a page."""
    await page.goto(f"http://clearway.test{address}", wait_until="load")
    wrong = [f"{address}: refused {one}" for one in await page.evaluate("window.refused")]
    if await page.evaluate("window.xss !== undefined"):
        wrong.append(f"{address}: the script ran")
    if await page.evaluate("[...document.querySelectorAll('[onerror],[onload],img[src=x]')].length"):
        wrong.append(f"{address}: the markup became markup")
    links = await page.evaluate("[...document.querySelectorAll('a,form')].map((it) => it.href || it.action || '')")
    return wrong + [
        f"{address}: {link}" for link in links if re.match(r"(?i)\s*(javascript|data|vbscript):", str(link))
    ]


async def test_no_page_runs_what_was_stored(api: Api, shop: Shop, chromium: Browser) -> None:
    ids = await things(api, shop)
    person = await new_person(api.client, api.merchant_id, email="root@acme.example")
    await person.sign_in()
    assert await poison() > 20
    await access.create_merchant(SCRIPT, {})
    page = await chromium.new_page()
    await page.add_init_script(LISTENER)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.route("**/*", served(api.client))
    wrong, shown, statuses = [], 0, {}
    for address in pages(ids):
        wrong += await verdict(page, address)
        text = await page.evaluate(
            "document.body.innerText + [...document.querySelectorAll('input')].map((i) => i.value)"
        )
        shown += "onerror=xss=1" in text
        wrong += [f"{address}: the template was filled in"] if '">49' in text or "xss=1>49" in text else []
        statuses[address[:60]] = (await api.client.get(address)).status_code
    await page.close()
    assert (wrong, dialogs) == ([], [])
    assert [address for address, status in statuses.items() if status >= 500] == []
    assert shown >= 5, "the texts have to be there, else nothing was tried"


async def test_the_browser_of_these_tests_does_run_scripts(api: Api, chromium: Browser) -> None:
    """Else the test above would pass whatever happened."""
    page = await chromium.new_page()
    await page.set_content(f"<p>{SHORT}</p>")
    await page.wait_for_function("window.xss === 1")
    await page.close()


async def test_the_browser_of_these_tests_keeps_to_our_policy(api: Api, chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.add_init_script(LISTENER)
    await page.route("**/*", served(api.client))
    await page.goto("http://clearway.test/console/login")
    await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=xss=1>')")
    await page.wait_for_function("window.refused.length > 0")
    assert await page.evaluate("window.xss === undefined")
    await page.close()
