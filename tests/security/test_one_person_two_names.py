"""Four eyes against one person with several names: keys that they made, rotated, or made each other with."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
from http_driving import Api
from people import new_person

from orchestrator.access import api_keys, service
from orchestrator.access.actor import Actor, ActorKind, act_as
from orchestrator.access.scopes import Role
from orchestrator.approvals import service as approvals
from orchestrator.approvals.states import ApprovalKind
from orchestrator.db import transaction

BANK = {"holder": "Mallory", "iban": "DE02120300000000202051"}


async def ask(by: Api) -> str:
    """A request for other bank details."""
    answer = await by.client.put("/v1/merchant/bank-details", json=BANK, headers=by.headers())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def approve(by: Api, approval_id: str) -> httpx.Response:
    return await by.post(f"/v1/approvals/{approval_id}/approve", {})


async def made_by(maker: Api, scopes: list[str] | None = None) -> Api:
    """Another key, made with the first."""
    body: dict[str, Any] = {"name": "another", "scopes": scopes or ["finance", "keys"]}
    answer = await maker.post("/v1/api-keys", body)
    assert answer.status_code == 201, answer.text
    return replace(maker, secret=answer.json()["secret"])


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "approval_own_request"


async def test_a_key_cannot_approve_with_a_key_that_it_made_beforehand(api: Api) -> None:
    second = await made_by(api)
    assert is_refused(await approve(second, await ask(api)))


async def test_nor_can_the_maker_approve_what_its_key_asked_for(api: Api) -> None:
    second = await made_by(api)
    assert is_refused(await approve(api, await ask(second)))


async def test_nor_can_two_keys_of_one_maker_approve_each_other(api: Api) -> None:
    second, third = await made_by(api), await made_by(api)
    assert is_refused(await approve(third, await ask(second)))


async def test_nor_a_key_of_a_key(api: Api) -> None:
    grandchild = await made_by(await made_by(api))
    assert is_refused(await approve(grandchild, await ask(api)))


async def test_nor_the_key_that_a_rotation_made(api: Api) -> None:
    key_id = (await api.get("/v1/api-keys")).json()["data"][0]["id"]
    rotated = await api.post(f"/v1/api-keys/{key_id}/rotate", {})
    assert is_refused(await approve(replace(api, secret=rotated.json()["secret"]), await ask(api)))


async def test_nor_does_it_help_to_rotate_twice_in_between(api: Api) -> None:
    second = await made_by(api)
    key_id = next(one["id"] for one in (await api.get("/v1/api-keys")).json()["data"] if one["name"] == "another")
    rotated = await second.post(f"/v1/api-keys/{key_id}/rotate", {})
    assert is_refused(await approve(replace(api, secret=rotated.json()["secret"]), await ask(api)))


async def test_nor_a_user_with_a_key_of_their_own(api: Api) -> None:
    """The user asked; the key that they made at the API's verbs approves."""
    person = await new_person(api.client, api.merchant_id, Role.ADMIN)
    act_as(Actor(ActorKind.USER, person.user_id))
    _, secret = await api_keys.create(api.merchant_id, "mine", ["finance"])
    async with transaction():
        row = await approvals.ask(
            ApprovalKind.POLICY, api.merchant_id, api.merchant_id, {"new": {}, "previous": {}}, {"new": {}}
        )
    assert is_refused(await approve(replace(api, secret=secret), row.id))


async def test_two_keys_from_the_machine_are_two(api: Api) -> None:
    """Whoever has the machine hands keys to different people: nothing says that they are one."""
    second = replace(api, secret=await service.create_api_key(api.merchant_id, "Ben"))
    answer = await approve(second, await ask(api))
    assert (answer.status_code, answer.json()["state"]) == (200, "approved")


async def test_a_revoked_key_that_was_used_a_moment_ago_approves_nothing(api: Api) -> None:
    """Requests with it may pass for a second; an approval looks the key up."""
    second = replace(api, secret=await service.create_api_key(api.merchant_id, "Ben"))
    approval_id = await ask(api)
    assert (await second.get("/v1/approvals")).status_code == 200
    key_id = next(one["id"] for one in (await api.get("/v1/api-keys")).json()["data"] if one["name"] == "Ben")
    await api.client.delete(f"/v1/api-keys/{key_id}", headers=api.headers())
    assert (await approve(second, approval_id)).status_code in (401, 403)


async def test_two_approvals_at_once_are_one(api: Api) -> None:
    second = replace(api, secret=await service.create_api_key(api.merchant_id, "Ben"))
    third = replace(api, secret=await service.create_api_key(api.merchant_id, "Cleo"))
    approval_id = await ask(api)
    answers = await asyncio.gather(*(approve(one, approval_id) for one in (second, third) * 5))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 9
