"""What each kind of money event debits and credits."""

from __future__ import annotations

from collections import Counter

import pytest

from currency.money import Money
from orchestrator.ledger import rules
from orchestrator.ledger.chart import AccountKind
from orchestrator.ledger.entries import AccountKey, Entry

A = {"rcp_a": Money(70, "EUR")}


def net(entries: list[Entry]) -> dict[tuple[str, str, str], int]:
    """Debits less credits by kind of account, recipient and currency."""
    found: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        for account, sign in ((entry.debit, 1), (entry.credit, -1)):
            found[account.kind.value, account.recipient_id, entry.amount.currency] += sign * entry.amount.minor
    return {key: minor for key, minor in found.items() if minor}


def test_a_capture_without_parts_is_one_entry() -> None:
    (entry,) = rules.captured(Money(100, "EUR"), "ga_1", AccountKind.SALES, {})
    assert (entry.debit, entry.credit) == (rules.clearing("ga_1"), AccountKey(AccountKind.SALES))


def test_a_capture_owes_recipients_their_parts() -> None:
    entries = rules.captured(Money(100, "EUR"), "ga_1", AccountKind.SALES, A)
    assert net(entries) == {
        ("gateway_clearing", "", "EUR"): 100,
        ("sales", "", "EUR"): -30,
        ("split_payable", "rcp_a", "EUR"): -70,
    }


def test_a_part_that_is_the_whole_leaves_no_entry_of_ours() -> None:
    entries = rules.captured(Money(70, "EUR"), "ga_1", AccountKind.SALES, A)
    assert net(entries) == {("gateway_clearing", "", "EUR"): 70, ("split_payable", "rcp_a", "EUR"): -70}


def test_parts_of_more_than_there_is_are_refused() -> None:
    with pytest.raises(ValueError, match="of only 69"):
        rules.captured(Money(69, "EUR"), "ga_1", AccountKind.SALES, A)


def test_captured_handed_over_refunded_and_taken_back_leaves_only_sales_against_refunds() -> None:
    whole = Money(100, "EUR")
    entries = [
        *rules.captured(whole, "ga_1", AccountKind.SALES, A),
        *rules.handed_over("ga_1", A),
        *rules.refunded(whole, "ga_1", A),
        *rules.taken_back(rules.handed_over("ga_1", A)),
    ]
    assert net(entries) == {("sales", "", "EUR"): -30, ("refunds", "", "EUR"): 30}


def test_a_conversion_balances_in_each_currency_through_the_position() -> None:
    bank = AccountKey(AccountKind.BANK)
    entries = rules.converted(Money(100, "EUR"), Money(108, "USD"), rules.clearing("ga_1"), bank)
    assert net(entries) == {
        ("gateway_clearing", "", "EUR"): -100,
        ("fx_position", "", "EUR"): 100,
        ("fx_position", "", "USD"): -108,
        ("bank", "", "USD"): 108,
    }
    with pytest.raises(ValueError, match="two currencies"):
        rules.converted(Money(1, "EUR"), Money(1, "EUR"), bank, bank)
