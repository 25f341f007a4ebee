"""The conversions of docs/currency.md come to what the page says."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from currency.money import Money
from currency.rates import Rate, convert

PAGE = (Path(__file__).parents[3] / "docs" / "currency.md").read_text()
[BLOCK] = re.findall(r"```json conversions\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", json.loads(BLOCK))
def test_a_conversion_is_what_the_page_says(example: dict[str, Any]) -> None:
    amount, expected = Money(*example["amount"]), Money(*example["to"])
    base_units, quote_units = (Decimal(units) for units in example["rate"])
    rate = Rate(amount.currency, expected.currency, base_units, quote_units, date(2026, 10, 30), "page")
    assert convert(amount, rate.with_markup(example.get("markup_bps", 0))) == expected
