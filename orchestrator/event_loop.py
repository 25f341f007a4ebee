"""What a process that serves has of Python: its event loop, and how its memory is looked through.

The loop is uvloop's where it is installed, as uvicorn takes it for the API by itself.
"""

from __future__ import annotations

import asyncio
import gc
from importlib.util import find_spec

YOUNG_OBJECTS = 10_000  # more of them than were let go, and rings are looked for among them: some requests' worth


def use_quick_one() -> None:
    """Have every event loop that this process makes from now on be uvloop's."""
    if find_spec("uvloop") is not None:
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def stop_sifting_what_stays() -> None:
    """For a process that has all its modules: they are not looked through again each time for what could be let go."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
