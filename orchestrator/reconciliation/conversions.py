"""What settlement lines show to have been exchanged: money taken in one currency and paid out in another. Pure.

Gateways tell it in three ways. Adyen: a line's gross is in one currency, its net in another. Stripe: all is in the
settlement currency, and the customer's amount stands beside it. PayPal: two rows for each exchange, out and in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from currency.money import Money
from orchestrator.ledger import rules
from orchestrator.ledger.service import Entry, JournalKind
from orchestrator.reconciliation.breaks import BreakKind, MatchResult, Movement
from orchestrator.reconciliation.lines import LineType, SettlementLine
from orchestrator.reconciliation.postings import Posting

_AGREEING = frozenset({BreakKind.FEE_MISMATCH, BreakKind.DUPLICATE_CHARGE})  # the amounts were found to be the same


@dataclass(frozen=True, slots=True)
class Exchange:
    """`sold` left the balance in the payment's currency and `came` to the one that is paid out; both negative when
    money went back to a customer. Where `is_fact` the line alone shows it, and it is posted without a match."""

    line: SettlementLine
    sold: Money
    came: Money
    payment_id: str
    on: date
    is_fact: bool


def of_line(line: SettlementLine, line_id: str, gateway_account_id: str) -> Posting | None:
    """The exchange of a line whose gross and net are of two currencies (Adyen)."""
    if line.is_repeat or line.gross.currency == line.net.currency:
        return None
    return _posting(line, line_id, line.gross, line.net + line.fee, gateway_account_id)


def of_pair(out: SettlementLine, came: SettlementLine, line_id: str, gateway_account_id: str) -> Posting | None:
    """The exchange of two rows (PayPal); `line_id` is that of the row by which money left."""
    return _posting(out, line_id, -out.gross, came.gross, gateway_account_id)


def pairs_of(lines: Iterable[SettlementLine]) -> list[tuple[SettlementLine, SettlementLine]]:
    """Rows of exchanges that belong together, (out, in): of one transaction, in two currencies, of opposite signs."""
    by_parent: dict[str, list[SettlementLine]] = {}
    for line in lines:
        if line.line_type is LineType.FX and line.gateway_parent_id and not line.is_repeat:
            by_parent.setdefault(line.gateway_parent_id, []).append(line)
    pairs = []
    for found in by_parent.values():
        if len(found) == 2:
            out, came = sorted(found, key=lambda line: line.gross.minor)
            if out.gross.minor < 0 < came.gross.minor and out.gross.currency != came.gross.currency:
                pairs.append((out, came))
    return pairs


def exchanges(lines: Sequence[SettlementLine], result: MatchResult) -> list[Exchange]:
    """Every exchange that stands for a movement of ours, so that one can say at which rate it was booked."""
    rests = _reversed_rests(lines)
    settled = _settled(result)
    found = [exchange for line, movement in settled if (exchange := _of_match(line, movement, rests)) is not None]
    movements = {line.gateway_operation_id: movement for line, movement in settled if line.gateway_operation_id}
    for out, came in pairs_of(lines):
        movement = movements.get(out.gateway_parent_id)
        if movement is not None:
            sold, bought = -out.gross, came.gross
            if sold.currency != movement.amount.currency:  # money went back: the settlement currency was sold
                sold, bought = -bought, -sold
            found.append(Exchange(out, sold, bought, movement.payment_id, movement.occurred_at.date(), True))
    return found


def turn_of(
    exchange: Exchange, line_id: str, worth: Money | None, gateway_account_id: str, turn: int
) -> Posting | None:
    """What a match adds: the exchange, where the line alone does not show it, and its difference to what was booked.

    `worth` is what `sold` was booked as, in the currency that came; None where no rate says so.
    """
    entries = []
    kind = JournalKind.ADJUSTMENT
    if not exchange.is_fact:
        entries += _exchanged(exchange.sold, exchange.came, gateway_account_id)
        kind = JournalKind.CONVERSION
    if worth is not None and (entries or exchange.is_fact):
        entries += rules.revalued(exchange.came - worth)
    if not entries:
        return None
    memo = f"{exchange.line.line_type} {exchange.line.natural_key} settled in {exchange.came.currency}"
    return Posting(turn_key(line_id, turn), kind, tuple(entries), memo)


def turn_key(line_id: str, turn: int) -> str:
    return f"settlement:{line_id}:fx:{turn}"


def _posting(line: SettlementLine, line_id: str, sold: Money, came: Money, gateway_account_id: str) -> Posting | None:
    entries = _exchanged(sold, came, gateway_account_id)
    if not entries:
        return None
    memo = f"{line.gateway_type} {line.natural_key} exchanged for {came.currency}"
    return Posting(f"settlement:{line_id}:conversion", JournalKind.CONVERSION, tuple(entries), memo)


def _exchanged(sold: Money, came: Money, gateway_account_id: str) -> list[Entry]:
    """Nothing where either side rounded to nothing: then there is no rate either."""
    held = rules.clearing(gateway_account_id)
    if sold.minor > 0 < came.minor:
        return rules.converted(sold, came, held, held)
    if sold.minor < 0 > came.minor:
        return rules.converted(-came, -sold, held, held)
    return []


def _settled(result: MatchResult) -> list[tuple[SettlementLine, Movement]]:
    pairs = [(found.line, found.movement) for found in result.matches if found.movement is not None]
    pairs += [
        (found.line, found.movement)
        for found in result.breaks
        if found.line is not None and found.movement is not None and found.kind in _AGREEING
    ]
    return pairs


def _of_match(line: SettlementLine, movement: Movement, rests: Mapping[str, Money]) -> Exchange | None:
    paid, on = movement.amount, movement.occurred_at.date()
    if line.gross.currency != paid.currency:
        sold = paid if line.gross.minor > 0 else -paid
        came = line.gross
        if line.line_type is LineType.PAYMENT and line.gateway_operation_id in rests:
            came += rests[line.gateway_operation_id]
        return Exchange(line, sold, came, movement.payment_id, on, is_fact=False)
    if line.net.currency != line.gross.currency:
        return Exchange(line, line.gross, line.net + line.fee, movement.payment_id, on, is_fact=True)
    return None


def _reversed_rests(lines: Iterable[SettlementLine]) -> dict[str, Money]:
    """By charge, what was taken back because less was captured than authorised."""
    rests: dict[str, Money] = {}
    for line in lines:
        if line.line_type is LineType.CAPTURE_REVERSAL and not line.is_repeat:
            before = rests.get(line.gateway_operation_id, Money(0, line.gross.currency))
            rests[line.gateway_operation_id] = before + line.gross
    return rests
