"""What the OpenAPI document says beyond what Litestar reads off a handler.

Schemas are msgspec's own, of the very structs that requests are read into, so that the document cannot say other bounds
than those that hold; examples are made from the schemas.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import msgspec
from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.routes import HTTPRoute
from litestar.types.internal_types import PathParameterDefinition

from orchestrator.http import problems, versions
from orchestrator.http.idempotency import HEADER, KEY_CHARS_MAX, REPLAYED
from orchestrator.http.openapi_examples import example_of
from orchestrator.http.pdf_answers import PDF

_KEY = Parameter(
    name=HEADER,
    param_in="header",
    required=True,
    description="A value of your own, such as a UUID. The same key and body again give the same answer for 24 hours.",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=KEY_CHARS_MAX),
)
_VERSION = {
    "name": versions.HEADER,
    "in": "header",
    "required": False,
    "description": f"The version of the API that the request speaks; `{versions.FIRST}` where it is left out.",
    "schema": {"type": "string", "enum": list(versions.KNOWN)},
}
_ANSWER_HEADERS = {
    "X-Request-Id": {
        "description": "The id of the request: yours where you sent one, else ours. Quote it when you ask for help.",
        "schema": {"type": "string"},
    },
    versions.HEADER: {"description": "The version that the answer speaks.", "schema": {"type": "string"}},
}
_REPLAYED = {
    "description": "`true` where the request is a repetition, and this the answer that it had.",
    "schema": {"type": "string"},
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "string"}}
_REF = "#/components/schemas/{name}"
_KEPT = "openapi_document"
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass
class Keyed(Operation):
    """An operation that needs an Idempotency-Key: every POST under /v1."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _KEY]


@dataclass
class FileTaken(Operation):
    """An operation whose body is a file as it is."""

    def __post_init__(self) -> None:
        content = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(content={"application/octet-stream": content}, required=True)


@dataclass
class KeyedFile(FileTaken, Keyed):
    """The same, with an Idempotency-Key."""

    def __post_init__(self) -> None:
        FileTaken.__post_init__(self)
        Keyed.__post_init__(self)


class JsonDocument(JsonRenderPlugin):
    """The whole document as JSON."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _kept(request.app, openapi_schema))


class YamlDocument(YamlRenderPlugin):
    """The same as YAML."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _kept(request.app, openapi_schema))


def _kept(app: Litestar, described: dict[str, Any]) -> dict[str, Any]:
    """The document, made once for each application: it takes a moment, and never changes."""
    if _KEPT not in app.state:
        app.state[_KEPT] = document_of(app, described)
    document: dict[str, Any] = app.state[_KEPT]
    return document


def operation_id(handler: HTTPRouteHandler, method: str, _: list[str | PathParameterDefinition]) -> str:
    """`List payments` is `listPayments`: programs that are generated from the document call by this name."""
    words = re.sub(r"'s\b", "", str(handler.summary or f"{method} {handler.handler_name}")).replace("-", " ").split()
    kept = [word for word in words if word.lower() not in _ARTICLES]
    return kept[0].lower() + "".join(word[:1].upper() + word[1:] for word in kept[1:])


def document_of(app: Litestar, described: dict[str, Any]) -> dict[str, Any]:
    """Litestar's document with exact schemas, scopes, versions, the problems of every operation, and examples."""
    document: dict[str, Any] = msgspec.to_builtins(described)
    handlers = dict(_handlers(app))
    shapes = [shape for handler in handlers.values() for shape in (_taken(handler), _given(handler)) if shape]
    exact = dict(zip(map(str, shapes), *_exact(shapes, document), strict=True))
    for (path, method), handler in handlers.items():
        operation = document["paths"][path][method]
        _complete(operation, handler, exact)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if (path, method) in handlers:
                _add_examples(operation, document["components"]["schemas"])
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


def _handlers(app: Litestar) -> Iterator[tuple[tuple[str, str], HTTPRouteHandler]]:
    """Every operation under /v1 by its path in the document and its method."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or not route.path.startswith("/v1/"):
            continue
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path_format)
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS":
                yield (path, method.lower()), handler


def _taken(handler: HTTPRouteHandler) -> Any:
    """The shape of the body that an operation takes."""
    parameter = handler.parsed_fn_signature.parameters.get("data")
    return parameter.annotation if parameter is not None else None


def _given(handler: HTTPRouteHandler) -> Any:
    """The shape of its answer; nothing for files."""
    shape = handler.parsed_fn_signature.return_type.annotation
    if get_origin(shape) is Response:
        (shape,) = get_args(shape)
    kind = get_origin(shape) or shape
    return shape if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _exact(shapes: list[Any], document: dict[str, Any]) -> tuple[list[dict[str, Any]]]:
    """msgspec's schemas of the shapes; those of the structs that they are made of replace Litestar's."""
    found, components = msgspec.json.schema_components([*shapes, problems.Problem], ref_template=_REF)
    document.setdefault("components", {})["schemas"] = dict(sorted(components.items()))
    return (list(found[:-1]),)


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler, exact: dict[str, dict[str, Any]]) -> None:
    taken, given = _taken(handler), _given(handler)
    if taken is not None:
        schema = _without_null(exact[str(taken)])
        operation["requestBody"]["content"] = {"application/json": {"schema": schema}}
    parameters = [_without_noise(parameter) for parameter in operation.get("parameters") or []]
    operation["parameters"] = [*parameters, _VERSION]
    operation["security"] = [{name: list(scopes_of(handler)) for name in entry} for entry in operation["security"]]
    for status, answer in operation["responses"].items():
        answer["headers"] = {**(answer.get("headers") or {}), **_ANSWER_HEADERS}
        if status.startswith("2"):
            if given is not None:
                also = {kind: media for kind, media in (answer.get("content") or {}).items() if kind == PDF}
                answer["content"] = {"application/json": {"schema": exact[str(given)]}, **also}
            if any(parameter["name"] == HEADER for parameter in parameters):
                answer["headers"][REPLAYED] = _REPLAYED
        else:
            answer["content"] = {problems.MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
        if status in ("409", "429", "503"):
            answer["headers"]["Retry-After"] = _RETRY_AFTER


def scopes_of(handler: HTTPRouteHandler) -> list[str]:
    """The scopes that the operation's guards ask for (`auth.needs`)."""
    return sorted({scope for guard in handler.resolve_guards() if (scope := getattr(guard, "scope", None))})


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A body that may be left out is a body, or none at all."""
    kept = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    return kept[0] if len(kept) == 1 else {"anyOf": kept}


def _without_noise(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter of an address is never null: it is left out."""
    said = {key: value for key, value in parameter.items() if value not in (False, None) or key == "required"}
    schema = dict(said["schema"])
    options = schema.pop("oneOf", None)
    if options is not None:
        kept = [option for option in options if option.get("type") != "null"]
        schema = {**kept[0], **schema} if len(kept) == 1 else {**schema, "anyOf": kept}
    return {**said, "schema": schema}


def _add_examples(operation: dict[str, Any], components: dict[str, Any]) -> None:
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for body in bodies:
        for media in body["content"].values():
            media["example"] = example_of(media["schema"], components)
    for status, answer in operation["responses"].items():
        for kind, media in (answer.get("content") or {}).items():
            if kind == problems.MEDIA_TYPE:
                media["example"] = problems.example(int(status))
            elif kind == "application/json":
                media["example"] = example_of(media["schema"], components)
