"""When an invoice is charged by itself, how much, and what follows a decline. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from currency.money import Money
from invoicing.application_store import AppliedRow
from invoicing.lifecycle import ApplicationKind
from invoicing.store import InvoiceRecord
from invoicing.terms import schedule
from orchestrator.billing.paying import due_now
from orchestrator.payments.lifecycle import ABANDONED, decline_from
from orchestrator.payments.records import AttemptStatus, PaymentStatus, Story
from routing.outcomes import RetryAction

RETRY_AFTER_DAYS = (1, 3, 5)  # after each decline that allows another try; then it is given up
RETRIES_MAX, PAUSE_DAYS_MAX = 8, 30  # Stripe's advice is eight at most: https://docs.stripe.com/declines/card
_WENT_BACK = frozenset(
    {
        ApplicationKind.REFUND,
        ApplicationKind.CHARGEBACK,
        ApplicationKind.CORRECTION,
        ApplicationKind.RECEIPT_REVERSAL,
        ApplicationKind.CREDIT,  # that a receipt gave which bounced
    }
)


class Next(StrEnum):
    """What follows a charge that came to nothing."""

    RETRY = "retry"
    BUYER = "buyer"  # they have to be there: authentication, another card, another way to pay
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is the decline's in our words, or the refusal's code where there was no payment."""

    next: Next
    reason: str


def zone_of(profile: Mapping[str, Any]) -> ZoneInfo:
    """Where the merchant's day begins: `timezone` of the profile, as `Europe/Berlin`; UTC where there is none."""
    said = profile.get("timezone")
    try:
        return ZoneInfo(said if isinstance(said, str) and said else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def retry_after_days(profile: Mapping[str, Any]) -> tuple[int, ...]:
    """The merchant's dunning pattern: `automatic_charge_retry_after_days` of the profile, else RETRY_AFTER_DAYS."""
    said = profile.get("automatic_charge_retry_after_days")
    if not isinstance(said, list) or len(said) > RETRIES_MAX:
        return RETRY_AFTER_DAYS
    whole = [days for days in said if type(days) is int and 1 <= days <= PAUSE_DAYS_MAX]
    return tuple(whole) if len(whole) == len(said) else RETRY_AFTER_DAYS


def days_of(invoice: InvoiceRecord) -> list[date]:
    """On which days it is charged: the due date, or that of each instalment."""
    return [day for day, _ in _parts(invoice)]


def due_at(invoice: InvoiceRecord, part: int, zone: ZoneInfo) -> datetime | None:
    """When a part falls due: as the merchant's day begins. None where there is no such part."""
    days = days_of(invoice)
    if part >= len(days):
        return None
    return datetime.combine(days[part], time(), zone).astimezone(UTC)


def asked(invoice: InvoiceRecord, part: int, today: date) -> Money:
    """What is to be charged for a part: all that is due by then, less all that settled the invoice; nothing where that
    is nothing. The last part is whatever is owed."""
    due_until = list(accumulate(amount.minor for _, amount in _parts(invoice)))
    if part >= len(due_until) - 1:
        return due_now(invoice, today)
    return Money(max(0, min(invoice.standing.owed, due_until[part] - _settled(invoice))), invoice.total.currency)


def first_open_part(invoice: InvoiceRecord) -> int:
    """The first of which something is to be paid."""
    due_until = list(accumulate(amount.minor for _, amount in _parts(invoice)))
    return next((part for part, minor in enumerate(due_until) if minor > _settled(invoice)), len(due_until) - 1)


def times_gone_back(rows: Sequence[AppliedRow]) -> int:
    """How often money that had settled the invoice went back."""
    return sum(row.kind in _WENT_BACK and row.applied.minor < 0 for row in rows)


def verdict_of(story: Story) -> Verdict:
    """What a charge that failed, or was canceled, allows: the last decline's word for charges without the buyer."""
    if story.payment.status is PaymentStatus.CANCELED:
        return Verdict(Next.STOP, "canceled")
    reason = story.payment.failure_reason or "unmapped"
    if reason == ABANDONED:
        return Verdict(Next.BUYER, reason)
    declined = [attempt for attempt in story.attempts if attempt.status is AttemptStatus.DECLINED]
    decline = decline_from(declined[-1].decline) if declined else None
    if decline is None:  # no gateway could be reached, or none takes it now
        return Verdict(Next.RETRY, reason)
    match decline.action_mit:
        case RetryAction.RETRY_SAME_LATER | RetryAction.FAILOVER_NOW:
            return Verdict(Next.RETRY, reason)
        case RetryAction.CUSTOMER_ACTION:
            return Verdict(Next.BUYER, reason)
        case _:
            return Verdict(Next.STOP, reason)


def again_at(verdict: Verdict, tries: int, pauses_days: tuple[int, ...], now: datetime) -> datetime | None:
    """When it is tried again after so many tries; None where it is not."""
    if verdict.next is not Next.RETRY or not 0 < tries <= len(pauses_days):
        return None
    return now + timedelta(days=pauses_days[tries - 1])


def _parts(invoice: InvoiceRecord) -> list[tuple[date, Money]]:
    document = invoice.document
    assert document is not None
    return schedule(document.content.terms, document.totals.payable, document.issue_date)


def _settled(invoice: InvoiceRecord) -> int:
    """Of what was payable at the issue: a deposit that was paid before is no part of the instalments."""
    assert invoice.document is not None
    return max(0, invoice.document.totals.payable.minor - invoice.standing.owed)
