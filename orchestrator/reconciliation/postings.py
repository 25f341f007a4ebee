"""What settlement lines mean for the ledger: fees, payouts, reserves on import, unexplained money when found."""

from __future__ import annotations

from dataclasses import dataclass

from currency.money import Money
from orchestrator.ledger.service import AccountKey, AccountKind, Entry, JournalKind
from orchestrator.reconciliation.breaks import Break, BreakKind
from orchestrator.reconciliation.lines import LineType, SettlementLine


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal to post: its key, kind, entries (at least one) and memo."""

    journal_key: str
    kind: JournalKind
    entries: tuple[Entry, ...]
    memo: str


def of_imported_line(line: SettlementLine, line_id: str, gateway_account_id: str) -> list[Posting]:
    """Fee, payout and reserve postings of a line, none for a repeat: that moved no money."""
    if line.is_repeat:
        return []
    cost = -line.net if line.line_type is LineType.FEE else line.fee
    postings = []
    if cost.minor:
        entries = (_moved(_cost_account(line), cost, gateway_account_id),)
        memo = f"fee of {line.gateway_type} {line.natural_key}"
        postings.append(Posting(f"settlement:{line_id}:fee", JournalKind.FEE, entries, memo))
    if line.line_type in (LineType.PAYOUT, LineType.PAYOUT_REVERSAL) and line.gross.minor:
        entries = (_moved(AccountKind.PAYOUT_TRANSIT, -line.gross, gateway_account_id),)
        memo = f"payout {line.payout_ref or line.batch_ref}"
        postings.append(Posting(f"settlement:{line_id}:payout", JournalKind.PAYOUT, entries, memo))
    if line.line_type in _OF_RESERVES and line.gross.minor:
        entries = (_moved(AccountKind.RESERVE, -line.gross, gateway_account_id),)
        postings.append(Posting(f"settlement:{line_id}:reserve", JournalKind.RESERVE, entries, str(line.line_type)))
    return postings


def _cost_account(line: SettlementLine) -> AccountKind:
    """What disputes cost stands apart from what payments cost. T0106 is PayPal's fee for a chargeback."""
    of_dispute = line.line_type in (LineType.CHARGEBACK, LineType.CHARGEBACK_REVERSAL) or line.gateway_type == "T0106"
    return AccountKind.DISPUTE_FEES if of_dispute else AccountKind.FEES


def is_orphan(found: Break) -> bool:
    """Whether a break is money at the gateway that nothing in our ledger stands for."""
    if found.line is None or found.line.line_type in _OF_RESERVES:
        return False
    return found.movement is None and found.kind in _ORPHANS


_OF_RESERVES = frozenset({LineType.RESERVE_HOLD, LineType.RESERVE_RELEASE})
_ORPHANS = frozenset({BreakKind.MISSING_IN_LEDGER, BreakKind.STATUS_MISMATCH, BreakKind.DUPLICATE_CHARGE})


def of_suspense_turn(line: SettlementLine, line_id: str, gateway_account_id: str, turn: int) -> Posting | None:
    """Unexplained money into suspense on odd turns, gross; back out on even ones, when the line found its movement."""
    if not line.gross.minor:
        return None
    goes_in = turn % 2 == 1
    entries = (_moved(AccountKind.ORPHAN_SUSPENSE, -line.gross if goes_in else line.gross, gateway_account_id),)
    memo = f"{'unexplained' if goes_in else 'explained'} {line.line_type} {line.natural_key}"
    return Posting(f"settlement:{line_id}:suspense:{turn}", JournalKind.ORPHAN, entries, memo)


def _moved(kind: AccountKind, amount: Money, gateway_account_id: str) -> Entry:
    """`amount` from the gateway's clearing account to the other; a negative one the other way round."""
    clearing = AccountKey(AccountKind.GATEWAY_CLEARING, gateway_account_id)
    other = AccountKey(kind, gateway_account_id)
    if amount.minor < 0:
        return Entry(debit=clearing, credit=other, amount=-amount)
    return Entry(debit=other, credit=clearing, amount=amount)
