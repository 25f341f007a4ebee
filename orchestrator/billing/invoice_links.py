"""The addresses under which buyers see and pay invoices: signed, and good until a day.

`/i/{token}.{expires}.{signature}`: the invoice's random token, the last second as a Unix time, and a signature over
both with the installation's key. Each is made when it is asked for; nothing is kept of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from invoicing import service as invoicing
from invoicing.store import InvoiceRecord
from orchestrator.access.secrets import sign, signed_correctly
from orchestrator.settings import get_settings

_PURPOSE = "invoice-link"
_LINK = re.compile(r"([A-Za-z0-9_-]{20,64})\.([0-9]{9,11})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Opened:
    """The invoice of a link that is ours, and whether the link still holds."""

    invoice: InvoiceRecord
    expires_at: datetime
    is_expired: bool


def expires_at(invoice: InvoiceRecord, today: date) -> datetime:
    """The end of a day: so many days after the due date, or after today where that has passed."""
    last = max(invoice.due_date or today, today) + timedelta(days=get_settings().limits.invoice_link_days)
    return datetime.combine(last, time.max, UTC).replace(microsecond=0)


def link_of(invoice: InvoiceRecord, today: date) -> str:
    """What stands after `/i/`."""
    signed = f"{invoice.public_token}.{int(expires_at(invoice, today).timestamp())}"
    return f"{signed}.{sign(_PURPOSE, signed)}"


def url_of(invoice: InvoiceRecord, today: date) -> str:
    """Where the buyer sees and pays the invoice."""
    return f"{get_settings().public_url}/i/{link_of(invoice, today)}"


async def opened(link: str, now: datetime) -> Opened | None:
    """The issued invoice behind a link; None where we did not sign it as it is."""
    found = _LINK.fullmatch(link)
    if found is None or not signed_correctly(_PURPOSE, f"{found[1]}.{found[2]}", found[3]):
        return None
    invoice = await invoicing.find_public(found[1])
    if invoice is None:
        return None
    until = datetime.fromtimestamp(int(found[2]), UTC)
    return Opened(invoice, until, now > until)
