"""Which types of events an endpoint is told: exact ones, or a family such as `payment.*`. None named means all."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import InvalidField
from orchestrator.events import EventType

FILTERS_MAX = 50
_FAMILY = ".*"


def check(event_types: Sequence[str]) -> list[str]:
    """The filter without repetitions. Raises InvalidField naming the first entry that no event can have."""
    known = [event.value for event in EventType]
    if len(event_types) > FILTERS_MAX:
        raise InvalidField("event_types", f"must have at most {FILTERS_MAX} entries; leave it empty for all events")
    for index, wanted in enumerate(event_types):
        if not any(matches(wanted, event) for event in known):
            families = ", ".join(sorted({event.split(".", maxsplit=1)[0] + _FAMILY for event in known}))
            raise InvalidField(
                f"event_types[{index}]", f"is no event: name one, such as {known[0]}, or a family ({families})"
            )
    return list(dict.fromkeys(event_types))


def lets_pass(event_types: Sequence[str], event: str) -> bool:
    """Whether an endpoint with this filter is told events of that type."""
    return not event_types or any(matches(wanted, event) for wanted in event_types)


def matches(wanted: str, event: str) -> bool:
    return event.startswith(wanted[:-1]) if wanted.endswith(_FAMILY) else wanted == event


def as_like(event_types: Sequence[str]) -> list[str]:
    """The same filter as patterns of SQL's LIKE."""
    literal = [wanted.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%") for wanted in event_types]
    return [pattern[:-1] + "%" if pattern.endswith(_FAMILY) else pattern for pattern in literal]
