from __future__ import annotations

import pytest

from invoicing.errors import InvalidInvoice
from invoicing.tax import RULES, TaxKind, TaxTreatment, choose_treatment, is_vat_id_of


@pytest.mark.parametrize(
    ("seller", "buyer", "vat_id", "expected"),
    [
        ("DE", "DE", "DE136695976", TaxTreatment(TaxKind.VAT, 1900)),
        ("DE", "AT", "ATU13585627", TaxTreatment(TaxKind.REVERSE_CHARGE)),
        ("DE", "GR", "EL094259216", TaxTreatment(TaxKind.REVERSE_CHARGE)),
        ("DE", "AT", "", TaxTreatment(TaxKind.VAT, 1900)),
        ("DE", "AT", "ATU13585628", TaxTreatment(TaxKind.VAT, 1900)),
        ("DE", "CH", "", TaxTreatment(TaxKind.EXPORT)),
        ("JP", "JP", "", TaxTreatment(TaxKind.CONSUMPTION_TAX, 1900)),
        ("JP", "DE", "DE136695976", TaxTreatment(TaxKind.EXPORT)),
    ],
)
def test_the_two_countries_and_the_vat_id_choose(seller: str, buyer: str, vat_id: str, expected: TaxTreatment) -> None:
    chosen = choose_treatment(seller_country=seller, buyer_country=buyer, buyer_vat_id=vat_id, domestic_rate_bps=1900)
    assert chosen == expected


def test_a_domestic_rate_of_zero_is_zero_rated() -> None:
    chosen = choose_treatment(seller_country="GB", buyer_country="GB", domestic_rate_bps=0)
    assert chosen == TaxTreatment(TaxKind.ZERO)


@pytest.mark.parametrize(
    ("kind", "rate_bps"), [(TaxKind.VAT, 0), (TaxKind.VAT, 10_001), (TaxKind.REVERSE_CHARGE, 1900), (TaxKind.EXEMPT, 0)]
)
def test_a_treatment_that_contradicts_itself_is_refused(kind: TaxKind, rate_bps: int) -> None:
    with pytest.raises(InvalidInvoice):
        TaxTreatment(kind, rate_bps)


def test_every_kind_has_its_rule() -> None:
    assert set(RULES) == set(TaxKind)


def test_a_vat_id_is_one_of_its_country_only() -> None:
    assert is_vat_id_of("ATU 13585627", "AT")
    assert not is_vat_id_of("ATU13585627", "DE")
    assert not is_vat_id_of("GB980780684", "GB")
