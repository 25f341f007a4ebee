"""Settlement lines against movements: one to one, in a fixed order of keys, with nothing left unexplained. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from currency.money import Money
from orchestrator.reconciliation import breaks as explain
from orchestrator.reconciliation.breaks import (
    Break,
    BreakKind,
    FeeModel,
    Match,
    MatchBasis,
    MatchResult,
    Movement,
    MovementKind,
    age_in_days,
)
from orchestrator.reconciliation.conversions import pairs_of
from orchestrator.reconciliation.lines import LineType, SettlementLine

SLA_DAYS = 3

_KINDS = {
    LineType.PAYMENT: MovementKind.PAYMENT,
    LineType.REFUND: MovementKind.REFUND,
    LineType.CHARGEBACK: MovementKind.DISPUTE,
    LineType.CHARGEBACK_REVERSAL: MovementKind.DISPUTE_REVERSAL,
}
_TRANSFERS = {False: MovementKind.SPLIT_TRANSFER, True: MovementKind.SPLIT_REVERSAL}  # by whether money came back
_TAKES = frozenset({LineType.REFUND, LineType.CHARGEBACK})  # gross is negative on these lines
_ACCOUNT_ROWS = frozenset({LineType.FEE, LineType.CARRY, LineType.RESERVE_HOLD, LineType.RESERVE_RELEASE})

LineKey = Callable[[SettlementLine, Money], tuple[Hashable, ...]]
_Pair = tuple[SettlementLine, Movement, MatchBasis]
MovementKey = Callable[[Movement], tuple[Hashable, ...]]


@dataclass(frozen=True, slots=True)
class _Level:
    """One match key: the same tuple on both sides. The first element must not be empty."""

    basis: MatchBasis
    of_line: LineKey
    of_movement: MovementKey


# Our own ids first, the gateway's second; within an id the closest amount (several refunds share one attempt).
_LEVELS = (
    _Level(MatchBasis.OPERATION_ID, lambda line, _: (line.operation_reference,), lambda mov: (mov.operation_id,)),
    _Level(
        MatchBasis.ATTEMPT_ID,
        lambda line, _: (line.attempt_reference and line.gateway_operation_id, line.attempt_reference),
        lambda mov: (mov.attempt_id and mov.gateway_operation_id, mov.attempt_id),
    ),
    _Level(
        MatchBasis.ATTEMPT_ID,
        lambda line, amount: (line.attempt_reference, amount),
        lambda mov: (mov.attempt_id, mov.amount),
    ),
    _Level(MatchBasis.ATTEMPT_ID, lambda line, _: (line.attempt_reference,), lambda mov: (mov.attempt_id,)),
    _Level(
        MatchBasis.GATEWAY_OPERATION_ID,
        lambda line, _: (line.gateway_operation_id,),
        lambda mov: (mov.gateway_operation_id,),
    ),
    _Level(
        MatchBasis.GATEWAY_PAYMENT_ID,
        lambda line, amount: (line.gateway_payment_id, amount),
        lambda mov: (mov.gateway_payment_id, mov.amount),
    ),
    _Level(
        MatchBasis.GATEWAY_PAYMENT_ID,
        lambda line, _: (line.gateway_payment_id,),
        lambda mov: (mov.gateway_payment_id,),
    ),
)


@dataclass(slots=True)
class _Board:
    """The state of one matching: what is still open, and what was concluded."""

    as_of: datetime
    fee_models: Mapping[str, FeeModel]
    tolerance_minor: int
    reversed_rests: Mapping[str, int]
    open_lines: list[SettlementLine]
    open_movements: list[Movement]
    pairs: list[_Pair] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    def charged(self, line: SettlementLine) -> Money:
        """What the line says was moved, positive; an under-capture is the charge less its reversal."""
        if line.line_type in _TAKES or _kind_of(line) is MovementKind.SPLIT_TRANSFER:
            return -line.gross
        if line.line_type is not LineType.PAYMENT:
            return line.gross
        return Money(line.gross.minor + self.reversed_rests.get(line.gateway_operation_id, 0), line.gross.currency)

    def compared(self, line: SettlementLine, currency: str) -> Money:
        """The amount to compare: in the customer's currency where the report has that, and it is the one we know."""
        facing = line.customer_facing
        if facing is None or line.gross.currency == currency or facing.currency != currency:
            return self.charged(line)
        return -facing if line.line_type in _TAKES else facing


