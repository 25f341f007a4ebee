"""`expand[]`: related objects in the answer, in place of a request for each; the words are a fixed set by object."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from orchestrator.errors import ClearwayError, FieldError
from orchestrator.fx import store as fx_store
from orchestrator.http import queries
from orchestrator.http.customers import customer_body
from orchestrator.http.payment_schemas import (
    PaymentBody,
    RefundDetailBody,
    attempt_body,
    payment_body,
    payment_dispute_body,
    refund_body,
)
from orchestrator.http.rate_schemas import quote_body
from orchestrator.payments.records import PaymentRow
from orchestrator.refunds.service import RefundView

NAME = "expand[]"
Expand = Annotated[
    list[str] | None,
    QueryParameter(name=NAME, description="Related objects to put into the answer; the operation says which."),
]


class UnknownExpansion(ClearwayError):
    """The object has nothing of that name to expand."""

    code = "unknown_expansion"

    def __init__(self, words: Collection[str], allowed: Collection[str]) -> None:
        told = f"is not known here; allowed are {', '.join(sorted(allowed))}"
        shown = sorted(words)[0][:40]
        super().__init__(f"{NAME}: {shown!r} {told}.", errors=(FieldError(NAME, told),))


class PaymentExpansion(StrEnum):
    CUSTOMER = "customer"
    REFUNDS = "refunds"
    ATTEMPTS = "attempts"
    DISPUTES = "disputes"
    QUOTE = "quote"


class RefundExpansion(StrEnum):
    PAYMENT = "payment"


def expansions(asked: list[str] | None, allowed: type[StrEnum]) -> frozenset[str]:
    """What is to be expanded. Raises UnknownExpansion with the words that there are."""
    words = {word.value for word in allowed}
    strangers = set(asked or ()) - words
    if strangers:
        raise UnknownExpansion(strangers, words)
    return frozenset(asked or ())


async def expand_payments(bodies: Sequence[PaymentBody], words: Collection[str]) -> None:
    """Put what is asked for into the payments, with one query for each word."""
    ids = [body.id for body in bodies]
    if PaymentExpansion.CUSTOMER in words:
        customers = await queries.customers_by_id([body.customer_id for body in bodies if body.customer_id])
        for body in bodies:
            row = customers.get(body.customer_id or "")
            body.customer = customer_body(row) if row else None
    if PaymentExpansion.REFUNDS in words:
        refunds = await queries.refunds_by_payment(ids)
        for body in bodies:
            body.refunds = [refund_body(view) for view in refunds.get(body.id, ())]
    if PaymentExpansion.ATTEMPTS in words:
        attempts = await queries.attempts_by_payment(ids)
        for body in bodies:
            body.attempts = [attempt_body(row) for row in attempts.get(body.id, ())]
    if PaymentExpansion.DISPUTES in words:
        disputes = await queries.disputes_by_payment(ids)
        for body in bodies:
            body.disputes = [payment_dispute_body(row) for row in disputes.get(body.id, ())]
    if PaymentExpansion.QUOTE in words:
        quotes = await fx_store.quotes_of_payments(ids)
        for body in bodies:
            body.quote = quote_body(quotes[body.id]) if body.id in quotes else None


async def refund_details(views: Sequence[RefundView], words: Collection[str]) -> list[RefundDetailBody]:
    """Refunds with what is asked for."""
    payments: dict[str, PaymentRow] = {}
    if RefundExpansion.PAYMENT in words:
        payments = await queries.payments_by_id([view.refund.payment_id for view in views])
    details = []
    for view in views:
        payment = payments.get(view.refund.payment_id)
        plain = msgspec.structs.asdict(refund_body(view))
        details.append(RefundDetailBody(**plain, payment=payment_body(payment) if payment else None))
    return details
