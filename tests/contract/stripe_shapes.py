"""Stripe's wire against its SDK: forms against the TypedDict parameters, replies against the resource classes.

Stripe publishes no OpenAPI document here; the SDK is generated from it, and the fixtures hold one example a resource.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import parse_qsl

import stripe
import typing_extensions
from openapi_contract import CONTRACTS
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import StripeObject, UntypedStripeObject

_SDK = Path(stripe.__file__).parent
_OPTIONS = frozenset(RequestOptions.__annotations__)
_ANYTHING = (Any, object)


@dataclass(frozen=True)
class Method:
    """A method of the SDK's services: what it sends and what it takes the answer for."""

    module: str
    params: str  # the name of the TypedDict, empty where there are no parameters
    returns: str
    template: str


def method_for(http_method: str, path: str) -> Method | None:
    """The SDK's method that sends such a request; the one with fewest places in its path."""
    fits = [m for verb, pattern, m in _methods() if verb == http_method.lower() and pattern.fullmatch(path)]
    return min(fits, key=lambda m: m.template.count("{"), default=None)


def request_problems(method: Method, form: dict[str, Any]) -> list[str]:
    """A decoded form against the parameters: unknown keys, wrong types, required ones missing."""
    if not method.params:
        return [f"/{name}: the SDK's method takes no parameters" for name in form]
    return list(_dict_problems(_params_class(method), form, ""))


def decoded_form(body: str) -> dict[str, Any]:
    """`a[b][0]=c` as nested dicts."""
    made: dict[str, Any] = {}
    for key, value in parse_qsl(body, keep_blank_values=True):
        names = [part for part in re.split(r"[\[\]]+", key) if part]
        at = made
        for name in names[:-1]:
            at = at.setdefault(name, {})
        at[names[-1]] = value
    return made


def reply_problems(method: Method, status: int, body: Any) -> list[str]:
    """A reply against what the method returns; errors against the SDK's error object."""
    if status >= 400:
        return _error_problems(status, body)
    if not isinstance(body, dict) or "object" not in body:
        return ["the reply is no Stripe object"]
    returned = re.match(r"(?:\w+\.)*(\w+)", method.returns)
    expected = "list" if "ListObject" in method.returns else ""
    if expected and body["object"] != expected:
        return [f"/object: {body['object']} where a list is returned"]
    problems = list(object_problems(body, ""))
    cls = _resource(str(body["object"]))
    if returned and cls is not None and not expected and returned[1] not in (cls.__name__, "StripeObject"):
        problems.append(f"/object: {body['object']} where the SDK's method returns {returned[1]}")
    return problems


def object_problems(value: dict[str, Any], at: str) -> Iterator[str]:
    """One resource (or list, or deleted one): the fixture's keys are there, none is unknown, all of the right types."""
    name = str(value["object"])
    if name == "list":
        yield from _list_problems(value, at)
        return
    if value.get("deleted") is True:
        known = {"id", "object", "deleted", *_fixtures().get(f"deleted_{name}", ())}
        if _fixtures():
            yield from (f"{at}/{k}: no key of a deleted {name}" for k in value if k not in known)
        return
    cls = _resource(name)
    if cls is None:
        yield f"{at}/object: the SDK has no {name}"
        return
    if name == "payment_method" and value.get("type") not in value:
        yield f"{at}/{value.get('type')}: is missing, which the type names"
    # Keys which an example has and another state of the object has not.
    yield from (f"{at}/{k}: is in Stripe's example of {name}, not here" for k in _required(name) if k not in value)
    yield from _class_problems(cls, value, at)


def _list_problems(value: dict[str, Any], at: str) -> Iterator[str]:
    for key in ("data", "has_more", "url"):
        if key not in value:
            yield f"{at}/{key}: a list has it"
    for key in value.keys() - {"object", "data", "has_more", "url", "total_count"}:
        yield f"{at}/{key}: a list has no such key"
    for index, item in enumerate(value.get("data", ())):
        if not isinstance(item, dict) or "object" not in item:
            yield f"{at}/data/{index}: no Stripe object"
            continue
        yield from object_problems(item, f"{at}/data/{index}")


def _error_problems(status: int, body: Any) -> list[str]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or set(body) != {"error"}:
        return [f"a reply of {status} is not {{'error': {{…}}}}"]
    known = _annotations(importlib.import_module("stripe._error_object").ErrorObject)
    # Sent though the SDK's class does not name them: https://docs.stripe.com/api/errors, and the dashboard's log link.
    strange = [f"/error/{k}: no such key" for k in error if k not in known and k != "request_log_url"]
    missing = [] if error.get("type") else ["/error/type: is missing"]
    typed = [p for k, v in error.items() if k in known for p in _value_problems(known[k], v, f"/error/{k}")]
    return strange + missing + typed


