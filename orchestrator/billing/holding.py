"""One at a time over what has no row to lock: a customer's credit, a reference that may not be there yet."""

from __future__ import annotations

import hashlib

from orchestrator.db import fetch


async def hold(name: str) -> None:
    """Wait for whoever holds this name; then it is ours until the caller's transaction ends."""
    key = hashlib.sha256(name.encode()).digest()[:8]
    await fetch("SELECT pg_advisory_xact_lock($1)", int.from_bytes(key, byteorder="big", signed=True))
