"""Each check of the verification stands in the documentation, in its own words."""

from __future__ import annotations

from pathlib import Path

from orchestrator.ledger.checks import CHECKS

PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"


def test_the_page_lists_every_check() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [check.name for check in CHECKS if f"| `{check.name}` | {check.looks_at}. |" not in text] == []
