"""What the counts of tries mean: a shopper with a wrong card goes on, a tester of cards does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.abuse.rules import RULES, Counts, Decision, Subject, configured, judge

NOW = 1_000


def tries(number: int, *, cards: int, declines: int, minute: int = NOW, small: int = 0) -> list[Counts]:
    return [Counts(minute, number, cards, declines, small, small)]


def decided(**counts: list[Counts]) -> Decision:
    return judge({Subject(name): found for name, found in counts.items()}, NOW, small=False).decision


def test_three_wrong_cards_are_let_through() -> None:
    own = tries(3, cards=3, declines=2)
    assert decided(ip=own, device=own) is Decision.ALLOW


def test_the_same_wrong_card_five_times_is_let_through() -> None:
    assert decided(ip=tries(5, cards=1, declines=4), card=tries(5, cards=0, declines=4)) is Decision.ALLOW


def test_many_declined_cards_from_one_address_are_challenged_and_then_blocked() -> None:
    assert decided(ip=tries(5, cards=5, declines=4)) is Decision.CHALLENGE
    assert decided(ip=tries(8, cards=8, declines=7)) is Decision.BLOCK


def test_an_office_whose_cards_are_good_is_not_blocked() -> None:
    assert decided(ip=tries(20, cards=20, declines=1)) is not Decision.BLOCK


def test_what_was_long_ago_counts_no_more() -> None:
    assert decided(ip=tries(50, cards=20, declines=14, minute=NOW - 11)) is Decision.ALLOW


def test_under_attack_small_amounts_are_challenged_and_large_ones_are_not() -> None:
    merchant = tries(30, cards=0, declines=25, small=30)
    first = tries(1, cards=1, declines=0)
    counts = {Subject.MERCHANT: merchant, Subject.IP: first}
    assert judge(counts, NOW, small=True).decision is Decision.CHALLENGE
    assert judge(counts, NOW, small=False).decision is Decision.ALLOW


def test_a_block_says_when_to_come_again() -> None:
    verdict = judge({Subject.IP: tries(9, cards=9, declines=9)}, NOW, small=False)
    assert 0 < verdict.retry_after_s <= 3600


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 50))
def test_more_of_it_is_never_judged_more_mildly(number: int, cards: int, declines: int, more: int) -> None:
    order = list(Decision)
    less = judge({Subject.DEVICE: tries(number, cards=cards, declines=declines)}, NOW, small=False)
    then = judge({Subject.DEVICE: tries(number, cards=cards + more, declines=declines + more)}, NOW, small=False)
    assert order.index(then.decision) >= order.index(less.decision)


def test_a_rule_can_be_changed_by_name_and_only_by_its_own_numbers() -> None:
    rules, _ = configured({"ip_cards": {"block_at": 50}})
    assert next(rule.block_at for rule in rules if rule.name == "ip_cards") == 50
    assert len(rules) == len(RULES)
    for wrong in ({"ip_card": {"block_at": 5}}, {"ip_cards": {"colour": 5}}, {"ip_cards": {"window_min": 0}}):
        with pytest.raises(ValueError, match="ip_card"):
            configured(wrong)
