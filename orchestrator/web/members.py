"""Who works here and what they did: the users of a merchant, and its audit log."""

import re
from typing import Any

from litestar import Request, Response, get, post

from orchestrator.access import audit_store, user_store, users
from orchestrator.access.actor import ActorKind
from orchestrator.access.scopes import Role, Scope
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.web import account_views, csrf, replies, sessions
from orchestrator.web.console_desk import shell_of
from orchestrator.web.forms import BODY_MAX_BYTES, sentence_of, text_of
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.sessions import ConsoleSession

USERS, AUDIT = "/console/users", "/console/audit"
AUDIT_ROWS = 50

_ACTION = re.compile(r"[a-z_]{1,40}(?:\.[a-z_]{1,40}|\.\*)?")
_ENTRY = re.compile(r"aud_[0-9a-f]{1,36}")


@get(USERS)
async def users_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The members. Raises LoginNeeded, Forbidden."""
    return await _page(request, await sessions.need(request, Scope.USERS))


@post(USERS, request_max_body_size=BODY_MAX_BYTES)
async def invite(request: Request[Any, Any, Any]) -> Response[str]:
    """Make somebody a member; the page shows the link to hand over, this once."""
    session, form = await _posted(request)
    try:
        row, link = await users.invite(
            session.merchant.id,
            text_of(form, "email"),
            _role(text_of(form, "role")),
            name=text_of(form, "name"),
            by=session.scopes,
        )
    except ClearwayError as refused:
        return await _page(request, session, error=sentence_of(refused), status=refused.status)
    return await _page(request, session, link=users.link_address(link) if link else "", link_email=row.email)


@post(f"{USERS}/change", request_max_body_size=BODY_MAX_BYTES)
async def change(request: Request[Any, Any, Any]) -> Response[Any]:
    """A role, or in and out. The user's sessions end."""
    session, form = await _posted(request)
    role, disabled = text_of(form, "role"), text_of(form, "disabled")
    try:
        await users.change(
            session.merchant.id,
            text_of(form, "user"),
            role=_role(role) if role else None,
            disabled=disabled == "yes" if disabled else None,
            by=session.scopes,
        )
    except ClearwayError as refused:
        return await _page(request, session, error=sentence_of(refused), status=refused.status)
    return replies.redirect(USERS)


@post(f"{USERS}/link", request_max_body_size=BODY_MAX_BYTES)
async def make_link(request: Request[Any, Any, Any]) -> Response[str]:
    """A new link to set a password, shown this once."""
    session, form = await _posted(request)
    try:
        row = await users.get(session.merchant.id, text_of(form, "user"))
        link = await users.make_link(session.merchant.id, row.id)
    except ClearwayError as refused:
        return await _page(request, session, error=sentence_of(refused), status=refused.status)
    return await _page(request, session, link=users.link_address(link), link_email=row.email)


@get(AUDIT)
async def audit_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Who did what, newest first. Raises LoginNeeded, Forbidden."""
    session = await sessions.need(request, Scope.AUDIT_READ)
    action, before = request.query_params.get("action", ""), request.query_params.get("before", "")
    action = action if _ACTION.fullmatch(action) else ""
    found = await audit_store.latest(
        session.merchant.id,
        limit=AUDIT_ROWS + 1,
        before_id=before if _ENTRY.fullmatch(before) else None,
        action=action or None,
    )
    emails = {row.id: row.email for row in await user_store.members(session.merchant.id)}
    rows = tuple(_audit_row(row, emails) for row in found[:AUDIT_ROWS])
    older = ""
    if len(found) > AUDIT_ROWS:
        older = f"{AUDIT}?before={found[AUDIT_ROWS - 1].id}" + (f"&action={action}" if action else "")
    token = csrf.token_of(request)
    view = account_views.AuditView(await shell_of(session, token), rows, action, older)
    return replies.page(view, cookies=(csrf.cookie_of(token),))


async def _posted(request: Request[Any, Any, Any]) -> tuple[ConsoleSession, Any]:
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    return await sessions.need(request, Scope.USERS), form


async def _page(
    request: Request[Any, Any, Any],
    session: ConsoleSession,
    *,
    link: str = "",
    link_email: str = "",
    error: str = "",
    status: int = 200,
) -> Response[str]:
    token = csrf.token_of(request)
    view = account_views.UsersView(
        shell=await shell_of(session, token),
        rows=tuple(_user_row(row, session) for row in await user_store.members(session.merchant.id)),
        roles=tuple(role.value for role in Role),
        link=link,
        link_email=link_email,
        error=error,
    )
    return replies.page(view, status=status, cookies=(csrf.cookie_of(token),))


def _user_row(row: user_store.MemberRow, session: ConsoleSession) -> account_views.UserRow:
    state = "disabled" if row.disabled_at else "active" if row.has_password else "invited"
    return account_views.UserRow(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        state=state,
        has_totp=row.has_totp,
        last_login_at=row.last_login_at,
        is_me=row.id == session.session.user_id,
    )


def _audit_row(row: audit_store.EntryRow, emails: dict[str, str]) -> account_views.AuditRow:
    kind = ActorKind(row.actor_kind)
    return account_views.AuditRow(
        sequence=row.sequence,
        at=row.created_at,
        who=emails.get(row.actor_id) or row.actor_id or kind.value,
        ip=row.ip,
        action=row.action,
        object_id=row.object_id,
        before=row.before or "",
        after=row.after or "",
    )


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise InvalidField("role", f"must be one of {', '.join(Role)}") from None


ROUTES = [users_page, invite, change, make_link, audit_page]
