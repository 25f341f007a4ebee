"""Assembling the reconciliation report of a merchant from what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from currency.money import Money
from orchestrator.ledger.store import MovementRow, gateway_movements
from orchestrator.reconciliation import store
from orchestrator.reconciliation.breaks import age_in_days
from orchestrator.reconciliation.export import ReportRow, RowStatus
from orchestrator.reconciliation.store import BreakRow, MatchRow, StoredLine


async def reconciliation_report(merchant_id: str, as_of: datetime) -> list[ReportRow]:
    """Every line and every movement once: matched, break (with kind and reason) or expected. As of the last run.

    A line that no run has seen yet is listed as expected with that reason. Breaks that were resolved show as matched,
    with their kind and how they were resolved.
    """
    lines = await store.lines_of(merchant_id)
    matches = {row.line_id: row for row in await store.matches_of(merchant_id)}
    movements = {row.journal_key: row for row in await gateway_movements(merchant_id)}
    found = await store.standing_breaks(merchant_id)
    return await asyncio.to_thread(_rows, lines, matches, movements, found, as_of)  # many: not in the event loop


def _rows(
    lines: Sequence[StoredLine],
    matches: Mapping[str, MatchRow],
    movements: Mapping[str, MovementRow],
    found: Sequence[BreakRow],
    as_of: datetime,
) -> list[ReportRow]:
    by_line = {row.line_id: row for row in found if row.line_id}
    rows = [_line_row(stored, matches.get(stored.id), by_line.get(stored.id), as_of) for stored in lines]
    explained = {row.movement_id for row in matches.values()} | {row.movement_id for row in found if row.line_id}
    by_movement = {row.movement_id: row for row in found if row.line_id is None}
    rows += [
        _movement_row(movement, by_movement.get(key), as_of)
        for key, movement in movements.items()
        if key not in explained
    ]
    return sorted(rows, key=lambda row: (row.occurred_at, row.line_id, row.movement_id))


def _line_row(stored: StoredLine, matched: MatchRow | None, broken: BreakRow | None, as_of: datetime) -> ReportRow:
    line = stored.line
    status, kind, reason = _standing(matched, broken)
    source = broken or matched
    return ReportRow(
        status=status,
        kind=kind,
        reason=reason,
        gateway_account_id=stored.gateway_account_id,
        line_type=line.line_type.value,
        occurred_at=line.occurred_at,
        age_days=age_in_days(line.occurred_at, as_of),
        gross=line.gross,
        fee=line.fee,
        net=line.net,
        expected=_expected(broken),
        actual=_actual(broken),
        attempt_id=line.attempt_reference,
        operation_id=line.operation_reference,
        gateway_payment_id=line.gateway_payment_id,
        gateway_operation_id=line.gateway_operation_id,
        batch_ref=line.batch_ref,
        payout_ref=line.payout_ref,
        line_id=stored.id,
        movement_id=(source.movement_id or "") if source else "",
    )


def _standing(matched: MatchRow | None, broken: BreakRow | None) -> tuple[RowStatus, str, str]:
    if broken is not None and broken.resolved_at is None:
        return RowStatus.BREAK, broken.kind, broken.reason
    if broken is not None:
        return RowStatus.MATCHED, broken.kind, f"Resolved ({broken.resolution}): {broken.reason}"
    if matched is not None:
        return RowStatus.MATCHED, matched.basis, ""
    return (
        RowStatus.EXPECTED,
        "not_reconciled",
        "Imported after the last reconciliation. Reconcile to see where it stands.",
    )


def _movement_row(movement: MovementRow, broken: BreakRow | None, as_of: datetime) -> ReportRow:
    if broken is None:
        status, kind, reason = RowStatus.EXPECTED, "not_due", "No report of the gateway shows it yet."
    else:
        status, kind, reason = _standing(None, broken)
    sign = -1 if movement.kind in ("refund", "dispute", "split_transfer") else 1
    return ReportRow(
        status=status,
        kind=kind,
        reason=reason,
        gateway_account_id=movement.gateway_account_id,
        line_type=movement.kind,
        occurred_at=movement.occurred_at,
        age_days=age_in_days(movement.occurred_at, as_of),
        expected=Money(sign * movement.amount_minor, movement.currency),
        attempt_id=movement.attempt_id,
        operation_id=movement.operation_id,
        gateway_payment_id=movement.gateway_payment_id,
        gateway_operation_id=movement.gateway_operation_id,
        movement_id=movement.journal_key,
    )


def _expected(broken: BreakRow | None) -> Money | None:
    if broken is None or broken.expected_minor is None:
        return None
    return Money(broken.expected_minor, broken.currency)


def _actual(broken: BreakRow | None) -> Money | None:
    if broken is None or broken.actual_minor is None:
        return None
    return Money(broken.actual_minor, broken.actual_currency)
