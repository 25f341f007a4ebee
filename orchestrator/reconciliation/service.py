"""The verbs of reconciliation: take a report in, reconcile a merchant, list the breaks."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from currency.money import Money
from orchestrator.card_numbers import mask_card_numbers_in
from orchestrator.db import transaction
from orchestrator.disputes import store as disputes
from orchestrator.fx import worth
from orchestrator.ledger import rules
from orchestrator.ledger import service as ledger
from orchestrator.ledger.service import JournalKind
from orchestrator.ledger.store import MovementRow, gateway_movements
from orchestrator.reconciliation import conversions, store, terms
from orchestrator.reconciliation.breaks import Break, BreakKind, FeeModel, MatchResult, Movement, MovementKind
from orchestrator.reconciliation.detect import read_report
from orchestrator.reconciliation.errors import FileTooLarge
from orchestrator.reconciliation.lines import FileUnreadable, LineType, ParsedFile, ReportOwner, SettlementLine
from orchestrator.reconciliation.matching import SLA_DAYS, match
from orchestrator.reconciliation.postings import Posting, is_orphan, of_imported_line, of_suspense_turn
from orchestrator.reconciliation.states import BreakState, FileState
from orchestrator.reconciliation.store import BreakRow, FileRow, StoredLine

FILE_BYTES_MAX = 64 * 1024 * 1024
ERRORS_KEPT_MAX = 200
BREAKS_PAGE_MAX = 1000
FILES_PAGE_MAX = 200
_OF_DISPUTES = (LineType.CHARGEBACK, LineType.CHARGEBACK_REVERSAL)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a file. `new_lines` is 0 when all its lines were there already; `error` is for people."""

    file_id: str
    state: FileState
    lines: int
    new_lines: int
    error: str = ""
    already_imported: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """A reconciliation: lines looked at, lines matched, open breaks by kind, movements not due yet."""

    lines: int
    matched: int
    breaks_by_kind: Mapping[BreakKind, int] = field(default_factory=dict)
    expected: int = 0


async def import_file(
    merchant_id: str,
    gateway_account_id: str,
    name: str,
    content: bytes,
    at: datetime,
    *,
    owner: ReportOwner | None = None,
) -> ImportResult:
    """Store a report and its lines, and post its fees and payouts; the same file or line again changes nothing.

    A file that cannot be read, or is another account's (than `owner`, where it is told), ends in state `failed`, with
    `error` naming the line and the remedy; bad rows do not block the others. Raises FileTooLarge.
    """
    if len(content) > FILE_BYTES_MAX:
        raise FileTooLarge(len(content), FILE_BYTES_MAX)
    sha256 = hashlib.sha256(content).hexdigest()
    kept = await asyncio.to_thread(mask_card_numbers_in, content)
    async with transaction():
        file = await store.receive_file(merchant_id, gateway_account_id, name, sha256, kept, at)
    if file.state in (FileState.PARSED, FileState.PARSED_WITH_ERRORS):
        return _seen_before(file)
    try:
        parsed = await asyncio.to_thread(read_report, name, content)  # a large file must not hold up the event loop
        if owner is not None:
            _require_report_of(owner, parsed)
    except FileUnreadable as error:
        async with transaction():
            await store.finish_file(file.id, FileState.FAILED, report_format=None, error=str(error), lines=0)
        return ImportResult(file.id, FileState.FAILED, 0, 0, str(error))
    return await _store_parsed(merchant_id, gateway_account_id, file, parsed, at)


async def reconcile(
    merchant_id: str,
    as_of: datetime,
    *,
    sla_days: int = SLA_DAYS,
    fee_models: Mapping[str, FeeModel] | None = None,
    attempt_states: Mapping[str, str] | None = None,
) -> RunResult:
    """Match every line of the merchant with the ledger, keep matches and breaks, and put unexplained money in suspense.

    `fee_models` by gateway account id (None: the contract fees). `attempt_states` names attempts that our side does not
    hold for captured (None: all of them). A run again changes nothing; breaks whose difference is gone are resolved;
    what a person resolved stays so.
    """
    async with transaction():
        await store.lock_merchant(merchant_id)
        fee_models = await terms.contract_fees(merchant_id) if fee_models is None else fee_models
        attempt_states = await terms.uncaptured_attempts(merchant_id) if attempt_states is None else attempt_states
        runs = await _match_accounts(merchant_id, as_of, sla_days, fee_models, attempt_states)
        counted: Counter[BreakKind] = Counter()
        for run in runs:
            await _keep_matches(merchant_id, run, as_of)
            counted.update(await _keep_breaks(merchant_id, run, as_of))
            await _turn_suspense(merchant_id, run, as_of)
            await _post_exchanges(merchant_id, run, as_of)
        await store.clear_other_breaks(merchant_id, [key for run in runs for key in run.break_keys()], as_of)
    return RunResult(
        lines=sum(len(run.lines) for run in runs),
        matched=sum(len(run.result.matches) for run in runs),
        breaks_by_kind=dict(counted),
        expected=sum(len(run.result.expected) for run in runs),
    )


