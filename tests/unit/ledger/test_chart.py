"""The chart of accounts says what every account means, and the documentation says the same."""

from __future__ import annotations

from pathlib import Path

from orchestrator.ledger.chart import CHART, AccountKind, chart_table

PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"


def test_every_kind_of_account_has_a_meaning() -> None:
    assert set(CHART) == set(AccountKind)
    assert all(row.means for row in CHART.values())


def test_the_page_has_the_chart_as_the_code_has_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert chart_table() in text, "docs/ledger.md: put in what `python -m orchestrator.ledger.chart` prints"
