"""The diagrams in the docs are those of the tables."""

from pathlib import Path

from orchestrator.payments.diagram import attempt_diagram, payment_diagram
from orchestrator.payments.records import PaymentStatus
from orchestrator.payments.states import TRANSITIONS

PAGE = Path(__file__).parents[3] / "docs" / "payment-lifecycle.md"


def test_the_page_shows_the_diagrams_as_the_tables_have_them() -> None:
    text = PAGE.read_text()
    assert payment_diagram() in text, "run python -m orchestrator.payments.diagram and put the result into the page"
    assert attempt_diagram() in text


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(PaymentStatus)
