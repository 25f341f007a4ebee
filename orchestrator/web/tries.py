"""Paying on a page under the eyes of the defence against card testing: counted before, and again when declined."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request

from orchestrator.abuse import service as abuse
from orchestrator.abuse.rules import Decision
from orchestrator.abuse.service import Try
from orchestrator.http.card_tries import fingerprint_of
from orchestrator.http.rate_limits import address_of
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import PaymentRow, PaymentStatus
from orchestrator.web.device import device_of

_DECLINED = frozenset({PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.FAILED})


async def watched(
    request: Request[Any, Any, Any], payment: PaymentRow, card: Card, pay: Callable[[bool], Awaitable[PaymentRow]]
) -> PaymentRow:
    """Pay, unless this visitor has tried too much. Raises TooManyTries, and what `pay` raises.

    `pay` is told whether the visitor is suspected, so that the cardholder is to be seen.
    """
    tried = _try_of(request, payment, card)
    verdict = await abuse.admit(tried)
    paid = await pay(verdict.decision is Decision.CHALLENGE)
    if paid.status in _DECLINED:
        await abuse.declined(tried)
    return paid


async def watch_return(request: Request[Any, Any, Any], payment: PaymentRow) -> None:
    """The visitor is back from the bank's page: a decline there counts as well."""
    if payment.status in _DECLINED and isinstance(payment.instrument, Card):
        await abuse.declined(_try_of(request, payment, payment.instrument))


def _try_of(request: Request[Any, Any, Any], payment: PaymentRow, card: Card) -> Try:
    return Try(payment.merchant_id, payment.amount, address_of(request), device_of(request), fingerprint_of(card))
