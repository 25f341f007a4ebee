"""Reading a gateway's delimited text by column name: encodings, separators, header spelling, and stable row keys."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO

from currency.currencies import UnknownCurrency
from currency.exponents import from_gateway_decimal
from currency.money import Money
from orchestrator.reconciliation.lines import FileUnreadable, RowUnreadable

MAX_ROWS = 1_000_000  # PayPal's own limit for one settlement report file
MAX_KEY_LENGTH = 200
SEPARATORS = ",;\t"

Row = Mapping[str, str]


def decoded(content: bytes) -> str:
    """The text of a report: UTF-8, or UTF-16 with its BOM (PayPal's older files). Raises FileUnreadable."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line_no = content.count(b"\n", 0, error.start) + 1
        raise FileUnreadable(
            f"line {line_no}: the text is not {encoding.upper()}. Download the report again as CSV, "
            "and do not open and save it in a spreadsheet program."
        ) from None
    if not text.strip():
        raise FileUnreadable("line 1: the file is empty. Download the report again.")
    return text


def column_name(header: str) -> str:
    """A header as we look it up: lower case, white space collapsed, no BOM."""
    return " ".join(header.replace("\ufeff", "").split()).lower()


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Non-empty records with the line of the file where each ends. Raises FileUnreadable."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    count = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileUnreadable(
                f"line {reader.line_num}: not readable as CSV ({error}). Download the report again."
            ) from None
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > MAX_ROWS:
            raise FileUnreadable(f"line {reader.line_num}: more than {MAX_ROWS} rows. Split the report by date.")
        yield reader.line_num, cells


def separator_of(header_line: str) -> str:
    """The separator that the header line uses most: spreadsheet programs rewrite commas to semicolons."""
    return max(SEPARATORS, key=header_line.count)


def named_rows(text: str, required: Sequence[str], report: str) -> Iterator[tuple[int, Row]]:
    """Rows of a table whose first record is its header, as {column name: stripped value}. Raises FileUnreadable."""
    rows = records(text, separator_of(text.lstrip("\ufeff\r\n ").split("\n", 1)[0]))
    line_no, header_cells = next(rows)
    header = checked_header(header_cells, required, report, line_no)
    for line_no, cells in rows:
        yield line_no, named(header, cells)


def checked_header(cells: Sequence[str], required: Sequence[str], report: str, line_no: int) -> list[str]:
    """The column names, all required ones present. Raises FileUnreadable."""
    header = [column_name(cell) for cell in cells]
    missing = [name for name in required if name not in header]
    if missing:
        raise FileUnreadable(
            f"line {line_no}: the {report} has no column {', '.join(repr(name) for name in missing)}. "
            "Ask the gateway for the report with these columns."
        )
    repeated = [name for name, times in Counter(header).items() if name in required and times > 1]
    if repeated:
        raise FileUnreadable(f"line {line_no}: the column {repeated[0]!r} occurs twice. Download the report again.")
    return header


def named(header: Sequence[str], cells: Sequence[str]) -> Row:
    """One record by column name; cells beyond the header and unnamed columns are dropped, missing cells are empty."""
    padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
    return {name: value for name, value in zip(header, padded, strict=False) if name}


def present(row: Row) -> dict[str, str]:
    """The row without its empty cells, as it is stored."""
    return {name: value for name, value in row.items() if value}


def first_with_prefix(prefix: str, *values: str) -> str:
    """The first value that begins with the prefix of one of our ids (`att_`, `op_`), or nothing."""
    return next((value for value in values if value.startswith(prefix)), "")


def signed_decimal(text: str, currency: str, source: str, column: str) -> Money:
    """A signed decimal of major units; empty is zero. Raises RowUnreadable naming column, value and remedy."""
    with row_error(text, column):
        return from_gateway_decimal(text or "0", currency.upper(), source)


@contextmanager
def row_error(text: str, column: str) -> Iterator[None]:
    """Turn what an amount refuses into RowUnreadable, with what a clerk can do about it."""
    try:
        yield
    except UnknownCurrency as error:
        raise RowUnreadable(f"{error}. Correct the currency of this row at the gateway, or tell us its code.") from None
    except ValueError as error:
        raise RowUnreadable(
            f"column {column!r} holds {text!r}, which is not an amount ({error}). Download the report again, "
            "and do not save it from a spreadsheet program."
        ) from None


def moment(text: str, column: str, *formats: str) -> datetime:
    """A date and time in the first format that fits, as UTC when the format has no zone. Raises RowUnreadable."""
    for pattern in formats:
        try:
            read = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is added below
        except ValueError:
            continue
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    raise RowUnreadable(f"column {column!r} holds {text!r}, which is not a date and time such as 2026-01-31 10:11:12.")


class RowKeys:
    """Keys of one file's rows: repeats are counted, so that every row has a key of its own, the same each time."""

    def __init__(self) -> None:
        self._contents: Counter[str] = Counter()
        self._keys: Counter[str] = Counter()

    def row_hash(self, raw: Row) -> str:
        """SHA-256 of the row and its ordinal among identical rows (Adyen repeats fee rows byte for byte)."""
        content = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
        self._contents[content] += 1
        return hashlib.sha256(f"{content}#{self._contents[content]}".encode()).hexdigest()

    def line_key(self, natural_key: str) -> str:
        """The natural key for its first row, `key#2` for the second."""
        self._keys[natural_key] += 1
        times = self._keys[natural_key]
        return natural_key if times == 1 else f"{natural_key}#{times}"


def bounded_key(*parts: str) -> str:
    """Parts joined to a key that fits its column; a long one ends in a digest of the whole."""
    key = "|".join(parts)
    if len(key) <= MAX_KEY_LENGTH:
        return key
    return f"{key[: MAX_KEY_LENGTH - 65]}~{hashlib.sha256(key.encode()).hexdigest()}"
