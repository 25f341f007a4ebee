from __future__ import annotations

import pytest
import segno

from invoicing.rendering.code_masks import best_mask, masked

TEXTS = ("1", "PAY-7", "https://pay.example/i/0198f0c2b5e47a5c", "BCD\n002\n1\nSCT\nSSKMDEMMXXX\nNordlicht GmbH\nDE71")
VERSIONS = (1, 2, 5, 6, 7, 10, 13)


@pytest.mark.parametrize("level", ["l", "m", "q", "h"])
@pytest.mark.parametrize("text", TEXTS)
def test_the_mask_is_the_one_that_weighing_module_by_module_leads_to(text: str, level: str) -> None:
    weighed = segno.make_qr(text, error=level, boost_error=False)
    for mask in range(8):
        assert best_mask(segno.make_qr(text, error=level, boost_error=False, mask=mask)) == weighed.mask


@pytest.mark.parametrize("version", VERSIONS)
def test_the_mask_is_found_in_symbols_of_every_size(version: int) -> None:
    for number in range(6):
        weighed = segno.make_qr(f"{number}" * 9, version=version, error="m")
        assert best_mask(segno.make_qr(f"{number}" * 9, version=version, error="m", mask=number)) == weighed.mask


def test_a_masked_code_is_the_code_that_a_search_makes() -> None:
    for text in TEXTS:
        found = masked(lambda mask, text=text: segno.make_qr(text, error="m", mask=mask))  # type: ignore[misc]
        assert found == segno.make_qr(text, error="m")
