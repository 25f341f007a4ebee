"""Paying on a page under the eyes of the defence against card testing: counted before, and again when declined."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request

from orchestrator.abuse.service import Try
from orchestrator.http import card_tries
from orchestrator.http.card_tries import fingerprint_of
from orchestrator.http.rate_limits import address_of
from orchestrator.payments import late_declines, store
from orchestrator.payments.instruments import Card
from orchestrator.payments.records import PaymentRow
from orchestrator.web.device import device_of


async def watched(
    request: Request[Any, Any, Any], payment: PaymentRow, card: Card, pay: Callable[[bool], Awaitable[PaymentRow]]
) -> PaymentRow:
    """Pay, unless this visitor has tried too much. Raises TooManyTries, and what `pay` raises.

    `pay` is told whether the visitor is suspected, so that the cardholder is to be seen.
    """
    tried = _try_of(request, payment, card)
    verdict = await card_tries.admitted(tried)
    paid = await pay(card_tries.is_suspected(verdict))
    answer = late_declines.answer_of_payment(await store.story_of(paid), paid.round)
    await card_tries.tell(tried, verdict, answer, paid.id, paid.round)
    return paid


async def watch_return(payment: PaymentRow) -> None:
    """The visitor is back from the bank's page: a decline there counts as well."""
    await late_declines.look_now(payment)


def _try_of(request: Request[Any, Any, Any], payment: PaymentRow, card: Card) -> Try:
    return Try(payment.merchant_id, payment.amount, address_of(request), device_of(request), fingerprint_of(card))
