"""What users do about themselves: the password, the second factor, their sessions."""

from __future__ import annotations

from orchestrator import clock_port
from orchestrator.access import audit, passwords, secrets, session_store, sessions, sign_in, totp, user_store
from orchestrator.access.audit import Action
from orchestrator.access.sessions import Session, Visit
from orchestrator.db import transaction
from orchestrator.errors import Conflict, InvalidField, NotFound
from orchestrator.ids import new_id

_SECRET = "secret"  # noqa: S105 - the name of the sealed value


async def change_password(session: Session, present: str, new: str, visit: Visit) -> str:
    """Every other session ends and this one begins anew: returns what its cookie holds.

    Raises InvalidField, TooManyTries.
    """
    found = await sign_in.check_password(_user_of(session), present)
    if present == new:
        raise InvalidField("new_password", "must be another than before")
    passwords.check(new, found.email, "new_password")
    password_hash, now = await passwords.hashed(new), clock_port.now()
    async with transaction():
        await user_store.update_user(found.id, {"password_hash": password_hash, "password_changed_at": now})
        secret = await _anew(session, visit)
        await _record(session, Action.USER_PASSWORD_CHANGED)
    return secret


async def begin_totp(session: Session) -> str:
    """A new secret for the authenticator app, not in force before a code confirms it. Raises Conflict."""
    secret = totp.new_secret()
    async with transaction():
        found = await user_store.user(_user_of(session), lock=True)
        assert found is not None
        if found.totp_confirmed_at is not None:
            raise Conflict("There is a second factor already. Take it away first.")
        values = {"sealed_totp_secret": secrets.seal({_SECRET: secret}), "totp_last_step": 0}
        await user_store.update_user(found.id, values)
    return secret


async def pending_totp(session: Session) -> str | None:
    """The secret that waits for its first code."""
    found = await user_store.user(_user_of(session))
    if found is None or found.sealed_totp_secret is None or found.totp_confirmed_at is not None:
        return None
    return secrets.unseal(found.sealed_totp_secret)[_SECRET]


async def confirm_totp(session: Session, code: str, visit: Visit) -> tuple[str, list[str]]:
    """The app shows right codes: from now on they are asked for. Returns the new cookie and the recovery codes.

    Raises InvalidField, Conflict.
    """
    now, codes = clock_port.now(), totp.new_recovery_codes()
    async with transaction():
        found = await user_store.user(_user_of(session), lock=True)
        if found is None or found.sealed_totp_secret is None or found.totp_confirmed_at is not None:
            raise Conflict("There is no second factor to confirm. Begin again.")
        if not await sign_in.is_right_code(found, code, now):
            raise InvalidField("code", "is not the one of now: check the clock of your phone")
        await user_store.update_user(found.id, {"totp_confirmed_at": now})
        await user_store.replace_recovery_codes(found.id, [(new_id("rec"), totp.recovery_hash(one)) for one in codes])
        secret = await _anew(session, visit)
        await _record(session, Action.USER_TOTP_ON)
    return secret, codes


async def remove_totp(session: Session, password: str, visit: Visit) -> str:
    """Raises InvalidField for a wrong password, TooManyTries."""
    found = await sign_in.check_password(_user_of(session), password)
    async with transaction():
        await user_store.update_user(found.id, {"totp_confirmed_at": None, "sealed_totp_secret": None})
        await user_store.replace_recovery_codes(found.id, [])
        secret = await _anew(session, visit)
        await _record(session, Action.USER_TOTP_OFF)
    return secret


async def end_session(session: Session, handle: str) -> None:
    """End one of one's own sessions. Raises NotFound."""
    async with transaction():
        if not await session_store.end_of_user(_user_of(session), clock_port.now(), handle=handle):
            raise NotFound("session", handle)


async def sign_out_everywhere(session: Session) -> None:
    async with transaction():
        await session_store.end_of_user(_user_of(session), clock_port.now())
        await _record(session, Action.USER_SIGNED_OUT_EVERYWHERE)


async def switch_merchant(session: Session, merchant_id: str, visit: Visit) -> str:
    """Go on at another merchant, in a session of its own. Raises NotFound."""
    theirs = await user_store.memberships(_user_of(session))
    if merchant_id not in {one.merchant_id for one in theirs}:
        raise NotFound("merchant", merchant_id)
    async with transaction():
        return await sessions.renew(session, clock_port.now(), visit, merchant_id=merchant_id)


def _user_of(session: Session) -> str:
    """Raises NotFound for a key, which has no account."""
    if session.user_id is None:
        raise NotFound("user", "of an API key")
    return session.user_id


async def _anew(session: Session, visit: Visit) -> str:
    now = clock_port.now()
    await session_store.end_of_user(_user_of(session), now, but=session.id)
    return await sessions.renew(session, now, visit)


async def _record(session: Session, action: Action) -> None:
    user_id = _user_of(session)
    for one in await user_store.memberships(user_id):
        await audit.record(one.merchant_id, action, user_id, clock_port.now())
