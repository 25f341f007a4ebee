"""States of what is stored: files, matches, breaks."""

from __future__ import annotations

from enum import StrEnum


class FileState(StrEnum):
    """`received` and `failed` files are parsed again when they come again; the other two are done."""

    RECEIVED = "received"
    PARSED = "parsed"
    PARSED_WITH_ERRORS = "parsed_with_errors"
    FAILED = "failed"


class MatchStatus(StrEnum):
    MATCHED = "matched"
    WITHDRAWN = "withdrawn"  # later data turned the match into a break


class BreakState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """Why a break is resolved. Only what the engine itself resolved may it open again."""

    CLEARED = "cleared"  # by the engine: the difference is gone
