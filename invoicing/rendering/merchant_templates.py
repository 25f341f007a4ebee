"""Templates of a merchant's own: a small part of Jinja that can neither reach anything nor run for long.

A template either extends `invoice.html` and replaces some of its blocks, or is a whole page. What may stand in it is a
list of what is allowed, not of what is forbidden: texts, conditions, loops over what is on the document, a few filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, Environment, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from invoicing.errors import InvalidInvoice

BASE = "invoice.html"
MAX_SOURCE_BYTES = 64_000
MAX_HTML_BYTES = 4_000_000
MAX_LOOP_STEPS = 50_000
MAX_LOOP_DEPTH = 3
MAX_FILTERS = 3
_FILTERS = frozenset(
    ("isolated", "upper", "lower", "capitalize", "title", "trim", "length", "first", "last", "default", "e")
)
_TESTS = frozenset(("defined", "undefined", "none", "eq", "ne", "odd", "even", "first", "last"))
_FUNCTIONS = frozenset(("_", "super"))
# No sums, no strings made longer, no variables, macros, imports or calls: nothing that grows.
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.If,
    nodes.For, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
    nodes.Block, nodes.Extends, nodes.Call, nodes.Tuple,
)  # fmt: skip


class InvalidTemplate(InvalidInvoice):
    """A merchant's template that cannot be used. `line` is where, counted from 1; 0 where no line is to blame."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__("template", f"line {line}: {message}" if line else message)
        self.line = line


def check_template(source: str) -> None:
    """Raises InvalidTemplate naming the line of the first thing that may not be in a template.

    Try it on a document as well before it is kept (`render_html` with it): a name that no document has is found so.
    """
    if len(source.encode()) > MAX_SOURCE_BYTES:
        raise InvalidTemplate(f"must have at most {MAX_SOURCE_BYTES // 1000} kB")
    try:
        tree = Environment(autoescape=True).parse(source)
    except TemplateSyntaxError as wrong:
        raise InvalidTemplate(wrong.message or "cannot be read", wrong.lineno) from wrong
    _check(tree, loops=0, filters=0)


def render_own(source: str, house: Environment, context: dict[str, Any]) -> str:
    """The page that the template makes of the texts of a document. Raises InvalidTemplate.

    Bounded by the size of its page and the steps of its loops; for all else the process that draws has a time limit.
    """
    check_template(source)
    assert house.loader is not None
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([DictLoader({"own": source}), house.loader]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters = {name: environment.filters.get(name) or house.filters[name] for name in _FILTERS}
    environment.globals.clear()
    parts, size = [], 0
    try:
        for part in environment.get_template("own").generate(_counted(context, _Steps())):
            size += len(part)
            if size > MAX_HTML_BYTES:
                raise InvalidTemplate(f"makes a page of more than {MAX_HTML_BYTES // 1_000_000} MB")
            parts.append(part)
    except (TemplateError, TypeError, ValueError, KeyError, IndexError) as failed:
        if isinstance(failed, InvalidTemplate):
            raise
        raise InvalidTemplate(str(failed), _line_of(failed)) from failed
    return "".join(parts)


def _check(node: nodes.Node, *, loops: int, filters: int) -> None:
    if not isinstance(node, _ALLOWED):
        raise InvalidTemplate(f"{_named(node)} is not available in a template", node.lineno)
    match node:
        case nodes.Extends(template=nodes.Const(value=name)) if name == BASE:
            pass
        case nodes.Extends():
            raise InvalidTemplate(f'only {{% extends "{BASE}" %}} is available', node.lineno)
        case nodes.Call(node=nodes.Name(name=name)) if name in _FUNCTIONS:
            pass
        case nodes.Call():
            raise InvalidTemplate("a template cannot call anything but _() and super()", node.lineno)
        case nodes.For():
            loops += 1
            if node.recursive or loops > MAX_LOOP_DEPTH:
                raise InvalidTemplate(f"loops may stand in each other {MAX_LOOP_DEPTH} deep, no deeper", node.lineno)
        case nodes.Filter():
            filters += 1
            if node.name not in _FILTERS:
                raise InvalidTemplate(
                    f"there is no filter {node.name}; there are {', '.join(sorted(_FILTERS))}", node.lineno
                )
            if filters > MAX_FILTERS:
                raise InvalidTemplate(f"at most {MAX_FILTERS} filters may follow each other", node.lineno)
        case nodes.Test() if node.name not in _TESTS:
            raise InvalidTemplate(f"there is no test {node.name}", node.lineno)
        case nodes.Getattr() if node.attr.startswith("_"):
            raise InvalidTemplate(f"there is no {node.attr}", node.lineno)
        case _:
            pass
    for child in node.iter_child_nodes():
        _check(child, loops=loops, filters=filters)


def _named(node: nodes.Node) -> str:
    return f"{{% {type(node).__name__.lower()} %}}" if isinstance(node, nodes.Stmt) else type(node).__name__.lower()


class _Steps:
    """Counts the steps of all loops of one page together."""

    def __init__(self) -> None:
        self._taken = 0

    def take(self) -> None:
        self._taken += 1
        if self._taken > MAX_LOOP_STEPS:
            raise InvalidTemplate(f"its loops take more than {MAX_LOOP_STEPS} steps")


class _CountedList(list[Any]):
    def __init__(self, items: list[Any], steps: _Steps) -> None:
        super().__init__(items)
        self._steps = steps

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self._steps.take()
            yield item


def _counted(value: Any, steps: _Steps) -> Any:
    if isinstance(value, dict):
        return {key: _counted(item, steps) for key, item in value.items()}
    if isinstance(value, list):
        return _CountedList([_counted(item, steps) for item in value], steps)
    return value


def _line_of(failed: BaseException) -> int:
    """The line of the merchant's source that was being drawn: Jinja puts it into the traceback."""
    line, at = 0, failed.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename in {"<template>", "<unknown>"}:
            line = at.tb_lineno
        at = at.tb_next
    return line
