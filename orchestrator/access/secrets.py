"""Encryption at rest of gateway credentials, and signatures for cookies and links. Keys come from the environment."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from orchestrator.errors import ClearwayError
from orchestrator.settings import get_settings


class SecretUnreadable(ClearwayError):
    """Stored credentials were encrypted with a key that is not among CLEARWAY_SECRET_KEY."""

    status = 500
    code = "secret_unreadable"


def _keys() -> list[bytes]:
    """The secrets in CLEARWAY_SECRET_KEY, separated by commas: the first encrypts, all decrypt (rotation)."""
    text = get_settings().secret_key.get_secret_value()
    return [part.strip().encode() for part in text.split(",") if part.strip()]


def _box() -> MultiFernet:
    return _boxes_of(tuple(_keys()))[0]


@lru_cache(maxsize=1)
def _boxes_of(keys: tuple[bytes, ...]) -> tuple[MultiFernet, Fernet]:
    """What all of the keys open, and what the first one opens. Deriving them takes as long as sealing a webhook."""
    derived = (hashlib.sha256(b"clearway:encryption:" + key).digest() for key in keys)
    boxes = [Fernet(base64.urlsafe_b64encode(key)) for key in derived]
    return MultiFernet(boxes), boxes[0]


def seal(values: dict[str, str]) -> str:
    """Encrypt a mapping for the database."""
    return seal_bytes(json.dumps(values, sort_keys=True).encode()).decode()


def unseal(sealed: str) -> dict[str, str]:
    """The mapping again. Raises SecretUnreadable when no configured key fits."""
    return {str(name): str(value) for name, value in json.loads(unseal_bytes(sealed.encode())).items()}


def seal_bytes(data: bytes) -> bytes:
    """Encrypt bytes for the database; what comes out is ASCII, a third longer and 100 bytes."""
    return _box().encrypt(data)


def unseal_bytes(sealed: bytes) -> bytes:
    """The bytes again. Raises SecretUnreadable when no configured key fits, or somebody changed them."""
    try:
        return _box().decrypt(sealed)
    except InvalidToken:
        raise SecretUnreadable(
            "Stored credentials cannot be decrypted. Put the key they were sealed with into CLEARWAY_SECRET_KEY "
            "(several keys are separated by commas)."
        ) from None


def is_newest(sealed: bytes) -> bool:
    """Whether the first of the configured keys opens it."""
    try:
        _boxes_of(tuple(_keys()))[1].decrypt(sealed)
    except InvalidToken:
        return False
    return True


def keys_configured() -> int:
    return len(_keys())


def sign(purpose: str, text: str) -> str:
    """A signature over the text, in hex, for that purpose only."""
    return _signature(_keys()[0], purpose, text)


def fingerprint(purpose: str, text: str) -> str:
    """A keyed hash of the text, in hex, that stays the same while keys are rotated: for what is known again by it.

    With CLEARWAY_FINGERPRINT_KEY, else with the oldest key there is.
    """
    own = get_settings().fingerprint_key.get_secret_value().strip()
    return _signature(own.encode() or _keys()[-1], purpose, text)


def signed_correctly(purpose: str, text: str, signature: str) -> bool:
    """Whether the signature is ours, compared in constant time; signatures by older keys count too."""
    return any(hmac.compare_digest(_signature(secret, purpose, text), signature) for secret in _keys())


def _signature(secret: bytes, purpose: str, text: str) -> str:
    key = hashlib.sha256(b"clearway:signing:" + secret).digest()
    return hmac.new(key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
