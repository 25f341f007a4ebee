"""What a field of a body can be, where it can be only some words: for the refusal of another one."""

import re
from typing import Any

from msgspec import inspect

SHOWN_MAX = 40


def choices_at(annotation: Any, path: str) -> tuple[str, ...]:
    """The words that the field at a JSON path such as `lines[0].tax.kind` takes; none where it takes others, too."""
    found = [inspect.type_info(annotation)]
    names = [name for name in re.sub(r"\[[^\]]*\]", ".[]", path).split(".") if name]
    for name in names:
        found = [inner for one in found for inner in _inside(one, name)]
    words = [word for one in found for word in _words(one)]
    return tuple(dict.fromkeys(words)) if len(words) <= SHOWN_MAX else ()


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
