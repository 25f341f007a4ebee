"""Our list of currencies against the published one."""

import iso4217
import pytest

from currency.currencies import EXPONENTS, UnknownCurrency, exponent_of


def test_the_list_is_iso_4217_with_its_exponents() -> None:
    published = {entry.code: entry.exponent for entry in iso4217.Currency if entry.exponent is not None}
    assert published == EXPONENTS


@pytest.mark.parametrize("code", ["XXX", "XAU", "eur", "EURO", "", "DEM"])
def test_a_code_in_which_no_amount_can_be_stated_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent_of(code)
