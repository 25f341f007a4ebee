"""Every form of the console asks for a token of its own session and for the right role, and no GET changes a thing."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from http_driving import Api
from litestar.routes import HTTPRoute
from people import Person, new_person
from test_two_merchants import address, things_of
from web_driving import Visitor

from orchestrator.access.scopes import Role
from orchestrator.db import fetch
from tests.built_application import application

# Their owner may do these whatever the role: they are about one's own account, or come before it.
OWN = ("/console/login", "/console/logout", "/console/link", "/console/account")
PUBLIC_URL = "http://clearway.test"


def routes(method: str) -> list[str]:
    from orchestrator.app import create_app

    return sorted(
        re.sub(r":\w+\}", "}", route.path_format)
        for route in create_app().routes
        if isinstance(route, HTTPRoute)
        and method in route.route_handler_map
        and route.path_format.startswith("/console")
    )


def browser() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False, client=("192.0.2.66", 1))
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL)


async def books() -> dict[str, Any]:
    """What every table holds, but for what is noted of a visit."""
    noted = {"console_session", "rate_bucket", "login_throttle", "api_key", "page_violation", "console_user"}
    rows = await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    tables = {row[0] for row in rows} - noted
    sql = "SELECT count(*), md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {} t"
    return {name: tuple((await fetch(sql.format(f'"{name}"')))[0]) for name in sorted(tables)}


async def signed_in(api: Api, client: httpx.AsyncClient, role: Role = Role.ADMIN) -> Person:
    person = await new_person(client, api.merchant_id, role, f"{role.value}@acme.example")
    await person.sign_in()
    return person


def test_there_are_forms_to_try() -> None:
    assert len(routes("POST")) >= 15
    assert len(routes("GET")) >= 8


async def test_no_form_is_taken_without_a_token_of_this_session(api: Api) -> None:
    ids = await things_of(api)
    ada = await signed_in(api, api.client)
    async with browser() as strange:
        eve = await signed_in(api, strange, Role.VIEWER)
        theirs = await eve.visitor.token_on("/console/account")
    free = await (await opened_checkout(api)).token_on("/console/login")
    before, wrong = await books(), []
    for template in routes("POST"):
        for token in (None, "", theirs, free, "s." + "0" * 32 + "." + "0" * 64, "\u00e9", "x" * 4_000):
            data = {} if token is None else {"_csrf_token": token}
            answer = await ada.visitor.client.post(address(template, {**ids, **WILD}), data=data)
            if answer.status_code != 403 and not template.startswith(("/console/link", "/console/login")):
                wrong.append((template, token, answer.status_code))
    assert wrong == []
    assert await books() == before


WILD = {"operation_id": "op_1", "delivery_id": "del_1"}


async def opened_checkout(api: Api) -> Visitor:
    """A browser that has seen nothing of the console but its door."""
    return Visitor(browser())


async def test_a_token_does_not_outlive_its_session(api: Api) -> None:
    ada = await signed_in(api, api.client)
    old = await ada.visitor.token_on("/console/account")
    await ada.visitor.submit("/console/logout", "/console/account")
    await ada.sign_in()
    answer = await ada.visitor.client.post("/console/account/sessions/end-all", data={"_csrf_token": old})
    assert answer.status_code == 403


async def test_no_get_changes_anything(api: Api) -> None:
    ids = {**await things_of(api), **WILD}
    await fetch("DELETE FROM refund")  # one on record only, without the operation that every refund has
    ada = await signed_in(api, api.client)
    before = await books()
    for template in routes("GET"):
        for query in ("", "?role=admin&disabled=yes&amount=1&confirm=yes&_method=POST&approve=1"):
            answer = await ada.visitor.open(address(template, ids) + query)
            assert answer.status_code < 500, template
    assert await books() == before


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_may_not_do_a_thing_cannot_do_it_by_posting_its_form(api: Api, role: Role) -> None:
    """A viewer may do nothing at all; the others only what the routes of their scopes answer."""
    ids = {**await things_of(api), **WILD}
    person = await signed_in(api, api.client, role)
    before, let_in = await books(), []
    for template in routes("POST"):
        if template.startswith(OWN):
            continue
        answer = await person.visitor.submit(address(template, ids), "/console/account", user="usr_x", action="x")
        if answer.status_code != 403:
            let_in.append(template)
    if role is Role.VIEWER:
        assert let_in == []
        assert await books() == before
    if role is not Role.ADMIN:
        assert not [one for one in let_in if one.startswith("/console/users")]
    if role in (Role.FINANCE, Role.VIEWER):
        assert not [one for one in let_in if "keys" in one or "gateways" in one or "endpoints" in one]
    if role in (Role.OPERATOR, Role.DEVELOPER, Role.VIEWER):
        assert not [one for one in let_in if "approve" in one]


@pytest.mark.parametrize(
    "path", ["/console/login", "/console/payments", "/console/payments/none", "/pay/none", "/l/none", "/i/none"]
)
async def test_no_page_may_be_framed_cached_or_sniffed(api: Api, path: str) -> None:
    await signed_in(api, api.client)
    answer = await api.client.get(path)
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert set(answer.headers["x-content-type-options"].split(", ")) == {"nosniff"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "strict-origin"


async def test_a_session_that_a_stranger_planted_is_not_taken_on(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    planted = "A" * 43
    ada.visitor.client.cookies.set("clearway_session", planted, domain="clearway.test")
    await ada.sign_in()
    assert ada.session_cookie() != planted
    async with browser() as strange:
        strange.cookies.set("clearway_session", planted, domain="clearway.test")
        assert (await strange.get("/console/payments")).status_code == 303


@pytest.mark.parametrize("ending", ["logout", "password", "everywhere", "role", "disabled", "link"])
async def test_a_stolen_cookie_ends_with_its_session(api: Api, ending: str) -> None:
    from orchestrator.access import users

    await new_person(api.client, api.merchant_id, email="boss@acme.example")
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    stolen, page = ada.session_cookie(), "/console/account"
    new = "another horse battery 7"
    match ending:
        case "logout":
            await ada.visitor.submit("/console/logout", page)
        case "password":
            await ada.visitor.submit(f"{page}/password", page, password=ada.password, new_password=new)
        case "everywhere":
            await ada.visitor.submit(f"{page}/sessions/end-all", page)
        case "role":
            await users.change(api.merchant_id, ada.user_id, role=Role.VIEWER)
        case "disabled":
            await users.change(api.merchant_id, ada.user_id, disabled=True)
        case _:
            link = await users.make_link(api.merchant_id, ada.user_id)
            await users.accept_link(link, new)
    async with browser() as strange:
        strange.cookies.set("clearway_session", stolen, domain="clearway.test")
        assert (await strange.get("/console/payments")).status_code == 303
