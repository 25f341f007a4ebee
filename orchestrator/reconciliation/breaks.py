"""What a reconciliation concludes: movements, matches, breaks, and the sentences in which a break explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from currency.money import Money
from orchestrator.reconciliation.lines import LineType, SettlementLine, in_words


class MovementKind(StrEnum):
    """Money that our ledger says moved at a gateway."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"  # funds that the gateway withdrew
    DISPUTE_REVERSAL = "dispute_reversal"  # and gave back
    SPLIT_TRANSFER = "split_transfer"  # a part that was sent to a recipient
    SPLIT_REVERSAL = "split_reversal"  # and taken back


class MatchBasis(StrEnum):
    """Why a line counts as explained."""

    KNOWN = "known"  # matched in an earlier run, or by a person
    OPERATION_ID = "operation_id"
    ATTEMPT_ID = "attempt_id"
    GATEWAY_OPERATION_ID = "gateway_operation_id"
    GATEWAY_PAYMENT_ID = "gateway_payment_id"
    PART_OF_CAPTURE = "part_of_capture"  # the reversed rest of a full charge
    BATCH_TOTAL = "batch_total"  # a payout that its batch adds up to
    ACCOUNT_ROW = "account_row"  # a fee, a withdrawal, a carry: nothing of ours stands against it


class BreakKind(StrEnum):
    """What is wrong, worst first where one line has several."""

    CURRENCY_MISMATCH = "currency_mismatch"
    STATUS_MISMATCH = "status_mismatch"
    DUPLICATE_CHARGE = "duplicate_charge"
    AMOUNT_MISMATCH = "amount_mismatch"
    FEE_MISMATCH = "fee_mismatch"
    MISSING_AT_GATEWAY = "missing_at_gateway"
    MISSING_IN_LEDGER = "missing_in_ledger"
    DUPLICATE_LINE = "duplicate_line"
    PAYOUT_MISMATCH = "payout_mismatch"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved by our ledger. `amount` is positive; `expected_fee` overrides the account's fee model."""

    movement_id: str
    kind: MovementKind
    gateway_account_id: str
    amount: Money
    occurred_at: datetime
    payment_id: str = ""
    attempt_id: str = ""
    operation_id: str = ""
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    expected_fee: Money | None = None


@dataclass(frozen=True, slots=True)
class FeeModel:
    """What a gateway account costs per captured payment: basis points (249 is 2.49 %) and a fixed part by currency.

    With a fixed part for some currencies, a currency without one has no expected fee.
    """

    bps: int | Decimal
    fixed_minor: Mapping[str, int] = field(default_factory=dict)

    def expected_fee(self, amount: Money) -> Money | None:
        """The percentage rounded half up to the minor unit, plus the fixed part."""
        if self.fixed_minor and amount.currency not in self.fixed_minor:
            return None
        share = (Decimal(amount.minor) * self.bps / 10_000).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return Money(int(share) + self.fixed_minor.get(amount.currency, 0), amount.currency)


@dataclass(frozen=True, slots=True)
class Match:
    """A line that is explained, by a movement or by the gateway's own totals."""

    line: SettlementLine
    basis: MatchBasis
    movement: Movement | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A difference that a person must look at. At least one of line and movement is there."""

    kind: BreakKind
    reason: str
    age_days: int
    line: SettlementLine | None = None
    movement: Movement | None = None
    expected: Money | None = None
    actual: Money | None = None


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Every line is in one match or break; every movement in one of them, or in `expected` while it is not due."""

    matches: tuple[Match, ...]
    breaks: tuple[Break, ...]
    expected: tuple[Movement, ...]


def age_in_days(since: datetime, as_of: datetime) -> int:
    return max(0, (as_of - since).days)


def duplicate_line(line: SettlementLine, as_of: datetime) -> Break:
    reason = (
        f"Line {line.row_no} repeats a line that is already there ({line.natural_key}). It was not counted again. "
        "If its amounts differ from the first, ask the gateway which of them is right."
    )
    return Break(BreakKind.DUPLICATE_LINE, reason, age_in_days(line.occurred_at, as_of), line=line, actual=line.gross)


