"""The series that number documents: each kind has its own, with the pattern and the reset that the merchant wants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from invoicing import series_store, store
from invoicing.errors import InvalidInvoice, InvalidPattern, SeriesNotFound, SeriesTaken
from invoicing.numbering import Reset, check_pattern, counter_of, format_number
from invoicing.series_store import SeriesKind, SeriesRow

DEFAULT_PATTERNS: dict[SeriesKind, str] = {
    SeriesKind.INVOICE: "INV-{year}-{seq:05}",
    SeriesKind.CREDIT_NOTE: "CN-{year}-{seq:05}",
    SeriesKind.PROFORMA: "PRO-{year}-{seq:05}",
    SeriesKind.QUOTE: "QUO-{year}-{seq:05}",
    SeriesKind.RECEIPT: "RCT-{year}-{seq:05}",
    SeriesKind.REMINDER: "REM-{year}-{seq:05}",
}
MAX_NEXT_SEQ = 10**12


async def open_series(
    series_id: str,
    *,
    merchant_id: str,
    series: str = SeriesKind.INVOICE.value,
    pattern: str = DEFAULT_PATTERNS[SeriesKind.INVOICE],
) -> None:
    """Open a series of invoice numbers, counting from 1; doing it again changes nothing.

    Raises InvalidPattern, SeriesTaken where the name has another pattern or the pattern another name.
    """
    check_pattern(pattern)
    if await series_store.insert_series(series_id, merchant_id, SeriesRow(series=series, pattern=pattern, next_seq=1)):
        return
    found = await series_store.find_series(merchant_id, series)
    if found is None or found.pattern != pattern:
        raise _taken(series, pattern)


async def change_series(
    series_id: str,
    *,
    merchant_id: str,
    series: str,
    kind: SeriesKind,
    pattern: str,
    reset: Reset = Reset.NEVER,
    next_seq: int | None = None,
) -> SeriesRow:
    """Open the series, or set how its numbers look from now on. `next_seq` may only go forward, for a merchant who
    comes with numbers given elsewhere; what was skipped is no gap of this series.

    Raises InvalidPattern, SeriesTaken.
    """
    store.require_transaction()
    counter_of(series, pattern, reset, date.max)  # refuses a name that would be too long with its period
    if ":" in series:
        raise InvalidPattern("series", "cannot have a colon: those are the periods of a series that starts again")
    row = SeriesRow(series=series, pattern=pattern, next_seq=next_seq or 1, kind=kind, reset=reset)
    if await series_store.insert_series(series_id, merchant_id, row):
        return row
    before = await series_store.find_series(merchant_id, series, lock=True)
    if before is None or before.kind is not kind:
        raise _taken(series, pattern)
    wanted = before.next_seq if next_seq is None else next_seq
    if not before.next_seq <= wanted <= MAX_NEXT_SEQ:
        raise InvalidPattern("next_number", f"must be at least {before.next_seq}: no number is given twice")
    row = SeriesRow(series=series, pattern=pattern, next_seq=wanted, kind=kind, reset=reset)
    await series_store.update_series(merchant_id, row)
    return row


async def list_series(merchant_id: str) -> list[SeriesRow]:
    """Every series of the merchant, and the counters of the periods of those that start again."""
    return await series_store.list_series(merchant_id)


async def get_series(merchant_id: str, series: str) -> SeriesRow:
    """Raises SeriesNotFound."""
    found = await series_store.find_series(merchant_id, series)
    if found is None:
        raise SeriesNotFound(series)
    return found


async def take_number(
    new_id: Callable[[], str], *, merchant_id: str, series: str, kind: SeriesKind, issue_date: date
) -> str:
    """The series' next number; see `take_numbers`."""
    [number] = await take_numbers(
        new_id, merchant_id=merchant_id, series=series, kind=kind, issue_date=issue_date, count=1
    )
    return number


async def take_numbers(
    new_id: Callable[[], str],
    *,
    merchant_id: str,
    series: str,
    kind: SeriesKind,
    issue_date: date,
    count: int,
    in_order: bool = False,
) -> list[str]:
    """The series' next numbers for documents of one day; its row stays locked until the caller's transaction ends, so
    take them last.

    The series that is named like its kind is opened with its default pattern when it is first used. Raises
    SeriesNotFound for another that is not open, SeriesTaken, InvalidPattern, OutsideTransaction; and InvalidInvoice,
    with no number taken, where they are to be `in_order` and the series has a later date.
    """
    store.require_transaction()
    rule = await series_store.find_series(merchant_id, series)
    if rule is None and series == kind:
        rule = SeriesRow(series=series, pattern=DEFAULT_PATTERNS[kind], next_seq=1, kind=kind)
        await series_store.insert_series(new_id(), merchant_id, rule)
    if rule is None or rule.kind is not kind or rule.counts_for:
        raise SeriesNotFound(series)
    counter = counter_of(rule.series, rule.pattern, rule.reset, issue_date)
    if counter.series != rule.series:
        row = SeriesRow(series=counter.series, pattern=counter.pattern, next_seq=1, kind=kind, counts_for=series)
        await series_store.insert_series(new_id(), merchant_id, row)
    taken = await series_store.take_seqs(merchant_id, counter.series, count, issue_date, in_order=in_order)
    if taken is None:
        last_on = getattr(await series_store.find_series(merchant_id, counter.series), "last_on", None)
        if last_on is not None and last_on > issue_date:
            raise InvalidInvoice(
                "issue_date",
                f"must not be before {last_on}, the latest of {series!r}: numbers go by date; leave it out, or name "
                "another series",
            )
        raise _taken(counter.series, counter.pattern)
    seqs = range(taken.next_seq, taken.next_seq + count)
    return [format_number(taken.pattern, issue_date=issue_date, seq=seq) for seq in seqs]


def _taken(series: str, pattern: str) -> SeriesTaken:
    return SeriesTaken("series", f"{series!r} or its pattern {pattern!r} is in use already; numbers would collide")
