"""What a settlement file says, in one neutral shape that three writers turn into their gateway's own columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from simulators.fees import Fee
from simulators.rates import converted_minor


class LineKind(StrEnum):
    PAYMENT = "payment"
    CAPTURE_FAILURE = "capture_failure"  # a payment that was settled and never came
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    SECOND_CHARGEBACK = "second_chargeback"
    FEE = "fee"  # of the account, of no movement

    @property
    def sign(self) -> int:
        """What the gross amount does to the balance."""
        return 1 if self in (LineKind.PAYMENT, LineKind.REFUND_FAILURE, LineKind.CHARGEBACK_REVERSAL) else -1

    @property
    def is_dispute(self) -> bool:
        return self in (LineKind.CHARGEBACK, LineKind.CHARGEBACK_REVERSAL, LineKind.SECOND_CHARGEBACK)


@dataclass(frozen=True, slots=True)
class Conversion:
    """`presented_minor` is the unsigned gross in the charge's currency, `source`.

    `source_minor` leaves that balance and `minor` comes to the one in `currency`; both are signed.
    """

    presented_minor: int
    source: str
    source_decimals: int
    source_minor: int
    currency: str
    decimals: int
    minor: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One movement. `amount_minor` is positive; a `fee_minor` below zero comes back. ISO 4217 minor units.

    Where money is converted, Stripe and Adyen convert the gross amount and take their fee of that: `currency` is the
    one paid out. PayPal takes its fee first and converts the net: `currency` is the charge's.
    """

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
    method: str = "card"
    number: int = 1
    """which of its charge's captures it is, from 1"""
    fee: Fee | None = None
    """who gets the fee, where the price list says so; else all is commission"""
    conversion: Conversion | None = None
    dispute_reason: str = ""
    description: str = ""

    @property
    def net_minor(self) -> int:
        """What the balance in the line's currency moves by, but for a conversion: signed, refunds negative."""
        return self.kind.sign * self.amount_minor - self.fee_minor

    @property
    def gross_minor(self) -> int:
        """Signed."""
        return self.kind.sign * self.amount_minor

    @property
    def moves(self) -> dict[str, int]:
        """What the balances that can be paid out move by, minor units by currency."""
        if self.conversion is None or self.conversion.currency == self.currency:
            return {self.currency: self.net_minor}
        left = self.net_minor - self.conversion.source_minor
        return {self.currency: left, self.conversion.currency: self.conversion.minor}


def dearer(line: SettlementLine, extra_minor: int) -> SettlementLine:
    """The same with a higher fee. Where the net was converted, less of it is."""
    costlier = replace(
        line, fee_minor=line.fee_minor + extra_minor, fee=line.fee.plus(extra_minor) if line.fee else None
    )
    conversion = line.conversion
    if conversion is None or conversion.currency == line.currency:
        return costlier
    minor = converted_minor(costlier.net_minor, conversion.source, conversion.currency, conversion.rate)
    return replace(costlier, conversion=replace(conversion, source_minor=costlier.net_minor, minor=minor))


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