def match(
    lines: Sequence[SettlementLine],
    movements: Sequence[Movement],
    as_of: datetime,
    sla_days: int = SLA_DAYS,
    fee_models: Mapping[str, FeeModel] | None = None,
    *,
    known: Mapping[str, str] | None = None,
    attempt_states: Mapping[str, str] | None = None,
    tolerance_minor: int = 0,
) -> MatchResult:
    """Lines and movements of one gateway account; the order of either does not matter.

    `fee_models` by gateway account id. `known` are pairs (line key, movement id) of earlier runs, which stay together.
    `attempt_states` are attempts of ours without a movement, and how we have them recorded. A movement is due, and
    missing when no line is there, once it is older than `sla_days`. Raises ValueError when two movements share an id.
    """
    if len({movement.movement_id for movement in movements}) != len(movements):
        raise ValueError("two movements share a movement_id")
    originals, repeats = _without_repeats(lines)
    board = _Board(
        as_of=as_of,
        fee_models=fee_models or {},
        tolerance_minor=tolerance_minor,
        reversed_rests=_reversed_rests(originals),
        open_lines=[line for line in originals if _kind_of(line) is not None],
        open_movements=sorted(movements, key=lambda movement: (movement.occurred_at, movement.movement_id)),
    )
    board.breaks.extend(explain.duplicate_line(line, as_of) for line in repeats)
    _keep_known_pairs(board, known or {})
    for level in _LEVELS:
        _pair_up(board, level)
    _judge_pairs(board)
    _judge_open_lines(board, attempt_states or {})
    _judge_other_lines(board, originals)
    expected = _judge_open_movements(board, sla_days)
    return MatchResult(tuple(board.matches), tuple(board.breaks), expected)


def _kind_of(line: SettlementLine) -> MovementKind | None:
    """The kind of movement that explains a line; None where the gateway itself does."""
    if line.line_type is LineType.TRANSFER:
        return _TRANSFERS[line.gross.minor > 0]
    return _KINDS.get(line.line_type)


def _order(line: SettlementLine) -> tuple[datetime, str, int, str]:
    return (line.occurred_at, line.line_key, line.row_no, line.row_hash)


def _without_repeats(lines: Sequence[SettlementLine]) -> tuple[list[SettlementLine], list[SettlementLine]]:
    """The first line of each natural key (the one whose key is unmarked), and the others."""
    originals: dict[str, SettlementLine] = {}
    repeats: list[SettlementLine] = []
    for line in sorted(lines, key=lambda line: (line.is_repeat, *_order(line))):
        if line.is_repeat or line.natural_key in originals:
            repeats.append(line)
        else:
            originals[line.natural_key] = line
    return sorted(originals.values(), key=_order), repeats


def _reversed_rests(lines: Sequence[SettlementLine]) -> dict[str, int]:
    """By charge, what was authorised, booked as charged, and taken back because less was captured (negative)."""
    rests: dict[str, int] = {}
    for line in lines:
        if line.line_type is LineType.CAPTURE_REVERSAL:
            rests[line.gateway_operation_id] = rests.get(line.gateway_operation_id, 0) + line.gross.minor
    return rests


def _keep_known_pairs(board: _Board, known: Mapping[str, str]) -> None:
    by_id = {movement.movement_id: movement for movement in board.open_movements}
    taken = []
    for line in board.open_lines:
        movement = by_id.pop(known.get(line.line_key, ""), None)
        if movement is not None:
            taken.append((line, movement, MatchBasis.KNOWN))
    _take(board, taken)


def _take(board: _Board, pairs: Sequence[_Pair]) -> None:
    """Conclude the pairs: what is taken is open no more."""
    lines = {line.line_key for line, _, _ in pairs}
    movements = {movement.movement_id for _, movement, _ in pairs}
    board.pairs.extend(pairs)
    board.open_lines = [line for line in board.open_lines if line.line_key not in lines]
    board.open_movements = [movement for movement in board.open_movements if movement.movement_id not in movements]


def _pair_up(board: _Board, level: _Level) -> None:
    """Pair what shares the level's key, the earliest first; what is taken is out of the later levels."""
    waiting: dict[Hashable, list[Movement]] = {}
    for movement in board.open_movements:
        key = level.of_movement(movement)
        if key[0]:
            waiting.setdefault((movement.kind, *key), []).append(movement)
    taken = []
    for line in board.open_lines:
        key = level.of_line(line, board.charged(line))
        candidates = waiting.get((_kind_of(line), *key), []) if key[0] else []
        found = next((movement for movement in candidates if _may_be_one(line, movement)), None)
        if found is not None:
            candidates.remove(found)
            taken.append((line, found, level.basis))
    _take(board, taken)


def _may_be_one(line: SettlementLine, movement: Movement) -> bool:
    """A refund that names another operation is another refund, even of the same attempt."""
    if line.operation_reference and movement.operation_id and line.operation_reference != movement.operation_id:
        return False
    if line.line_type is not LineType.REFUND or line.operation_reference:
        return True
    ids = {line.gateway_operation_id, movement.gateway_operation_id} - {""}
    return len(ids) < 2


def _judge_pairs(board: _Board) -> None:
    settled: dict[str, Movement] = {}
    for line, movement, basis in sorted(board.pairs, key=lambda pair: (pair[1].occurred_at, pair[1].movement_id)):
        found = _difference(board, line, movement)
        if movement.kind is MovementKind.PAYMENT and movement.payment_id:
            first = settled.setdefault(movement.payment_id, movement)
            if first.attempt_id != movement.attempt_id and (found is None or found.kind is BreakKind.FEE_MISMATCH):
                found = explain.duplicate_charge(line, movement, first, board.as_of)
        if found is None:
            board.matches.append(Match(line, basis, movement))
        else:
            board.breaks.append(found)


