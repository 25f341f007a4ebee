"""The shop of the payment tests, and its API."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

INTEGRATION = Path(__file__).parents[1]
sys.path += [str(INTEGRATION / "payments"), str(INTEGRATION / "http")]


def _fixtures_of(folder: str) -> object:
    """The other folder's conftest, under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"{folder}_fixtures", INTEGRATION / folder / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_payments, _http = _fixtures_of("payments"), _fixtures_of("http")
simulator_urls, shop = _payments.simulator_urls, _payments.shop
client, other = _http.client, _http.other
