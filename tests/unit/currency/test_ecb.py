"""Files of the ECB's reference rates, and the history that comes along."""

from datetime import date
from decimal import Decimal

import pytest

from currency import ecb
from currency.currencies import EXPONENTS
from currency.rates import CurrencyEnded, RateStale

DAILY = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
  <gesmes:subject>Reference rates</gesmes:subject>
  <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
  <Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1.1172'/><Cube currency='JPY' rate='175.68'/></Cube></Cube>
</gesmes:Envelope>"""


@pytest.fixture(scope="module")
def rows() -> list[ecb.Row]:
    return ecb.history()


def test_the_daily_file_is_read() -> None:
    assert ecb.read_xml(DAILY) == [(date(2026, 11, 20), {"USD": Decimal("1.1172"), "JPY": Decimal("175.68")})]


def test_the_history_file_is_read_with_its_gaps() -> None:
    content = b"Date,USD,BGN,\n2026-10-30,1.1172,N/A,\n2025-12-31,1.1750,1.9558,\n"
    assert ecb.read_csv(content) == [
        (date(2026, 10, 30), {"USD": Decimal("1.1172")}),
        (date(2025, 12, 31), {"USD": Decimal("1.1750"), "BGN": Decimal("1.9558")}),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>no rates</html>",
        b"<a",
        DAILY.replace(b"1.1172", b"-1"),
        DAILY.replace(b"1.1172", b"NaN"),
        DAILY.replace(b"2026-11-20", b"yesterday"),
        DAILY.replace(b"'USD'", b"'US$'"),
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + DAILY,
    ],
)
def test_another_xml_is_refused_whole(content: bytes) -> None:
    with pytest.raises(ecb.FileUnreadable):
        ecb.read_xml(content)


@pytest.mark.parametrize(
    "content", [b"", b"Day,USD\n", b"Date,USD,\n", b"Date,USD,\n2026-10-30,cheap,\n", "Däte".encode()]
)
def test_another_csv_is_refused_whole(content: bytes) -> None:
    with pytest.raises(ecb.FileUnreadable):
        ecb.read_csv(content)


def test_the_history_at_hand_begins_with_the_euro(rows: list[ecb.Row]) -> None:
    assert min(day for day, _ in rows) == date(1999, 1, 4)
    assert len(rows) > 7000


def test_every_currency_that_stopped_is_known_to_have_ended(rows: list[ecb.Row]) -> None:
    last = {code: max(day for day, row in rows if code in row) for code in {code for _, row in rows for code in row}}
    newest = max(last.values())
    assert {code: day for code, day in last.items() if day < newest} == {
        code: end[0] for code, end in ecb.ENDED.items()
    }
    assert {code for code, day in last.items() if day == newest} <= EXPONENTS.keys()


def test_suspended_and_paused_currencies_are_not_served_old_rates(rows: list[ecb.Row]) -> None:
    table = ecb.table(rows)
    with pytest.raises(CurrencyEnded, match="suspended"):
        table.rate("RUB", "EUR", date(2022, 3, 2))
    with pytest.raises(RateStale):  # Iceland was left out from December 2008 to 2018
        table.rate("ISK", "EUR", date(2012, 1, 2))
    assert table.rate("EUR", "USD", date(2026, 4, 5)).on == date(2026, 4, 2)  # Easter, after Good Friday
