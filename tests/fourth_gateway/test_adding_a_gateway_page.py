"""docs/adding-a-gateway.md shows code that exists, and names files, verbs and outcomes that exist."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from orchestrator.gateways import registry
from orchestrator.gateways.base import OperationKind
from orchestrator.gateways.declines import NEEDED
from routing.outcomes import OutcomeKind, RetryAction

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-gateway.md").read_text("utf-8")


@dataclass(frozen=True)
class Block:
    """A block of code on the page, and the line above it, which names the file that it is from."""

    above: str
    language: str
    text: str

    @property
    def source(self) -> str:
        named = re.search(r"`([^`]+)`:$", self.above)
        assert named is not None, f"no file is named above the block: {self.above!r}"
        return named[1]

    def __str__(self) -> str:
        return self.text.split("\n", 1)[0]


BLOCKS = [Block(*found) for found in re.findall(r"^([^\n]+)\n\n```(\w+)\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)]
QUOTED = [block for block in BLOCKS if block.language in ("python", "csv")]


def pieces(text: str, lines: int) -> set[str]:
    """Every run of so many lines, moved to the left."""
    every = text.split("\n")
    return {dedent("\n".join(every[start : start + lines])) for start in range(len(every) - lines + 1)}


def test_every_block_on_the_page_is_looked_at() -> None:
    assert len(BLOCKS) == PAGE.count("\n```") // 2
    assert {block.language for block in BLOCKS} <= {"python", "csv", "toml", "sh"}
    assert len(QUOTED) >= 8


@pytest.mark.parametrize("block", QUOTED, ids=str)
def test_a_block_of_code_stands_so_in_its_file(block: Block) -> None:
    text = (ROOT / block.source).read_text("utf-8")
    assert block.text in pieces(text, block.text.count("\n") + 1), f"not in {block.source}:\n{block.text}"


def test_the_block_that_declares_an_entry_point_is_read_by_the_registry() -> None:
    [declared] = [tomllib.loads(block.text) for block in BLOCKS if "entry-points" in block.text]
    assert list(declared["project"]["entry-points"]) == [registry.INSTALLED]


def test_the_blocks_of_configuration_are_toml() -> None:
    for block in BLOCKS:
        if block.language == "toml":
            assert tomllib.loads(block.text)


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([\w./-]+/[\w./-]*)`", PAGE)) | set(re.findall(r"\]\(([^)#:]+)\)", PAGE))
    assert len(named) > 15
    missing = [name for name in sorted(named) if not ((ROOT / name).exists() or (ROOT / "docs" / name).exists())]
    assert missing == []


def test_every_outcome_action_and_operation_is_explained() -> None:
    words = (*OutcomeKind, *RetryAction, *OperationKind)
    assert [word.value for word in words if f"`{word.value}`" not in PAGE] == []


def test_every_row_that_a_decline_table_needs_is_named() -> None:
    assert [code for _, code in NEEDED if f"`{code}`" not in PAGE] == []
