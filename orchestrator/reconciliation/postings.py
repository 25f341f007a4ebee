"""What settlement lines mean for the ledger: fees and payouts when they are imported, unexplained money when it is found."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Fee and payout postings of a line, none for a repeat: that moved no money."""
    if line.is_repeat:
        return []
    cost = -line.net if line.line_type is LineType.FEE else line.fee
    postings = []
    if cost.minor:
        entries = (_moved(AccountKind.FEES, cost, gateway_account_id),)
        memo = f"fee of {line.gateway_type} {line.natural_key}"
        postings.append(Posting(f"settlement:{line_id}:fee", JournalKind.FEE, entries, memo))
    if line.line_type in (LineType.PAYOUT, LineType.PAYOUT_REVERSAL) and line.gross.minor:
        entries = (_moved(AccountKind.PAYOUT_TRANSIT, -line.gross, gateway_account_id),)
        memo = f"payout {line.payout_ref or line.batch_ref}"
        postings.append(Posting(f"settlement:{line_id}:payout", JournalKind.PAYOUT, entries, memo))
    return postings


def is_orphan(found: Break) -> bool:
    """Whether a break is money at the gateway that nothing in our ledger stands for."""
    return found.line is not None and found.movement is None and found.kind in _ORPHANS


_ORPHANS = frozenset({BreakKind.MISSING_IN_LEDGER, BreakKind.STATUS_MISMATCH, BreakKind.DUPLICATE_CHARGE})


def of_orphan(line: SettlementLine, line_id: str, gateway_account_id: str, turn: int) -> Posting | None:
    """Unexplained money into suspense, gross. `turn` counts how often the line became an orphan."""
    if not line.gross.minor:
        return None
    entries = (_moved(AccountKind.ORPHAN_SUSPENSE, -line.gross, gateway_account_id),)
    memo = f"unexplained {line.line_type} {line.natural_key}"
    return Posting(f"settlement:{line_id}:orphan:{turn}", JournalKind.ORPHAN, entries, memo)


def of_explained_orphan(line: SettlementLine, line_id: str, gateway_account_id: str, turn: int) -> Posting | None:
    """The way back out of suspense, once the line has found its movement."""
    if not line.gross.minor:
        return None
    entries = (_moved(AccountKind.ORPHAN_SUSPENSE, line.gross, gateway_account_id),)
    memo = f"explained {line.line_type} {line.natural_key}"
    return Posting(f"settlement:{line_id}:orphan:{turn}:back", JournalKind.ORPHAN, entries, memo)


def _moved(kind: AccountKind, amount: Money, gateway_account_id: str) -> Entry:
    """`amount` from the gateway's clearing account to the other; a negative one the other way round."""
    clearing = AccountKey(AccountKind.GATEWAY_CLEARING, gateway_account_id)
    other = AccountKey(kind, gateway_account_id)
    if amount.minor < 0:
        return Entry(debit=clearing, credit=other, amount=-amount)
    return Entry(debit=other, credit=clearing, amount=amount)


def totals_by_account(postings: Sequence[Posting]) -> dict[tuple[AccountKind, str], int]:
    """Debit less credit by account kind and currency, in minor units."""
    totals: dict[tuple[AccountKind, str], int] = {}
    for posting in postings:
        for entry in posting.entries:
            for account, sign in ((entry.debit, 1), (entry.credit, -1)):
                key = (account.kind, entry.amount.currency)
                totals[key] = totals.get(key, 0) + sign * entry.amount.minor
    return totals
