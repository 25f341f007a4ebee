"""The route of the audit log: read only, newest first."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import QueryParameter

from orchestrator.access import audit_store
from orchestrator.access.audit_store import EntryRow
from orchestrator.access.scopes import Scope
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.pagination import PAGE_DEFAULT, Limit, Page, StartingAfter, page, page_size
from orchestrator.http.problems import PROBLEMS


class ActorBody(msgspec.Struct, kw_only=True):
    """Who: `key` and `user` with an id, `shell` for the command line, `system` for jobs. `ip` where it came from."""

    kind: str
    id: str
    ip: str


class AuditEntryBody(msgspec.Struct, kw_only=True):
    """One thing that was done. `hash` covers the entry and `previous_hash`."""

    id: str
    object: str = "audit_entry"
    sequence: int
    actor: ActorBody
    action: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: datetime
    previous_hash: str
    hash: str


@get(
    "/audit-log",
    guards=[needs(Scope.AUDIT_READ)],
    responses=PROBLEMS,
    tags=["audit log"],
    summary="List audit entries",
)
async def list_entries(
    request: ApiRequest,
    limit: Limit = PAGE_DEFAULT,
    starting_after: StartingAfter = None,
    action: Annotated[
        str | None, QueryParameter(name="action", max_length=60, description="`api_key.created`, or `api_key.*`.")
    ] = None,
    object_id: Annotated[str | None, QueryParameter(name="object_id", max_length=80)] = None,
    actor_id: Annotated[str | None, QueryParameter(name="actor_id", max_length=40)] = None,
) -> Page[AuditEntryBody]:
    """Who did what, newest first. Values under names that tell of secrets are redacted."""
    size = page_size(limit)
    rows = await audit_store.latest(
        merchant_of(request),
        limit=size + 1,
        before_id=starting_after,
        action=action,
        object_id=object_id,
        actor_id=actor_id,
    )
    return page([_body(row) for row in rows], size)


def _body(row: EntryRow) -> AuditEntryBody:
    return AuditEntryBody(
        id=row.id,
        sequence=row.sequence,
        actor=ActorBody(kind=row.actor_kind, id=row.actor_id, ip=row.ip),
        action=row.action,
        object_id=row.object_id,
        before=msgspec.json.decode(row.before) if row.before else None,
        after=msgspec.json.decode(row.after) if row.after else None,
        created_at=row.created_at,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )


ROUTES = [list_entries]