async def list_breaks(
    merchant_id: str,
    *,
    state: BreakState | None = BreakState.OPEN,
    kind: BreakKind | None = None,
    gateway_account_id: str = "",
    after: str = "",
    limit: int = 100,
) -> list[BreakRow]:
    """Breaks, oldest first; `after` is the id of the last one of the page before."""
    return await store.breaks(
        merchant_id,
        state=state.value if state else "",
        kind=kind.value if kind else "",
        gateway_account_id=gateway_account_id,
        after=after,
        limit=min(limit, BREAKS_PAGE_MAX),
    )


async def list_files(merchant_id: str, limit: int = 50) -> list[FileRow]:
    """Imported files, the newest first."""
    return await store.files(merchant_id, min(limit, FILES_PAGE_MAX))


def _require_report_of(owner: ReportOwner, parsed: ParsedFile) -> None:
    """What is posted stays, so a file at the wrong account is stopped before it. Raises FileUnreadable."""
    found = parsed.report_format.gateway
    if found != owner.gateway:
        raise FileUnreadable(
            f"line 1: this is a report of {found}, and the account is one of {owner.gateway}. Import it for that one."
        )
    strangers = parsed.merchant_accounts - {owner.merchant_account}
    if owner.merchant_account and strangers:
        raise FileUnreadable(
            f"line 2: this report is of {', '.join(sorted(strangers))}, and the account is {owner.merchant_account}. "
            "Import it for the right one; of a report over several accounts, import each account's own."
        )


def _seen_before(file: FileRow) -> ImportResult:
    return ImportResult(file.id, file.state, file.lines, 0, file.error or "", already_imported=True)


async def _store_parsed(
    merchant_id: str, gateway_account_id: str, file: FileRow, parsed: ParsedFile, at: datetime
) -> ImportResult:
    complaints = [str(error) for error in parsed.errors] + [str(check) for check in parsed.failed_checks]
    state = FileState.PARSED_WITH_ERRORS if complaints else FileState.PARSED
    error = "\n".join(complaints[:ERRORS_KEPT_MAX])
    async with transaction():
        await store.lock_merchant(merchant_id)
        finished = await store.finish_file(
            file.id,
            state,
            report_format=parsed.report_format.value,
            error=error or None,
            lines=len(parsed.lines),
        )
        if not finished:  # another import of the same content was first
            return ImportResult(file.id, state, len(parsed.lines), 0, error, already_imported=True)
        lines = await _without_known(gateway_account_id, parsed.lines)
        fresh = await store.insert_lines(merchant_id, gateway_account_id, file.id, lines)
        for stored in fresh:
            exchange = conversions.of_line(stored.line, stored.id, gateway_account_id)
            for posting in (*of_imported_line(stored.line, stored.id, gateway_account_id), *filter(None, [exchange])):
                await _post(merchant_id, gateway_account_id, posting, stored.line, stored.line.occurred_at)
            if stored.line.line_type in _OF_DISPUTES and stored.line.fee.minor and not stored.line.is_repeat:
                await disputes.add_fee(gateway_account_id, stored.line.gateway_operation_id, stored.line.fee)
    return ImportResult(file.id, state, len(parsed.lines), len(fresh), error)


async def _without_known(gateway_account_id: str, lines: Sequence[SettlementLine]) -> list[SettlementLine]:
    """Lines of earlier files drop out; one that now tells of other money stays, as a repeat with a key of its own."""
    known = await store.lines_by_key(gateway_account_id, [line.line_key for line in lines])
    kept = []
    for line in lines:
        before = known.get(line.line_key)
        if before is None:
            kept.append(line)
        elif not line.says_the_same(before):
            kept.append(replace(line, line_key=f"{line.line_key}~{line.row_hash[:12]}"))
    return kept


async def _post(merchant_id: str, account_id: str, posting: Posting, line: SettlementLine, at: datetime) -> None:
    await ledger.post(
        posting.journal_key,
        posting.entries,
        merchant_id=merchant_id,
        kind=posting.kind,
        at=at,
        memo=posting.memo,
        references=ledger.References(
            gateway_account_id=account_id,
            attempt_id=line.attempt_reference[:40],
            operation_id=line.operation_reference[:40],
            gateway_payment_id=line.gateway_payment_id[:120],
            gateway_operation_id=line.gateway_operation_id[:120],
        ),
    )


@dataclass(frozen=True, slots=True)
class _AccountRun:
    """The matching of one gateway account, with the stored lines by their key."""

    gateway_account_id: str
    lines: Mapping[str, StoredLine]
    known: Mapping[str, str]
    result: MatchResult

    def line_id(self, found: Break) -> str | None:
        return self.lines[found.line.line_key].id if found.line else None

    def break_keys(self) -> list[str]:
        return [store.break_key(self.gateway_account_id, self.line_id(found), found) for found in self.result.breaks]


