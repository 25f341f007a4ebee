"""The program of the process that validates: reads one request a line, answers one line, ends when its input ends.

It is started by path, not imported, and takes nothing of ours: starting SaxonC in several threads aborts a process, so
there is one processor here, on the main thread, and no other thread at all.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import msgspec
from lxml import etree

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
MAX_FINDINGS = 200


class Run(msgspec.Struct):
    """A compiled Schematron stylesheet, by path, and what it is run on."""

    stylesheet: str
    xml: str


class Request(msgspec.Struct):
    """`schema` is the path of the XSD that `xml` is held against before the runs; `limit_s` ends the process."""

    schema: str
    xml: str
    runs: list[Run]
    limit_s: float


class Found(msgspec.Struct):
    """One failed assertion. `rules` is the path of what held it."""

    rules: str
    rule: str
    flag: str
    text: str
    location: str


class Answer(msgspec.Struct):
    """`failure` says why nothing could be checked."""

    findings: list[Found] = []
    failure: str = ""


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, never between two answers
    checker = _Checker()
    for line in sys.stdin.buffer:
        request = msgspec.json.decode(line, type=Request)
        # Nothing here can stop a stylesheet that runs for ever, but the default action of SIGALRM.
        signal.setitimer(signal.ITIMER_REAL, request.limit_s)
        try:
            answer = Answer(findings=checker.check(request)[:MAX_FINDINGS])
        except Exception as problem:
            answer = Answer(failure=f"{type(problem).__name__}: {problem}")
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(answers, msgspec.json.encode(answer) + b"\n")


class _Checker:
    """Keeps every schema and stylesheet compiled: compiling costs 0.2 to 0.5 s, a check a tenth of that."""

    def __init__(self) -> None:
        # Here and not above: whoever imports this file for its messages must not load SaxonC (60 MB of native code).
        from saxonche import PySaxonProcessor

        self._saxon = PySaxonProcessor(license=False)
        self._compiler = self._saxon.new_xslt30_processor()
        self._schemas: dict[str, Any] = {}
        self._stylesheets: dict[str, Any] = {}

    def check(self, request: Request) -> list[Found]:
        try:
            tree = _parse(request.xml.encode())
        except ValueError as unreadable:
            return [Found("", "XML", "fatal", str(unreadable), "")]
        found = self._against_schema(request.schema, tree)
        # Rules look for elements where they belong: beside a broken structure they would only repeat the complaint.
        return found or [item for run in request.runs for item in self._against_rules(run)]

    def _against_schema(self, path: str, tree: Any) -> list[Found]:
        if path not in self._schemas:
            self._schemas[path] = etree.XMLSchema(file=path)
        schema = self._schemas[path]
        schema.validate(tree)
        return [
            Found(path, "XSD", "fatal", problem.message, problem.path or f"line {problem.line}")
            for problem in schema.error_log
        ]

    def _against_rules(self, run: Run) -> list[Found]:
        path = run.stylesheet
        if path not in self._stylesheets:
            self._stylesheets[path] = self._compiler.compile_stylesheet(stylesheet_file=path)
        report = self._stylesheets[path].transform_to_string(xdm_node=self._saxon.parse_xml(xml_text=run.xml))
        if report is None:
            raise RuntimeError(f"no report from {path}")
        tree = _parse(report.encode())
        return [_found(path, node) for node in tree.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report")]


def _parse(xml: bytes) -> Any:
    """Raises ValueError for what is no XML, or could make its reader fetch or swell."""
    try:
        tree = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    except etree.XMLSyntaxError as unreadable:
        raise ValueError(str(unreadable)) from None
    if tree.getroottree().docinfo.doctype:
        raise ValueError("a document type declaration has no place in an invoice")
    return tree


def _found(path: str, node: Any) -> Found:
    text = " ".join("".join(node.find(f"{SVRL}text").itertext()).split())
    # CEN calls it `flag`, KoSIT `role`; where a rule has neither, breaking it is fatal.
    flag = node.get("flag") or node.get("role") or "fatal"
    return Found(path, node.get("id", ""), flag, text, node.get("location", ""))


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    main()
