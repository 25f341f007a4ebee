"""OpenAPI documents as validators of what crosses the wire: schema by JSON Schema, unknown keys by a walk of their own.

The documents allow additional properties nearly everywhere; a misspelt or invented key must be seen all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from accepted_differences import SAME_AS
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

CONTRACTS = Path(__file__).parents[2] / "../shared/contracts"
Direction = Literal["request", "reply"]
# Not for the receiver to see, by OpenAPI's rule: https://spec.openapis.org/oas/v3.0.3#fixed-fields-19
_FORBIDDEN = {"request": "readOnly", "reply": "writeOnly"}
_NAMED = frozenset({"properties", "patternProperties", "schemas", "$defs"})
_DROPPED = frozenset({"discriminator", "example", "examples", "default", "description", "title"})


@dataclass(frozen=True)
class Operation:
    """One operation of a document; `template` is its path there."""

    contract: Contract
    template: str
    spec: dict[str, Any]

    def request_problems(self, body: Any) -> list[str]:
        schema = _media_schema(self.contract.resolved(self.spec.get("requestBody") or {}))
        if schema is None:
            return [] if body in (None, {}) else ["a body where the contract has none"]
        return self.contract.problems(schema, body, "request")

    def parameter_problems(self, query: dict[str, str], headers: dict[str, str]) -> list[str]:
        """Query and header parameters: required ones are there, and the query has no unknown one."""
        parameters = [self.contract.resolved(one) for one in self.spec.get("parameters", ())]
        known = [one["name"] for one in parameters if one.get("in") == "query"]
        wrong = [f"query parameter {name} is not known" for name in query if name not in known]
        sent = {"query": set(query), "header": set(headers)}
        for one in (one for one in parameters if one.get("required") and one.get("in") in sent):
            place, name = str(one["in"]), str(one["name"])
            if (name if place == "query" else name.lower()) not in sent[place]:
                wrong.append(f"{place} parameter {name} is missing")
        return wrong

    def reply_problems(self, status: int, body: Any) -> list[str]:
        responses = self.spec["responses"]
        status = SAME_AS.get((self.contract.file, self.template, status), status)
        found = responses.get(str(status)) or responses.get("default")
        if found is None:
            return [f"status {status} is not in the contract ({', '.join(responses)})"]
        schema = _media_schema(self.contract.resolved(found))
        if schema is None:
            return [] if body in (None, {}) else [f"a body where the contract has none for {status}"]
        return self.contract.problems(schema, body, "reply")


class Contract:
    """One document. `prefix` is what stands before its paths on the wire."""

    def __init__(self, file: str, prefix: str = "") -> None:
        self.file = file
        self._prefix = prefix
        self._document: dict[str, Any] = json.loads((CONTRACTS / file).read_text())

    def find(self, method: str, path: str) -> Operation | None:
        if not path.startswith(self._prefix):
            return None
        for pattern, template, methods in self._paths:
            if pattern.fullmatch(path.removeprefix(self._prefix)) and method.lower() in methods:
                return Operation(self, template, methods[method.lower()])
        return None

    def schema_problems(self, name: str, value: Any, direction: Direction) -> list[str]:
        """Against #/components/schemas/<name>."""
        return self.problems({"$ref": f"#/components/schemas/{name}"}, value, direction)

    def webhook_schema(self, name: str) -> dict[str, Any] | None:
        """The body schema of a webhook of the document."""
        found = self._document.get("webhooks", {}).get(f"/{name}")
        return _media_schema(self.resolved(found["post"]["requestBody"])) if found else None

    def problems(self, schema: dict[str, Any], value: Any, direction: Direction) -> list[str]:
        root = self._requests if direction == "request" else self._replies
        usable = _usable(schema, direction)
        validator = Draft202012Validator({**usable, "components": root})
        wrong = [_shown(error) for error in validator.iter_errors(value)]
        return wrong + list(self._strangers([schema], value, "", direction))

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    @cached_property
    def _requests(self) -> Any:
        return {"schemas": _usable(self._document["components"]["schemas"], "request", named=True)}

    @cached_property
    def _replies(self) -> Any:
        return {"schemas": _usable(self._document["components"]["schemas"], "reply", named=True)}

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
        paths = self._document.get("paths", {})
        fixed_first = sorted(paths, key=lambda template: template.count("{"))
        return [(re.compile(re.sub(r"\{[^/]+\}", "[^/]+", t)), t, paths[t]) for t in fixed_first]

    def _strangers(self, schemas: list[dict[str, Any]], value: Any, at: str, direction: Direction) -> Iterator[str]:
        """Keys that no part of the schema names, and those that are not for this direction."""
        parts = list(self._parts(schemas, value))
        if isinstance(value, list):
            items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
            for index, item in enumerate(value if items else ()):
                yield from self._strangers(items, item, f"{at}/{index}", direction)
        if not isinstance(value, dict):
            return
        known: dict[str, list[dict[str, Any]]] = {}
        for part in parts:
            for name, sub in part.get("properties", {}).items():
                known.setdefault(name, []).append(sub)
        is_open = not known or any(part.get("additionalProperties") for part in parts)
        for name, inner in value.items():
            if name not in known:
                if not is_open:
                    yield f"{at}/{name}: no such key in the contract"
                continue
            if any(self.resolved(sub).get(_FORBIDDEN[direction]) for sub in known[name]):
                yield f"{at}/{name}: is {_FORBIDDEN[direction]} in the contract"
            yield from self._strangers(known[name], inner, f"{at}/{name}", direction)

    def _parts(self, schemas: list[dict[str, Any]], value: Any) -> Iterator[dict[str, Any]]:
        for schema in schemas:
            part = self.resolved(schema)
            yield part
            yield from self._parts(part.get("allOf", []), value)
            for choice in (*part.get("oneOf", ()), *part.get("anyOf", ())):
                if self._could_be(choice, value):
                    yield from self._parts([choice], value)

    def _could_be(self, choice: dict[str, Any], value: Any) -> bool:
        """Whether a branch's `type` allows the value's; a union's branches differ by it."""
        if not isinstance(value, dict) or "type" not in value:
            return True
        allowed = self.resolved(choice).get("properties", {}).get("type", {}).get("enum")
        return allowed is None or value["type"] in allowed