def _class_problems(cls: type, value: dict[str, Any], at: str) -> Iterator[str]:
    known = _annotations(cls)
    for key, inner in value.items():
        if key not in known:
            yield f"{at}/{key}: the SDK's {cls.__name__} has no such key"
        else:
            yield from _value_problems(known[key], inner, f"{at}/{key}")


def _value_problems(hint: Any, value: Any, at: str) -> Iterator[str]:
    """JSON against an annotation. An enumeration that the SDK leaves open (`Literal[…] | str`) takes any word."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        yield from _union_problems(args, value, at)
    elif origin is Literal:
        if not isinstance(value, str | bool | int):
            yield f"{at}: {_kind(value)} where a word is"
        elif value not in args:
            yield f"{at}: {value!r} is none of {', '.join(map(str, args))[:120]}"
    elif origin in (list, tuple):
        if not isinstance(value, list):
            yield f"{at}: {_kind(value)} where a list is"
            return
        for index, item in enumerate(value):
            yield from _value_problems(args[0], item, f"{at}/{index}")
    elif origin is not None and isinstance(origin, type) and issubclass(origin, StripeObject | dict):
        yield from _mapping_problems(origin, value, at)
    elif isinstance(hint, type) and issubclass(hint, StripeObject):
        yield from _mapping_problems(hint, value, at)
    elif hint not in _ANYTHING and isinstance(hint, type) and not _is_a(value, hint):
        yield f"{at}: {_kind(value)} where {hint.__name__} is"


def _union_problems(args: tuple[Any, ...], value: Any, at: str) -> Iterator[str]:
    if value is None:
        if type(None) not in args:
            yield f"{at}: null where it cannot be"
        return
    # An object is no id: where an expandable field is expanded, what is wrong inside it is told.
    likely = [arg for arg in args if arg is not type(None) and not (isinstance(value, dict) and arg is str)]
    tries = [list(_value_problems(arg, value, at)) for arg in likely or args]
    yield from min(tries, key=len)


def _mapping_problems(cls: type, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {_kind(value)} where an object is"
    elif (
        cls.__name__ not in ("StripeObject", "UntypedStripeObject")
        and value.get("object") is None
        and _is_resource(cls)
    ):
        yield f"{at}/object: is missing"
    elif isinstance(value.get("object"), str) and (value["object"] == "list" or _resource(value["object"])):
        yield from object_problems(value, at)
    elif cls not in (StripeObject, UntypedStripeObject, dict) and _annotations(cls):
        yield from _class_problems(cls, value, at)


def _dict_problems(params: type, form: dict[str, Any], at: str) -> Iterator[str]:
    hints = _annotations(params)
    for name, value in form.items():
        if name not in hints or (name in _OPTIONS and not at):
            yield f"{at}/{name}: {params.__name__} has no such parameter"
        else:
            yield from _form_problems(hints[name], value, f"{at}/{name}")
    for name in _needed(params) - form.keys():
        yield f"{at}/{name}: {params.__name__} requires it"


def _form_problems(hint: Any, value: Any, at: str) -> Iterator[str]:
    """A value of a form, which is a string or what the brackets made of it, against a parameter's annotation."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is typing_extensions.NotRequired or origin is typing_extensions.Required:
        yield from _form_problems(args[0], value, at)
    elif origin in (Union, types.UnionType):
        yield from min((list(_form_problems(arg, value, at)) for arg in args), key=len)
    elif origin is Literal:
        if value not in [_form_word(arg) for arg in args]:
            yield f"{at}: {value!r} is none of {', '.join(map(str, args))[:120]}"
    elif origin is list:
        if not isinstance(value, dict) or set(value) != {str(n) for n in range(len(value))}:
            yield f"{at}: no list"
            return
        for name, item in value.items():
            yield from _form_problems(args[0], item, f"{at}/{name}")
    elif origin is not None and isinstance(origin, type):
        if not isinstance(value, dict):
            yield f"{at}: a word where an object is"
    elif typing_extensions.is_typeddict(hint):
        if isinstance(value, dict):
            yield from _dict_problems(hint, value, at)
        else:
            yield f"{at}: a word where an object is"
    elif hint not in _ANYTHING and not _form_fits(value, hint):
        yield f"{at}: {value!r} where {getattr(hint, '__name__', hint)} is"


def _form_fits(value: Any, hint: Any) -> bool:
    if not isinstance(value, str):
        return False
    patterns = {int: r"-?\d+", float: r"-?\d+(\.\d+)?", bool: "true|false"}
    return re.fullmatch(patterns[hint], value) is not None if hint in patterns else True


def _form_word(literal: Any) -> str:
    return str(literal).lower() if isinstance(literal, bool) else str(literal)


def _is_a(value: Any, hint: type) -> bool:
    if hint is float:
        return type(value) in (int, float)
    if hint in (int, bool, str):
        return type(value) is hint
    # Decimal and datetime are numbers or strings on the wire.
    return not isinstance(value, dict | list) or hint is dict


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), f"{value!r:.60}")


