from __future__ import annotations

from decimal import Decimal
from io import BytesIO

import pytest
import segno
import zxingcpp
from PIL import Image
from segno.helpers import make_epc_qr
from stdnum import iso11649

from currency.money import Money
from invoicing.documents import BankAccount, Party
from invoicing.rendering.payment_codes import epc_code, in_groups, link_code, rf_reference
from invoicing.rendering.swiss_bill import code_svg, qr_reference, swiss_bill
from tests.unit.invoicing.drawn_invoices import (
    AUSTRIAN,
    GERMAN_BANK,
    SWISS,
    SWISS_BANK,
    SWISS_QR_BANK,
    ordinary,
    picture_of,
    view_of,
)


def read(code: segno.QRCode) -> str:
    png = BytesIO()
    code.save(png, kind="png", scale=6, border=4)
    [found] = zxingcpp.read_barcodes(Image.open(png))
    return found.text


@pytest.mark.parametrize("number", ["INV-2026-00042", "1", "2026/11-7", "ABCDEFGHIJKLMNOPQRSTU"])
def test_the_reference_of_an_invoice_is_one_of_iso_11649(number: str) -> None:
    reference = rf_reference(number)
    assert reference is not None
    assert iso11649.is_valid(reference)


def test_the_known_reference_comes_out() -> None:
    assert rf_reference("539007547034") == "RF18539007547034"


@pytest.mark.parametrize("number", ["", "ABCDEFGHIJKLMNOPQRSTUV", "請求-1", "---"])
def test_a_number_that_fits_no_reference_has_none(number: str) -> None:
    assert rf_reference(number) is None


def test_codes_are_printed_in_groups_of_four() -> None:
    assert in_groups("DE71110220330123456789") == "DE71 1102 2033 0123 4567 89"


def test_the_code_of_a_transfer_reads_as_the_epc_wants_it() -> None:
    code = epc_code(GERMAN_BANK, Money(175_050, "EUR"), "INV-2026-00042")
    assert code is not None
    assert read(code).splitlines() == [
        "BCD", "002", "1", "SCT", "SSKMDEMMXXX", "Nordlicht GmbH", "DE71110220330123456789", "EUR1750.5", "",
        "RF36INV202600042",
    ]  # fmt: skip


def test_a_number_without_a_reference_is_sent_as_text() -> None:
    code = epc_code(GERMAN_BANK, Money(100, "EUR"), "Rechnung für November 2026, Nr. 42")
    assert code is not None
    assert read(code).splitlines()[-1] == "Rechnung für November 2026, Nr. 42"


@pytest.mark.parametrize(
    ("bank", "amount"),
    [
        (GERMAN_BANK, Money(100, "USD")),
        (GERMAN_BANK, Money(0, "EUR")),
        (GERMAN_BANK, Money(100_000_000_000, "EUR")),
        (BankAccount(holder="X", iban="DE71110220330123456780"), Money(100, "EUR")),
        (BankAccount(holder="X", iban="AE070331234567890123456"), Money(100, "EUR")),
        (BankAccount(holder="X", iban="GB33BUKB20201555555555"), Money(100, "EUR")),
    ],
)
def test_no_code_is_made_for_what_is_no_sepa_transfer(bank: BankAccount, amount: Money) -> None:
    assert epc_code(bank, amount, "INV-1") is None


def test_what_is_too_long_for_the_code_of_a_transfer_has_none() -> None:
    bank = BankAccount(holder="株" * 70, iban=GERMAN_BANK.iban)
    assert epc_code(bank, Money(100, "EUR"), "INV-1") is not None
    assert epc_code(bank, Money(100, "EUR"), "請求" * 60) is None


