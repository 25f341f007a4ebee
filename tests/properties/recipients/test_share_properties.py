"""Whatever is captured and given back, in whatever steps: no cent is lost, and nobody gives back more than they got."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.recipients.shares import BPS_WHOLE, OURS, Wish, allocate, fix, next_parts

amounts = st.integers(1, 10**12)


@st.composite
def wholes(draw: st.DrawFn) -> dict[str, int]:
    """A captured or authorised amount divided among recipients and ourselves; some may have nothing."""
    shares = draw(st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
    ours = draw(st.integers(0, 10**9))
    whole = {f"rcp_{number}": share for number, share in enumerate(shares)} | {OURS: ours}
    return whole if sum(whole.values()) else whole | {OURS: 1}


def moved_in_steps(whole: dict[str, int], steps: Sequence[int]) -> list[dict[str, int]]:
    """The whole moved in steps of these sizes, as far as it goes, and then what is left."""
    moved, parts_of_steps = dict.fromkeys(whole, 0), []
    for step in [*steps, sum(whole.values())]:
        amount = min(step, sum(whole.values()) - sum(moved.values()))
        if not amount:
            continue
        parts = next_parts(amount, whole, moved)
        parts_of_steps.append(parts)
        moved = {name: moved[name] + parts[name] for name in whole}
    return parts_of_steps


@given(wholes(), st.lists(amounts, max_size=8))
def test_parts_of_each_step_come_to_the_step_and_are_never_negative(whole: dict[str, int], steps: list[int]) -> None:
    left = sum(whole.values())
    for parts, step in zip(moved_in_steps(whole, steps), [*steps, left], strict=False):
        assert sum(parts.values()) == min(step, left)
        assert min(parts.values()) >= 0
        left -= sum(parts.values())


@given(wholes(), st.lists(amounts, max_size=8))
def test_after_the_last_step_everybody_has_exactly_their_share(whole: dict[str, int], steps: list[int]) -> None:
    taken = moved_in_steps(whole, steps)
    assert {name: sum(parts[name] for parts in taken) for name in whole} == whole


@settings(deadline=None)
@given(wholes(), st.lists(amounts, max_size=8), st.data())
def test_steps_that_fail_and_are_made_again_never_take_more_than_a_share(
    whole: dict[str, int], steps: list[int], data: st.DataObject
) -> None:
    standing = moved_in_steps(whole, steps)
    for _ in range(3):
        failed = data.draw(st.integers(0, len(standing) - 1))
        standing.pop(failed)
        while (left := sum(whole.values()) - sum(sum(parts.values()) for parts in standing)) > 0:
            moved = {name: sum(parts[name] for parts in standing) for name in whole}
            amount = data.draw(st.integers(max(1, left // 3), left))
            standing.append(next_parts(amount, whole, moved))
            assert all(sum(parts[name] for parts in standing) <= whole[name] for name in whole)
    assert {name: sum(parts[name] for parts in standing) for name in whole} == whole


@settings(deadline=None)
@given(wholes(), st.lists(amounts, max_size=5), st.lists(amounts, max_size=5))
def test_a_payment_captured_and_given_back_in_any_steps_leaves_nobody_anything(
    whole: dict[str, int], captures: list[int], refunds: list[int]
) -> None:
    balances = dict.fromkeys(whole, 0)
    for captured in moved_in_steps(whole, captures):
        given_back = dict.fromkeys(whole, 0)
        for parts in moved_in_steps(captured, refunds):
            given_back = {name: given_back[name] + parts[name] for name in whole}
            assert all(given_back[name] <= captured[name] for name in whole)
        balances = {name: balances[name] + captured[name] - given_back[name] for name in whole}
    assert set(balances.values()) == {0}


@given(amounts, st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_an_allocation_loses_no_cent_and_is_within_one_of_exact(amount: int, weights: list[int]) -> None:
    shares = {str(number): weight for number, weight in enumerate(weights)}
    if not sum(weights):
        return
    parts = allocate(amount, shares)
    assert sum(parts.values()) == amount
    assert all(abs(parts[name] * sum(weights) - amount * weight) < sum(weights) for name, weight in shares.items())


@given(st.integers(10_000, 10**12), st.lists(st.integers(1, 1000), min_size=1, max_size=9))
def test_basis_points_and_our_rest_come_to_the_whole(total: int, points: list[int]) -> None:
    parts = fix(total, [Wish(f"rcp_{number}", bps=bps) for number, bps in enumerate(points)])
    rest = total - sum(part.amount_minor for part in parts)
    exact_rest = total * (BPS_WHOLE - sum(points)) / BPS_WHOLE
    assert abs(rest - exact_rest) <= 1
