"""An id says what it is of: no prefix stands for two kinds of things."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from source import ROOT, files, tree

# One kind of thing each, made in more than one slice.
MADE_IN_SEVERAL = {
    "iap": "what was put to an invoice",
    "pm": "a saved payment method",
    "ser": "a series of numbers",
}


def prefixes(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Name(id="new_id"), args=[ast.Constant(value=str(prefix))]):
                yield prefix


def test_a_prefix_is_made_in_one_slice() -> None:
    made_in = defaultdict(set)
    for path in files("orchestrator/**/*.py", "invoicing/*.py"):
        folder = path.relative_to(ROOT).parent.parts[:2]
        for prefix in prefixes(tree(path)):
            made_in[prefix].add(folder)
    several = {prefix: sorted(folders) for prefix, folders in made_in.items() if len(folders) > 1}
    assert several.keys() == MADE_IN_SEVERAL.keys(), several
