from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from facturx import parse_ubl_cii_xml

from invoicing.documents import DocumentType, InvoiceTotals, Line
from invoicing.einvoice.business_terms import business_terms
from invoicing.einvoice.errors import NotExpressible
from invoicing.einvoice.formats import PEPPOL_PROCESS, Format
from invoicing.einvoice.german_rules import german_findings
from invoicing.einvoice.peppol_rules import peppol_findings
from invoicing.einvoice.validation import Flag
from invoicing.einvoice.writing import write_xml
from invoicing.lines import Period, SalesTax
from invoicing.tax import TaxKind, TaxTreatment
from tests.unit.invoicing.einvoice_samples import (
    AMERICAN,
    AUSTRIAN,
    BANK,
    GERMAN,
    JAPANESE,
    OCTOBER,
    SAMPLES,
    SELLER,
    VAT19,
    draft,
    issued,
    one_line,
    without,
)  # fmt: skip
from tests.unit.invoicing.einvoice_samples import in_euros as in_euros_of


def terms_of(name: str, form: Format = Format.FACTUR_X) -> dict[str, object]:
    return business_terms(issued(SAMPLES[name]), form)


def test_the_sums_are_those_of_the_document() -> None:
    terms = terms_of("two rates")
    assert [terms[key] for key in ("BT-106", "BT-109", "BT-110", "BT-112", "BT-115")] == [
        "1779.97", "1779.97", "334.60", "2114.57", "2114.57",
    ]  # fmt: skip


def test_two_exemptions_become_one_row_with_both_reasons() -> None:
    (row,) = terms_of("exempt for two reasons")["BG-23"]  # type: ignore[misc]
    assert row["BT-116"] == "400.00"
    assert "132, section 1 (c)" in row["BT-120"]
    assert "132, section 1 (i)" in row["BT-120"]
    assert "BT-121" not in row


def test_outside_the_scope_of_tax_nobody_has_a_vat_id() -> None:
    terms = terms_of("outside the scope")
    assert "vat_identifier" not in terms["BG-4"]  # type: ignore[operator]
    assert "vat_identifier" not in terms["BG-7"]  # type: ignore[operator]


def test_a_number_that_is_no_european_vat_id_is_not_called_one() -> None:
    buyer = business_terms(issued(SAMPLES["export to Japan"]), Format.PEPPOL_BIS_3)["BG-7"]
    assert buyer["identifiers"] == {"": JAPANESE.vat_id}
    assert "vat_identifier" not in buyer


def test_the_tax_is_also_in_the_currency_of_the_state() -> None:
    terms = terms_of("dollars")
    assert (terms["BT-5"], terms["BT-6"]) == ("USD", "EUR")
    assert terms["BT-111"] == "309.81"  # 334.60 / 1.08


def test_yen_have_no_decimals() -> None:
    assert terms_of("yen")["BT-112"] == "3570"


def test_early_payment_is_also_written_for_programs_in_xrechnung_only() -> None:
    text = terms_of("early payment", Format.XRECHNUNG_UBL)["BT-20"]
    assert text.endswith("\n#SKONTO#TAGE=10#PROZENT=2.00#\n#SKONTO#TAGE=20#PROZENT=1.00#\n")  # type: ignore[attr-defined]
    assert "#" not in terms_of("early payment")["BT-20"]  # type: ignore[operator]


def test_a_credit_note_does_not_carry_the_account_to_pay_to() -> None:
    terms = terms_of("credit note")
    assert terms["BT-3"] == "381"
    assert terms["BG-3"] == [{"BT-25": "INV-1", "BT-26": issued(draft()).issue_date}]
    assert "BT-84" not in terms


def test_signs_that_xml_cannot_write_are_left_out() -> None:
    content = draft(lines=(Line("Tee\x01 und \ud800Rum", Decimal(1), Decimal(1), VAT19),))
    assert business_terms(issued(content), Format.FACTUR_X)["BG-25"][0]["BT-153"] == "Tee und Rum"


def test_a_document_from_before_lines_had_totals_can_still_be_written() -> None:
    document = issued(draft())
    totals = document.totals
    old = InvoiceTotals(totals.line_nets, totals.taxes, totals.net, totals.tax, totals.total)
    before = msgspec.structs.replace(document, totals=old)
    for form in Format:
        assert write_xml(before, form) == write_xml(document, form)


@pytest.mark.parametrize("kind", [DocumentType.QUOTE, DocumentType.PROFORMA])
def test_what_is_no_invoice_is_not_sent_as_one(kind: DocumentType) -> None:
    with pytest.raises(NotExpressible, match="no invoice") as refused:
        business_terms(issued(draft(type=kind)), Format.FACTUR_X)
    assert refused.value.field == "type"


@pytest.mark.parametrize("currency", ["KWD", "BHD", "TND"])
def test_a_currency_of_three_decimals_is_refused_with_a_remedy(currency: str) -> None:
    content = draft(buyer=AMERICAN, currency=currency, lines=one_line(TaxKind.EXPORT))
    with pytest.raises(NotExpressible, match="another currency") as refused:
        business_terms(issued(content), Format.PEPPOL_BIS_3)
    assert (refused.value.field, refused.value.rule) == ("currency", "BR-DEC-12")


