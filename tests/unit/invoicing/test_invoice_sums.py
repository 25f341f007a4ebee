from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from currency.money import Money
from invoicing.calculation import round_for_cash
from invoicing.documents import (
    Adjustment,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    FrozenRate,
    InvoiceTotals,
    IssuedInvoice,
    Line,
    Party,
    Period,
    PrecedingInvoice,
    RoundingPolicy,
    SalesTax,
    compute,
)
from invoicing.errors import InvalidInvoice
from invoicing.rounding import apportion
from invoicing.treatments import TaxKind, TaxTreatment

SELLER = Party(name="Seller GmbH", country="DE", vat_id="DE136695976")
BUYER = Party(name="Buyer", country="DE")
VAT_19 = TaxTreatment(TaxKind.VAT, 1900)
VAT_7 = TaxTreatment(TaxKind.VAT, 700)
ZERO = TaxTreatment(TaxKind.ZERO)
SALES_TAX = TaxTreatment(TaxKind.SALES_TAX)


def draft(*lines: Line, currency: str = "EUR", **changes: object) -> DraftInvoice:
    plain = DraftInvoice(seller=SELLER, buyer=BUYER, currency=currency, lines=lines)
    return msgspec.structs.replace(plain, **changes)


def line(price: str, quantity: str = "1", tax: TaxTreatment = VAT_19, **more: object) -> Line:
    return msgspec.structs.replace(Line("Work", Decimal(quantity), Decimal(price), tax), **more)


def off(**how: str) -> Adjustment:
    return Adjustment(reason="Rebate", **{name: Decimal(number) for name, number in how.items()})


def document_off(tax: TaxTreatment | None = None, **how: str) -> DocumentAdjustment:
    return DocumentAdjustment(reason="Coupon", tax=tax, **{name: Decimal(number) for name, number in how.items()})


FREIGHT = DocumentAdjustment(reason="Freight", amount=Decimal(1), reason_code="95")
REBATE = DocumentAdjustment(reason="Off", amount=Decimal(1), reason_code="FC")
PERCENT = DocumentAdjustment(reason="On", percent=Decimal(1), tax=VAT_19)
US = Party(name="B", country="US")
FINE = (SalesTax(jurisdiction="US-NY", amount=Decimal("0.001")),)
GIVEN = (SalesTax(jurisdiction="US-NY", amount=Decimal(1)),)


def vat(rate_bps: int) -> TaxTreatment:
    return TaxTreatment(TaxKind.VAT, rate_bps) if rate_bps else ZERO


def minor(totals: InvoiceTotals) -> tuple[int, int, int]:
    return totals.net.minor, totals.tax.minor, totals.total.minor


def test_prices_with_tax_are_rounded_per_line_or_per_total_as_the_policy_says() -> None:
    two = draft(line("50.00"), line("50.00"), prices_include_tax=True)
    per_line = compute(msgspec.structs.replace(two, rounding_policy=RoundingPolicy.PER_LINE))
    per_total = compute(msgspec.structs.replace(two, rounding_policy=RoundingPolicy.PER_TOTAL))
    assert (per_line.tax.minor, per_total.tax.minor) == (1596, 1597)
    assert per_line.total == per_total.total == Money(10000, "EUR")
    assert [net.minor for net in per_total.line_nets] == [4201, 4202]


def test_a_coupon_is_spread_over_the_rates_and_lowers_each_tax_by_its_share() -> None:
    lines = [line(price, tax=vat(bps)) for price, bps in (("100", 1000), ("50", 0), ("30", 2000), ("20", 2000))]
    totals = compute(draft(*lines, discounts=(document_off(amount="10"),)))
    assert [(row.base.minor, row.tax.minor) for row in totals.taxes] == [(9500, 950), (4750, 0), (4750, 950)]
    assert minor(totals) == (19000, 1900, 20900)
    assert totals.discount == Money(1000, "EUR")


def test_hungarian_lines_in_whole_forints_sum_as_in_the_cen_example() -> None:
    lines = [line(price, tax=vat(2700)) for price in ("23440", "21389", "24351")]
    totals = compute(draft(*lines, currency="HUF", seller=Party(name="Eladó Kft", country="HU")))
    assert minor(totals) == (6918000, 1867900, 8785900)


