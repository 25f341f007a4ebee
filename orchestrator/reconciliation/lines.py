"""The canonical settlement line that every gateway's report is turned into, and what a parser hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from currency.money import Money, to_major


class ReportFormat(StrEnum):
    """The report formats that can be read."""

    STRIPE = "stripe_payout_reconciliation"
    ADYEN = "adyen_settlement_details"
    PAYPAL = "paypal_settlement"

    @property
    def gateway(self) -> str:
        """Whose report it is."""
        return self.value.partition("_")[0]


class LineType(StrEnum):
    """What a line did to the balance at the gateway."""

    PAYMENT = "payment"
    CAPTURE_REVERSAL = "capture_reversal"  # Stripe books an under-capture as full charge and reversal of the rest
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    FEE = "fee"
    ADJUSTMENT = "adjustment"
    FX = "fx"
    RESERVE_HOLD = "reserve_hold"
    RESERVE_RELEASE = "reserve_release"
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"
    TRANSFER = "transfer"
    CARRY = "carry"  # between two batches of the same account: nothing came and nothing went


class FileUnreadable(ValueError):
    """The file as a whole cannot be read. The text names the line and what to do."""


class RowUnreadable(ValueError):
    """One row cannot be read; the file goes on without it. The text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One row of a report, in our words.

    `gross` and `net` are signed as the balance at the gateway moved (a refund is negative); `fee` is positive when it
    was charged. In one currency `net = gross - fee`. A line of type FEE has its cost in `net` and a zero `fee`.
    `natural_key` is the gateway's identity of the line; `line_key` differs from it when the same key came again.
    `batch_ref` is set where the gateway says which lines a payout is made of (Stripe, Adyen).
    """

    row_no: int
    line_key: str
    natural_key: str
    row_hash: str
    line_type: LineType
    gateway_type: str
    gross: Money
    fee: Money
    net: Money
    occurred_at: datetime
    customer_facing: Money | None = None
    attempt_reference: str = ""
    operation_reference: str = ""
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    gateway_parent_id: str = ""
    batch_ref: str = ""
    payout_ref: str = ""
    raw: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_repeat(self) -> bool:
        """The same line came before: it is shown, and moves no money."""
        return self.line_key != self.natural_key

    def says_the_same(self, other: SettlementLine) -> bool:
        """Whether both tell of the same money: a report fetched again may have more columns, never other amounts."""
        return (self.line_type, self.gross, self.fee, self.net) == (other.line_type, other.gross, other.fee, other.net)


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that could not be read: the line in the file, and a sentence with the remedy."""

    row_no: int
    message: str

    def __str__(self) -> str:
        return f"line {self.row_no}: {self.message}"


@dataclass(frozen=True, slots=True)
class FootingCheck:
    """A total that the file declares against the one that its rows give. `currency` is empty for counts."""

    name: str
    declared: int
    computed: int
    currency: str = ""

    @property
    def holds(self) -> bool:
        return self.declared == self.computed

    def __str__(self) -> str:
        declared, computed = (
            (in_words(Money(n, self.currency)) if self.currency else str(n)) for n in (self.declared, self.computed)
        )
        return f"{self.name}: the file declares {declared}, its rows give {computed}"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a report says: lines in file order, rows that could not be read, and the checks of its own totals."""

    report_format: ReportFormat
    lines: tuple[SettlementLine, ...]
    errors: tuple[RowError, ...] = ()
    footing: tuple[FootingCheck, ...] = ()
    merchant_accounts: frozenset[str] = frozenset()  # whose report it says it is, where the format says so (Adyen)

    @property
    def failed_checks(self) -> tuple[FootingCheck, ...]:
        return tuple(check for check in self.footing if not check.holds)


@dataclass(frozen=True, slots=True)
class ReportOwner:
    """The account that a report must be of: its gateway, and its name there where reports carry it (Adyen)."""

    gateway: str
    merchant_account: str = ""


def major_units(money: Money) -> str:
    """The amount as a plain decimal of major units, all decimals of the currency, no grouping: `-1234.50`."""
    return f"{to_major(money):f}"


def in_words(money: Money) -> str:
    """The amount as a clerk reads it: `19.99 EUR`."""
    return f"{major_units(money)} {money.currency}"
