"""The application for tests that serve it in their own process: built once for each set of settings.

It keeps nothing between requests, and to build it takes longer than most tests that ask it something.
"""

from __future__ import annotations

from functools import lru_cache

from litestar import Litestar


def application() -> Litestar:
    """The application as the settings of this moment want it."""
    from orchestrator.settings import get_settings

    return _built(get_settings().model_dump_json())


@lru_cache(maxsize=8)
def _built(_settings: str) -> Litestar:
    from orchestrator.app import create_app

    return create_app()
