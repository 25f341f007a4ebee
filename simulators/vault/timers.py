"""What the vault does when the clock reaches a timer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.vault.tokens import tokens_of
from simulators.world import World


def _forget_cvc(world: World, facts: dict[str, Any]) -> None:
    tokens_of(world).forget_cvc(facts["token"])


HANDLERS: Mapping[str, Callable[[World, dict[str, Any]], None]] = {"forget_cvc": _forget_cvc}
