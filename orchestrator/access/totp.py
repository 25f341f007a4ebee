"""Time-based one-time passwords, RFC 6238 with what authenticator apps all speak: SHA-1, six digits, 30 seconds.

The algorithm is a dozen lines on `hmac`; the part that goes wrong elsewhere, taking a code twice, needs our database
anyway, so a package would save nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20  # as long as the hash (RFC 4226 §4, R6)
DRIFT_STEPS = 1  # a code is good one step early or late (RFC 6238 §5.2 allows for one)
RECOVERY_CODES = 10


def new_secret() -> str:
    """160 bits of chance in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of one step (RFC 4226 §5.3)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP_S


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step that the code belongs to, or None. Every step is compared, each in constant time."""
    typed = "".join(code.split()).encode("ascii", "replace")
    found = None
    for step in range(step_of(now) - DRIFT_STEPS, step_of(now) + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), typed):
            found = step
    return found


def address(secret: str, email: str, issuer: str) -> str:
    """What the QR code says (https://github.com/google/google-authenticator/wiki/Key-Uri-Format)."""
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(email)}?{query}"


def new_recovery_codes() -> list[str]:
    """80 bits each, in two groups: too many to guess, so a plain hash keeps them."""
    made = (secrets.token_hex(10) for _ in range(RECOVERY_CODES))
    return [f"{code[:10]}-{code[10:]}" for code in made]


def recovery_hash(code: str) -> str:
    plain = "".join(char for char in code.lower() if char in "0123456789abcdef")
    return hashlib.sha256(plain.encode()).hexdigest()