def test_a_credited_part_of_a_month_is_rounded_net_and_tax_alone() -> None:
    part = compute(draft(line("193.33", tax=vat(2500))))
    assert minor(part) == (19333, 4833, 24166)


def test_percentages_of_a_line_are_all_of_the_line_before_any_of_them() -> None:
    cut = line("99.99", "3", discounts=(off(percent="10"), off(amount="5.01")), charges=(off(percent="2.5"),))
    total = compute(draft(cut)).lines[0]
    assert [row.amount.minor for row in (*total.discounts, *total.charges)] == [3000, 501, 750]
    assert total.net == Money(29997 - 3000 - 501 + 750, "EUR")
    assert total.discounts[0].base == Money(29997, "EUR")


def test_a_line_that_comes_back_turns_its_discounts_with_it() -> None:
    sold = line("10", "3", discounts=(off(percent="7"), off(amount="0.33")))
    back = msgspec.structs.replace(sold, quantity=Decimal(-3))
    assert compute(draft(sold, back)).total == Money(0, "EUR")


def test_document_discounts_and_charges_carry_their_own_tax() -> None:
    totals = compute(
        draft(
            line("100"),
            line("50", tax=VAT_7),
            discounts=(document_off(VAT_19, percent="10"),),
            charges=(document_off(VAT_7, amount="4.90"),),
        )
    )
    assert [(row.base.minor, row.tax.minor) for row in totals.taxes] == [(9000, 1710), (5490, 384)]
    assert (totals.lines_net.minor, totals.discount.minor, totals.charge.minor) == (15000, 1000, 490)
    assert totals.net == totals.lines_net - totals.discount + totals.charge


def test_a_net_unit_price_gives_the_net_line_back_where_prices_include_tax() -> None:
    total = compute(draft(line("9.99", "7", discounts=(off(percent="5"),)), prices_include_tax=True)).lines[0]
    product = total.net_unit_price * 7
    assert abs(product - Decimal("0.01") * (total.net + total.discounts[0].amount).minor) < Decimal("0.000001")


def test_australian_tax_is_rounded_once_for_the_invoice() -> None:
    seller = Party(name="Seller", country="AU")
    mixed = draft(line("0.05", tax=vat(1000)), line("0.05", tax=vat(900)), currency="AUD", seller=seller)
    # 0.005 + 0.0045 = 0.0095, where each rate by itself would give 0.01 + 0.00 and each half more 0.02.
    assert compute(mixed).tax == Money(1, "AUD")
    assert compute(mixed).rounding_policy is RoundingPolicy.PER_TOTAL


def test_sales_tax_is_what_was_given_by_line_and_jurisdiction() -> None:
    taxes = (
        SalesTax(jurisdiction="US-NY", name="State", amount=Decimal("4.00"), percent=Decimal(4)),
        SalesTax(jurisdiction="US-NY New York", name="City", amount=Decimal("4.50"), percent=Decimal("4.5")),
        SalesTax(jurisdiction="US-NY MCTD", name="District", amount=Decimal("0.38"), percent=Decimal("0.375")),
    )
    seller, buyer = Party(name="S", country="US"), Party(name="B", country="US", subdivision="NY")
    lines = (
        line("100", tax=SALES_TAX, sales_taxes=taxes),
        line("100", tax=SALES_TAX, sales_taxes=taxes),
        line("5", tax=SALES_TAX),
    )
    totals = compute(draft(*lines, currency="USD", seller=seller, buyer=buyer))
    assert minor(totals) == (20500, 1776, 22276)
    assert [row.tax.minor for row in totals.taxes[0].sales_taxes] == [800, 900, 76]
    assert [row.tax.minor for row in totals.lines] == [888, 888, 0]


def test_cash_rounding_and_what_was_paid_before_change_what_is_payable_only() -> None:
    seller = Party(name="Laden AG", country="CH")
    sale = draft(
        line("10.03", tax=vat(810)), currency="CHF", seller=seller, prepaid=Decimal(5), rounding=Decimal("0.01")
    )
    totals = compute(sale)
    assert totals.total == Money(1084, "CHF")
    assert totals.payable == Money(585, "CHF")


