"""Every query on settlement files, lines, matches and breaks."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from currency.money import Money
from orchestrator.card_numbers import mask_card_numbers
from orchestrator.db import hold
from orchestrator.ids import new_id
from orchestrator.reconciliation.breaks import Break, Match
from orchestrator.reconciliation.lines import LineType, SettlementLine
from orchestrator.reconciliation.states import BreakState, FileState, MatchStatus, Resolution
from orchestrator.reconciliation.tables import SettlementBreak, SettlementFile, SettlementLineRow, SettlementMatch

INSERT_CHUNK = 500  # rows a statement: PostgreSQL takes 32767 parameters, a line has 27 (library trap P14)


class FileRow(msgspec.Struct, frozen=True):
    """A settlement file without its content."""

    id: str
    merchant_id: str
    gateway_account_id: str
    name: str
    state: FileState
    report_format: str | None
    error: str | None
    lines: int
    imported_at: datetime


class BreakRow(msgspec.Struct, frozen=True):
    """A break as stored; amounts in minor units. `actual_currency` is another only in a currency_mismatch."""

    id: str
    merchant_id: str
    gateway_account_id: str
    kind: str
    reason: str
    line_id: str | None
    movement_id: str | None
    expected_minor: int | None
    actual_minor: int | None
    currency: str
    actual_currency: str
    occurred_at: datetime
    state: BreakState
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str | None


class MatchRow(msgspec.Struct, frozen=True):
    line_id: str
    movement_id: str | None
    basis: str


class StoredLine(msgspec.Struct, frozen=True):
    """A line with the id and account that it is stored under."""

    id: str
    gateway_account_id: str
    line: SettlementLine
    suspense_turns: int = 0
    conversion_turns: int = 0


_FILE_COLUMNS = "id, merchant_id, gateway_account_id, name, state, report_format, error, lines, imported_at"
_BREAK_COLUMNS = (
    "id, merchant_id, gateway_account_id, kind, reason, line_id, movement_id, expected_minor, actual_minor, currency, "
    "actual_currency, occurred_at, state, opened_at, resolved_at, resolution"
)


async def lock_merchant(merchant_id: str) -> None:
    """One import or reconciliation of a merchant at a time, until the transaction ends."""
    await hold(f"reconciliation:{merchant_id}")


async def receive_file(
    merchant_id: str, gateway_account_id: str, name: str, sha256: str, content: bytes, at: datetime
) -> FileRow:
    """The file with this content of the account: a new one in state `received`, or the one that is there."""
    await SettlementFile.raw(
        "INSERT INTO settlement_file (id, merchant_id, gateway_account_id, name, sha256, state, lines, "
        "imported_at, content) VALUES ({}, {}, {}, {}, {}, 'received', 0, {}, {}) "
        "ON CONFLICT (gateway_account_id, sha256) DO NOTHING",
        new_id("stf"),
        merchant_id,
        gateway_account_id,
        name[:255],
        sha256,
        at,
        content,
    )
    rows = await SettlementFile.raw(
        f"SELECT {_FILE_COLUMNS} FROM settlement_file WHERE gateway_account_id = {{}} AND sha256 = {{}}",  # noqa: S608
        gateway_account_id,
        sha256,
    )
    return msgspec.convert(rows[0], FileRow)


async def finish_file(
    file_id: str, state: FileState, *, report_format: str | None, error: str | None, lines: int
) -> bool:
    """Move a file on from `received` or `failed`; False when it is done already."""
    rows = await SettlementFile.raw(
        "UPDATE settlement_file SET state = {}, report_format = {}, error = {}, lines = {} "
        "WHERE id = {} AND state IN ('received', 'failed') RETURNING id",
        state.value,
        report_format,
        error,
        lines,
        file_id,
    )
    return bool(rows)


async def files(merchant_id: str, limit: int) -> list[FileRow]:
    """The newest first."""
    rows = await SettlementFile.raw(
        f"SELECT {_FILE_COLUMNS} FROM settlement_file WHERE merchant_id = {{}} "  # noqa: S608
        "ORDER BY imported_at DESC, id DESC LIMIT {}",
        merchant_id,
        limit,
    )
    return msgspec.convert(rows, list[FileRow])


async def insert_lines(
    merchant_id: str, gateway_account_id: str, file_id: str, lines: Sequence[SettlementLine]
) -> list[StoredLine]:
    """Store the lines whose key is new in the account, and return those."""
    fresh: list[StoredLine] = []
    for start in range(0, len(lines), INSERT_CHUNK):
        chunk = lines[start : start + INSERT_CHUNK]
        rows = [_line_row(merchant_id, gateway_account_id, file_id, line) for line in chunk]
        inserted = (
            await SettlementLineRow.insert(*rows)
            .on_conflict(target=(SettlementLineRow.gateway_account_id, SettlementLineRow.line_key), action="DO NOTHING")
            .returning(SettlementLineRow.id, SettlementLineRow.line_key)
        )
        ids = {row["line_key"]: row["id"] for row in inserted}
        fresh += [StoredLine(ids[line.line_key], gateway_account_id, line) for line in chunk if line.line_key in ids]
    return fresh


def _line_row(merchant_id: str, gateway_account_id: str, file_id: str, line: SettlementLine) -> SettlementLineRow:
    facing = line.customer_facing
    return SettlementLineRow(
        id=new_id("stl"),
        file_id=file_id,
        merchant_id=merchant_id,
        gateway_account_id=gateway_account_id,
        row_no=line.row_no,
        line_key=line.line_key,
        natural_key=line.natural_key,
        row_hash=line.row_hash,
        line_type=line.line_type.value,
        gateway_type=line.gateway_type[:80],
        gross_minor=line.gross.minor,
        gross_currency=line.gross.currency,
        fee_minor=line.fee.minor,
        fee_currency=line.fee.currency,
        net_minor=line.net.minor,
        net_currency=line.net.currency,
        customer_minor=facing.minor if facing else None,
        customer_currency=facing.currency if facing else None,
        attempt_reference=line.attempt_reference[:120],
        operation_reference=line.operation_reference[:120],
        gateway_payment_id=line.gateway_payment_id[:120],
        gateway_operation_id=line.gateway_operation_id[:120],
        gateway_parent_id=line.gateway_parent_id[:120],
        batch_ref=line.batch_ref[:255],
        payout_ref=line.payout_ref,
        occurred_at=line.occurred_at,
        raw_row=mask_card_numbers(msgspec.json.encode(dict(line.raw)).decode()),
    )


async def lines_by_key(gateway_account_id: str, keys: Sequence[str]) -> dict[str, SettlementLine]:
    """Stored lines of the account by line key."""
    rows = await SettlementLineRow.raw(
        "SELECT * FROM settlement_line WHERE gateway_account_id = {} AND line_key = ANY({}::text[])",
        gateway_account_id,
        list(keys),
    )
    return {row["line_key"]: _stored_line(row).line for row in rows}


async def lines_of(merchant_id: str) -> list[StoredLine]:
    """Every line of the merchant, oldest first."""
    rows = await SettlementLineRow.raw(
        "SELECT * FROM settlement_line WHERE merchant_id = {} ORDER BY occurred_at, id", merchant_id
    )
    return [_stored_line(row) for row in rows]


def _stored_line(row: dict[str, object]) -> StoredLine:
    def text(name: str) -> str:
        return str(row[name])

    def money(name: str) -> Money:
        return Money(msgspec.convert(row[f"{name}_minor"], int), text(f"{name}_currency"))

    line = SettlementLine(
        row_no=msgspec.convert(row["row_no"], int),
        line_key=text("line_key"),
        natural_key=text("natural_key"),
        row_hash=text("row_hash"),
        line_type=LineType(text("line_type")),
        gateway_type=text("gateway_type"),
        gross=money("gross"),
        fee=money("fee"),
        net=money("net"),
        occurred_at=msgspec.convert(row["occurred_at"], datetime),
        customer_facing=None if row["customer_minor"] is None else money("customer"),
        attempt_reference=text("attempt_reference"),
        operation_reference=text("operation_reference"),
        gateway_payment_id=text("gateway_payment_id"),
        gateway_operation_id=text("gateway_operation_id"),
        gateway_parent_id=text("gateway_parent_id"),
        batch_ref=text("batch_ref"),
        payout_ref=text("payout_ref"),
        raw=msgspec.json.decode(text("raw_row"), type=dict[str, str]),
    )
    turns = msgspec.convert([row["suspense_turns"], row["conversion_turns"]], tuple[int, int])
    return StoredLine(text("id"), text("gateway_account_id"), line, *turns)


async def turn_suspense(line_id: str, turn: int) -> bool:
    """Count the line's way into suspense (odd turns) or out of it; False when another was first."""
    rows = await SettlementLineRow.raw(
        "UPDATE settlement_line SET suspense_turns = {} WHERE id = {} AND suspense_turns = {} RETURNING id",
        turn,
        line_id,
        turn - 1,
    )
    return bool(rows)


