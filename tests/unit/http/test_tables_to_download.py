"""Tables that accounts departments download: what a spreadsheet program makes of them."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
from litestar import Litestar, Response, get
from litestar.testing import TestClient
from openpyxl import load_workbook

from currency.money import Money
from orchestrator.billing.reports import JournalLine
from orchestrator.http import invoice_reports
from orchestrator.http.csv_answers import csv_answer
from orchestrator.web.assets import static_file

LINE = JournalLine(
    day=date(2026, 11, 23),
    document="invoice",
    number="INV-2026-00001",
    invoice_number="INV-2026-00001",
    customer_id="cus_1",
    buyer="Müller & Söhne",
    country="DE",
    vat_id="",
    tax_kind="vat",
    rate_bps=1900,
    reason_code="",
    base=Money(1050, "EUR"),
    tax=Money(200, "EUR"),
)


def test_the_sales_journal_opens_with_its_umlauts() -> None:
    table = invoice_reports._csv([LINE])
    assert table.startswith(b"\xef\xbb\xbfdate,document,")
    assert "Müller & Söhne" in table.decode("utf-8-sig")


def test_the_sales_journal_as_a_workbook_has_days_and_amounts_to_reckon_with() -> None:
    sheet = load_workbook(BytesIO(invoice_reports._xlsx([LINE]))).worksheets[0]
    day, net, tax, total = (sheet.cell(2, column) for column in (1, 12, 13, 14))
    assert (day.is_date, str(day.value)) == (True, "2026-11-23 00:00:00")
    assert [(cell.value, cell.number_format) for cell in (net, tax, total)] == [
        (10.5, "0.00"),
        (2, "0.00"),
        (12.5, "0.00"),
    ]


@get("/table.csv")
async def table() -> Response[str]:
    return csv_answer("table.csv", ("name",), [("Müller",)])


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/table.csv", "text/csv; charset=utf-8"), ("/static/clearway.css", "text/css; charset=utf-8")],
)
def test_the_charset_is_said_once(path: str, kind: str) -> None:
    with TestClient(Litestar([table, static_file])) as client:
        assert client.get(path).headers["content-type"] == kind