def test_the_tax_is_also_said_in_the_currency_of_the_taxing_state() -> None:
    rate = FrozenRate(
        base="USD",
        quote="EUR",
        base_units=Decimal("1.1787"),
        quote_units=Decimal(1),
        on=date(2025, 12, 24),
        source="ECB",
    )
    totals = compute(draft(line("1000", tax=vat(2000)), currency="USD", tax_currency="EUR", tax_rate=rate))
    assert (totals.tax, totals.tax_in_tax_currency) == (Money(20000, "USD"), Money(16968, "EUR"))


def test_a_credit_note_names_what_it_corrects() -> None:
    note = draft(line("1"), type=DocumentType.CREDIT_NOTE)
    with pytest.raises(InvalidInvoice, match="preceding"):
        compute(note)
    named = msgspec.structs.replace(note, preceding=(PrecedingInvoice(number="INV-1"),))
    assert compute(named).total == Money(119, "EUR")


@pytest.mark.parametrize(
    ("country", "currency", "price", "rounding", "payable"),
    [
        ("CH", "CHF", "10.84", "0.01", 1085),
        ("CH", "CHF", "10.82", "-0.02", 1080),
        ("SE", "SEK", "99.50", "0.50", 10000),
        ("FI", "EUR", "1.02", "-0.02", 100),
        ("DE", "EUR", "1.02", "0.00", 102),
    ],
)
def test_what_is_paid_in_cash_is_rounded_to_the_coins_that_there_are(
    country: str, currency: str, price: str, rounding: str, payable: int
) -> None:
    sale = draft(line(price, tax=ZERO), currency=currency, seller=Party(name="S", country=country))
    rounded = round_for_cash(sale)
    assert rounded.rounding == Decimal(rounding)
    assert compute(rounded).payable.minor == payable


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"discounts": (document_off(VAT_7, percent="5"),)}, "discounts[0].tax"),
        ({"discounts": (document_off(VAT_19, percent="101"),)}, "discounts[0].percent"),
        ({"discounts": (document_off(VAT_19, amount="1.001"),)}, "discounts[0].amount"),
        ({"discounts": (document_off(VAT_19, amount="-1"),)}, "discounts[0].amount"),
        ({"discounts": (document_off(VAT_19),)}, "discounts[0].amount"),
        ({"charges": (DocumentAdjustment(reason=" ", amount=Decimal(1)),)}, "charges[0].reason"),
        ({"charges": (FREIGHT,)}, "charges[0].reason_code"),
        ({"discounts": (REBATE,)}, "discounts[0].reason_code"),
        ({"lines": (line("10", discounts=(off(amount="10.01"),)),)}, "lines[0].discounts"),
        ({"lines": (line("10", discounts=(off(amount="0.001"),)),)}, "lines[0].discounts[0].amount"),
        ({"lines": (line("10", unit="pieces"),)}, "lines[0].unit"),
        ({"lines": (line("10", unit=""),)}, "lines[0].unit"),
        ({"lines": (line("10", period=Period(date(2026, 2, 1), date(2026, 1, 31))),)}, "lines[0].period.end"),
        ({"lines": (line("10", standard_item_id="4012345000009"),)}, "lines[0].standard_item_scheme"),
        ({"lines": (line("10", sales_taxes=GIVEN),)}, "lines[0].sales_taxes"),
        ({"lines": (line("1", "-1", SALES_TAX, sales_taxes=GIVEN),), "buyer": US}, "lines[0].sales_taxes[0].amount"),
        ({"lines": (line("10", tax=SALES_TAX, sales_taxes=FINE),), "buyer": US}, "lines[0].sales_taxes[0].amount"),
        ({"lines": (line("10", tax=SALES_TAX),), "buyer": US, "prices_include_tax": True}, "prices_include_tax"),
        ({"lines": (line("10", tax=SALES_TAX),), "buyer": US, "charges": (REBATE,)}, "charges"),
        ({"discounts": (document_off(VAT_19, amount="10.01"),)}, "discounts"),
        ({"lines": (line("10"), line("20", "-1"), line("20", tax=VAT_7)), "charges": (PERCENT,)}, "charges[0].tax"),
        ({"lines": (line("10"), line("20", "-1"), line("20", tax=VAT_7)), "charges": (REBATE,)}, "charges[0].tax"),
        ({"prepaid": Decimal(1000)}, "prepaid"),
        ({"prepaid": Decimal(-1)}, "prepaid"),
        ({"rounding": Decimal("0.02")}, "rounding"),
        ({"tax_currency": "EUR"}, "tax_currency"),
        ({"tax_currency": "XXX"}, "tax_currency"),
        ({"seller": msgspec.structs.replace(SELLER, electronic_address="x")}, "seller.electronic_address_scheme"),
        ({"seller": msgspec.structs.replace(SELLER, contact_name="x" * 201)}, "seller.contact_name"),
        ({"seller": msgspec.structs.replace(SELLER, vat_id="DE136695978")}, "seller.vat_id"),
    ],
)  # fmt: skip
def test_what_would_make_a_wrong_document_is_refused_by_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInvoice) as refused:
        compute(msgspec.structs.replace(draft(line("10")), **changes))
    assert refused.value.field == field
    assert refused.value.message


