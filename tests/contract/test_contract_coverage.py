"""No cell of the matrix is blank: each is covered by scenarios or explained, never both."""

from __future__ import annotations

from pathlib import Path

import pytest
from coverage_matrix import cells, covered, explanation, load, page
from simulated_accounts import GATEWAYS
from verb_calls import CALLS, declared, is_missing

from orchestrator.gateways.capabilities import Verb
from orchestrator.gateways.credentials import Method
from orchestrator.gateways.registry import KINDS

load()
PAGE = Path(__file__).parents[2] / "docs" / "contract-coverage.md"


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("verb", list(Verb))
def test_every_outcome_is_covered_or_explained_and_not_both(verb: Verb, gateway: str) -> None:
    held = covered()
    mine = [cell for cell in cells() if cell[:2] == (verb, gateway)]
    blank = [cell[2] for cell in mine if not held.get(cell) and not explanation(*cell)]
    both = [cell[2] for cell in mine if held.get(cell) and explanation(*cell)]
    assert (blank, both) == ([], []), "blank; explained although covered"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_every_verb_and_method_is_declared_with_a_source(gateway: str) -> None:
    capabilities = KINDS[gateway].capabilities
    assert set(capabilities.verbs) == set(Verb)
    assert set(capabilities.methods) == set(Method)
    for said in (*capabilities.verbs.values(), *capabilities.methods.values()):
        assert said.source.startswith("https://"), said
    assert capabilities.authorisation.source.startswith("https://")


@pytest.mark.parametrize("verb", list(Verb))
def test_verb_is_prepared_or_nowhere_there(verb: Verb) -> None:
    if verb not in CALLS and verb is not Verb.MIRROR:  # a mirror is asked by another gateway's call
        assert all(is_missing(gateway, verb) for gateway in GATEWAYS)
    assert all(declared(gateway, verb) is not None for gateway in GATEWAYS)


def test_page_of_the_docs_is_that_of_the_scenarios() -> None:
    assert PAGE.read_text() == page(), "run python tests/contract/coverage_matrix.py > docs/contract-coverage.md"
