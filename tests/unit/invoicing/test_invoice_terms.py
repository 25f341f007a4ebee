from __future__ import annotations

from datetime import date

import pytest

from invoicing.errors import InvalidInvoice
from invoicing.terms import DueOnReceipt, NetDays, Terms, due_date


@pytest.mark.parametrize(
    ("terms", "due"),
    [(DueOnReceipt(), date(2026, 4, 10)), (NetDays(30), date(2026, 5, 10)), (NetDays(365), date(2027, 4, 10))],
)
def test_the_due_date_is_counted_in_calendar_days_from_the_issue(terms: Terms, due: date) -> None:
    assert due_date(terms, date(2026, 4, 10)) == due


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_net_days_out_of_bounds_are_refused(days: int) -> None:
    with pytest.raises(InvalidInvoice):
        NetDays(days)
