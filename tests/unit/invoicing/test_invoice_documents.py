from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from currency.money import Money
from invoicing.documents import DraftInvoice, Line, Party, compute
from invoicing.errors import InvalidInvoice, TaxNotApplicable
from invoicing.tax import TaxKind, TaxTreatment

VAT_19 = TaxTreatment(TaxKind.VAT, 1900)
REVERSE_CHARGE = TaxTreatment(TaxKind.REVERSE_CHARGE)
SELLER = Party(name="Seller GmbH", country="DE", vat_id="DE136695976")
BUYER = Party(name="Buyer AG", country="AT", vat_id="ATU13585627")


def draft(*lines: Line, currency: str = "EUR", **changes: object) -> DraftInvoice:
    plain = DraftInvoice(seller=SELLER, buyer=BUYER, currency=currency, lines=lines)
    return msgspec.structs.replace(plain, **changes)


def line(price: str, quantity: str = "1", tax: TaxTreatment = VAT_19) -> Line:
    return Line("Work", Decimal(quantity), Decimal(price), tax)


def consumption(price: str, rate_bps: int) -> Line:
    return line(price, tax=TaxTreatment(TaxKind.CONSUMPTION_TAX, rate_bps))


def test_tax_is_rounded_half_up_as_in_the_cen_example() -> None:
    totals = compute(draft(line("625743.54", tax=TaxTreatment(TaxKind.VAT, 2500)), currency="DKK"))
    assert (totals.tax, totals.total) == (Money(15643589, "DKK"), Money(78217943, "DKK"))


def test_tax_is_rounded_once_for_each_rate_and_not_for_each_line() -> None:
    # 3 x round(0.33 * 19 %) would be 0.18
    totals = compute(draft(line("0.33"), line("0.33"), line("0.33")))
    assert totals.tax == Money(19, "EUR")


def test_tax_rows_add_up_to_the_tax_of_the_document() -> None:
    rates = {"90": 1000, "50": 0, "28.50": 2000, "19": 2000}
    lines = [
        line(price, tax=TaxTreatment(TaxKind.VAT, bps) if bps else TaxTreatment(TaxKind.ZERO))
        for price, bps in rates.items()
    ]
    totals = compute(draft(*lines))
    assert [row.tax.minor for row in totals.taxes] == [900, 0, 950]
    assert totals.tax == Money(1850, "EUR")


def test_japanese_tax_is_in_whole_yen_and_rounded_once_for_each_rate() -> None:
    seller = Party(name="Seller", country="JP")
    totals = compute(draft(*[consumption("333", 1000)] * 3, consumption("107", 800), currency="JPY", seller=seller))
    assert [row.tax for row in totals.taxes] == [Money(100, "JPY"), Money(9, "JPY")]


def test_dinar_amounts_have_three_decimals() -> None:
    assert compute(draft(line("85.125", "10", TaxTreatment(TaxKind.ZERO)), currency="KWD")).net == Money(851250, "KWD")


def test_a_price_finer_than_a_cent_is_multiplied_before_it_is_rounded() -> None:
    assert compute(draft(line("0.00125", "1234567"))).line_nets == (Money(154321, "EUR"),)


def test_a_discount_is_a_line_of_negative_quantity() -> None:
    assert compute(draft(line("100"), line("10.01", "-1"))).net == Money(8999, "EUR")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "XXX"}, "currency"),
        ({"locale": "tlh-XQ-nope"}, "locale"),
        ({"lines": ()}, "lines"),
        ({"lines": (line("1", "0"),)}, "lines[0].quantity"),
        ({"lines": (line("1"), line("-1"))}, "lines[1].unit_price"),
        ({"lines": (line("NaN"),)}, "lines[0].unit_price"),
        ({"lines": (line("1e30"),)}, "lines[0].unit_price"),
        ({"lines": (line("0.000000001"),)}, "lines[0].unit_price"),
        ({"lines": (line("5", "-1"),)}, "lines"),
        ({"note": "x" * 2001}, "note"),
        ({"buyer": Party(name="B", country="AT", city="x" * 201)}, "buyer.city"),
        ({"buyer": Party(name="B", country="AT", address_lines=("x",) * 7)}, "buyer.address_lines"),
        ({"buyer": Party(name=" ", country="AT")}, "buyer.name"),
        ({"seller": Party(name="S", country="Germany")}, "seller.country"),
    ],
)
def test_what_would_make_a_wrong_document_is_refused_by_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInvoice) as refused:
        compute(msgspec.structs.replace(draft(line("1")), **changes))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"buyer": Party(name="B", country="AT")}, "buyer.vat_id"),
        ({"buyer": Party(name="B", country="AT", vat_id="ATU13585628")}, "buyer.vat_id"),
        ({"buyer": Party(name="B", country="AT", vat_id="DE136695976")}, "buyer.vat_id"),
        ({"buyer": Party(name="B", country="DE", vat_id="DE136695976")}, "buyer.country"),
        ({"buyer": Party(name="B", country="CH")}, "buyer.country"),
        ({"seller": Party(name="S", country="DE")}, "seller.vat_id"),
    ],
)
def test_reverse_charge_needs_two_eu_countries_and_their_vat_ids(changes: dict[str, object], field: str) -> None:
    with pytest.raises(TaxNotApplicable) as refused:
        compute(draft(line("1", tax=REVERSE_CHARGE), **changes))
    assert refused.value.field == field


def test_a_draft_survives_its_json() -> None:
    original = draft(line("0.00125", "1234567"))
    assert msgspec.json.decode(msgspec.json.encode(original), type=DraftInvoice) == original


@pytest.mark.parametrize("code", ["XX", "EL", "UK", "de", "Germany", ""])
def test_a_country_that_does_not_exist_is_not_taxed_as_one_abroad(code: str) -> None:
    with pytest.raises(InvalidInvoice, match=r"buyer\.country"):
        compute(draft(line("1"), buyer=Party(name="B", country=code)))
