"""No secret is compared by `==`: everything that is compared goes through `compare_digest` or a look-up by hash."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3] / "orchestrator"
FILES = sorted([*(ROOT / "access").glob("*.py"), ROOT / "web" / "csrf.py", ROOT / "http" / "health.py"])
SECRETS = {"secret", "password", "token", "code", "signature", "sent", "kept", "digest", "link", "password_hash"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_is_compared_by_how_far_it_is_right(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        names = {side.id for side in (node.left, *node.comparators) if isinstance(side, ast.Name)}
        assert not names & SECRETS, f"{path.name}:{node.lineno} compares {names & SECRETS}"
