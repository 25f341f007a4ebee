"""Guesses at a door (an account, an address, a second factor): a few are free, then each one makes the pause longer.

A try is counted before it is looked at, in one statement, so that a hundred at once are counted as a hundred. A browser
that has signed in before has a door of its own, so that nobody can lock its user out by guessing at the account
(https://cheatsheetseries.owasp.org, Credential Stuffing Prevention: device cookies).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.db import UNHURRIED, fetch
from orchestrator.errors import ClearwayError

FORGOTTEN_AFTER = timedelta(hours=24)


class TooManyTries(ClearwayError):
    """Nothing was looked at. The same is said of accounts that do not exist."""

    status = 429
    code = "too_many_tries"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("There were too many tries. Wait a little and try again.", retry_after_s=retry_after_s)


@dataclass(frozen=True, slots=True)
class Door:
    """`free` tries, then a pause that doubles from `pause` to `pause_max`."""

    id: str
    free: int
    pause: timedelta
    pause_max: timedelta


# PCI DSS v4.0.1 §8.3.4: after at most ten tries, at least thirty minutes. Five are free; the tenth comes to 32 minutes.
def account_door(email: str) -> Door:
    return _door("account", email, 5, 32)


def device_door(nonce: str) -> Door:
    return _door("device", nonce, 5, 32)


def second_factor_door(user_id: str, device: str = "") -> Door:
    return _door("totp", f"{user_id} {device}", 5, 32)


def address_door(ip: str) -> Door:
    """Many people may be behind one address."""
    return _door("address", ip, 50, 8)


async def take(door: Door, now: datetime) -> None:
    """Count a try. Raises TooManyTries while the door is closed; such tries do not make the pause longer."""
    rows = await fetch(
        "INSERT INTO login_throttle (id, tries, last_try_at, blocked_until) VALUES ($1, 1, $2, NULL) "
        "ON CONFLICT (id) DO UPDATE SET last_try_at = $2, "
        "tries = CASE WHEN login_throttle.last_try_at < $3 THEN 1 ELSE login_throttle.tries + 1 END, "
        "blocked_until = CASE WHEN login_throttle.last_try_at >= $3 AND login_throttle.tries + 1 >= $4 THEN "
        "$2 + LEAST($5::interval * power(2, LEAST(login_throttle.tries + 1 - $4, 20)), $6::interval) END "
        "WHERE login_throttle.blocked_until IS NULL OR login_throttle.blocked_until <= $2 RETURNING id",
        door.id,
        now,
        now - FORGOTTEN_AFTER,
        door.free,
        door.pause,
        door.pause_max,
    )
    if not rows:
        until = await fetch("SELECT blocked_until FROM login_throttle WHERE id = $1", door.id)
        left = (until[0]["blocked_until"] - now) if until and until[0]["blocked_until"] else timedelta()
        raise TooManyTries(max(1, int(left.total_seconds())))


async def clear(door: Door) -> None:
    """Forget the tries: somebody got in."""
    await fetch("DELETE FROM login_throttle WHERE id = $1", door.id)


async def purge(now: datetime) -> None:
    """Delete what is forgotten anyway."""
    await fetch(f"DELETE FROM login_throttle WHERE last_try_at < $1 AND {UNHURRIED}", now - FORGOTTEN_AFTER)  # noqa: S608


def _door(kind: str, name: str, free: int, most_minutes: int) -> Door:
    key = hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()
    return Door(key, free, timedelta(minutes=1), timedelta(minutes=most_minutes))
