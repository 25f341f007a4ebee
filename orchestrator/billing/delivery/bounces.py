"""Takes mails that came back after all, and says of the delivery that it did not arrive. Safe to repeat."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from orchestrator import clock_port
from orchestrator.billing.delivery import reports, service, store
from orchestrator.billing.delivery.reports import Fate, Report
from orchestrator.billing.delivery.states import DeliveryState
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.db import transaction
from orchestrator.errors import ClearwayError


class BounceUnmatched(ClearwayError):
    """The report is about no mail of this merchant."""

    status = 404
    code = "bounce_unmatched"


class BounceResult(StrEnum):
    BOUNCED = "bounced"
    KNOWN = "known"
    """That it did not arrive was known before."""
    NOT_A_BOUNCE = "not_a_bounce"
    """The mail is only late, or has arrived: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Taken:
    result: BounceResult
    delivery: DeliveryRow
    report: Report


async def take(merchant_id: str, raw: bytes, recipient: str = "") -> Taken:
    """Find the merchant's mail that a report is about and mark it. Raises NotAReport, BounceUnmatched."""
    report = await asyncio.to_thread(reports.read, raw, recipient)
    row = await _matched(merchant_id, report)
    if report.fate is not Fate.FAILED:
        return Taken(BounceResult.NOT_A_BOUNCE, row, report)
    async with transaction():
        now = clock_port.now()
        is_new = await service.mark_failed(row, now, report.words, DeliveryState.BOUNCED)
    changed = await service.get(merchant_id, row.id)
    return Taken(BounceResult.BOUNCED if is_new else BounceResult.KNOWN, changed, report)


async def _matched(merchant_id: str, report: Report) -> DeliveryRow:
    for delivery_id in report.delivery_ids:
        found = await store.find(merchant_id, delivery_id)
        if found is not None:
            return found
    found = await store.find_mail(merchant_id, report.message_ids) if report.message_ids else None
    if found is None:
        named = ", ".join((*report.delivery_ids, *report.message_ids)[:3]) or "none"
        raise BounceUnmatched(f"No mail of this merchant fits the report. It names: {named[:300]}.")
    return found
