"""Users of a merchant: who may make them, what a role opens, and that an admin is left."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from http_driving import Api, merchant_api
from litestar.routes import HTTPRoute
from one_browser import browser
from people import PASSWORD, Person, new_person
from web_driving import Visitor

from orchestrator.access import users
from orchestrator.access.scopes import ROLE_SCOPES, Role, Scope
from orchestrator.errors import Conflict, Forbidden, NotFound

# What stands before the door: it asks for no session.
OPEN = {"/console/login", "/console/link"}


async def test_an_invitation_is_a_link_that_sets_the_password_once(api: Api) -> None:
    made = (await api.post("/v1/users", {"email": "Bob@Acme.example", "role": "viewer"})).json()
    assert (made["email"], made["has_password"]) == ("bob@acme.example", False)
    page = made["link"].removeprefix("http://clearway.test")
    visitor = Visitor(api.client)
    token = page.split("token=")[1]
    for status in (303, 404):
        form = {"token": token, "password": PASSWORD, "again": PASSWORD}
        shown = page if status == 303 else "/console/login"
        assert (await visitor.submit("/console/link", shown, **form)).status_code == status
    bob = Person(visitor, api.merchant_id, made["id"], "bob@acme.example")
    await bob.sign_in()
    assert await bob.is_in()


async def test_the_link_is_not_given_again_to_a_repeated_request(api: Api) -> None:
    body = {"email": "bob@acme.example", "role": "viewer"}
    first = (await api.post("/v1/users", body, key="k")).json()
    again = (await api.post("/v1/users", body, key="k")).json()
    assert first["link"]
    assert (again["id"], again["link"]) == (first["id"], None)


async def test_nobody_gives_a_role_that_allows_more_than_their_own(api: Api) -> None:
    clerk = await merchant_api(api.client, "Clerks", ("users", "payments:read"))
    assert (await clerk.post("/v1/users", {"email": "a@b.example", "role": "admin"})).status_code == 403
    with pytest.raises(Forbidden):
        await users.invite(api.merchant_id, "a@b.example", Role.OPERATOR, by=ROLE_SCOPES[Role.VIEWER])


async def test_an_admin_is_left_even_when_two_step_down_at_once(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    bob = await new_person(api.client, api.merchant_id, email="bob@acme.example")
    changes = (users.change(api.merchant_id, one.user_id, role=Role.VIEWER) for one in (ada, bob))
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in results) == 1


async def test_a_changed_role_ends_the_users_sessions(api: Api) -> None:
    await new_person(api.client, api.merchant_id, email="root@acme.example")
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    assert await ada.is_in()
    await users.change(api.merchant_id, ada.user_id, role=Role.VIEWER)
    assert not await ada.is_in()


async def test_a_disabled_user_is_out_and_does_not_come_in(api: Api) -> None:
    await new_person(api.client, api.merchant_id, email="root@acme.example")
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    await api.client.patch(f"/v1/users/{ada.user_id}", json={"disabled": True}, headers=api.headers())
    assert not await ada.is_in()
    assert (await ada.sign_in()).status_code == 401


async def test_an_admin_here_cannot_get_at_a_member_of_another_merchant(api: Api, other: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    row, link = await users.invite(other.merchant_id, ada.email, Role.ADMIN)
    assert link is None  # she has a password
    with pytest.raises(Forbidden):
        await users.make_link(other.merchant_id, row.id)
    with pytest.raises(Forbidden):
        await users.make_link(api.merchant_id, row.id)


async def test_somebody_invited_twice_gets_no_link_from_the_second_merchant(api: Api, other: Api) -> None:
    _, first = await users.invite(api.merchant_id, "new@acme.example", Role.ADMIN)
    _, second = await users.invite(other.merchant_id, "new@acme.example", Role.ADMIN)
    assert first is not None
    assert second is None


async def test_an_old_link_opens_nothing_when_there_is_a_newer_one(api: Api) -> None:
    row, old = await users.invite(api.merchant_id, "new@acme.example", Role.ADMIN)
    await users.make_link(api.merchant_id, row.id)
    with pytest.raises(NotFound):
        await users.accept_link(old or "", PASSWORD)


def console_routes() -> list[tuple[str, str]]:
    from orchestrator.app import create_app

    return sorted(
        (str(method), route.path_format)
        for route in create_app().routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/console")
        for method in route.route_handler_map
        if method != "OPTIONS"
    )


async def test_no_console_route_opens_without_a_session(client: httpx.AsyncClient) -> None:
    routes = console_routes()
    assert len(routes) >= 15
    visitor = Visitor(client)
    for method, template in routes:
        path = re.sub(r"\{[^}]+\}", "x", template)
        if path in OPEN or path == "/console/logout":
            continue
        if method == "GET":
            answer = await visitor.open(path)
        else:
            answer = await client.request(method, path, data={"_csrf_token": await visitor.token_on("/console/login")})
        assert answer.status_code == 303, (method, path, answer.status_code)
        assert answer.headers["location"].startswith("/console/login"), (method, path)


async def test_no_console_route_does_anything_for_a_form_without_its_token(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    for method, template in console_routes():
        if method != "GET":
            answer = await api.client.request(method, re.sub(r"\{[^}]+\}", "x", template), data={"x": "y"})
            assert answer.status_code in (403, 404), (method, template, answer.status_code)
    assert await ada.is_in()


PAGES = {
    "/console/payments": Scope.PAYMENTS_READ,
    "/console/invoices": Scope.INVOICES_READ,
    "/console/reconciliation": Scope.FINANCE_READ,
    "/console/webhooks": Scope.OPERATE_READ,
    "/console/users": Scope.USERS,
    "/console/audit": Scope.AUDIT_READ,
}


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_opens_the_pages_of_its_scopes_and_no_others(api: Api, role: Role) -> None:
    await new_person(api.client, api.merchant_id, email="root@acme.example")
    async with browser() as own:
        person = await new_person(own, api.merchant_id, role, email=f"{role}@acme.example")
        await person.sign_in()
        for page, scope in PAGES.items():
            status = (await person.visitor.open(page)).status_code
            assert status == (200 if scope in ROLE_SCOPES[role] else 403), (role, page)


async def test_a_viewer_cannot_invite_by_a_form_either(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id, Role.VIEWER)
    await ada.sign_in()
    form = {"email": "friend@acme.example", "role": "admin"}
    assert (await ada.visitor.submit("/console/users", "/console/account", **form)).status_code == 403


async def test_the_users_page_invites_and_changes(api: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    page = "/console/users"
    answer = await ada.visitor.submit(page, page, email="eve@acme.example", role="viewer", name="Eve")
    assert "/console/link?token=" in answer.text
    eve = next(row for row in (await api.get("/v1/users")).json()["data"] if row["email"] == "eve@acme.example")
    await ada.visitor.submit(f"{page}/change", page, user=eve["id"], role="finance")
    assert (await api.get(f"/v1/users/{eve['id']}")).json()["role"] == "finance"
    refused = await ada.visitor.submit(f"{page}/change", page, user=ada.user_id, role="viewer")
    assert "An admin must be left" in refused.text
