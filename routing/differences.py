"""What differs between two rule sets, rule by rule: what a person looks at before a version comes in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from routing.rules import DEFAULT_RULE


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"  # the same rule, but before or behind others than it was


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule, by its name, as it was and as it is; None where it is not there. Places count from 1."""

    rule: str
    change: Change
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    place_before: int | None
    place_after: int | None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """From one document that has been read without a problem to another, in the order of the later one.

    A rule is the same one as long as it keeps its name. One is moved where the order among the rules that both have is
    another; a rule that is added before others does not move them.
    """
    old, new = _rules(before), _rules(after)
    kept_old, kept_new = [name for name in old if name in new], [name for name in new if name in old]
    found: list[Difference] = []
    for place, (name, rule) in enumerate(new.items(), 1):
        if name not in old:
            found.append(Difference(name, Change.ADDED, None, rule, None, place))
            continue
        place_before = list(old).index(name) + 1
        if rule != old[name]:
            found.append(Difference(name, Change.CHANGED, old[name], rule, place_before, place))
        elif kept_old.index(name) != kept_new.index(name):
            found.append(Difference(name, Change.MOVED, rule, rule, place_before, place))
    for place, (name, rule) in enumerate(old.items(), 1):
        if name not in new:
            found.append(Difference(name, Change.REMOVED, rule, None, place, None))
    first, second = before.get("default") or {}, after.get("default") or {}
    if first != second:
        found.append(Difference(DEFAULT_RULE, Change.CHANGED, first, second, None, None))
    return found


def _rules(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {rule["name"]: rule for rule in document["rules"]}