@cache
def contract(file: str, prefix: str = "") -> Contract:
    return Contract(file, prefix)


def _media_schema(holder: dict[str, Any]) -> dict[str, Any] | None:
    content = holder.get("content") or {}
    media: dict[str, Any] = content.get("application/json") or next(iter(content.values()), {})
    return media.get("schema")


def _usable(node: Any, direction: Direction, *, named: bool = False) -> Any:
    """A schema of OpenAPI 3.0 or 3.1 as JSON Schema 2020-12 for one direction.

    `oneOf` becomes `anyOf`: in these documents the branches overlap (a card's fields fit several kinds of cards), which
    the vendors' own examples do as well.
    """
    if isinstance(node, list):
        return [_usable(one, direction) for one in node]
    if not isinstance(node, dict):
        return node
    if named:
        kept = {name: _usable(sub, direction) for name, sub in node.items()}
        if "issue" in kept and "description" in kept:
            kept["description"] = {"type": "string"}  # PayPal's sentences for people, which it has reworded since
        return kept
    made = {k: _usable(v, direction, named=k in _NAMED) for k, v in node.items() if k not in _DROPPED}
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf") + made.get("anyOf", [])
    if isinstance(made.get("required"), list):
        hidden = {n for n, sub in node.get("properties", {}).items() if sub.get(_FORBIDDEN[direction])}
        made["required"] = [name for name in made["required"] if name not in hidden]
    else:
        made.pop("required", None)  # OpenAPI 2's boolean, left over in places
    return {"anyOf": [made, {"type": "null"}]} if made.pop("nullable", False) else made


def _shown(error: ValidationError) -> str:
    deepest = best_match([error]) or error
    where = "".join(f"/{part}" for part in deepest.absolute_path)
    if deepest.validator != "anyOf":
        return f"{where}: {deepest.message[:200]}"
    named = deepest.instance if isinstance(deepest.instance, dict) else {}
    word = next((named[key] for key in ("issue", "name", "type") if key in named), "")
    return f"{where}: fits none of the alternatives{f' ({word})' if word else ''}"
