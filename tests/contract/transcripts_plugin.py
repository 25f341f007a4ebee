"""A plugin of the contract suite: has the adapters listened to, and the test of what was heard run last."""

from __future__ import annotations

import kept_transcripts
import pytest

LAST = "test_nothing_private_is_in_what_the_adapters_keep"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name.startswith(LAST))


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.getoption("live_sandbox", ""):
        kept_transcripts.listen()