def _difference(board: _Board, line: SettlementLine, movement: Movement) -> Break | None:
    actual = board.compared(line, movement.amount.currency)
    if actual.currency != movement.amount.currency:
        return explain.pair_break(BreakKind.CURRENCY_MISMATCH, line, movement, movement.amount, actual, board.as_of)
    if abs(actual.minor - movement.amount.minor) > board.tolerance_minor:
        return explain.pair_break(BreakKind.AMOUNT_MISMATCH, line, movement, movement.amount, actual, board.as_of)
    fee = _expected_fee(board, line, movement)
    if fee is not None and (fee.currency != line.fee.currency or fee != line.fee):
        return explain.pair_break(BreakKind.FEE_MISMATCH, line, movement, fee, line.fee, board.as_of)
    return None


def _expected_fee(board: _Board, line: SettlementLine, movement: Movement) -> Money | None:
    """The movement's own, else by the account's model for payments settled in the currency they were charged in."""
    if movement.expected_fee is not None:
        return movement.expected_fee
    model = board.fee_models.get(movement.gateway_account_id)
    if model is None or movement.kind is not MovementKind.PAYMENT or line.fee.currency != movement.amount.currency:
        return None
    return model.expected_fee(movement.amount)


def _judge_open_lines(board: _Board, attempt_states: Mapping[str, str]) -> None:
    """Lines that a movement should explain, without one: charged twice, recorded otherwise, or unknown to us."""
    payments = [movement for _, movement, _ in board.pairs if movement.kind is MovementKind.PAYMENT]
    payments.sort(key=lambda movement: (movement.occurred_at, movement.movement_id), reverse=True)
    by_attempt = {movement.attempt_id: movement for movement in payments if movement.attempt_id}
    by_gateway = {movement.gateway_payment_id: movement for movement in payments if movement.gateway_payment_id}
    for line in board.open_lines:
        is_payment = line.line_type is LineType.PAYMENT
        settled = by_attempt.get(line.attempt_reference) or by_gateway.get(line.gateway_payment_id)
        if is_payment and settled is not None:
            board.breaks.append(explain.duplicate_charge(line, None, settled, board.as_of))
        elif is_payment and line.attempt_reference in attempt_states:
            board.breaks.append(explain.status_mismatch(line, attempt_states[line.attempt_reference], board.as_of))
        else:
            board.breaks.append(explain.missing_in_ledger(line, board.as_of))


def _judge_other_lines(board: _Board, lines: Sequence[SettlementLine]) -> None:
    """Fees and payouts are the gateway's own; whatever else moved money has nothing in our ledger against it."""
    totals = _batch_totals(lines)
    charges = {line.gateway_operation_id for line, _, _ in board.pairs if line.line_type is LineType.PAYMENT}
    exchanged = {line.line_key for pair in pairs_of(lines) for line in pair}
    for line in lines:
        if _kind_of(line) is not None:
            continue
        if line.line_type is LineType.PAYOUT:
            _judge_payout(board, line, totals)
        elif line.line_type in _ACCOUNT_ROWS or line.line_key in exchanged:
            board.matches.append(Match(line, MatchBasis.ACCOUNT_ROW))
        elif line.line_type is LineType.CAPTURE_REVERSAL and line.gateway_operation_id in charges:
            board.matches.append(Match(line, MatchBasis.PART_OF_CAPTURE))
        else:
            board.breaks.append(explain.missing_in_ledger(line, board.as_of))


def _batch_totals(lines: Sequence[SettlementLine]) -> dict[tuple[str, str], tuple[int, int]]:
    """By batch and currency: what its lines earned, and what was paid out."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for line in lines:
        earned, paid = totals.get((line.batch_ref, line.net.currency), (0, 0))
        if line.line_type is LineType.PAYOUT:
            paid -= line.net.minor
        else:
            earned += line.net.minor
        totals[line.batch_ref, line.net.currency] = (earned, paid)
    return totals


def _judge_payout(board: _Board, line: SettlementLine, totals: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    if not line.batch_ref:
        board.matches.append(Match(line, MatchBasis.ACCOUNT_ROW))
        return
    currency = line.net.currency
    earned, paid = totals[line.batch_ref, currency]
    if earned == paid:
        board.matches.append(Match(line, MatchBasis.BATCH_TOTAL))
    else:
        board.breaks.append(explain.payout_mismatch(line, Money(earned, currency), Money(paid, currency), board.as_of))


def _judge_open_movements(board: _Board, sla_days: int) -> tuple[Movement, ...]:
    """Breaks for movements that should have been settled by now; the others are returned as expected."""
    expected: list[Movement] = []
    for movement in board.open_movements:
        if age_in_days(movement.occurred_at, board.as_of) > sla_days:
            board.breaks.append(explain.missing_at_gateway(movement, board.as_of, sla_days))
        else:
            expected.append(movement)
    return tuple(expected)
