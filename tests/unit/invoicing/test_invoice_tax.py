from __future__ import annotations

import pytest

from invoicing.errors import InvalidInvoice, TaxNotApplicable
from invoicing.tax import (
    RULES,
    Customer,
    Supply,
    TaxKind,
    TaxTreatment,
    check_treatment,
    choose_treatment,
    is_vat_id_of,
)


@pytest.mark.parametrize(
    ("seller", "buyer", "vat_id", "expected"),
    [
        ("DE", "DE", "DE136695976", TaxTreatment(TaxKind.VAT, 1900)),
        ("DE", "AT", "ATU13585627", TaxTreatment(TaxKind.REVERSE_CHARGE)),
        ("DE", "GR", "EL094259216", TaxTreatment(TaxKind.REVERSE_CHARGE)),
        ("DE", "AT", "", TaxTreatment(TaxKind.VAT, 1900)),
        ("DE", "AT", "ATU13585628", TaxTreatment(TaxKind.VAT, 1900)),
        ("DE", "CH", "", TaxTreatment(TaxKind.OUTSIDE_SCOPE)),
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
    assert not is_vat_id_of("GB980780684", "XI")


AT, FR, NI = "ATU13585627", "FR40303265045", "XI980780684"
GOODS, SERVICES, DIGITAL = Supply.GOODS, Supply.SERVICES, Supply.DIGITAL_SERVICES
BUSINESS, CONSUMER = Customer.BUSINESS, Customer.CONSUMER


@pytest.mark.parametrize(
    ("seller", "buyer", "vat_id", "supply", "customer", "kind"),
    [
        ("DE", "AT", AT, GOODS, None, TaxKind.INTRA_COMMUNITY),
        ("DE", "AT", FR, GOODS, None, TaxKind.INTRA_COMMUNITY),  # identified in any other EU country
        ("DE", "AT", "DE136695976", GOODS, None, TaxKind.VAT),
        ("DE", "AT", AT, GOODS, CONSUMER, TaxKind.OSS),
        ("DE", "AT", "", GOODS, BUSINESS, TaxKind.OSS),  # no VAT id, no exemption, whatever is said
        ("DE", "AT", "", DIGITAL, None, TaxKind.OSS),
        ("DE", "AT", "", SERVICES, None, TaxKind.VAT),
        ("DE", "GB", NI, GOODS, None, TaxKind.INTRA_COMMUNITY),
        ("DE", "GB", NI, SERVICES, None, TaxKind.OUTSIDE_SCOPE),
        ("DE", "GB", "GB980780684", GOODS, None, TaxKind.EXPORT),
        ("DE", "US", "", GOODS, CONSUMER, TaxKind.EXPORT),
        ("DE", "US", "", DIGITAL, CONSUMER, TaxKind.OUTSIDE_SCOPE),
        ("DE", "US", "", SERVICES, CONSUMER, TaxKind.VAT),
        ("GB", "DE", "DE136695976", SERVICES, None, TaxKind.OUTSIDE_SCOPE),
        ("GB", "DE", "", GOODS, None, TaxKind.EXPORT),
        ("CH", "DE", "", SERVICES, CONSUMER, TaxKind.OUTSIDE_SCOPE),
        ("US", "DE", "", DIGITAL, CONSUMER, TaxKind.OSS),  # the non-Union scheme
        ("US", "DE", "", GOODS, CONSUMER, TaxKind.EXPORT),
        ("NO", "DE", "", SERVICES, None, TaxKind.EXPORT),
    ],
)
def test_what_is_sold_to_whom_and_where_chooses(
    seller: str, buyer: str, vat_id: str, supply: Supply, customer: Customer | None, kind: TaxKind
) -> None:
    chosen = choose_treatment(
        seller_country=seller,
        buyer_country=buyer,
        buyer_vat_id=vat_id,
        domestic_rate_bps=1900,
        supply=supply,
        customer=customer,
        destination_rate_bps=2000,
    )
    assert chosen.kind is kind
    assert (chosen.rate_bps, chosen.place) == ((2000, buyer) if kind is TaxKind.OSS else (chosen.rate_bps, ""))


def test_goods_are_taxed_where_they_go_and_not_where_the_buyer_is() -> None:
    def shipped(ship_to: str) -> TaxKind:
        return choose_treatment(
            seller_country="DE",
            buyer_country="AT",
            buyer_vat_id=AT,
            domestic_rate_bps=1900,
            supply=GOODS,
            ship_to=ship_to,
        ).kind

    assert [shipped("DE"), shipped("FR"), shipped("CH")] == [TaxKind.VAT, TaxKind.INTRA_COMMUNITY, TaxKind.EXPORT]


def test_without_the_one_stop_shop_a_consumer_abroad_pays_the_rate_at_home() -> None:
    chosen = choose_treatment(
        seller_country="DE", buyer_country="AT", domestic_rate_bps=1900, supply=GOODS, customer=CONSUMER
    )
    assert chosen == TaxTreatment(TaxKind.VAT, 1900)


def test_the_united_states_have_no_rate_at_home() -> None:
    with pytest.raises(TaxNotApplicable, match="sales_taxes"):
        choose_treatment(seller_country="US", buyer_country="US", domestic_rate_bps=800)


@pytest.mark.parametrize(
    ("treatment", "seller", "buyer", "vat_id", "field"),
    [
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "DE", "CH", AT, "buyer.country"),
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "DE", "DE", AT, "buyer.country"),
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "CH", "AT", AT, "buyer.country"),
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "DE", "AT", "", "buyer.vat_id"),
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "DE", "AT", "GB980780684", "buyer.vat_id"),
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "DE", "AT", "DE136695976", "buyer.vat_id"),
        (TaxTreatment(TaxKind.INTRA_COMMUNITY), "FR", "AT", AT, "seller.vat_id"),
        (TaxTreatment(TaxKind.EXPORT), "DE", "AT", AT, "tax.kind"),
        (TaxTreatment(TaxKind.EXPORT), "DE", "DE", "", "buyer.country"),
        (TaxTreatment(TaxKind.OSS, 2000, place="CH"), "DE", "CH", "", "tax.place"),
        (TaxTreatment(TaxKind.OSS, 1900, place="DE"), "DE", "AT", "", "tax.place"),
        (TaxTreatment(TaxKind.DOMESTIC_REVERSE_CHARGE, reason="§ 13b UStG"), "DE", "AT", AT, "buyer.country"),
        (TaxTreatment(TaxKind.MARGIN_SCHEME, reason_code="VATEX-EU-G"), "DE", "DE", "", "tax.reason_code"),
        (TaxTreatment(TaxKind.SALES_TAX), "DE", "AT", "", "tax.kind"),
    ],
)
def test_a_treatment_that_does_not_fit_the_parties_is_refused_by_field(
    treatment: TaxTreatment, seller: str, buyer: str, vat_id: str, field: str
) -> None:
    with pytest.raises(TaxNotApplicable) as refused:
        check_treatment(
            treatment,
            seller_country=seller,
            seller_vat_id="DE136695976" if seller == "DE" else "",
            buyer_country=buyer,
            buyer_vat_id=vat_id,
        )
    assert refused.value.field == field


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": TaxKind.OSS, "rate_bps": 2000},
        {"kind": TaxKind.EXEMPT, "reason_code": "VATEX-EU-999"},
        {"kind": TaxKind.MARGIN_SCHEME},
        {"kind": TaxKind.DOMESTIC_REVERSE_CHARGE},
        {"kind": TaxKind.SALES_TAX, "rate_bps": 800},
        {"kind": TaxKind.EXEMPT, "reason": "x" * 501},
    ],
)
def test_a_treatment_needs_what_its_kind_must_say(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInvoice, match=r"^tax\."):
        TaxTreatment(**fields)  # type: ignore[arg-type]


def test_an_exemption_has_the_words_of_its_code_unless_others_are_given() -> None:
    by_code = TaxTreatment(TaxKind.EXEMPT, reason_code="VATEX-EU-132-1B")
    assert by_code.exemption_reason == "Exempt based on Article 132, section 1 (b) of Council Directive 2006/112/EC"
    assert TaxTreatment(TaxKind.EXEMPT, reason="§ 4 Nr. 14 UStG").exemption_reason == "§ 4 Nr. 14 UStG"
    assert (TaxTreatment(TaxKind.INTRA_COMMUNITY).category, TaxTreatment(TaxKind.INTRA_COMMUNITY).exemption_code) == (
        "K",
        "VATEX-EU-IC",
    )
    assert str(TaxTreatment(TaxKind.VAT, 1950).percent) == "19.50"
