"""What the tables cannot say in columns: CHECKs from the enums, composite and partial indexes, for a migration."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from orchestrator.reconciliation.breaks import BreakKind, MatchBasis
from orchestrator.reconciliation.lines import LineType, ReportFormat
from orchestrator.reconciliation.states import BreakState, FileState, MatchStatus


def _one_of(table: str, column: str, values: Iterable[StrEnum]) -> str:
    listed = ", ".join(f"'{value.value}'" for value in values)
    return f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check CHECK ({column} IN ({listed}))"


CONSTRAINTS: tuple[str, ...] = (
    _one_of("settlement_file", "state", FileState),
    _one_of("settlement_file", "report_format", ReportFormat),
    "CREATE UNIQUE INDEX settlement_file_content_key ON settlement_file (gateway_account_id, sha256)",
    "CREATE INDEX settlement_file_merchant_idx ON settlement_file (merchant_id, imported_at)",
    _one_of("settlement_line", "line_type", LineType),
    "CREATE UNIQUE INDEX settlement_line_key ON settlement_line (gateway_account_id, line_key)",
    "CREATE INDEX settlement_line_merchant_idx ON settlement_line (merchant_id, occurred_at)",
    "CREATE INDEX settlement_line_file_idx ON settlement_line (file_id, row_no)",
    "ALTER TABLE settlement_line ADD CONSTRAINT settlement_line_net_check CHECK "
    "(gross_currency <> net_currency OR fee_currency = net_currency)",
    _one_of("settlement_match", "basis", MatchBasis),
    _one_of("settlement_match", "status", MatchStatus),
    "CREATE UNIQUE INDEX settlement_match_movement_key ON settlement_match (gateway_account_id, movement_id) "
    "WHERE status = 'matched' AND movement_id IS NOT NULL",
    "CREATE INDEX settlement_match_merchant_idx ON settlement_match (merchant_id)",
    _one_of("settlement_break", "kind", BreakKind),
    _one_of("settlement_break", "state", BreakState),
    "ALTER TABLE settlement_break ADD CONSTRAINT settlement_break_subject_check CHECK "
    "(line_id IS NOT NULL OR movement_id IS NOT NULL)",
    "ALTER TABLE settlement_break ADD CONSTRAINT settlement_break_resolved_check CHECK "
    "((state = 'resolved') = (resolved_at IS NOT NULL))",
    "CREATE INDEX settlement_break_open_idx ON settlement_break (merchant_id, opened_at) WHERE state = 'open'",
    "CREATE INDEX settlement_break_line_idx ON settlement_break (line_id)",
)
