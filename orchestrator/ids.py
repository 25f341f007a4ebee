"""Ids: a prefix that says what it is, and a UUIDv7 in hex, so that they sort by time. One text in API and database."""

from __future__ import annotations

import re

import uuid_utils

_SHAPE = re.compile(r"[a-z]{2,6}_[0-9a-f]{32}")


def new_id(prefix: str) -> str:
    """A new id such as `pay_0193…` (prefix, underscore, 32 hex digits)."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def is_id(text: str, prefix: str) -> bool:
    """Whether the text has the shape of an id with that prefix."""
    return text.startswith(f"{prefix}_") and _SHAPE.fullmatch(text) is not None
