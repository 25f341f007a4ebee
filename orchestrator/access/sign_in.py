"""Signing in: e-mail and password, then the second factor where there is one. All refusals look and last the same."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

from orchestrator import clock_port
from orchestrator.access import audit, passwords, secrets, session_store, sessions, throttle, totp, user_store
from orchestrator.access.actor import Actor, ActorKind
from orchestrator.access.audit import Action
from orchestrator.access.sessions import Session, Stage, Visit
from orchestrator.access.user_store import UserRow
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError, InvalidField
from orchestrator.ids import new_id
from orchestrator.log import logger

REFUSED_AFTER_S = 0.5

_DEVICE = "console-device"
_SECRET = "secret"  # noqa: S105 - the name of the sealed value
_log = logger(__name__)


class SignInRefused(ClearwayError):
    """Unknown, disabled, not invited to anything, or a wrong password: nobody learns which."""

    status = 401
    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the session's cookie holds, whether the second factor is still to come, and who it is."""

    secret: str
    needs_code: bool
    user_id: str


async def with_password(email: str, password: str, device: str, visit: Visit) -> SignedIn:
    """A new session. `device` is the cookie of an earlier visit, if any. Raises SignInRefused, TooManyTries."""
    now, began_s = clock_port.now(), time.monotonic()
    address = email.strip().lower()[:320]
    found = await user_store.user_by_email(address)
    door = _door_of(found, address, device)
    await throttle.take(door, now)
    if not _is_known_device(found, device):
        await throttle.take(throttle.address_door(visit.ip), now)
    right = await passwords.matches(found.password_hash if found else None, password)
    theirs = await user_store.memberships(found.id) if found else []
    if found is None or not right or found.disabled_at is not None or not theirs:
        await _note_refusal(found, visit, now)
        # what we write down of a known user takes time, so that how long we took would tell
        await asyncio.sleep(max(0.0, began_s + REFUSED_AFTER_S - time.monotonic()))
        raise SignInRefused("The e-mail address or the password is not right.")
    await throttle.clear(door)
    fresh = await passwords.hashed(password) if passwords.is_outdated(found.password_hash or "") else None
    needs_code = found.totp_confirmed_at is not None
    stage = Stage.TOTP if needs_code else Stage.FULL
    async with transaction():
        if fresh is not None:
            await user_store.update_user(found.id, {"password_hash": fresh})
        secret = await sessions.begin(now, visit, user_id=found.id, merchant_id=theirs[0].merchant_id, stage=stage)
        if not needs_code:
            await _note_arrival(found.id, theirs[0].merchant_id, visit, now)
    return SignedIn(secret, needs_code, found.id)


async def with_code(half: Session, code: str, device: str, visit: Visit) -> SignedIn:
    """The second step, by a TOTP or recovery code: the session of the first ends and another begins.

    Raises SignInRefused, TooManyTries.
    """
    now = clock_port.now()
    found = await user_store.user(half.user_id or "")
    if found is None or half.row.stage != Stage.TOTP or half.row.merchant_id is None:
        raise SignInRefused("Sign in again.")
    door = throttle.second_factor_door(found.id, device if _is_known_device(found, device) else "")
    await throttle.take(door, now)
    secret = ""
    async with transaction():
        # of two requests with the same half session only one goes on
        if await is_right_code(found, code, now) and await session_store.end(half.id, now):
            secret = await sessions.begin(now, visit, user_id=found.id, merchant_id=half.row.merchant_id)
            await _note_arrival(found.id, half.row.merchant_id, visit, now)
    if not secret:
        await _note_refusal(found, visit, now)
        raise SignInRefused("The code is not right, or it was used before. Wait for the next one.")
    await throttle.clear(door)
    return SignedIn(secret, False, found.id)


async def is_right_code(found: UserRow, code: str, now: datetime) -> bool:
    """Whether it is a TOTP code of now or a recovery code, unused; uses it up, in the caller's transaction."""
    if found.sealed_totp_secret is None:
        return False
    secret = secrets.unseal(found.sealed_totp_secret)[_SECRET]
    step = totp.matching_step(secret, code, now)
    if step is not None:
        return await user_store.use_totp_step(found.id, step)
    return await user_store.use_recovery_code(found.id, totp.recovery_hash(code), now)


def device_cookie(user_id: str) -> str:
    """Kept by a browser in which somebody has signed in: it names the user and is signed."""
    nonce = new_id("dev")
    return f"{user_id}.{nonce}.{secrets.sign(_DEVICE, f'{user_id}.{nonce}')}"


async def check_password(user_id: str, password: str) -> UserRow:
    """The user, who has just typed the present password once more. Raises InvalidField, TooManyTries."""
    found = await user_store.user(user_id)
    door = throttle.second_factor_door(user_id, "password")
    await throttle.take(door, clock_port.now())
    if found is None or not await passwords.matches(found.password_hash, password):
        raise InvalidField("password", "is not the present one")
    await throttle.clear(door)
    return found


def _is_known_device(found: UserRow | None, device: str) -> bool:
    claim, _, signature = device.rpartition(".")
    owner = claim.partition(".")[0]
    return (
        found is not None
        and device.isascii()
        and owner == found.id
        and secrets.signed_correctly(_DEVICE, claim, signature)
    )


def _door_of(found: UserRow | None, address: str, device: str) -> throttle.Door:
    if _is_known_device(found, device):
        return throttle.device_door(device)
    return throttle.account_door(address)


async def _note_arrival(user_id: str, merchant_id: str, visit: Visit, now: datetime) -> None:
    await user_store.update_user(user_id, {"last_login_at": now})
    who = Actor(ActorKind.USER, user_id, visit.ip)
    await audit.record(merchant_id, Action.USER_SIGNED_IN, user_id, now, actor=who)


async def _note_refusal(found: UserRow | None, visit: Visit, now: datetime) -> None:
    """In the log of the process for everybody; in the audit log of the merchants whose user it is."""
    _log.warning("console.sign_in_refused", user_id=found.id if found else "", ip=visit.ip)
    if found is None:
        return
    who = Actor(ActorKind.USER, found.id, visit.ip)
    for one in await user_store.memberships(found.id):
        async with transaction():
            await audit.record(one.merchant_id, Action.USER_SIGN_IN_REFUSED, found.id, now, actor=who)
