"""The event loop of worker and clock: uvloop where it is installed, as uvicorn takes it for the API by itself."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec


def use_quick_one() -> None:
    """Have every event loop that this process makes from now on be uvloop's."""
    if find_spec("uvloop") is not None:
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