async def _match_accounts(
    merchant_id: str,
    as_of: datetime,
    sla_days: int,
    fee_models: Mapping[str, FeeModel] | None,
    attempt_states: Mapping[str, str] | None,
) -> list[_AccountRun]:
    lines = await store.lines_of(merchant_id)
    movements = [_movement(row) for row in await gateway_movements(merchant_id)]
    pairs = {row.line_id: row.movement_id for row in await store.matches_of(merchant_id) if row.movement_id}
    accounts = sorted({stored.gateway_account_id for stored in lines} | {mov.gateway_account_id for mov in movements})
    runs = []
    for account_id in accounts:
        own = {stored.line.line_key: stored for stored in lines if stored.gateway_account_id == account_id}
        known = {key: pairs[stored.id] for key, stored in own.items() if stored.id in pairs}
        result = await asyncio.to_thread(  # a year's lines take seconds, in which the event loop has payments to serve
            match,
            [stored.line for stored in own.values()],
            [movement for movement in movements if movement.gateway_account_id == account_id],
            as_of,
            sla_days,
            fee_models,
            known=known,
            attempt_states=attempt_states,
        )
        runs.append(_AccountRun(account_id, own, known, result))
    return runs


def _movement(row: MovementRow) -> Movement:
    return Movement(
        movement_id=row.journal_key,
        kind=MovementKind(row.kind),
        gateway_account_id=row.gateway_account_id,
        amount=Money(row.amount_minor, row.currency),
        occurred_at=row.occurred_at,
        payment_id=row.payment_id,
        attempt_id=row.attempt_id,
        operation_id=row.operation_id,
        gateway_payment_id=row.gateway_payment_id,
        gateway_operation_id=row.gateway_operation_id,
    )


async def _keep_matches(merchant_id: str, run: _AccountRun, as_of: datetime) -> None:
    await store.withdraw_matches([line_id for found in run.result.breaks if (line_id := run.line_id(found))])
    for found in run.result.matches:
        if found.line.line_key not in run.known:
            line_id = run.lines[found.line.line_key].id
            await store.insert_match(merchant_id, run.gateway_account_id, line_id, found, as_of)


async def _keep_breaks(merchant_id: str, run: _AccountRun, as_of: datetime) -> list[BreakKind]:
    """The kinds of the breaks that are open now; those that a person resolved stay resolved."""
    return [
        found.kind
        for found in run.result.breaks
        if await store.keep_break(merchant_id, run.gateway_account_id, run.line_id(found), found, as_of)
    ]


async def _turn_suspense(merchant_id: str, run: _AccountRun, as_of: datetime) -> None:
    """Book unexplained lines into suspense, and those that found their movement out of it."""
    orphans = {found.line.line_key for found in run.result.breaks if found.line and is_orphan(found)}
    for key, stored in run.lines.items():
        in_suspense = stored.suspense_turns % 2 == 1
        if (key in orphans) == in_suspense:
            continue
        turn = stored.suspense_turns + 1
        posting = of_suspense_turn(stored.line, stored.id, run.gateway_account_id, turn)
        if posting is not None and await store.turn_suspense(stored.id, turn):
            at = stored.line.occurred_at if turn == 1 else as_of
            await _post(merchant_id, run.gateway_account_id, posting, stored.line, at)


async def _post_exchanges(merchant_id: str, run: _AccountRun, as_of: datetime) -> None:
    """Book what was exchanged at the gateway, and its difference to what was booked; back where a match is gone."""
    lines = [stored.line for stored in run.lines.values()]
    for out, came in conversions.pairs_of(lines):
        posting = conversions.of_pair(out, came, run.lines[out.line_key].id, run.gateway_account_id)
        if posting is not None:
            await _post(merchant_id, run.gateway_account_id, posting, out, out.occurred_at)
    found = {exchange.line.line_key: exchange for exchange in conversions.exchanges(lines, run.result)}
    due = {key: stored for key, stored in run.lines.items() if (key in found) != (stored.conversion_turns % 2 == 1)}
    booked = await worth.booked(merchant_id, [found[key].payment_id for key in due if key in found]) if due else None
    for key, stored in due.items():
        turn = stored.conversion_turns + 1
        if key in found and booked is not None:
            said = found[key]
            value = booked.worth(said.sold, said.came.currency, said.payment_id, said.on)
            posting = conversions.turn_of(said, stored.id, value, run.gateway_account_id, turn)
        else:
            posting = await _taken_back(stored, turn)
        if posting is not None and await store.turn_conversion(stored.id, turn):
            at = stored.line.occurred_at if turn == 1 else as_of
            await _post(merchant_id, run.gateway_account_id, posting, stored.line, at)


async def _taken_back(stored: StoredLine, turn: int) -> Posting | None:
    entries = rules.taken_back(await ledger.entries_of(conversions.turn_key(stored.id, turn - 1)))
    if not entries:
        return None
    kind = JournalKind.CONVERSION if len({entry.amount.currency for entry in entries}) > 1 else JournalKind.ADJUSTMENT
    memo = f"no longer matched: {stored.line.line_type} {stored.line.natural_key}"
    return Posting(conversions.turn_key(stored.id, turn), kind, tuple(entries), memo)
