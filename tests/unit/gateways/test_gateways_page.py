"""The page of the docs says what the gateways declare."""

from pathlib import Path

import pytest

from orchestrator.gateways.capabilities import Missing, Verb
from orchestrator.gateways.capability_table import page
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.registry import KINDS

PAGE = Path(__file__).parents[3] / "docs" / "gateways.md"


def test_the_page_is_that_of_the_declarations() -> None:
    command = "run python -m orchestrator.gateways.capability_table > docs/gateways.md"
    assert PAGE.read_text() == page(), command


@pytest.mark.parametrize("gateway", sorted(KINDS))
def test_every_reason_and_note_is_on_the_page_with_its_source(gateway: str) -> None:
    capabilities, text = KINDS[gateway].capabilities, page()
    for said in (*(capabilities.verbs[verb] for verb in Verb), *(capabilities.methods[method] for method in Method)):
        told = said.reason if isinstance(said, Missing) else said.note
        assert told in text
        assert not told or said.source in text
