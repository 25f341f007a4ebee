"""Tables as CSV: one way to write them, in which no spreadsheet program finds a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from litestar import Response

from orchestrator.reconciliation.export import safe_text

CSV = "text/csv"  # to which Litestar adds the charset
Cell = str | int | float | Decimal | datetime | None


def csv_answer(filename: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response[str]:
    """A table to be downloaded."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(csv_text(header, rows), media_type=CSV, headers=headers)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table. Moments are in ISO 8601; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Cell) -> str | int | float | Decimal | None:
    match value:
        case datetime():
            return value.isoformat()
        case str():
            return safe_text(value)
        case _:
            return value