@cache
def _annotations(cls: type) -> dict[str, Any]:
    """The class's fields with their hints resolved, those of its bases too."""
    namespace = dict(_names(cls.__module__))
    outer = cls.__qualname__.split(".")[:-1]
    owner: Any = importlib.import_module(cls.__module__)
    for name in outer:
        owner = getattr(owner, name)
        namespace |= {k: v for k, v in vars(owner).items() if isinstance(v, type)}
    namespace |= {k: v for k, v in vars(cls).items() if isinstance(v, type)}
    hints = typing_extensions.get_type_hints(cls, globalns=namespace, localns=namespace, include_extras=True)
    return {_wire_name(cls, name): hint for name, hint in hints.items() if name.islower()}


def _wire_name(cls: type, name: str) -> str:
    """`from_` in Python is `from` on the wire."""
    remapped: dict[str, str] = getattr(cls, "_field_remappings", {})
    return remapped.get(name, name.removesuffix("_") if name.endswith("_") else name)


def _needed(params: type) -> set[str]:
    return {
        name
        for name, hint in _annotations(params).items()
        if get_origin(hint) is not typing_extensions.NotRequired and name not in _OPTIONS
    }


@cache
def _names(module: str) -> dict[str, Any]:
    """The module's names, with those that it imports for the type checker only."""
    held = importlib.import_module(module)
    options = vars(importlib.import_module("stripe._request_options"))  # what every TypedDict of parameters inherits
    found = {**options, "StripeContext": importlib.import_module("stripe._stripe_context").StripeContext, **vars(held)}
    tree = ast.parse(Path(str(held.__file__)).read_text())
    guarded = [node for node in tree.body if isinstance(node, ast.If)]
    for node in (inner for guard in guarded for inner in guard.body if isinstance(inner, ast.ImportFrom)):
        source = importlib.import_module(str(node.module))
        found |= {name.asname or name.name: getattr(source, name.name) for name in node.names}
    return found


@cache
def _resource(name: str) -> type | None:
    if name not in OBJECT_CLASSES:
        return None
    module, cls = OBJECT_CLASSES[name]
    found: type = getattr(importlib.import_module(module), cls)
    return found


def _is_resource(cls: type) -> bool:
    return any(name == cls.__name__ and module == cls.__module__ for module, name in OBJECT_CLASSES.values())


@cache
def _fixtures() -> dict[str, Any]:
    """Stripe's examples; none where they are not beside the checkout, and only the SDK's classes are compared then."""
    path = CONTRACTS / "stripe-fixtures3.json"
    resources: dict[str, Any] = json.loads(path.read_text())["resources"] if path.exists() else {}
    return resources


def _required(name: str) -> list[str]:
    return [key for key in _fixtures().get(name, {}) if key not in OPTIONAL_KEYS.get(name, ())]


OPTIONAL_KEYS: dict[str, frozenset[str]] = {
    # Included only when expanded, since 2022-11-15: https://docs.stripe.com/upgrades#2022-11-15
    "charge": frozenset({"refunds"}),
    "file": frozenset({"links"}),  # https://docs.stripe.com/api/files/object: includable
    "payment_intent": frozenset({"source"}),  # of the Sources API, which PaymentIntents replace
    # The key is named by the type, and the example's is a card: https://docs.stripe.com/api/payment_methods/object
    "payment_method": frozenset({"card"}),
}
"""Keys of Stripe's examples that a real object does not always have, by resource."""


def _params_class(method: Method) -> type:
    """As the service imports it: several resources have parameters of the same name."""
    parts = Path(method.module).relative_to(_SDK).with_suffix("").parts
    found: type = _names(".".join(("stripe", *parts)))[method.params]
    return found


@cache
def _methods() -> list[tuple[str, re.Pattern[str], Method]]:
    trees = ((file, ast.parse(file.read_text())) for file in sorted(_SDK.rglob("_*_service.py")))
    functions = ((file, node) for file, tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return [made for file, function in functions if (made := _method_in(file, function)) is not None]


def _method_in(file: Path, function: ast.FunctionDef) -> tuple[str, re.Pattern[str], Method] | None:
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "_request" and len(call.args) >= 2):
            continue
        verb, target = call.args[0], call.args[1]
        template = (
            target.func.value if isinstance(target, ast.Call) and isinstance(target.func, ast.Attribute) else target
        )
        if not (isinstance(verb, ast.Constant) and isinstance(template, ast.Constant)):
            continue
        hints = {a.arg: ast.unparse(a.annotation) for a in function.args.args if a.annotation is not None}
        named = re.search(r"\w+Params", hints.get("params", ""))
        returns = ast.unparse(function.returns).strip("'\"") if function.returns else ""
        path = str(template.value)
        method = Method(str(file), named[0] if named else "", returns, path)
        return str(verb.value), re.compile(re.sub(r"\{[^/]+\}", "[^/]+", path)), method
    return None
