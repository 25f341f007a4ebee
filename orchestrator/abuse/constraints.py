"""What PostgreSQL itself holds of the counters, one statement each, for a migration."""

from __future__ import annotations

CONSTRAINTS: tuple[str, ...] = (
    "CREATE UNIQUE INDEX abuse_counter_key ON abuse_counter (subject, minute)",
    "CREATE INDEX abuse_counter_minute_idx ON abuse_counter (minute)",
    "CREATE UNIQUE INDEX abuse_open_try_key ON abuse_open_try (payment_id, round)",
    "CREATE UNIQUE INDEX page_violation_key ON page_violation (day, page, directive, blocked)",
)
