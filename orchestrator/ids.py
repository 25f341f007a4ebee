"""Ids: a prefix that says what it is, and a UUIDv7 in hex, so that they sort by time. One text in API and database."""

from __future__ import annotations

import uuid_utils


def new_id(prefix: str) -> str:
    """A new id such as `pay_0193…` (prefix, underscore, 32 hex digits)."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
