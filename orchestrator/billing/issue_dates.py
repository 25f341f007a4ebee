"""The dates that documents may have: the seller's today, or a day before it that is not before the last number's."""

from __future__ import annotations

from datetime import date

from invoicing.errors import InvalidInvoice
from orchestrator.billing.reminders.policy import today_of


async def day_of_issue(merchant_id: str, wanted: date | None) -> date:
    """The wanted day, else today where the merchant is. An invoice tells what was supplied and starts the days in which
    it is to be paid, so that none is dated ahead. Raises InvalidInvoice, NotFound."""
    today = await today_of(merchant_id)
    if wanted is not None and wanted > today:
        what = f"must not be after {today}, which is today in the time zone of the merchant's profile"
        raise InvalidInvoice("issue_date", f"{what}; issue it on that day")
    return wanted or today
