"""Users of several merchants: none of them gets into another merchant, or keeps another's people out."""

from __future__ import annotations

import httpx
import pytest
from http_driving import Api
from people import PASSWORD, Person, new_person
from web_driving import Visitor

from orchestrator.access import users
from orchestrator.access.scopes import Role

VICTIM = "cfo@acme.example"


async def invited_by_api(api: Api, role: str = "admin", email: str = VICTIM) -> httpx.Response:
    return await api.post("/v1/users", {"email": email, "role": role})


async def test_nobody_waits_for_an_address_that_another_merchant_will_invite(api: Api, other: Api) -> None:
    """Account pre-hijacking: the stranger takes the address first, with a password of their own."""
    link = (await invited_by_api(other)).json()["link"]
    await users.accept_link(link.rpartition("token=")[2], PASSWORD)
    answer = await invited_by_api(api)
    assert answer.status_code == 403, answer.text
    stranger = Person(Visitor(api.client), other.merchant_id, "", VICTIM)
    await stranger.sign_in()
    assert api.merchant_id not in (await stranger.visitor.open("/console/account")).text


async def test_nor_with_an_invitation_that_is_still_open(api: Api, other: Api) -> None:
    """The stranger's link would set the password of a member of both."""
    await invited_by_api(other)
    assert (await invited_by_api(api)).status_code == 403


async def test_the_refusal_tells_nothing_of_the_person(api: Api, other: Api) -> None:
    await api.post("/v1/users", {"email": VICTIM, "role": "viewer", "name": "Carla Fox"})
    answer = await invited_by_api(other)
    assert "Carla" not in answer.text
    assert (await other.get("/v1/users")).json()["data"] == []


async def test_the_operator_may_make_somebody_a_member_of_two(api: Api, other: Api) -> None:
    ada = await new_person(api.client, api.merchant_id)
    row, link = await users.invite(other.merchant_id, ada.email, Role.VIEWER)
    assert (row.id, link) == (ada.user_id, None)


async def test_a_role_changed_at_one_merchant_ends_no_session_at_another(api: Api, other: Api) -> None:
    """Else an admin could keep the people of another merchant out for good."""
    ada = await new_person(api.client, api.merchant_id)
    await new_person(api.client, other.merchant_id, email="boss@other.example")
    await users.invite(other.merchant_id, ada.email, Role.VIEWER)
    await ada.sign_in()
    for role in ("developer", "viewer"):
        answer = await other.client.patch(f"/v1/users/{ada.user_id}", json={"role": role}, headers=other.headers())
        assert answer.status_code == 200, answer.text
        assert await ada.is_in()


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"disabled": True}])
async def test_a_role_changed_here_ends_the_session_here(api: Api, change: dict[str, object]) -> None:
    await new_person(api.client, api.merchant_id, email="boss@acme.example")
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    assert await ada.is_in()
    answer = await api.client.patch(f"/v1/users/{ada.user_id}", json=change, headers=api.headers())
    assert answer.status_code == 200, answer.text
    assert not await ada.is_in()


async def test_paying_somewhere_does_not_make_the_browser_unknown(api: Api) -> None:
    """A browser that signed in before has a count of its own; a visit to a checkout must not take that away."""
    ada = await new_person(api.client, api.merchant_id)
    await ada.sign_in()
    known = {name: value for name, value in ada.visitor.client.cookies.items() if "device" in name}
    made = await api.post("/v1/checkout-sessions", {"amount": {"amount": 1_000, "currency": "EUR"}})
    await ada.visitor.open(made.json()["url"].removeprefix("http://clearway.test"))
    after = {name: value for name, value in ada.visitor.client.cookies.items() if "device" in name}
    assert known.items() <= after.items()


@pytest.mark.parametrize("role", [Role.FINANCE, Role.OPERATOR, Role.DEVELOPER, Role.VIEWER])
async def test_no_role_but_admin_reaches_people(api: Api, role: Role) -> None:
    person = await new_person(api.client, api.merchant_id, role)
    await person.sign_in()
    for path, fields in (
        ("/console/users", {"email": "x@y.example", "role": "admin"}),
        ("/console/users/change", {"user": person.user_id, "role": "admin"}),
        ("/console/users/link", {"user": person.user_id}),
    ):
        answer = await person.visitor.submit(path, "/console/account", **fields)
        assert answer.status_code == 403, path


async def test_a_key_makes_nobody_mightier_than_itself(api: Api) -> None:
    from dataclasses import replace

    from orchestrator.access import service

    weak = replace(api, secret=await service.create_api_key(api.merchant_id, "weak", ["users", "keys"]))
    assert (await weak.post("/v1/users", {"email": "eve@acme.example", "role": "admin"})).status_code == 403
    assert (await weak.post("/v1/api-keys", {"name": "x", "scopes": ["finance"]})).status_code == 403
    key_id = next(one["id"] for one in (await api.get("/v1/api-keys")).json()["data"] if one["name"] == "test")
    assert (await weak.post(f"/v1/api-keys/{key_id}/rotate", {})).status_code == 403
    ada = await new_person(api.client, api.merchant_id)
    path = f"/v1/users/{ada.user_id}"
    assert (await weak.client.patch(path, json={"disabled": True}, headers=weak.headers())).status_code == 403
