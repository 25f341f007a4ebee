"""Our own tables as the verdict reads them, and time that passes in them faster than on the wall."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

# What comes round by itself, and is never done.
ROUTINE = "('worker.heartbeat', 'housekeeping', 'dispute.watch', 'webhook.watch', 'ledger.fold', 'ledger.verify')"
# What is put off is due now. Left alone is what a caller may still hear the answer of (`sent`), and what was rung a
# moment ago: it is at work, and would ring again after 15 seconds by itself.
_HASTEN = (
    "UPDATE operation SET expires_at = now() WHERE state IN ('unknown', 'pending') AND expires_at > now()",
    "UPDATE event_delivery SET next_try_at = now() WHERE state = 'pending' AND next_try_at > now()",
    "UPDATE webhook_endpoint SET paused_until = NULL WHERE paused_until > now()",
    f"UPDATE outbox SET due_at = now() WHERE due_at > now() + interval '16 seconds' AND parked_at IS NULL "
    f"AND topic NOT IN {ROUTINE}",
)
_OPEN = "state IN ('sent', 'unknown', 'pending')"
_AGE = f"UPDATE operation SET sent_at = sent_at - interval '6 days', expires_at = now() WHERE {_OPEN}"


class Books:
    """A connection for each question: the server is killed and comes back."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def read(self, sql: str, *args: object) -> list[dict[str, Any]]:
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(sql, args).fetchall()

    def value(self, sql: str, *args: object) -> Any:
        return next(iter(self.read(sql, *args)[0].values()))

    def hasten(self) -> None:
        """Waiting is over for everything that waits."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            for statement in _HASTEN:
                connection.execute(statement)

    def age(self) -> None:
        """What is open now has been open for six days: longer than anyone goes on asking."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_AGE)

    def open_operations(self) -> list[dict[str, Any]]:
        return self.read(
            f"SELECT o.id, o.payment_id, o.kind, o.state, o.tries, o.detail, a.gateway, o.gateway_operation_id "
            f"FROM operation o JOIN attempt a ON a.id = o.attempt_id WHERE o.{_OPEN} ORDER BY o.id"
        )

    def waiting_bells(self) -> list[dict[str, Any]]:
        """What is in the outbox, but for what comes round by itself, and the day on which an authorisation ends."""
        return self.read(
            f"SELECT topic, subject, due_at, tries, error FROM outbox WHERE topic NOT IN {ROUTINE} AND NOT EXISTS "
            "(SELECT 1 FROM payment WHERE payment.id = subject AND status = 'authorised')"
        )

    def untold(self) -> int:
        """Deliveries of events that are still to be sent."""
        return int(self.value("SELECT count(*) FROM event_delivery WHERE state = 'pending'"))

    def unworked_webhooks(self) -> int:
        return int(self.value("SELECT count(*) FROM webhook_message WHERE state = 'received'"))
