"""What a field of a body can be where it can be only some words, and what an object can have: for a refusal."""

import re
from typing import Any

from msgspec import inspect

SHOWN_MAX = 40


def choices_at(annotation: Any, path: str) -> tuple[str, ...]:
    """The words that the field at a JSON path such as `lines[0].tax.kind` takes; none where it takes others, too."""
    words = [word for one in _at(annotation, path) for word in _words(one)]
    return tuple(dict.fromkeys(words)) if len(words) <= SHOWN_MAX else ()


def fields_at(annotation: Any, path: str) -> tuple[str, ...]:
    """The fields that the object at a JSON path has; none where it can be one of several kinds."""
    kinds = {one.cls: one for found in _at(annotation, path) for one in _structs(found)}
    if len(kinds) != 1:
        return ()
    [kind] = kinds.values()
    return tuple(field.encode_name for field in kind.fields) if len(kind.fields) <= SHOWN_MAX else ()


def _at(annotation: Any, path: str) -> list[inspect.Type]:
    found = [inspect.type_info(annotation)]
    for name in re.sub(r"\[[^\]]*\]", ".[]", path).split("."):
        found = [inner for one in found for inner in _inside(one, name)] if name else found
    return found


def _structs(kind: inspect.Type) -> list[inspect.StructType]:
    match kind:
        case inspect.Metadata(type=inner):
            return _structs(inner)
        case inspect.UnionType(types=types):
            return [struct for one in types for struct in _structs(one)]
        case inspect.StructType():
            return [kind]
        case _:
            return []


def _inside(kind: inspect.Type, name: str) -> list[inspect.Type]:
    match kind:
        case inspect.Metadata(type=inner):
            return _inside(inner, name)
        case inspect.UnionType(types=types):
            return [inner for one in types for inner in _inside(one, name)]
        case inspect.StructType(fields=fields, tag_field=tag_field, tag=tag):
            if name == tag_field:
                return [inspect.LiteralType((tag,))]
            return [field.type for field in fields if field.encode_name == name]
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner) if name == "[]":
            return [inner]
        case _:
            return []


def _words(kind: inspect.Type) -> list[str]:
    match kind:
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.UnionType(types=types):
            return [word for one in types for word in _words(one)]
        case inspect.EnumType(cls=cls):
            return [str(member.value) for member in cls]
        case inspect.LiteralType(values=values):
            return [str(value) for value in values]
        case _:
            return []
