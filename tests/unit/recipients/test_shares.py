"""Splits as merchants ask for them, fixed in minor units."""

from __future__ import annotations

import pytest

from orchestrator.errors import InvalidField
from orchestrator.recipients.shares import OURS, Wish, allocate, fix, next_parts


def minors(total: int, *wishes: Wish) -> list[int]:
    return [part.amount_minor for part in fix(total, wishes)]


def test_the_cent_that_is_over_goes_to_the_largest_remainder() -> None:
    assert minors(100, *(Wish(f"rcp_{n}", bps=3333) for n in range(3))) == [34, 33, 33]


def test_the_whole_in_basis_points_is_the_whole_amount() -> None:
    assert sum(minors(101, Wish("rcp_1", bps=5000), Wish("rcp_2", bps=5000))) == 101


def test_amounts_and_basis_points_may_stand_together() -> None:
    assert minors(1000, Wish("rcp_1", amount_minor=250), Wish("rcp_2", bps=5000)) == [250, 500]


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ([Wish("rcp_1")], "splits[0]"),
        ([Wish("rcp_1", 1, 1)], "splits[0]"),
        ([Wish("rcp_1", 0)], "splits[0]"),
        ([Wish("rcp_1", 1), Wish("rcp_1", 1)], "splits[1].recipient_id"),
        ([Wish("rcp_1", 101)], "splits"),
        ([Wish("rcp_1", 60), Wish("rcp_2", bps=5000)], "splits"),
        ([Wish("rcp_1", bps=6000), Wish("rcp_2", bps=6000)], "splits"),
        ([Wish("rcp_1", bps=1)], "splits[0].bps"),
    ],
)
def test_splits_that_cannot_be_are_refused_by_the_name_of_the_field(wishes: list[Wish], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        fix(100, wishes)
    assert refused.value.errors[0].field == field


def test_nothing_can_be_divided_among_nobody() -> None:
    assert allocate(0, {"rcp_1": 0}) == {"rcp_1": 0}
    with pytest.raises(ValueError, match="nobody"):
        allocate(1, {"rcp_1": 0})


def test_no_more_moves_than_the_whole() -> None:
    with pytest.raises(ValueError, match="would have moved"):
        next_parts(11, {"rcp_1": 5, OURS: 5}, {"rcp_1": 0, OURS: 0})
