"""A copy is not the original (design rule 13): in a database that was restored money stands still until it is compared.

The clock moves a mark on in the database and then in a file of the state directory. A database that lies behind the
file, or behind what a running process has seen, was restored; then nothing is charged until an operator thaws it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from orchestrator import clock_port
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError
from orchestrator.ids import new_id
from orchestrator.installation import store
from orchestrator.installation.standing import Standing, standing
from orchestrator.installation.store import InstallationRow, Kept
from orchestrator.settings import get_settings

log = structlog.get_logger()

LOOK_AGAIN_S = 1.0  # a restored database is noticed this soon by a process that runs on
LOOK_AGAIN_FROZEN_S = 30  # a payment that waits for a thaw is looked at again after this
MARK_LEAP = 1_000  # at a thaw: beyond what any process may have seen since the file was written
LIVE = "live"


class InstallationFrozen(ClearwayError):
    """The database was restored: what it does not know may have been charged already."""

    status = 503
    code = "installation_frozen"

    def __init__(self, because: str) -> None:
        super().__init__(
            f"No money is moved: {because}. Compare with the gateways, then run `clearway thaw` (docs/chaos.md).",
            retry_after_s=LOOK_AGAIN_FROZEN_S,
        )


class NotOurs(ClearwayError):
    """A live account in a database that belongs to another installation."""

    status = 503
    code = "installation_not_bound"

    def __init__(self, because: str) -> None:
        super().__init__(f"Live accounts are not used here: {because}.")


@dataclass(slots=True)
class _Memory:
    """What this process has seen. `looked_at` is of the monotonic clock."""

    standing: Standing = field(default_factory=Standing)
    seen_mark: int = 0
    looked_at: float = float("-inf")


_memory = _Memory()


async def why_frozen() -> str:
    """The reason why no money may be moved, empty where it may. Asks the database once a second at most."""
    return (await _standing()).frozen_because


async def require_thawed() -> None:
    """Raises InstallationFrozen. To be asked before a new operation that moves money is written down."""
    if because := await why_frozen():
        raise InstallationFrozen(because)


async def require_bound(mode: str) -> None:
    """Raises NotOurs where an account of this mode may not be used by this installation."""
    if mode == LIVE and (because := (await _standing()).stranger_because):
        raise NotOurs(because)


async def keep_watch(now: datetime) -> None:
    """The clock's part: bind a new database, notice a restored one, else move the mark on and remember it outside."""
    state_dir, own = get_settings().state_dir, own_side()
    row, found = await _look()
    if row is None:
        own = Kept(own.id or new_id("ins"), own.mark)
        await store.bind(own.id, own.mark + 1, now)
        store.keep(state_dir, own)
        return
    if found.frozen_because or found.stranger_because:
        return
    mark = await store.advance(row.id, own.mark)
    if mark is not None:  # committed: the file never knows more than the database did
        _memory.seen_mark = max(_memory.seen_mark, mark)
        store.keep(state_dir, Kept(row.id, mark))


async def thaw(by: str, now: datetime) -> InstallationRow:
    """Take the database as it is for this installation's own, from now on. `by` is who has compared it."""
    own = own_side()
    async with transaction():
        row = await store.installation()
        installation_id = own.id or new_id("ins")
        mark = max(row.mark if row else 0, own.mark, _memory.seen_mark) + MARK_LEAP
        if row is None:
            await store.bind(installation_id, mark, now)
        else:
            await store.thaw(installation_id, mark, by, now)
    store.keep(get_settings().state_dir, Kept(installation_id, mark))
    forget()
    log.warning("installation.thawed", by=by, installation=installation_id)
    found = await store.installation()
    assert found is not None
    return found


def own_side() -> Kept:
    """Who we are: by the environment, which several machines may share, else by the file."""
    settings = get_settings()
    kept = store.kept(settings.state_dir)
    named = settings.installation_id
    return kept if not named or named == kept.id else Kept(named)


def forget() -> None:
    """Look again at the next question."""
    _memory.looked_at = float("-inf")


def restart() -> None:
    """Forget also how far the database was, as a process does that starts anew."""
    _memory.seen_mark = 0
    forget()


async def _standing() -> Standing:
    if time.monotonic() - _memory.looked_at < LOOK_AGAIN_S:
        return _memory.standing
    _, found = await _look()
    _memory.standing, _memory.looked_at = found, time.monotonic()
    return found


async def _look() -> tuple[InstallationRow | None, Standing]:
    """What is found is written down, so that every other process knows it, and this one after its next start.

    What was known before is read before the database is: the clock may move both on between the two.
    """
    own, seen_mark = own_side(), _memory.seen_mark
    row = await store.installation()
    found = standing(row, own, seen_mark)
    if row is None:
        return row, found
    if found.frozen_because and row.frozen_at is None:
        log.critical("installation.frozen", because=found.frozen_because)
        await store.freeze(found.frozen_because, clock_port.now())
    elif not found.frozen_because and not found.stranger_because:
        _memory.seen_mark = max(_memory.seen_mark, row.mark)
    return row, found
