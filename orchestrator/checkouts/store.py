"""Every query on checkout sessions and payment links. A session's payment is locked before the session changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.checkouts.records import LinkRow, LinkView, SessionRow, SessionState, SessionView
from orchestrator.db import fetch
from orchestrator.payments.records import PaymentRow

_SESSIONS = (
    "SELECT row_to_json(s.*) AS session, row_to_json(p.*) AS payment "
    "FROM checkout_session s JOIN payment p ON p.id = s.payment_id WHERE "
)
_LINKS = (
    "SELECT row_to_json(l.*) AS link, "
    "(SELECT count(*) FROM checkout_session s WHERE s.payment_link_id = l.id AND s.state = 'completed') AS uses, "
    "(SELECT count(*) FROM checkout_session s WHERE s.payment_link_id = l.id AND s.state = 'open') AS uses_open "
    "FROM payment_link l WHERE "
)
_AS_JSON = frozenset({"line_items", "metadata", "authentication"})
_sessions = msgspec.json.Decoder(SessionRow)
_payments = msgspec.json.Decoder(PaymentRow)
_links = msgspec.json.Decoder(LinkRow)


async def insert_session(row: SessionRow) -> None:
    await _insert("checkout_session", row)


async def insert_link(row: LinkRow) -> None:
    await _insert("payment_link", row)


async def session(session_id: str) -> SessionView | None:
    return await _session("s.id = $1", session_id)


async def session_of_payment(payment_id: str) -> SessionView | None:
    return await _session("s.payment_id = $1", payment_id)


async def sessions_of(
    merchant_id: str,
    *,
    limit: int,
    before_id: str | None = None,
    state: SessionState | None = None,
    payment_link_id: str | None = None,
    customer_id: str | None = None,
) -> list[SessionView]:
    """Newest first, each with its payment, in one query."""
    wanted = {"s.id <": before_id, "s.state =": state, "s.payment_link_id =": payment_link_id}
    where, values = _where("s.merchant_id = $1", {**wanted, "p.customer_id =": customer_id})
    sql = f"{_SESSIONS}{where} ORDER BY s.id DESC LIMIT {limit:d}"
    return [_session_view(row) for row in await fetch(sql, merchant_id, *values)]


async def close_session(session_id: str, state: SessionState, at: datetime) -> bool:
    """End an open session; False where it had ended before."""
    sql = "UPDATE checkout_session SET state = $2, closed_at = $3 WHERE id = $1 AND state = 'open' RETURNING id"
    return bool(await fetch(sql, session_id, state.value, at))


async def link(link_id: str) -> LinkView | None:
    return await _link("l.id = $1", link_id)


async def link_by_token(public_token: str) -> LinkView | None:
    return await _link("l.public_token = $1", public_token)


async def locked_link(link_id: str) -> LinkView | None:
    """The link, locked until the transaction ends, and its uses as they are then.

    Two statements: one that waited for the lock would count with the snapshot that it had before
    (https://www.postgresql.org/docs/current/transaction-iso.html).
    """
    await fetch("SELECT 1 FROM payment_link WHERE id = $1 FOR NO KEY UPDATE", link_id)
    return await link(link_id)


async def links_of(
    merchant_id: str, *, limit: int, before_id: str | None = None, active: bool | None = None
) -> list[LinkView]:
    """Newest first."""
    where, values = _where("l.merchant_id = $1", {"l.id <": before_id, "l.active =": active})
    rows = await fetch(f"{_LINKS}{where} ORDER BY l.id DESC LIMIT {limit:d}", merchant_id, *values)
    return [_link_view(row) for row in rows]


async def update_link(link_id: str, values: dict[str, Any], at: datetime) -> None:
    """Set columns of a link that the caller has locked."""
    changes = {**values, "updated_at": at}
    assignments = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, 2))
    sql = f"UPDATE payment_link SET {assignments} WHERE id = $1"  # noqa: S608 - the names of our own fields
    await fetch(sql, link_id, *(_stored(name, value) for name, value in changes.items()))


async def _session(condition: str, value: str) -> SessionView | None:
    rows = await fetch(_SESSIONS + condition, value)
    return _session_view(rows[0]) if rows else None


async def _link(condition: str, value: str) -> LinkView | None:
    rows = await fetch(_LINKS + condition, value)
    return _link_view(rows[0]) if rows else None


def _session_view(row: Any) -> SessionView:
    return SessionView(_sessions.decode(row["session"]), _payments.decode(row["payment"]))


def _link_view(row: Any) -> LinkView:
    return LinkView(_links.decode(row["link"]), row["uses"], row["uses_open"])


def _where(first: str, wanted: dict[str, Any]) -> tuple[str, list[Any]]:
    """Conditions that are asked for, numbered on from `$2`, and their values."""
    given = {comparison: value for comparison, value in wanted.items() if value is not None}
    conditions = [f"{comparison} ${number}" for number, comparison in enumerate(given, 2)]
    return " AND ".join([first, *conditions]), list(given.values())


async def _insert(table: str, row: msgspec.Struct) -> None:
    names = row.__struct_fields__
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - the names of our own fields
    await fetch(sql, *(_stored(name, value) for name, value in msgspec.structs.asdict(row).items()))


def _stored(name: str, value: object) -> object:
    """A field's value as its column takes it."""
    return msgspec.json.encode(value).decode() if name in _AS_JSON and value is not None else value