async def turn_conversion(line_id: str, turn: int) -> bool:
    """Count that the line's conversion is posted (odd turns) or taken back; False when another was first."""
    rows = await SettlementLineRow.raw(
        "UPDATE settlement_line SET conversion_turns = {} WHERE id = {} AND conversion_turns = {} RETURNING id",
        turn,
        line_id,
        turn - 1,
    )
    return bool(rows)


async def matches_of(merchant_id: str) -> list[MatchRow]:
    """The matches that stand."""
    rows = await SettlementMatch.raw(
        "SELECT line_id, movement_id, basis FROM settlement_match WHERE merchant_id = {} AND status = 'matched'",
        merchant_id,
    )
    return msgspec.convert(rows, list[MatchRow])


async def withdraw_matches(line_ids: Sequence[str]) -> None:
    """Matches of lines that are breaks now."""
    await SettlementMatch.raw(
        "UPDATE settlement_match SET status = 'withdrawn' WHERE line_id = ANY({}::text[]) AND status = 'matched'",
        list(line_ids),
    )


async def insert_match(merchant_id: str, gateway_account_id: str, line_id: str, found: Match, at: datetime) -> None:
    """Record a match; one that was withdrawn stands again."""
    await SettlementMatch.raw(
        "INSERT INTO settlement_match (id, merchant_id, gateway_account_id, line_id, movement_id, basis, status, "
        "matched_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (line_id) DO UPDATE SET "
        "movement_id = EXCLUDED.movement_id, basis = EXCLUDED.basis, status = EXCLUDED.status, "
        "matched_at = EXCLUDED.matched_at WHERE settlement_match.status = 'withdrawn'",
        new_id("mat"),
        merchant_id,
        gateway_account_id,
        line_id,
        found.movement.movement_id if found.movement else None,
        found.basis.value,
        MatchStatus.MATCHED.value,
        at,
    )


