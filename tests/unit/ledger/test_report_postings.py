"""What a report line does to the ledger by itself: fees, payouts, reserves, each way round."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from currency.money import Money
from orchestrator.ledger.chart import AccountKind
from orchestrator.reconciliation.breaks import BreakKind
from orchestrator.reconciliation.lines import LineType, SettlementLine
from orchestrator.reconciliation.matching import match
from orchestrator.reconciliation.postings import is_orphan, of_imported_line

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def line(kind: LineType, gross: int, fee: int = 0) -> SettlementLine:
    return SettlementLine(
        row_no=1, line_key="k", natural_key="k", row_hash="h", line_type=kind, gateway_type=str(kind),
        gross=Money(gross, "EUR"), fee=Money(fee, "EUR"), net=Money(gross - fee, "EUR"), occurred_at=NOW,
    )  # fmt: skip


def moved(told: SettlementLine) -> dict[AccountKind, int]:
    """Debits less credits by kind of account."""
    found: dict[AccountKind, int] = {}
    for posting in of_imported_line(told, "sl_1", "ga_1"):
        for entry in posting.entries:
            for account, sign in ((entry.debit, 1), (entry.credit, -1)):
                found[account.kind] = found.get(account.kind, 0) + sign * entry.amount.minor
    return found


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (line(LineType.PAYMENT, 1000, 30), {AccountKind.FEES: 30, AccountKind.GATEWAY_CLEARING: -30}),
        (line(LineType.CHARGEBACK, -1000, 15), {AccountKind.DISPUTE_FEES: 15, AccountKind.GATEWAY_CLEARING: -15}),
        (
            line(LineType.CHARGEBACK_REVERSAL, 1000, -15),
            {AccountKind.DISPUTE_FEES: -15, AccountKind.GATEWAY_CLEARING: 15},
        ),
        (line(LineType.PAYOUT, -500), {AccountKind.PAYOUT_TRANSIT: 500, AccountKind.GATEWAY_CLEARING: -500}),
        (line(LineType.PAYOUT_REVERSAL, 500), {AccountKind.PAYOUT_TRANSIT: -500, AccountKind.GATEWAY_CLEARING: 500}),
        (line(LineType.RESERVE_HOLD, -200), {AccountKind.RESERVE: 200, AccountKind.GATEWAY_CLEARING: -200}),
        (line(LineType.RESERVE_RELEASE, 200), {AccountKind.RESERVE: -200, AccountKind.GATEWAY_CLEARING: 200}),
    ],
    ids=lambda value: str(value.line_type) if isinstance(value, SettlementLine) else "",
)
def test_a_line_moves_clearing_against_what_it_tells(told: SettlementLine, expected: dict[AccountKind, int]) -> None:
    assert moved(told) == expected


def test_a_repeated_line_moves_nothing() -> None:
    assert moved(replace(line(LineType.RESERVE_HOLD, -200), line_key="k~2")) == {}


@pytest.mark.parametrize("kind", [LineType.RESERVE_HOLD, LineType.RESERVE_RELEASE])
def test_a_reserve_is_explained_by_itself_and_never_in_suspense(kind: LineType) -> None:
    result = match([line(kind, -200)], [], NOW, 3, {})
    assert [found for found in result.breaks if found.kind is BreakKind.MISSING_IN_LEDGER or is_orphan(found)] == []
