"""Routes of API keys. A secret is in the answer that makes it, not even in the one that is kept for repetition."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from orchestrator import clock_port
from orchestrator.access import api_keys, store
from orchestrator.access.scopes import Scope
from orchestrator.access.store import ApiKeyRow
from orchestrator.http.auth import ApiRequest, caller_of, merchant_of, needs
from orchestrator.http.idempotency import Rebuild, answer_once
from orchestrator.http.openapi import Keyed
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input

OVERLAP_DEFAULT = timedelta(hours=24)
_SHARED: dict[str, Any] = {"guards": [needs(Scope.KEYS)], "responses": PROBLEMS, "tags": ["API keys"]}

Moment = Annotated[datetime, Meta(tz=True, examples=["2027-01-31T00:00:00Z"])]


class CreateApiKey(Input):
    """A key that does no more than its scopes say, and no more than the key that makes it."""

    name: Annotated[str, Meta(min_length=1, max_length=100, examples=["web shop"])]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=50)]
    expires_at: Moment | None = None


class RotateApiKey(Input):
    """Until when the old key works too; 24 hours from now unless given, 30 days at most."""

    old_key_expires_at: Moment | None = None


class ApiKeyBody(msgspec.Struct, kw_only=True):
    """An API key. `secret` is in the first answer to the request that made it, and null ever after."""

    id: str
    object: str = "api_key"
    name: str
    hint: Annotated[str, Meta(description="How the secret begins.")]
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Meta(description="To the minute.")]
    revoked_at: datetime | None
    replaced_by: Annotated[str | None, Meta(description="The key that a rotation made.")]
    secret: str | None = None


@post("/api-keys", operation_class=Keyed, summary="Create an API key", **_SHARED)
async def create_key(request: ApiRequest, data: JSONBody[CreateApiKey]) -> Response[ApiKeyBody]:
    """Make a key. Keep the secret: a repetition of this request answers without it."""
    caller, made = caller_of(request), _Made()

    async def work(idempotency_id: str) -> ApiKeyBody:
        row, made.secret = await api_keys.create(
            caller.merchant_id,
            data.name,
            data.scopes,
            expires_at=data.expires_at,
            by=caller.scopes,
            idempotency_id=idempotency_id,
        )
        return _body(row)

    return made.shown(await answer_once(request, work, _found(caller.merchant_id)))


@get("/api-keys", summary="List API keys", **_SHARED)
async def list_keys(
    request: ApiRequest, limit: Limit = PAGE_DEFAULT, starting_after: StartingAfter = None
) -> Page[ApiKeyBody]:
    """All of them, newest first, also those that ended."""
    size = page_size(limit)
    rows = await store.api_keys_of(merchant_of(request), limit=size + 1, before_id=starting_after)
    return page([_body(row) for row in rows], size)


@get("/api-keys/{key_id:str}", summary="Get an API key", **_SHARED)
async def get_key(request: ApiRequest, key_id: FromPath[str]) -> ApiKeyBody:
    """The key, without its secret."""
    return _body(await api_keys.get(merchant_of(request), key_id))


@post("/api-keys/{key_id:str}/rotate", operation_class=Keyed, status_code=200, summary="Rotate an API key", **_SHARED)
async def rotate_key(
    request: ApiRequest, key_id: FromPath[str], data: JSONBody[RotateApiKey | None] = None
) -> Response[ApiKeyBody]:
    """A new key for the same; the old one works on until the overlap ends. The secret is in this answer only."""
    caller, made = caller_of(request), _Made()
    until = data.old_key_expires_at if data and data.old_key_expires_at else clock_port.now() + OVERLAP_DEFAULT

    async def work(idempotency_id: str) -> ApiKeyBody:
        row, made.secret = await api_keys.rotate(
            caller.merchant_id, key_id, until, by=caller.scopes, idempotency_id=idempotency_id
        )
        return _body(row)

    return made.shown(await answer_once(request, work, _found(caller.merchant_id), status=200))


@delete("/api-keys/{key_id:str}", status_code=200, summary="Revoke an API key", **_SHARED)
async def revoke_key(request: ApiRequest, key_id: FromPath[str]) -> ApiKeyBody:
    """End the key. Requests with it are refused within a second, console sessions of it at once."""
    return _body(await api_keys.revoke(merchant_of(request), key_id))


class _Made:
    """The secret that this request made, if it made one."""

    secret: str | None = None

    def shown(self, answer: Response[Any]) -> Response[ApiKeyBody]:
        if self.secret is not None:
            body = msgspec.json.decode(answer.content, type=ApiKeyBody)
            answer.content = msgspec.json.encode(msgspec.structs.replace(body, secret=self.secret))
        return answer


def _found(merchant_id: str) -> Rebuild:
    async def rebuild(key_id: str) -> ApiKeyBody:
        return _body(await api_keys.get(merchant_id, key_id))

    return rebuild


def _body(row: ApiKeyRow) -> ApiKeyBody:
    return ApiKeyBody(
        id=row.id,
        name=row.name,
        hint=row.key_hint,
        scopes=row.scopes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        replaced_by=row.replaced_by,
    )


ROUTES = [create_key, list_keys, get_key, rotate_key, revoke_key]
