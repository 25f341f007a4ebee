"""One's own account at the console: password, second factor, sessions, and the merchant one is at."""

from typing import Any

import segno
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie

from orchestrator import clock_port
from orchestrator.access import own_account, passwords, totp, user_store
from orchestrator.access import sessions as access_sessions
from orchestrator.access.scopes import Scope
from orchestrator.errors import ClearwayError, NotFound
from orchestrator.settings import get_settings
from orchestrator.web import account_views, csrf, replies, sessions
from orchestrator.web.console_desk import shell_of
from orchestrator.web.forms import BODY_MAX_BYTES, sentence_of, text_of
from orchestrator.web.pages import CSRF_FIELD
from orchestrator.web.sessions import ACCOUNT, ConsoleSession

ISSUER = "Clearway"
QR_SCALE = 4


@get(ACCOUNT)
async def account_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Raises LoginNeeded; NotFound for an API key, which has no account."""
    return await _page(request, await _user(request))


@post(f"{ACCOUNT}/password", request_max_body_size=BODY_MAX_BYTES)
async def change_password(request: Request[Any, Any, Any]) -> Response[Any]:
    """Every other session ends."""
    session, form = await _posted(request)
    try:
        secret = await own_account.change_password(
            session.session, text_of(form, "password"), text_of(form, "new_password"), sessions.visit_of(request)
        )
    except ClearwayError as refused:
        return await _page(request, session, error=sentence_of(refused), status=refused.status)
    return replies.redirect(ACCOUNT, sessions.cookie_of(secret))


@post(f"{ACCOUNT}/totp/begin", request_max_body_size=BODY_MAX_BYTES)
async def begin_totp(request: Request[Any, Any, Any]) -> Response[Any]:
    """Show the QR code of a new secret."""
    session, _ = await _posted(request)
    await own_account.begin_totp(session.session)
    return replies.redirect(ACCOUNT)


@post(f"{ACCOUNT}/totp/confirm", request_max_body_size=BODY_MAX_BYTES)
async def confirm_totp(request: Request[Any, Any, Any]) -> Response[Any]:
    """The first right code puts it in force; the answer has the recovery codes, this once."""
    session, form = await _posted(request)
    try:
        secret, codes = await own_account.confirm_totp(
            session.session, text_of(form, "code"), sessions.visit_of(request)
        )
    except ClearwayError as refused:
        return await _page(request, session, error=sentence_of(refused), status=refused.status)
    return await _page(request, session, codes=tuple(codes), cookies=(sessions.cookie_of(secret),))


@post(f"{ACCOUNT}/totp/remove", request_max_body_size=BODY_MAX_BYTES)
async def remove_totp(request: Request[Any, Any, Any]) -> Response[Any]:
    """Take the second factor away; asks for the password."""
    session, form = await _posted(request)
    try:
        secret = await own_account.remove_totp(session.session, text_of(form, "password"), sessions.visit_of(request))
    except ClearwayError as refused:
        return await _page(request, session, error=sentence_of(refused), status=refused.status)
    return replies.redirect(ACCOUNT, sessions.cookie_of(secret))


@post(f"{ACCOUNT}/sessions/end", request_max_body_size=BODY_MAX_BYTES)
async def end_session(request: Request[Any, Any, Any]) -> Response[None]:
    """End one of one's own sessions. Raises NotFound."""
    session, form = await _posted(request)
    await own_account.end_session(session.session, text_of(form, "session"))
    return replies.redirect(ACCOUNT)


@post(f"{ACCOUNT}/sessions/end-all", request_max_body_size=BODY_MAX_BYTES)
async def end_all(request: Request[Any, Any, Any]) -> Response[None]:
    """Sign out everywhere, here too."""
    session, _ = await _posted(request)
    await own_account.sign_out_everywhere(session.session)
    return replies.redirect(sessions.LOGIN, await sessions.sign_out(request))


@post(f"{ACCOUNT}/merchant", request_max_body_size=BODY_MAX_BYTES)
async def switch_merchant(request: Request[Any, Any, Any]) -> Response[None]:
    """Go on at another merchant. Raises NotFound for one that is not the user's."""
    session, form = await _posted(request)
    secret = await own_account.switch_merchant(session.session, text_of(form, "merchant"), sessions.visit_of(request))
    return replies.redirect(sessions.HOME, sessions.cookie_of(secret))


async def _user(request: Request[Any, Any, Any]) -> ConsoleSession:
    session = await sessions.session_of(request, without_second_factor=True)
    if session.session.user_id is None:
        raise NotFound("user", "of an API key")
    return session


async def _posted(request: Request[Any, Any, Any]) -> tuple[ConsoleSession, Any]:
    form = await request.form()
    csrf.check(request, form.get(CSRF_FIELD))
    return await _user(request), form


async def _page(
    request: Request[Any, Any, Any],
    session: ConsoleSession,
    *,
    error: str = "",
    status: int = 200,
    codes: tuple[str, ...] = (),
    cookies: tuple[Cookie, ...] = (),
) -> Response[str]:
    user_id, token = session.session.user_id or "", csrf.token_of(request)
    user = await user_store.user(user_id)
    assert user is not None
    pending = await own_account.pending_totp(session.session)
    address = totp.address(pending, user.email, ISSUER) if pending else ""
    view = account_views.AccountView(
        shell=await shell_of(session, token),
        email=user.email,
        role=session.session.row.role or "",
        chars_min=passwords.CHARS_MIN,
        has_totp=user.totp_confirmed_at is not None,
        codes_left=await user_store.recovery_codes_left(user_id),
        sessions=await _own_sessions(session),
        merchants=await _merchants(session),
        may_see_users=session.may(Scope.USERS),
        may_see_audit=session.may(Scope.AUDIT_READ),
        must_set_up=get_settings().console_totp_required and user.totp_confirmed_at is None,
        qr_svg=segno.make(address, error="m").svg_inline(scale=QR_SCALE, border=2) if address else "",
        totp_secret=pending or "",
        recovery_codes=codes,
        error=error,
    )
    return replies.page(view, status=status, cookies=(csrf.cookie_of(token), *cookies))


async def _own_sessions(session: ConsoleSession) -> tuple[account_views.OwnSessionRow, ...]:
    rows = await access_sessions.open_of(session.session.user_id or "", clock_port.now())
    return tuple(
        account_views.OwnSessionRow(
            row.handle,
            row.created_at,
            row.last_seen_at,
            row.ip,
            row.browser,
            is_this=row.handle == session.session.row.handle,
        )
        for row in rows
    )


async def _merchants(session: ConsoleSession) -> tuple[account_views.MerchantRow, ...]:
    rows = await user_store.memberships(session.session.user_id or "")
    return tuple(
        account_views.MerchantRow(row.merchant_id, row.merchant_name, row.role, row.merchant_id == session.merchant.id)
        for row in rows
    )


ROUTES = [
    account_page,
    change_password,
    begin_totp,
    confirm_totp,
    remove_totp,
    end_session,
    end_all,
    switch_merchant,
]