def test_sales_tax_is_refused() -> None:
    line = Line(
        "Mug", Decimal(1), Decimal(10), TaxTreatment(TaxKind.SALES_TAX),
        sales_taxes=(SalesTax(jurisdiction="US-NY", amount=Decimal("0.89")),),
    )  # fmt: skip
    with pytest.raises(NotExpressible, match="VAT only"):
        business_terms(issued(draft(seller=AMERICAN, buyer=AMERICAN, currency="USD", lines=(line,))), Format.FACTUR_X)


@pytest.mark.parametrize("form", list(Format))
def test_the_file_says_which_specification_it_follows(form: Format) -> None:
    xml = write_xml(issued(draft()), form).decode()
    guideline = {
        Format.FACTUR_X: ">urn:cen.eu:en16931:2017<",
        Format.XRECHNUNG_CII: "#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0<",
        Format.XRECHNUNG_UBL: "#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0<",
        Format.PEPPOL_BIS_3: "#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0<",
    }[form]
    assert xml.count(guideline) == 1
    assert (f">{PEPPOL_PROCESS}<" in xml) == (form is not Format.FACTUR_X)


@pytest.mark.parametrize("form", [Format.FACTUR_X, Format.PEPPOL_BIS_3])
@pytest.mark.parametrize("name", ["adjusted", "dollars", "credit note", "intra-community", "fine unit price"])
def test_what_is_written_can_be_read_back(name: str, form: Format) -> None:
    document = issued(SAMPLES[name])
    read = parse_ubl_cii_xml(write_xml(document, form), float_as="string")
    for key, value in business_terms(document, form).items():
        if isinstance(value, str) and key not in ("BT-24", "BT-20"):
            assert read[key] == value, key
    assert [line["BT-146"] for line in read["BG-25"]] == [
        f"{line.unit_price.normalize():f}" for line in document.content.lines
    ]


def test_the_rounding_amount_is_in_the_invoices_currency() -> None:
    content = draft(rounding=Decimal("-0.02"), **in_euros_of("CHF", "0.93"))
    xml = write_xml(issued(content), Format.PEPPOL_BIS_3)
    assert b'<cbc:PayableRoundingAmount currencyID="CHF">-0.02<' in xml


def test_peppol_wants_a_reference_and_addresses() -> None:
    content = draft(buyer_reference="", buyer=without(GERMAN, electronic_address="", electronic_address_scheme=""))
    assert rules_of(content, Format.PEPPOL_BIS_3) == {"PEPPOL-EN16931-R003", "PEPPOL-EN16931-R010"}
    assert rules_of(draft(buyer_reference="", purchase_order="PO1"), Format.PEPPOL_BIS_3) == set()


def test_a_wrong_gln_is_noticed() -> None:
    wrong = without(AMERICAN, electronic_address="5060012349990")
    content = draft(buyer=wrong, lines=one_line(TaxKind.EXPORT))
    assert rules_of(content, Format.PEPPOL_BIS_3) == {"PEPPOL-COMMON-R040"}


def test_a_reason_must_go_with_its_category() -> None:
    content = draft(buyer=AUSTRIAN, lines=one_line(TaxKind.EXEMPT, reason_code="VATEX-EU-IC"))
    assert rules_of(content, Format.PEPPOL_BIS_3) == {"PEPPOL-EN16931-P0106"}


def test_a_line_outside_of_the_invoices_period_is_noticed() -> None:
    early = Period(OCTOBER.start.replace(month=9), OCTOBER.end.replace(month=11, day=30))
    content = draft(period=OCTOBER, lines=(Line("Ware", Decimal(1), Decimal(1), VAT19, period=early),))
    wanted = {"PEPPOL-EN16931-R110", "PEPPOL-EN16931-R111"}
    assert rules_of(content, Format.PEPPOL_BIS_3) == rules_of(content, Format.XRECHNUNG_CII) == wanted


def test_a_price_that_comes_to_a_part_of_a_yen_is_noticed() -> None:
    content = draft(lines=(Line("Ware", Decimal(3), Decimal("9.99"), VAT19),), **in_euros_of("JPY", "163.2"))
    assert rules_of(content, Format.PEPPOL_BIS_3) == {"PEPPOL-EN16931-R120"}
    (finding,) = german_findings(business_terms(issued(content), Format.XRECHNUNG_UBL))
    assert finding.flag is Flag.WARNING


def test_without_an_address_of_its_own_an_xrechnung_goes_by_e_mail() -> None:
    content = draft(buyer=without(GERMAN, electronic_address="", electronic_address_scheme=""))
    buyer = business_terms(issued(content), Format.XRECHNUNG_UBL)["BG-7"]
    assert (buyer["einvoicing_addr"], buyer["einvoicing_addr_schemeid"]) == ("ap@mueller.example", "EM")


def test_the_german_rules_are_told_apart() -> None:
    assert rules_of(draft(bank=None), Format.XRECHNUNG_CII) == {"BR-DE-1"}
    assert rules_of(draft(seller=without(SELLER, postal_code="")), Format.XRECHNUNG_CII) == {"BR-DE-4"}
    assert rules_of(draft(seller=without(SELLER, contact_name="")), Format.XRECHNUNG_CII) == {"BR-DE-5"}
    mistyped = msgspec.structs.replace(BANK, iban="DE71110220330123456780")
    assert rules_of(draft(bank=mistyped), Format.XRECHNUNG_CII) == {"BR-DE-19"}


def rules_of(content: object, form: Format) -> set[str]:
    check = peppol_findings if form is Format.PEPPOL_BIS_3 else german_findings
    return {finding.rule for finding in check(business_terms(issued(content), form))}  # type: ignore[arg-type]
