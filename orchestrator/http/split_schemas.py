"""Splits of a payment as the API takes and shows them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from currency.money import Money
from orchestrator.http.schemas import Input, MinorUnits, MoneyBody, money_body
from orchestrator.payments.records import PaymentRow
from orchestrator.recipients.service import SPLITS_MAX
from orchestrator.recipients.shares import BPS_WHOLE, Wish


class SplitInput(Input):
    """A recipient's part: either an amount in minor units, or basis points of the payment. The rest is yours."""

    recipient_id: Annotated[str, Meta(min_length=1, max_length=40)]
    amount: MinorUnits | None = None
    bps: Annotated[int, Meta(ge=1, le=BPS_WHOLE, description="10000 is the whole payment.", examples=[8500])] | None = (
        None
    )

    def as_wish(self) -> Wish:
        return Wish(self.recipient_id, self.amount, self.bps)


Splits = Annotated[list[SplitInput], Meta(max_length=SPLITS_MAX)]


class SplitBody(msgspec.Struct, kw_only=True):
    """A recipient's part of the whole payment. Captures and refunds of less move it in proportion."""

    recipient_id: str
    amount: MoneyBody
    bps: int | None


def split_bodies(payment: PaymentRow) -> list[SplitBody]:
    return [
        SplitBody(
            recipient_id=part.recipient_id, amount=money_body(Money(part.amount_minor, payment.currency)), bps=part.bps
        )
        for part in payment.splits or ()
    ]
