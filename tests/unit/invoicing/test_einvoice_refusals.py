from __future__ import annotations

import pytest

from invoicing.einvoice.refusals import WORDS, explain
from invoicing.einvoice.validation import Finding, Flag


def finding(rule: str, location: str = "", text: str = "official words", flag: Flag = Flag.FATAL) -> Finding:
    return Finding(rule=rule, flag=flag, text=text, location=location)


@pytest.mark.parametrize(
    ("rule", "field", "said"),
    [
        ("BR-DE-15", "buyer_reference", "Leitweg-ID"),
        ("BR-CO-25", "terms", "when to pay"),
        ("BR-S-02", "seller.vat_id", "VAT at a rate"),
        ("BR-AE-02", "seller.vat_id", "reverse charge need the VAT ids of both"),
        ("BR-IC-11", "supply_date", "intra-Community"),
        ("BR-O-02", "seller.vat_id", "leave out"),
        ("BR-O-11", "lines", "two invoices"),
        ("BR-DEC-12", "currency", "another currency"),
        ("PEPPOL-EN16931-R010", "buyer.electronic_address", "9930"),
    ],
)
def test_a_rule_is_told_as_our_field_and_a_remedy(rule: str, field: str, said: str) -> None:
    (refusal,) = explain([finding(rule)])
    assert refusal.field == field
    assert said in refusal.message
    assert refusal.rule == rule
    assert refusal.official == "official words"


def test_a_rule_without_words_of_ours_speaks_for_itself() -> None:
    (refusal,) = explain([finding("BR-XY-99", text="Something must be so")])
    assert (refusal.field, refusal.message) == ("invoice", "Something must be so")


@pytest.mark.parametrize(
    "location",
    [
        "/*:Invoice[namespace-uri()='urn:oasis:1'][1]/*:InvoiceLine[namespace-uri()='urn:oasis:2'][3]/*:Price[1]",
        "/Q{urn:oasis:1}Invoice[1]/Q{urn:oasis:2}InvoiceLine[3]",
        "/Q{urn:un}CrossIndustryInvoice[1]/Q{urn:un}IncludedSupplyChainTradeLineItem[3]/Q{urn:un}Name[1]",
        "InvoiceLine[3]",
    ],
)
def test_the_line_is_named_by_its_place_in_our_invoice(location: str) -> None:
    assert explain([finding("BR-CL-23", location)])[0].field == "lines[2].unit"


@pytest.mark.parametrize(
    ("rule", "field"),
    [("BR-AE-05", "lines[2].tax"), ("BR-42", "lines[2].discounts"), ("BR-33", "lines[2].discounts"),
     ("BR-S-02", "seller.vat_id"), ("BR-XY-99", "lines[2]")],
)  # fmt: skip
def test_the_line_is_named_only_where_the_field_is_one_of_a_line(rule: str, field: str) -> None:
    assert explain([finding(rule, "InvoiceLine[3]")])[0].field == field


def test_without_a_place_the_field_is_that_of_all_lines() -> None:
    assert explain([finding("BR-AE-05")])[0].field == "lines.tax"


def test_a_code_list_of_factur_x_is_told_by_the_element_that_it_names() -> None:
    (refusal,) = explain([finding("FX-SCH-A-000613", text="Value of '@unitCode' is not allowed.")])
    assert "unit" in refusal.message


def test_the_same_complaint_is_made_once_and_what_refuses_comes_first() -> None:
    warning = finding("BR-DE-28", flag=Flag.WARNING)
    told = explain([warning, finding("BR-DE-15"), finding("BR-DE-15", "/somewhere/else")])
    assert [(refusal.rule, refusal.refuses) for refusal in told] == [("BR-DE-15", True), ("BR-DE-28", False)]


def test_no_words_are_left_without_a_field() -> None:
    assert all(field and message and "{" not in message for field, message in WORDS.values())
