"""What a settlement file says, in one neutral shape that three writers turn into their gateway's own columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One captured or refunded amount. `amount_minor` and `fee_minor` are positive, in ISO 4217 minor units."""

    kind: LineKind
    payment_id: str
    """the gateway's own id of the payment: pi_…, pspReference, order id"""
    movement_id: str
    """the gateway's own id of this movement: ch_… or re_…, the modification's pspReference, the capture or refund id"""
    parent_id: str
    """the movement this one takes back (refunds: the charge or capture); empty for a payment"""
    reference: str
    """the merchant's reference of the payment (our attempt id); empty when it was made without one"""
    payment_reference: str
    operation_reference: str
    """the merchant's reference of the capture or refund (our operation id); empty where none was given"""
    amount_minor: int
    fee_minor: int
    currency: str
    decimals: int
    occurred_at: datetime
    brand: str = "visa"

    @property
    def net_minor(self) -> int:
        """What the merchant's balance moves by: signed, refunds negative."""
        if self.kind is LineKind.PAYMENT:
            return self.amount_minor - self.fee_minor
        return -self.amount_minor - self.fee_minor


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """How one currency of a batch closes: `opening_minor + Σ net = payout_minor + closing_minor`."""

    currency: str
    decimals: int
    opening_minor: int
    payout_minor: int
    closing_minor: int
    payout_id: str
    bank_reference: str


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one settlement file says. Lines are in order of currency, then of time."""

    account: str
    number: int
    closed_at: datetime
    lines: tuple[SettlementLine, ...]
    totals: tuple[CurrencyTotal, ...]

    def of_currency(self, currency: str) -> tuple[SettlementLine, ...]:
        return tuple(line for line in self.lines if line.currency == currency)


def in_major_units(minor: int, decimals: int) -> str:
    """1234, 2 -> '12.34'; 1234, 0 -> '1234'; sign kept."""
    return str(Decimal(minor).scaleb(-decimals)) if decimals else str(minor)


def in_hundredths(minor: int, decimals: int) -> int:
    """An amount as PayPal's reports state it: a hundred parts to the unit in every currency, also in yen.

    Raises ValueError for a currency of three decimals: PayPal has none.
    """
    if decimals > 2:
        raise ValueError(f"{decimals} decimals do not fit a file of hundredths")
    return minor * int(10 ** (2 - decimals))
