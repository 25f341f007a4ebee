"""`expand[]`: ids in an answer replaced by their objects (docs.stripe.com/api/expanding_objects)."""

from __future__ import annotations

from typing import Any

from simulators.stripe.errors import StripeError
from simulators.stripe.form import Form, listed
from simulators.stripe.lookup import included, object_of
from simulators.world import World

_DEEPEST = 4


def expand(world: World, account: str, shown: dict[str, Any], form: Form) -> dict[str, Any]:
    """A copy with every path of the parameter `expand` replaced. Raises StripeError 400 for one that cannot be."""
    for path in map(str, listed(form, "expand")):
        steps = path.split(".")
        if len([step for step in steps if step != "data"]) > _DEEPEST:
            message = f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}"
            raise StripeError(400, message, param="expand", began=False)
        shown = _expanded(world, account, shown, steps, path)
    return shown


def _expanded(world: World, account: str, shown: Any, steps: list[str], path: str) -> Any:
    if not steps or shown is None:
        return shown
    if isinstance(shown, list):
        return [_expanded(world, account, each, steps, path) for each in shown]
    step, rest = steps[0], steps[1:]
    if isinstance(shown, dict):
        extra = included(world, account, shown, step)
        if step in shown or extra is not None:
            value = extra if extra is not None else shown[step]
            if isinstance(value, str):
                value = object_of(world, account, value) or value
            return {**shown, step: _expanded(world, account, value, rest, path)}
    raise StripeError(400, f"This property cannot be expanded ({path}).", param="expand", began=False)
