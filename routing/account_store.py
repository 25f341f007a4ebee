"""Every query on what is known of an account's state: breakers, operators' words, maintenance windows.

The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from routing.breaker import BreakerPhase, HealthState
from routing.tables import BreakerStateRow, MaintenanceWindowRow, OverrideRow

EVERY_METHOD = ""  # the breaker of calls that are of no method: it counts for each of them


class Forced(StrEnum):
    """What an operator says of an account. On: its breaker is not asked. Off: it takes no new payments."""

    ON = "on"
    OFF = "off"


class Override(msgspec.Struct, frozen=True):
    """An operator's word; without `until` it holds until it is taken back."""

    account_id: str
    forced: Forced
    reason: str
    actor: str
    until: datetime | None
    set_at: datetime

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


class MaintenanceWindow(msgspec.Struct, frozen=True):
    """A time in which an account takes no new payments, `starts_at` included."""

    id: str
    account_id: str
    starts_at: datetime
    ends_at: datetime
    note: str
    actor: str
    created_at: datetime

    def holds(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


async def load_breakers(
    account_ids: Sequence[str], methods: Sequence[str] = (EVERY_METHOD,)
) -> dict[tuple[str, str], HealthState]:
    """The stored states by account and method; what has none is healthy and missing here."""
    if not account_ids:
        return {}
    rows = await BreakerStateRow.raw(
        "SELECT account_id, method, state, failures, opened_at, updated_at FROM breaker_state "
        "WHERE account_id = ANY({}) AND method = ANY({})",
        list(account_ids),
        list(methods),
    )
    return {
        (row["account_id"], row["method"]): HealthState(
            BreakerPhase(row["state"]), row["failures"], row["opened_at"], row["updated_at"]
        )
        for row in rows
    }


_SAVE = (
    "INSERT INTO breaker_state (account_id, method, state, failures, opened_at, updated_at) "
    "VALUES ({}, {}, {}, {}, {}, {}) ON CONFLICT (account_id, method) "
)
_CHANGED = "state = EXCLUDED.state, failures = EXCLUDED.failures, opened_at = EXCLUDED.opened_at"


async def save_breaker(
    account_id: str, method: str, state: HealthState, previous: HealthState | None, now: datetime
) -> bool:
    """Store `state` in place of `previous`, the one it was computed from (None where nothing was stored).

    False if another was quicker, and nothing is written then: load again, record again, save again.
    """
    at = state.updated_at or now
    values = (account_id, method, state.phase.value, state.failures, state.opened_at, at)
    if previous is None or previous.updated_at is None:  # never stored: a stored state always has a time
        return bool(await BreakerStateRow.raw(_SAVE + "DO NOTHING RETURNING 1", *values))
    unchanged = (
        f"DO UPDATE SET {_CHANGED}, updated_at = EXCLUDED.updated_at WHERE breaker_state.state = {{}} "
        "AND breaker_state.failures = {} AND breaker_state.updated_at = {} RETURNING 1"
    )
    before = (previous.phase.value, previous.failures, previous.updated_at)
    return bool(await BreakerStateRow.raw(_SAVE + unchanged, *values, *before))


async def override_of(account_id: str) -> Override | None:
    rows = await OverrideRow.select().where(OverrideRow.account_id == account_id)
    return msgspec.convert(rows[0], Override) if rows else None


async def set_override(word: Override) -> None:
    """Put it in place of the one before."""
    row = OverrideRow(**{**msgspec.structs.asdict(word), "forced": word.forced.value})
    changed = [OverrideRow.forced, OverrideRow.reason, OverrideRow.actor, OverrideRow.until, OverrideRow.set_at]
    await OverrideRow.insert(row).on_conflict(OverrideRow.account_id, "DO UPDATE", values=changed)


async def clear_override(account_id: str) -> bool:
    """Whether there was one."""
    gone = await OverrideRow.delete().where(OverrideRow.account_id == account_id).returning(OverrideRow.account_id)
    return bool(gone)


async def windows_of(account_id: str, *, limit: int, before_id: str | None = None) -> list[MaintenanceWindow]:
    """Newest first, those of the past too; `before_id` continues a page (ids sort by time)."""
    query = MaintenanceWindowRow.select().where(MaintenanceWindowRow.account_id == account_id)
    if before_id:
        query = query.where(MaintenanceWindowRow.id < before_id)
    rows = await query.order_by(MaintenanceWindowRow.id, ascending=False).limit(limit)
    return msgspec.convert(rows, list[MaintenanceWindow])


async def window(account_id: str, window_id: str) -> MaintenanceWindow | None:
    rows = await MaintenanceWindowRow.select().where(
        MaintenanceWindowRow.id == window_id, MaintenanceWindowRow.account_id == account_id
    )
    return msgspec.convert(rows[0], MaintenanceWindow) if rows else None


async def insert_window(row: MaintenanceWindow) -> None:
    await MaintenanceWindowRow.insert(MaintenanceWindowRow(**msgspec.structs.asdict(row)))


async def delete_window(window_id: str) -> None:
    await MaintenanceWindowRow.delete().where(MaintenanceWindowRow.id == window_id)
