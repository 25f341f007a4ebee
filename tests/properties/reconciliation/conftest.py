"""Puts the sample reports, which the unit tests own, within reach."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "unit" / "reconciliation"))
