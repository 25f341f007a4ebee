"""A real browser, and an installation for each module that needs one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from browser_flags import FLAGS
from playwright.sync_api import Browser, expect, sync_playwright
from running_installation import Installation, running

expect.set_options(timeout=90_000)  # where a test says nothing else: a machine may be busy


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """Not for the session: six processes would go on polling beside all tests that come after."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For one module only: while Playwright's loop runs in this thread, no asynchronous test could."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
