"""Versions of the API, each named by the day from which it holds; a request says which one it speaks.

A change that would break a program gets a version here, with the functions that turn an older request into today's and
today's answer into an older one (docs/decisions/0013-api-versions.md). There has been none yet: one version is known.
"""

from typing import Any, Final

from litestar.types import Scope

from orchestrator.errors import ClearwayError, FieldError

HEADER = "Clearway-Version"
STATE: Final = "api_version"
KNOWN = ("2026-11-23",)  # oldest first
FIRST = KNOWN[0]  # what a program that says nothing was written for


class UnknownVersion(ClearwayError):
    """The header names no version that there is."""

    code = "unknown_version"

    def __init__(self) -> None:
        told = f"must be one of {', '.join(KNOWN)}"
        super().__init__(f"{HEADER} {told}. Without it the API speaks {FIRST}.", errors=(FieldError(HEADER, told),))


def negotiate(asked: str | None, scope: Scope) -> str:
    """The version that the request speaks, kept for its answer's header. Raises UnknownVersion."""
    version = FIRST if asked is None else asked.strip()
    if version not in KNOWN:
        raise UnknownVersion
    scope["state"][STATE] = version
    return version


def answer_headers(state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """What an answer says of its version; nothing where none was settled (pages, health)."""
    version = state.get(STATE)
    return [(HEADER.lower().encode(), version.encode())] if version else []
