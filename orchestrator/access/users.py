"""The verbs of a merchant's users: inviting, roles, disabling, and the link by which one sets a password."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from orchestrator import clock_port
from orchestrator.access import audit, passwords, session_store, user_store
from orchestrator.access.actor import Actor, ActorKind
from orchestrator.access.audit import Action
from orchestrator.access.scopes import ROLE_SCOPES, Role, held
from orchestrator.access.user_store import MemberRow, UserRow
from orchestrator.db import transaction
from orchestrator.errors import Conflict, Forbidden, InvalidField, NotFound
from orchestrator.ids import new_id
from orchestrator.settings import get_settings

LINK_LIFETIME = timedelta(hours=48)
LINK_BYTES = 32
LINK_PATH = "/console/link"


def normal_email(email: str) -> str:
    """As it is stored and looked up. Raises InvalidField."""
    text = email.strip().lower()
    name, _, host = text.partition("@")
    if not name or "." not in host or len(text) > 320 or any(char.isspace() or ord(char) < 32 for char in text):
        raise InvalidField("email", "must be an e-mail address, such as ada@acme.example")
    return text


async def invite(
    merchant_id: str, email: str, role: Role, *, name: str = "", by: Iterable[str] | None = None
) -> tuple[MemberRow, str | None]:
    """Make somebody a member. Returns them and what their link ends with, shown this once; None where they have a
    password already, from this merchant or another.

    `by` are the scopes of whoever invites: nobody gives more than they have, and nobody but the operator (None) makes a
    member of somebody whom another merchant has invited: that account may be a stranger's, who took the address first.
    Raises InvalidField, Forbidden, Conflict (a member already).
    """
    address = normal_email(email)
    _may_give(role, by)
    now = clock_port.now()
    async with transaction():
        await user_store.insert_user(new_id("usr"), address, name.strip()[:100], now)
        found = await user_store.user_by_email(address)
        assert found is not None
        if by is not None:
            await _require_nobody_elses(merchant_id, found.id)
        if not await user_store.insert_membership(new_id("mem"), found.id, merchant_id, role.value, now):
            raise Conflict(f"{address} is a member already. Change the role, or enable the user again.")
        link = await _new_link(found) if await _is_ours_alone(merchant_id, found) else None
        await audit.record(
            merchant_id, Action.USER_INVITED, found.id, now, after={"email": address, "role": role.value}
        )
    return await get(merchant_id, found.id), link


async def get(merchant_id: str, user_id: str) -> MemberRow:
    """Raises NotFound, also for a user of another merchant only."""
    found = await user_store.member(merchant_id, user_id)
    if found is None:
        raise NotFound("user", user_id)
    return found


async def change(
    merchant_id: str,
    user_id: str,
    *,
    role: Role | None = None,
    disabled: bool | None = None,
    by: Iterable[str] | None = None,
) -> MemberRow:
    """Change a role, or disable or enable a member here. Their sessions here end, so that they sign in to what they are
    now; those at other merchants are none of this one's business.

    Raises NotFound, Forbidden, and Conflict where no admin would be left.
    """
    now = clock_port.now()
    async with transaction():
        await user_store.lock_members(merchant_id)
        before = await get(merchant_id, user_id)
        _may_give(Role(before.role), by)
        if role is not None and role != before.role:
            _may_give(role, by)
            await user_store.set_role(merchant_id, user_id, role.value)
        if disabled is not None and disabled != (before.disabled_at is not None):
            await user_store.set_disabled(merchant_id, user_id, now if disabled else None)
        after = await get(merchant_id, user_id)
        members = await user_store.members(merchant_id)
        if not any(one.role == Role.ADMIN and one.disabled_at is None for one in members):
            raise Conflict("An admin must be left. Make somebody else one first.")
        if (after.role, after.disabled_at) != (before.role, before.disabled_at):
            await session_store.end_of_user(user_id, now, merchant_id=merchant_id)
            await _record_change(merchant_id, before, after)
    return after


async def make_link(merchant_id: str, user_id: str) -> str:
    """A new link to set a password, shown this once; it ends when used. Raises NotFound.

    Raises Forbidden for somebody who is a member elsewhere too: else an admin here could get in there.
    """
    async with transaction():
        await get(merchant_id, user_id)
        found = await user_store.user(user_id, lock=True)
        assert found is not None
        if not await _is_ours_alone(merchant_id, found, also_with_password=True):
            raise Forbidden(
                "This user is a member of several merchants. Only the installation's operator can reset the "
                "password: clearway user reset-password"
            )
        link = await _new_link(found)
        await audit.record(merchant_id, Action.USER_LINK_MADE, user_id, clock_port.now())
    return link


async def make_link_by_email(email: str, *, without_totp: bool = False) -> str:
    """The same from the machine itself; `without_totp` takes the second factor away. Raises NotFound."""
    async with transaction():
        found = await user_store.user_by_email(normal_email(email))
        if found is None:
            raise NotFound("user", email)
        link = await _new_link(found)
        if without_totp:
            await user_store.update_user(found.id, {"totp_confirmed_at": None, "sealed_totp_secret": None})
            await user_store.replace_recovery_codes(found.id, [])
        for one in await user_store.memberships(found.id, also_disabled=True):
            await audit.record(one.merchant_id, Action.USER_LINK_MADE, found.id, clock_port.now())
    return link


async def accept_link(link: str, password: str) -> UserRow:
    """Set the password; the link is used up and every session ends. Raises NotFound, InvalidField."""
    now = clock_port.now()
    known = await _by_link(link)
    passwords.check(password, known.email)
    password_hash = await passwords.hashed(password)
    async with transaction():
        found = await user_store.user_by_link(_hash(link), now)
        if found is None:  # used while we were hashing
            raise NotFound("link", "…")
        values = {"password_hash": password_hash, "password_changed_at": now, "link_hash": None}
        await user_store.update_user(found.id, {**values, "link_expires_at": None})
        await session_store.end_of_user(found.id, now)
        for one in await user_store.memberships(found.id, also_disabled=True):
            who = Actor(ActorKind.USER, found.id)
            await audit.record(one.merchant_id, Action.USER_PASSWORD_CHANGED, found.id, now, actor=who)
    return found


def link_address(link: str) -> str:
    """The address of the page that sets a password. It is good once, so what a proxy logs of it soon opens nothing."""
    return f"{get_settings().public_url}{LINK_PATH}?token={link}"


async def email_of_link(link: str) -> str:
    """Whose link it is. Raises NotFound."""
    return (await _by_link(link)).email


async def _by_link(link: str) -> UserRow:
    found = await user_store.user_by_link(_hash(link), clock_port.now())
    if found is None:
        raise NotFound("link", "…")
    return found


async def _new_link(found: UserRow) -> str:
    link = secrets.token_urlsafe(LINK_BYTES)
    values = {"link_hash": _hash(link), "link_expires_at": clock_port.now() + LINK_LIFETIME}
    await user_store.update_user(found.id, values)
    return link


async def _require_nobody_elses(merchant_id: str, user_id: str) -> None:
    await user_store.user(user_id, lock=True)  # of two merchants that invite at once the second waits
    if any(one.merchant_id != merchant_id for one in await user_store.memberships(user_id, also_disabled=True)):
        raise Forbidden(
            "This address is in use already. Only the installation's operator can make its user a member: clearway "
            "user create"
        )


async def _is_ours_alone(merchant_id: str, found: UserRow, *, also_with_password: bool = False) -> bool:
    if found.password_hash is not None and not also_with_password:
        return False
    theirs = await user_store.memberships(found.id, also_disabled=True)
    return all(one.merchant_id == merchant_id for one in theirs)


def _may_give(role: Role, by: Iterable[str] | None) -> None:
    if by is not None and not ROLE_SCOPES[role] <= held(by):
        raise Forbidden(f"The role {role.value!r} allows more than you may do yourself.")


async def _record_change(merchant_id: str, before: MemberRow, after: MemberRow) -> None:
    now = clock_port.now()
    if before.role != after.role:
        was, became = {"role": before.role}, {"role": after.role}
        await audit.record(merchant_id, Action.USER_ROLE_CHANGED, after.id, now, before=was, after=became)
    if (before.disabled_at is None) != (after.disabled_at is None):
        action = Action.USER_ENABLED if after.disabled_at is None else Action.USER_DISABLED
        await audit.record(merchant_id, action, after.id, now)


def _hash(link: str) -> str:
    return hashlib.sha256(link.encode()).hexdigest()
