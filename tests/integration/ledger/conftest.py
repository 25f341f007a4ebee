"""The market of the split tests: its payments, parts and refunds are what the ledger is held against."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

RECIPIENTS = Path(__file__).parents[1] / "recipients"
sys.path.append(str(RECIPIENTS))

_spec = importlib.util.spec_from_file_location("split_shop_fixtures", RECIPIENTS / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
simulator_urls, shop, market = _fixtures.simulator_urls, _fixtures.shop, _fixtures.market
