"""The console over HTTP: who gets in, who does not, and what a payment's timeline tells."""

from __future__ import annotations

import pytest
import pytest_asyncio
from payment_shop import Shop, euros
from web_driving import Visitor

from orchestrator import clock_port
from orchestrator.access import service as access
from orchestrator.access import store as access_store
from orchestrator.db import transaction
from orchestrator.payments import service as payments
from orchestrator.payments.records import PaymentRow
from orchestrator.payments.service import NewPayment
from orchestrator.refunds import service as refunds
from orchestrator.web.console_payments import PAGE_ROWS

PLACES = ("/console/payments", "/console/invoices", "/console/reconciliation", "/console/webhooks")


@pytest_asyncio.fixture(loop_scope="session")
async def api_key(shop: Shop) -> str:
    return await access.create_api_key(shop.merchant_id, "operator", ("console",))


@pytest_asyncio.fixture(loop_scope="session")
async def operator(visitor: Visitor, api_key: str) -> Visitor:
    answer = await visitor.submit("/console/login", "/console/login", api_key=api_key)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/payments")
    return visitor


async def paid_over_an_outage(shop: Shop) -> PaymentRow:
    await shop.tell("/outage", gateway="stripe", on=True)
    return await payments.create(
        NewPayment(shop.merchant_id, euros(1999), instrument=await shop.card(), reference="c-1")
    )


@pytest.mark.parametrize("place", PLACES)
async def test_a_stranger_is_shown_the_door_and_led_back(place: str, visitor: Visitor) -> None:
    answer = await visitor.open(place)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/login?next={place}")


async def test_a_stranger_who_asks_for_a_fragment_is_sent_to_the_door_as_a_page(visitor: Visitor) -> None:
    answer = await visitor.open("/console/payments", **{"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/console/login")


async def test_the_session_cookie_is_kept_from_scripts_and_holds_no_key(visitor: Visitor, api_key: str) -> None:
    answer = await visitor.submit("/console/login", "/console/login", api_key=api_key)
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=43200", "Path=/"):
        assert part.lower() in cookie.lower()
    assert api_key not in cookie


@pytest.mark.parametrize("place", PLACES)
async def test_every_part_opens_for_an_operator(place: str, operator: Visitor) -> None:
    answer = await operator.open(place)
    assert answer.status_code == 200
    assert "Nordlicht GmbH" in answer.text


@pytest.mark.parametrize(("scopes", "status"), [(("payments:read",), 403), (None, 401)])
async def test_a_key_without_the_scope_or_an_unknown_one_is_refused_and_not_repeated(
    shop: Shop, visitor: Visitor, scopes: tuple[str, ...] | None, status: int
) -> None:
    key = await access.create_api_key(shop.merchant_id, "x", scopes) if scopes else "sk_clearway_nobody"
    answer = await visitor.submit("/console/login", "/console/login", api_key=key)
    assert answer.status_code == status
    assert key not in answer.text
    assert (await visitor.open("/console/payments")).status_code == 303


@pytest.mark.parametrize("page", ["/console/login", "/console/logout"])
async def test_a_form_of_another_site_is_refused(page: str, visitor: Visitor, api_key: str) -> None:
    assert (await visitor.client.post(page, data={"api_key": api_key})).status_code == 403


@pytest.mark.parametrize(
    "asked", ["https://evil.example/", "//evil.example", "/\\evil.example", "/console//evil.example", "/pay/x"]
)
async def test_signing_in_never_leads_elsewhere(asked: str, visitor: Visitor, api_key: str) -> None:
    answer = await visitor.submit("/console/login", "/console/login", api_key=api_key, next=asked)
    assert answer.headers["location"] == "/console/payments"


async def test_signing_in_leads_to_where_one_wanted_to_go(visitor: Visitor, api_key: str) -> None:
    answer = await visitor.submit("/console/login", "/console/login", api_key=api_key, next="/console/invoices")
    assert answer.headers["location"] == "/console/invoices"


async def test_a_revoked_key_ends_its_sessions_at_once(shop: Shop, operator: Visitor, api_key: str) -> None:
    caller = await access.authenticate(api_key)
    async with transaction():
        await access_store.revoke_api_key(shop.merchant_id, caller.key_id, clock_port.now())
    assert (await operator.open("/console/payments")).status_code == 303


async def test_a_session_that_was_tampered_with_is_none(operator: Visitor) -> None:
    name = next(name for name in operator.client.cookies if "session" in name)
    secret = operator.client.cookies[name]
    operator.client.cookies.clear()
    operator.client.cookies.set(name, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert (await operator.open("/console/payments")).status_code == 303


async def test_signing_out_ends_the_session(operator: Visitor) -> None:
    answer = await operator.submit("/console/logout", "/console/payments")
    assert answer.headers["location"] == "/console/login"
    assert (await operator.open("/console/payments")).status_code == 303


async def test_the_timeline_tells_of_the_failover_and_the_money(shop: Shop, operator: Visitor) -> None:
    payment = await paid_over_an_outage(shop)
    await refunds.create(shop.merchant_id, payment.id, 500, "too blue")
    html = (await operator.open(f"/console/payments/{payment.id}")).text
    for words in (
        "No rule applies",
        "same card at PayPal",
        "Not reached",
        "Captured",
        "gateway_clearing",
        "too blue",
        "•••• 4242",
    ):
        assert words in html
    assert payment.instrument is not None
    assert payment.instrument.vault_token not in html


async def test_another_merchants_payment_is_not_there(shop: Shop, operator: Visitor) -> None:
    stranger = await access.create_merchant("Stranger", {})
    payment = await payments.create(NewPayment(stranger.id, euros(100)))
    assert (await operator.open(f"/console/payments/{payment.id}")).status_code == 404


async def test_older_payments_come_as_rows_only(shop: Shop, operator: Visitor) -> None:
    made = [await payments.create(NewPayment(shop.merchant_id, euros(100 + n))) for n in range(PAGE_ROWS + 2)]
    first = (await operator.open("/console/payments")).text
    assert f"/console/payments?before={made[2].id}" in first
    rest = (await operator.open(f"/console/payments?before={made[2].id}", **{"hx-request": "true"})).text
    assert "<html" not in rest
    assert made[1].id in rest
    assert made[0].id in rest
    assert "before=" not in rest


async def test_static_files_are_kept_for_ever_under_the_pages_version(operator: Visitor) -> None:
    html = (await operator.open("/console/payments")).text
    for name in ("htmx.js", "clearway.css", "mark.svg"):
        url = html.split(f'"/static/{name}')[1].split('"')[0]
        answer = await operator.open(f"/static/{name}{url}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpages.py", "%2e%2e%2fpages.py"])
async def test_nothing_else_is_served_as_a_static_file(name: str, visitor: Visitor) -> None:
    assert (await visitor.open(f"/static/{name}")).status_code == 404


async def test_the_bare_address_leads_to_the_console(visitor: Visitor) -> None:
    assert (await visitor.open("/")).headers["location"] == "/console/payments"