def missing_at_gateway(movement: Movement, as_of: datetime, sla_days: int) -> Break:
    age = age_in_days(movement.occurred_at, as_of)
    reason = (
        f"We recorded a {in_text(movement.kind)} of {in_words(movement.amount)} ({named_by(movement)}) {age} days ago, "
        f"but no report of the gateway shows it, and it should be there within {sla_days} days. Check whether a "
        "report is missing, then ask the gateway."
    )
    return Break(BreakKind.MISSING_AT_GATEWAY, reason, age, movement=movement, expected=movement.amount)


def missing_in_ledger(line: SettlementLine, as_of: datetime) -> Break:
    what = line.line_type.value.replace("_", " ")
    reference = line.gateway_operation_id or line.gateway_payment_id or line.natural_key
    remedy = (
        "It was made outside Clearway, or its notice was lost. Find it at the gateway, then record or refund it."
        if line.line_type in (LineType.PAYMENT, LineType.REFUND)
        else "Find the reason at the gateway, then record it."
    )
    reason = (
        f"The gateway reports a {what} of {in_words(line.gross)} ({reference}) that our ledger does not have. {remedy}"
    )
    age = age_in_days(line.occurred_at, as_of)
    return Break(BreakKind.MISSING_IN_LEDGER, reason, age, line=line, actual=line.gross)


def status_mismatch(line: SettlementLine, our_state: str, as_of: datetime) -> Break:
    reason = (
        f"The gateway settled {in_words(line.gross)} for attempt {line.attempt_reference}, which we recorded as "
        f"{our_state}. The customer may have been charged twice. Check the payment, then record or refund this charge."
    )
    age = age_in_days(line.occurred_at, as_of)
    return Break(BreakKind.STATUS_MISMATCH, reason, age, line=line, actual=line.gross)


def duplicate_charge(line: SettlementLine, movement: Movement | None, other: Movement, as_of: datetime) -> Break:
    first = named_by(other)
    what = f"payment {other.payment_id}" if other.payment_id else f"attempt {other.attempt_id}"
    reason = (
        f"The gateway settled {in_words(line.gross)} for {what}, which is settled already ({first}). The customer was "
        "charged twice. Refund one of the two, unless that was done."
    )
    age = age_in_days(line.occurred_at, as_of)
    return Break(BreakKind.DUPLICATE_CHARGE, reason, age, line=line, movement=movement, actual=line.gross)


def payout_mismatch(line: SettlementLine, expected: Money, actual: Money, as_of: datetime) -> Break:
    reason = (
        f"The payout {line.payout_ref or line.batch_ref} is {in_words(actual)}, but the lines of its batch add up to "
        f"{in_words(expected)}. Check whether rows of the report could not be read, then ask the gateway."
    )
    age = age_in_days(line.occurred_at, as_of)
    return Break(BreakKind.PAYOUT_MISMATCH, reason, age, line=line, expected=expected, actual=actual)


def pair_break(
    kind: BreakKind, line: SettlementLine, movement: Movement, expected: Money, actual: Money, as_of: datetime
) -> Break:
    """A line and its movement that disagree in currency, amount or fee."""
    noun = {BreakKind.CURRENCY_MISMATCH: "currency", BreakKind.AMOUNT_MISMATCH: "amount"}.get(kind, "fee")
    difference = f", a difference of {in_words(actual - expected)}" if actual.currency == expected.currency else ""
    remedy = {
        "currency": "Check in which currency the customer was charged.",
        "amount": "Check for a partial capture or a surcharge at the gateway.",
        "fee": "Compare with your contract's prices, then claim the difference or update the fee model.",
    }[noun]
    reason = (
        f"The {noun} of the {in_text(movement.kind)} {named_by(movement)} differs: we expect {in_words(expected)}, the "
        f"gateway reports {in_words(actual)}{difference}. {remedy}"
    )
    age = age_in_days(line.occurred_at, as_of)
    return Break(kind, reason, age, line=line, movement=movement, expected=expected, actual=actual)


def in_text(kind: MovementKind) -> str:
    """The kind as people say it: `dispute reversal`."""
    return kind.value.replace("_", " ")


def named_by(movement: Movement) -> str:
    """The id under which people find the movement."""
    return movement.attempt_id or movement.payment_id or movement.gateway_payment_id or movement.movement_id
