"""The application for tests that serve it in their own process: built once for each set of settings.

It keeps nothing between requests, and to build it takes longer than most tests that ask it something.
"""

from __future__ import annotations

from functools import lru_cache

from litestar import Litestar


def application() -> Litestar:
    """The application as the settings of this moment want it: these it is built by, all others it asks for later."""
    from orchestrator.settings import get_settings

    settings = get_settings()
    return _built(settings.metrics, settings.limits.request_body_max_bytes, settings.limits.import_file_max_bytes)


@lru_cache(maxsize=8)
def _built(*_settings: object) -> Litestar:
    from orchestrator.app import create_app

    return create_app()
