"""The OpenAPI document: whole, exact, and with examples that are what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

NAMES_PROMISED = Path(__file__).parent / "operation_names.txt"
VERBS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    from orchestrator.app import create_app
    from orchestrator.http.openapi import document_of

    app = create_app()
    return document_of(app, app.openapi_schema.to_schema())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in VERBS:
            if path.startswith("/v1/") and method in item:
                yield f"{method.upper()} {path}", item[method]


def media(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body and answer: where it is, its media type, and what is said of it."""
    for name, operation in operations(document):
        parts = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for place, part in parts.items():
            for kind, said in (part.get("content") or {}).items():
                yield f"{name} {place}", kind, said


def test_every_body_answer_and_problem_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    looked_at = 0
    for place, kind, said in media(document):
        if not kind.endswith("json"):
            continue
        schema = {**said["schema"], "components": document["components"]}
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(said["example"])]
        assert wrong == [], (place, said["example"])
        looked_at += 1
    assert looked_at > 300


def test_an_example_of_a_body_can_be_read_by_the_route_itself(document: dict[str, Any]) -> None:
    import msgspec

    from orchestrator.app import create_app
    from orchestrator.http.openapi import _handlers, _taken

    for (path, method), handler in _handlers(create_app()):
        shape = _taken(handler)
        if shape is None:
            continue
        said = document["paths"][path][method]["requestBody"]["content"]["application/json"]
        msgspec.json.decode(msgspec.json.encode(said["example"]), type=shape, strict=True)


def test_a_body_with_an_unknown_field_is_outside_its_schema(document: dict[str, Any]) -> None:
    for place, kind, said in media(document):
        if not place.endswith(" body") or kind != "application/json":
            continue
        schema = {**said["schema"], "components": document["components"]}
        value = {**said["example"], "no_such_field": 1}
        assert not jsonschema.Draft202012Validator(schema).is_valid(value), place


def test_every_operation_says_its_scope_its_version_and_its_tag(document: dict[str, Any]) -> None:
    from orchestrator.access.service import ALL_SCOPES

    for name, operation in operations(document):
        [scheme] = operation["security"]
        assert scheme["apiKey"], name
        assert set(scheme["apiKey"]) <= set(ALL_SCOPES), name
        assert any(parameter["name"] == "Clearway-Version" for parameter in operation["parameters"]), name
        assert operation["tags"], name
        assert operation["summary"], name
        assert operation["description"], name


def test_operation_names_are_unique_and_those_once_promised_stay(document: dict[str, Any]) -> None:
    names = {place: operation["operationId"] for place, operation in operations(document)}
    assert len(set(names.values())) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]+", name) for name in names.values()), names
    promised = dict(line.rsplit(" ", 1) for line in NAMES_PROMISED.read_text().splitlines())
    assert {place: names.get(place) for place in promised} == promised


def test_answers_say_their_request_id_and_version(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert {"X-Request-Id", "Clearway-Version"} <= set(answer["headers"]), (name, status)


def test_bounds_of_zero_are_in_the_document(document: dict[str, Any]) -> None:
    fees = document["components"]["schemas"]["FeesInput"]
    assert (fees["properties"]["bps"]["minimum"], fees["additionalProperties"]) == (0, False)


def patterns(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for inner in part.values():
            yield from patterns(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from patterns(inner)


def test_every_pattern_is_told_in_words_to_whom_it_refuses(document: dict[str, Any]) -> None:
    from orchestrator.http.pattern_words import MEANT

    parts = [document["components"]["schemas"], *(operation.get("parameters") for _, operation in operations(document))]
    found = {pattern for part in parts for pattern in patterns(part)}
    assert found
    assert found - MEANT.keys() == set()


def test_every_parameter_of_the_document_is_known_at_its_address_and_no_other() -> None:
    from litestar.routes import HTTPRoute

    from orchestrator.app import create_app
    from orchestrator.http.intake import parameters_of
    from orchestrator.http.openapi import document_of

    app = create_app()
    said = dict(operations(document_of(app, app.openapi_schema.to_schema())))
    routes = [route for route in app.routes if isinstance(route, HTTPRoute) and route.path.startswith("/v1/")]
    looked_at = 0
    for route in routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        for handler in route.route_handlers:
            for method in handler.http_methods:
                operation = said.get(f"{method} {path}")
                if operation is not None:
                    named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
                    assert named == parameters_of(handler), (method, path)
                    looked_at += 1
    assert looked_at > 200