# As stored by the first release: nothing that was added later may be asked of it.
STORED_DRAFT = """{"seller":{"name":"Seller GmbH","country":"DE","address_lines":["Weg 1"],"postal_code":"10115",
"city":"Berlin","vat_id":"DE136695976","email":"a@seller.test","locale":"de"},"buyer":{"name":"Buyer AG","country":"AT",
"address_lines":[],"postal_code":"","city":"","vat_id":"ATU13585627","email":"","locale":"en"},"currency":"EUR",
"lines":[{"description":"Work","quantity":"2","unit_price":"0.125","tax":{"kind":"vat","rate_bps":1900,"reason":""}}],
"terms":{"type":"net_days","days":30},"locale":"de","buyer_reference":"PO 7","supply_date":"2026-01-31","note":"",
"bank":{"holder":"Seller GmbH","iban":"DE71110220330123456789","bic":"","bank":""}}"""
STORED_TOTALS = """{"line_nets":[{"minor":25,"currency":"EUR"}],"taxes":[{"treatment":{"kind":"vat","rate_bps":1900,
"reason":""},"base":{"minor":25,"currency":"EUR"},"tax":{"minor":5,"currency":"EUR"}}],
"net":{"minor":25,"currency":"EUR"},"tax":{"minor":5,"currency":"EUR"},"total":{"minor":30,"currency":"EUR"}}"""


def test_a_document_stored_by_the_first_release_reads_as_it_was() -> None:
    stored = f"""{{"number":"INV-1","issue_date":"2026-02-01","due_date":"2026-03-03",
    "content":{STORED_DRAFT},"totals":{STORED_TOTALS}}}"""
    document = msgspec.json.decode(stored, type=IssuedInvoice)
    assert document.content.type is DocumentType.INVOICE
    assert document.totals.payable == document.totals.total == compute(document.content).total


def test_everything_a_document_can_say_survives_its_json() -> None:
    full = draft(
        line(
            "0.0125",
            "3.5",
            discounts=(off(percent="3"),),
            period=Period(date(2026, 1, 1), date(2026, 1, 31)),
            unit="HUR",
        ),
        discounts=(document_off(amount="0.01"),),
        purchase_order="PO 1",
        preceding=(PrecedingInvoice(number="INV-1", issue_date=date(2026, 1, 1)),),
    )
    totals = compute(full)
    assert msgspec.json.decode(msgspec.json.encode(full), type=DraftInvoice) == full
    assert msgspec.json.decode(msgspec.json.encode(totals), type=InvoiceTotals) == totals


def test_rounding_gives_no_tax_to_what_has_none() -> None:
    """Hungary rounds to whole forints, 100 of the minor units: more than one each to share out."""
    assert apportion([Fraction(2730), Fraction(0), Fraction(1234)], 4000) == [2748, 0, 1252]
    assert apportion([Fraction(0), Fraction(0)], 3) == [2, 1]
