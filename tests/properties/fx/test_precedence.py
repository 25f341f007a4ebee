"""Which rate counts: a merchant's own before the published ones, what was fetched before what came with the package."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from currency import ecb
from currency.rates import RateBook, RateUnavailable
from currency.store import StoredRate
from orchestrator.fx.books import MANUAL, own_table, with_fetched

START = date(2026, 10, 1)
CODES = ("USD", "GBP", "JPY")
days = st.integers(0, 20).map(lambda n: START + timedelta(days=n))
units = st.decimals("0.0001", "9999", places=4)
published = st.dictionaries(days, st.dictionaries(st.sampled_from(CODES), units, max_size=3), max_size=12)
pairs = st.permutations(["EUR", *CODES]).map(lambda codes: (codes[0], codes[1]))


def stored(source: str, base: str, quote: str, day: date, of: Decimal | None) -> StoredRate:
    return StoredRate(1, "", source, base, quote, day, 1, of, datetime(2026, 11, 2, tzinfo=UTC), "")


entered = st.lists(st.tuples(pairs, days, units), max_size=8).map(
    lambda found: [stored(MANUAL, *pair, day, of) for pair, day, of in found]
)
fetched = st.dictionaries(st.tuples(days, st.sampled_from(CODES)), units, max_size=10)


def rate_of(source: object, base: str, quote: str, day: date) -> object:
    try:
        return source.rate(base, quote, day)  # type: ignore[attr-defined]
    except RateUnavailable as refusal:
        return type(refusal)


@given(published, entered, pairs, days)
def test_an_own_rate_that_may_be_used_always_counts(
    history: dict[date, dict[str, Decimal]], own: list[StoredRate], pair: tuple[str, str], day: date
) -> None:
    mine, bank = own_table(own), ecb.table(list(history.items()))
    found, alone = rate_of(RateBook([mine, bank]), *pair, day), rate_of(mine, *pair, day)
    assert found == (rate_of(bank, *pair, day) if isinstance(alone, type) else alone)


@given(published, fetched)
def test_what_was_fetched_lies_on_top_and_changes_nothing_else(
    history: dict[date, dict[str, Decimal]], since: dict[tuple[date, str], Decimal]
) -> None:
    rows = [stored(ecb.NAME, "EUR", code, day, of) for (day, code), of in since.items()]
    table = ecb.table(with_fetched(history.items(), rows))
    for day in (START + timedelta(days=n) for n in range(21)):
        for code in CODES:
            assert table.published(code, day) == since.get((day, code), history.get(day, {}).get(code))


@given(published)
def test_nothing_fetched_is_the_history_itself(history: dict[date, dict[str, Decimal]]) -> None:
    table, same = ecb.table(with_fetched(history.items(), [])), ecb.table(list(history.items()))
    assert table.last_published == same.last_published
    assert all(
        rate_of(table, "EUR", code, START + timedelta(days=n)) == rate_of(same, "EUR", code, START + timedelta(days=n))
        for code in CODES
        for n in range(25)
    )
