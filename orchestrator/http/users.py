"""Routes of console users: who may sign in, and as what."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from orchestrator.access import user_store, users
from orchestrator.access.scopes import Role, Scope
from orchestrator.access.user_store import MemberRow
from orchestrator.http.auth import ApiRequest, caller_of, merchant_of, needs
from orchestrator.http.idempotency import answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import Page
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Email, Input

_SHARED: dict[str, Any] = {"guards": [needs(Scope.USERS)], "responses": PROBLEMS, "tags": ["users"]}


class InviteUser(Input):
    """Somebody who is to sign in to the console."""

    email: Email
    role: Role
    name: Annotated[str, Meta(max_length=100)] = ""


class ChangeUser(Input):
    """What is not given stays."""

    role: Role | None = None
    disabled: bool | None = None


class UserBody(msgspec.Struct, kw_only=True):
    """A user. `link` is in the first answer to the request that made it; it sets the password once, within 48 hours."""

    id: str
    object: str = "user"
    email: str
    name: str
    role: str
    has_password: bool
    has_totp: bool
    disabled: bool
    created_at: datetime
    last_login_at: datetime | None
    link: str | None = None


@post("/users", operation_class=Keyed, summary="Invite a user", **_SHARED)
async def invite_user(request: ApiRequest, data: JSONBody[InviteUser]) -> Response[UserBody]:
    """Make somebody a member. Hand the link over yourself; there is none for one who has a password already."""
    caller = caller_of(request)
    link: str | None = None

    async def work(_: str) -> UserBody:
        nonlocal link
        row, link = await users.invite(caller.merchant_id, data.email, data.role, name=data.name, by=caller.scopes)
        return _body(row)

    answer = await answer_once(request, work)
    if link is not None:  # never kept with the answer: whoever has it sets the password
        body = msgspec.json.decode(answer.content, type=UserBody)
        answer.content = msgspec.json.encode(msgspec.structs.replace(body, link=users.link_address(link)))
    return answer


@get("/users", summary="List users", **_SHARED)
async def list_users(request: ApiRequest) -> Page[UserBody]:
    """All members, in the order in which they came."""
    rows = await user_store.members(merchant_of(request))
    return Page(data=[_body(row) for row in rows], has_more=False)


@get("/users/{user_id:str}", summary="Get a user", **_SHARED)
async def get_user(request: ApiRequest, user_id: FromPath[str]) -> UserBody:
    """One member."""
    return _body(await users.get(merchant_of(request), user_id))


@patch("/users/{user_id:str}", summary="Change a user", **_SHARED)
async def change_user(request: ApiRequest, user_id: FromPath[str], data: JSONBody[ChangeUser]) -> UserBody:
    """Change the role, disable or enable. The user's sessions end."""
    caller = caller_of(request)
    row = await users.change(caller.merchant_id, user_id, role=data.role, disabled=data.disabled, by=caller.scopes)
    return _body(row)


def _body(row: MemberRow) -> UserBody:
    return UserBody(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        has_password=row.has_password,
        has_totp=row.has_totp,
        disabled=row.disabled_at is not None,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
    )


ROUTES = [invite_user, list_users, get_user, change_user]
