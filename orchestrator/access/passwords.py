"""Passwords: argon2id, never on the event loop, and as slow for an unknown user as for a known one."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from orchestrator.errors import InvalidField

# PCI DSS v4.0.1 §8.3.6: twelve characters, digits and letters. The upper bound keeps hashing from being an attack.
CHARS_MIN, CHARS_MAX = 12, 200
HASHES_AT_ONCE = 2  # 64 MiB each (RFC 9106 §4, second recommended option)

_hasher = PasswordHasher()
_room = asyncio.Semaphore(HASHES_AT_ONCE)


def check(password: str, email: str, field: str = "password") -> None:
    """Raises InvalidField for one that is too easy to guess or too long."""
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        raise InvalidField(field, f"must have {CHARS_MIN} to {CHARS_MAX} characters")
    if not any(char.isdigit() for char in password) or not any(char.isalpha() for char in password):
        raise InvalidField(field, "must have letters and digits")
    name = email.split("@")[0].lower()
    if len(set(password)) < 6 or (len(name) > 3 and name in password.lower()):
        raise InvalidField(field, "is too easy to guess: take one without your name and with more different characters")


async def hashed(password: str) -> str:
    async with _room:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password. Without a hash the same work is done, and it is not."""
    async with _room:
        return await asyncio.to_thread(_matches, password_hash, password[: CHARS_MAX + 1])


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with weaker parameters than those of today."""
    return _hasher.check_needs_rehash(password_hash)


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _of_nobody(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _of_nobody() -> str:
    return _hasher.hash("the password of nobody 0")
