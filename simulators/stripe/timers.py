"""What the simulated Stripe does when the clock reaches a timer, by the name of the handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.world import World

HANDLERS: Mapping[str, Callable[[World, dict[str, Any]], None]] = {}
