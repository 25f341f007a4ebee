import csv
from io import BytesIO, StringIO

import openpyxl
import pytest
from settlement_samples import AT

from currency.money import Money
from orchestrator.reconciliation.export import ReportRow, RowStatus, safe_text, to_csv, to_xlsx


def a_row(status: RowStatus = RowStatus.BREAK, reason: str = "because", gross: Money | None = None) -> ReportRow:
    return ReportRow(
        status=status,
        kind="missing_in_ledger",
        reason=reason,
        gateway_account_id="ga_1",
        line_type="payment",
        occurred_at=AT,
        age_days=2,
        gross=gross or Money(-123456, "EUR"),
    )


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig"))))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money(-123456, "EUR"), "-1234.56"),
        (Money(5, "KWD"), "0.005"),
        (Money(100, "JPY"), "100"),
        (Money(0, "EUR"), "0.00"),
    ],
)
def test_csv_states_money_in_major_units_with_its_currency(amount: Money, text: str) -> None:
    (row,) = read_csv(to_csv([a_row(gross=amount)]))
    assert (row["gross"], row["gross_currency"], row["fee"]) == (text, amount.currency, "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "  =1", "\r=1"])
def test_csv_text_that_looks_like_a_formula_is_disarmed(text: str) -> None:
    (row,) = read_csv(to_csv([a_row(reason=text)]))
    assert row["reason"] == f"'{text}"


def test_plain_text_stays_as_it_is() -> None:
    assert safe_text("pi_1 = fine") == "pi_1 = fine"


def test_xlsx_has_a_sheet_for_each_question() -> None:
    book = openpyxl.load_workbook(BytesIO(to_xlsx([a_row(), a_row(RowStatus.MATCHED), a_row(RowStatus.EXPECTED)])))
    assert book.sheetnames == ["summary", "matches", "expected", "breaks"]
    assert [book[name].max_row for name in book.sheetnames] == [4, 2, 2, 2]
    assert [cell.value for cell in book["summary"][2]] == ["break", "missing_in_ledger", "EUR", 1, -1234.56]


def test_xlsx_money_is_a_number_and_formulas_are_text() -> None:
    sheet = openpyxl.load_workbook(BytesIO(to_xlsx([a_row(reason='=HYPERLINK("x")')])))["breaks"]
    cells = dict(zip([cell.value for cell in sheet[1]], sheet[2], strict=True))
    assert (cells["reason"].data_type, cells["reason"].value) == ("s", '=HYPERLINK("x")')
    assert (cells["gross"].data_type, str(cells["gross"].value), cells["gross"].number_format) == (
        "n",
        "-1234.56",
        "0.00",
    )


def test_xlsx_amounts_beyond_a_spreadsheets_digits_stay_exact_as_text() -> None:
    sheet = openpyxl.load_workbook(BytesIO(to_xlsx([a_row(gross=Money(12345678901234567, "EUR"))])))["breaks"]
    assert "123456789012345.67" in [cell.value for cell in sheet[2]]
