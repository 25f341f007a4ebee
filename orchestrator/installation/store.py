"""Every query on the installation's row, and the file beside the database that remembers how far it was."""

import json
import os
from datetime import datetime
from pathlib import Path

import msgspec

from orchestrator.db import fetch

# A dump that was restored has another oid in the same cluster, and another cluster has another identifier
# (https://www.postgresql.org/docs/current/functions-info.html, pg_control_system). A copy of its files has the same.
_CLUSTER = (
    "(SELECT system_identifier FROM pg_control_system())::text || '/' || "
    "(SELECT oid FROM pg_database WHERE datname = current_database())::text"
)
_READ = f"SELECT id, mark, cluster, frozen_at, frozen_because, {_CLUSTER} AS present_cluster FROM installation"  # noqa: S608
_BIND = (
    f"INSERT INTO installation (id, mark, cluster, bound_at) VALUES ($1, $2, {_CLUSTER}, $3) "  # noqa: S608
    "ON CONFLICT DO NOTHING"
)
_ADVANCE = "UPDATE installation SET mark = mark + 1 WHERE id = $1 AND mark >= $2 AND frozen_at IS NULL RETURNING mark"
_FREEZE = "UPDATE installation SET frozen_at = $1, frozen_because = $2 WHERE frozen_at IS NULL"
_THAW = (
    f"UPDATE installation SET id = $1, mark = $2, cluster = {_CLUSTER}, frozen_at = NULL, frozen_because = '', "  # noqa: S608
    "thawed_at = $3, thawed_by = $4"
)
FILE = "installation.json"


class InstallationRow(msgspec.Struct, frozen=True):
    """What the database says of the installation that it belongs to. `mark` grows while the clock runs."""

    id: str
    mark: int
    cluster: str
    frozen_at: datetime | None
    frozen_because: str
    present_cluster: str
    """Where the database is now; `cluster` is where it was bound."""


class Kept(msgspec.Struct, frozen=True):
    """What is known outside of the database: whose it is, and the highest mark that it ever had."""

    id: str = ""
    mark: int = 0


async def installation() -> InstallationRow | None:
    rows = await fetch(_READ)
    return msgspec.convert(dict(rows[0]), InstallationRow) if rows else None


async def bind(installation_id: str, mark: int, at: datetime) -> None:
    """Does nothing where the database belongs to an installation already."""
    await fetch(_BIND, installation_id, mark, at)


async def advance(installation_id: str, least: int) -> int | None:
    """The new mark; None where the row is another's, is frozen, or lies behind `least`."""
    rows = await fetch(_ADVANCE, installation_id, least)
    return int(rows[0]["mark"]) if rows else None


async def freeze(because: str, at: datetime) -> None:
    """Keeps the first reason."""
    await fetch(_FREEZE, at, because)


async def thaw(installation_id: str, mark: int, by: str, at: datetime) -> None:
    await fetch(_THAW, installation_id, mark, at, by)


def kept(state_dir: Path) -> Kept:
    """Empty where there is no file, as in a container that has just been made."""
    try:
        return msgspec.json.decode((state_dir / FILE).read_bytes(), type=Kept)
    except (FileNotFoundError, NotADirectoryError):
        return Kept()


def keep(state_dir: Path, what: Kept) -> None:
    """In one step: a reader sees the old file or the new one."""
    state_dir.mkdir(parents=True, exist_ok=True)
    beside = state_dir / f".{FILE}.{os.getpid()}"
    beside.write_text(json.dumps({"id": what.id, "mark": what.mark}))
    beside.replace(state_dir / FILE)