@pytest.mark.parametrize("number", ["INV-2026-00042", "Rechnung für November 2026, Nr. 42 "])
@pytest.mark.parametrize("minor", [1, 100, 100_000, 123_450, 99_999_999_999])
def test_the_code_of_a_transfer_is_the_one_that_segno_makes(number: str, minor: int) -> None:
    reference = rf_reference(number)
    remittance = {"reference": reference} if reference else {"text": number}
    amount = Decimal(minor).scaleb(-2)
    made = make_epc_qr(
        GERMAN_BANK.holder, GERMAN_BANK.iban, amount, bic=GERMAN_BANK.bic, encoding="utf-8", **remittance
    )
    assert epc_code(GERMAN_BANK, Money(minor, "EUR"), number) == made


def test_the_code_of_a_link_is_the_link() -> None:
    assert read(link_code("https://pay.example/i/abc")) == "https://pay.example/i/abc"


def test_the_qr_reference_has_the_check_digit_of_the_guidelines() -> None:
    assert qr_reference("21000000000313947143000901") == "210000000003139471430009017"


def test_two_numbers_never_share_a_qr_reference() -> None:
    numbers = ["INV-2026-00042", "INV-2026-00043", "INW-2026-00042", "202600042"]
    references = [qr_reference(number) for number in numbers]
    assert None not in references
    assert len(set(references)) == len(numbers)
    assert qr_reference("ABCDEFGHIJKLMN") is None


def test_a_swiss_bill_has_the_fields_of_the_guidelines_in_their_order() -> None:
    bill = swiss_bill(SWISS_QR_BANK, SWISS, AUSTRIAN, Money(194_975, "CHF"), "INV-2026-00042")
    assert bill is not None
    fields = bill.payload.split("\r\n")
    assert fields == [
        "SPC", "0200", "1", "CH4431999123000889012",
        "S", "Alpenkraft AG", "Bahnhofstrasse 1", "", "8001", "Zürich", "CH",
        *[""] * 7,
        "1949.75", "CHF",
        "S", "Bäckerei Müller & Söhne", "Graben 21", "", "1010", "Wien", "AT",
        "QRR", qr_reference("INV-2026-00042"), "INV-2026-00042", "EPD",
    ]  # fmt: skip


def test_an_ordinary_iban_gets_a_creditor_reference() -> None:
    bill = swiss_bill(SWISS_BANK, SWISS, AUSTRIAN, Money(100, "EUR"), "INV-1")
    assert bill is not None
    kind, reference = bill.payload.split("\r\n")[27:29]
    assert kind == "SCOR"
    assert iso11649.is_valid(reference)
    assert bill.amount == Decimal("1.00")


@pytest.mark.parametrize(
    ("bank", "amount", "number"),
    [
        (GERMAN_BANK, Money(100, "CHF"), "INV-1"),
        (SWISS_BANK, Money(100, "USD"), "INV-1"),
        (SWISS_BANK, Money(0, "CHF"), "INV-1"),
        (SWISS_QR_BANK, Money(100, "CHF"), "Rechnung für November"),
    ],
)
def test_no_swiss_bill_is_made_where_the_guidelines_know_none(bank: BankAccount, amount: Money, number: str) -> None:
    assert swiss_bill(bank, SWISS, AUSTRIAN, amount, number) is None


def test_a_creditor_without_a_town_gets_no_swiss_bill() -> None:
    assert swiss_bill(SWISS_BANK, Party(name="A", country="CH"), AUSTRIAN, Money(100, "CHF"), "INV-1") is None


def test_the_code_of_the_swiss_bill_is_read_off_the_printed_page() -> None:
    from invoicing.rendering import render_html, render_pdf

    view = view_of(ordinary(seller=SWISS, bank=SWISS_QR_BANK, currency="CHF"))
    pdf = render_pdf(render_html(view, "fr"))
    bill = swiss_bill(SWISS_QR_BANK, SWISS, AUSTRIAN, view.document.totals.payable, view.document.number)
    assert bill is not None
    texts = {found.text for found in zxingcpp.read_barcodes(picture_of(pdf, scale=3))}
    assert {text.replace("\r\n", "\n") for text in texts} == {bill.payload.replace("\r\n", "\n"), view.pay_url}
    assert "<path" in code_svg(bill)
