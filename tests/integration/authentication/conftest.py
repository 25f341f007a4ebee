"""The shop of the payments' tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

for _folder in ("payments", "http", "web"):
    sys.path.append(str(Path(__file__).parents[1] / _folder))

_path = Path(__file__).parents[1] / "payments" / "conftest.py"
_spec = importlib.util.spec_from_file_location("payment_shop_fixtures", _path)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
simulator_urls, shop = _fixtures.simulator_urls, _fixtures.shop