def break_key(gateway_account_id: str, line_id: str | None, found: Break) -> str:
    """What makes a break the same break in the next run."""
    movement_id = found.movement.movement_id if found.movement else ""
    return f"{gateway_account_id}|{found.kind.value}|{line_id or ''}|{movement_id}"


async def keep_break(
    merchant_id: str, gateway_account_id: str, line_id: str | None, found: Break, at: datetime
) -> bool:
    """Have the break open; False when a person resolved it. What the engine cleared itself is opened again."""
    expected, actual = found.expected, found.actual
    currency = expected or actual
    subject = found.line or found.movement
    if currency is None or subject is None:
        raise ValueError("a break has an amount, and a line or a movement")
    rows = await SettlementBreak.raw(
        "INSERT INTO settlement_break (id, merchant_id, gateway_account_id, natural_key, kind, reason, line_id, "
        "movement_id, expected_minor, actual_minor, currency, actual_currency, occurred_at, state, opened_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, 'open', {}) ON CONFLICT (natural_key) DO UPDATE "
        "SET reason = EXCLUDED.reason, expected_minor = EXCLUDED.expected_minor, actual_minor = EXCLUDED.actual_minor, "
        "state = 'open', resolved_at = NULL, resolution = NULL "
        "WHERE settlement_break.state = 'open' OR settlement_break.resolution = 'cleared' RETURNING id",
        new_id("brk"),
        merchant_id,
        gateway_account_id,
        break_key(gateway_account_id, line_id, found),
        found.kind.value,
        found.reason,
        line_id,
        found.movement.movement_id if found.movement else None,
        expected.minor if expected else None,
        actual.minor if actual else None,
        currency.currency,
        (actual or currency).currency,
        subject.occurred_at,
        at,
    )
    return bool(rows)


async def clear_other_breaks(merchant_id: str, still_open: Iterable[str], at: datetime) -> int:
    """Resolve the open breaks that the run did not find again; returns how many."""
    rows = await SettlementBreak.raw(
        "UPDATE settlement_break SET state = 'resolved', resolved_at = {}, resolution = {} WHERE merchant_id = {} "
        "AND state = 'open' AND NOT natural_key = ANY({}::text[]) RETURNING id",
        at,
        Resolution.CLEARED.value,
        merchant_id,
        list(still_open),
    )
    return len(rows)


async def breaks(
    merchant_id: str, *, state: str, kind: str, gateway_account_id: str, after: str, limit: int
) -> list[BreakRow]:
    """Breaks by id, so by time of opening; empty filters let all pass, `after` is the last id of the page before."""
    rows = await SettlementBreak.raw(
        f"SELECT {_BREAK_COLUMNS} FROM settlement_break WHERE merchant_id = {{}} AND ({{}} = '' OR state = {{}}) "  # noqa: S608
        "AND ({} = '' OR kind = {}) AND ({} = '' OR gateway_account_id = {}) AND id > {} ORDER BY id LIMIT {}",
        merchant_id,
        state,
        state,
        kind,
        kind,
        gateway_account_id,
        gateway_account_id,
        after,
        limit,
    )
    return msgspec.convert(rows, list[BreakRow])


async def standing_breaks(merchant_id: str) -> list[BreakRow]:
    """Breaks that are open or that a person resolved; not those that the engine cleared."""
    rows = await SettlementBreak.raw(
        f"SELECT {_BREAK_COLUMNS} FROM settlement_break WHERE merchant_id = {{}} "  # noqa: S608
        "AND (state = 'open' OR resolution <> 'cleared') ORDER BY state DESC, id",
        merchant_id,
    )
    return msgspec.convert(rows, list[BreakRow])
