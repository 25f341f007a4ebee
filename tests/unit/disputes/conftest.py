"""Puts the rows and the model, which the property tests own, within reach."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "properties" / "disputes"))
