"""Rules that no ready-made linter knows: no float near money, no tasks inside a transaction, time from one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from source import files, place, tree

MONEY_CODE = (
    "currency/**/*.py",
    "invoicing/**/*.py",
    "orchestrator/ledger/*.py",
    "orchestrator/refunds/*.py",
    "orchestrator/billing/*.py",
    "orchestrator/reconciliation/*.py",
    "orchestrator/payments/*.py",
    "orchestrator/gateways/*_mapping.py",
)
NO_MONEY = ("invoicing/rendering/colours.py",)
TASK_MAKERS = {"gather", "create_task", "ensure_future", "TaskGroup", "to_thread"}


def names_seconds(node: ast.AST) -> bool:
    """Whether a value is given to something whose name says that it is a duration."""
    match node:
        case ast.keyword(arg=str(name)):
            return name.endswith("_s") or name == "timeout"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name.lower().endswith("_s")
        case _:
            return False


def floats(node: ast.AST) -> Iterator[int]:
    if names_seconds(node):
        return
    match node:
        case ast.Constant(value=float()):
            yield node.lineno
        case ast.Call(func=ast.Name(id="float")):
            yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from floats(child)


def opens_transaction(node: ast.AST) -> bool:
    return isinstance(node, ast.AsyncWith) and any(
        isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func).split(".")[-1] == "transaction"
        for item in node.items
    )


def test_no_float_near_money() -> None:
    found = [place(path, line) for path in files(*MONEY_CODE) for line in floats(tree(path))]
    assert [one for one in found if not one.startswith(NO_MONEY)] == []


def test_the_float_rule_sees_a_float() -> None:
    assert list(floats(ast.parse("fee = amount * 0.029"))) == [1]
    assert list(floats(ast.parse("x = float(text)"))) == [1]


def test_the_float_rule_lets_durations_be() -> None:
    assert list(floats(ast.parse("PATIENCE_S = 0.5\nwait(timeout=1.5)"))) == []


def tasks_in_transactions(module: ast.Module) -> list[int]:
    """Lines where a task is made inside `async with transaction()` (library trap P3)."""
    return [
        call.lineno
        for block in ast.walk(module)
        if opens_transaction(block)
        for call in ast.walk(block)
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in TASK_MAKERS
    ]


def test_no_task_is_made_inside_a_transaction() -> None:
    paths = files("routing/**/*.py", "invoicing/**/*.py", "orchestrator/**/*.py")
    assert [place(path, line) for path in paths for line in tasks_in_transactions(tree(path))] == []


def test_the_task_rule_sees_a_task() -> None:
    code = "async def f():\n async with transaction():\n  await asyncio.gather(a(), b())"
    assert tasks_in_transactions(ast.parse(code)) == [3]


def test_only_the_clock_port_asks_what_time_it_is() -> None:
    paths = files("currency/**/*.py", "routing/**/*.py", "invoicing/**/*.py", "orchestrator/**/*.py")
    asking = {
        "datetime.now",
        "datetime.utcnow",
        "date.today",
        "datetime.datetime.now",
        "datetime.date.today",
        "time.time",
    }
    found = [
        place(path, node.lineno)
        for path in paths
        if path.name != "clock_port.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in asking
    ]
    assert found == []
