from dataclasses import replace
from datetime import timedelta

import pytest
from settlement_samples import AT, a_line, a_movement

from currency.money import Money
from orchestrator.reconciliation.breaks import BreakKind, FeeModel, MatchBasis, MatchResult, MovementKind
from orchestrator.reconciliation.lines import LineType, SettlementLine
from orchestrator.reconciliation.matching import match

SOON = AT + timedelta(days=1)
LATE = AT + timedelta(days=5)


def kinds(result: MatchResult) -> list[BreakKind]:
    return [found.kind for found in result.breaks]


def test_a_line_matches_by_our_attempt_id() -> None:
    result = match([a_line(attempt="att_1")], [a_movement(attempt="att_1")], SOON)
    assert [(found.basis, found.movement is not None) for found in result.matches] == [(MatchBasis.ATTEMPT_ID, True)]
    assert result.breaks == ()


def test_our_operation_id_goes_before_everything_else() -> None:
    right = a_movement("capture:2", operation="op_1", attempt="att_2")
    wrong = a_movement("capture:1", attempt="att_1", operation="op_9")
    (found,) = match([a_line(operation="op_1", attempt="att_1")], [wrong, right], SOON).matches
    assert (found.movement, found.basis) == (right, MatchBasis.OPERATION_ID)


@pytest.mark.parametrize(
    ("field", "basis"),
    [("gateway_operation", MatchBasis.GATEWAY_OPERATION_ID), ("gateway_payment", MatchBasis.GATEWAY_PAYMENT_ID)],
)
def test_without_our_ids_the_gateways_ids_match(field: str, basis: MatchBasis) -> None:
    line, movement = a_line(**{field: "x_1"}), a_movement(**{field: "x_1"})  # type: ignore[arg-type]
    assert [found.basis for found in match([line], [movement], SOON).matches] == [basis]


def test_refunds_of_one_attempt_find_their_own_amount() -> None:
    small = a_movement("refund:1", kind=MovementKind.REFUND, amount=300, attempt="att_1")
    large = a_movement("refund:2", kind=MovementKind.REFUND, amount=700, attempt="att_1")
    lines = [
        a_line("l1", line_type=LineType.REFUND, gross=-700, fee=0, attempt="att_1"),
        a_line("l2", line_type=LineType.REFUND, gross=-300, fee=0, attempt="att_1"),
    ]
    pairs = {
        (f.line.line_key, f.movement and f.movement.movement_id) for f in match(lines, [small, large], SOON).matches
    }
    assert pairs == {("l1", "refund:2"), ("l2", "refund:1")}


def test_a_refund_line_of_another_operation_is_not_taken_for_ours() -> None:
    ours = a_movement("refund:1", kind=MovementKind.REFUND, attempt="att_1", operation="op_1")
    line = a_line(line_type=LineType.REFUND, gross=-2000, fee=0, attempt="att_1", operation="op_2")
    assert kinds(match([line], [ours], LATE)) == [BreakKind.MISSING_IN_LEDGER, BreakKind.MISSING_AT_GATEWAY]


def test_a_movement_is_expected_until_the_sla_and_missing_after_it() -> None:
    movement = a_movement(attempt="att_1")
    assert match([], [movement], AT + timedelta(days=3, hours=23)).expected == (movement,)
    (found,) = match([], [movement], AT + timedelta(days=4)).breaks
    assert (found.kind, found.age_days, found.expected) == (BreakKind.MISSING_AT_GATEWAY, 4, Money(2000, "EUR"))
    assert found.reason == (
        "We recorded a payment of 20.00 EUR (att_1) 4 days ago, but no report of the gateway shows it, and it should "
        "be there within 3 days. Check whether a report is missing, then ask the gateway."
    )


def test_a_line_that_nobody_knows_is_missing_in_the_ledger() -> None:
    (found,) = match([a_line(gateway_operation="ch_9")], [], SOON).breaks
    assert (found.kind, found.actual) == (BreakKind.MISSING_IN_LEDGER, Money(2000, "EUR"))
    assert "payment of 20.00 EUR (ch_9) that our ledger does not have" in found.reason


def test_a_cent_is_a_break() -> None:
    (found,) = match([a_line(gross=1999, attempt="att_1")], [a_movement(attempt="att_1")], SOON).breaks
    assert (found.kind, found.expected, found.actual) == (
        BreakKind.AMOUNT_MISMATCH,
        Money(2000, "EUR"),
        Money(1999, "EUR"),
    )
    assert "a difference of -0.01 EUR" in found.reason


def test_a_fee_above_the_model_is_a_break() -> None:
    models = {"ga_1": FeeModel(150, {"EUR": 25})}
    assert kinds(match([a_line(fee=55, attempt="a")], [a_movement(attempt="a")], SOON, fee_models=models)) == []
    (found,) = match([a_line(fee=56, attempt="a")], [a_movement(attempt="a")], SOON, fee_models=models).breaks
    assert (found.kind, found.expected, found.actual) == (BreakKind.FEE_MISMATCH, Money(55, "EUR"), Money(56, "EUR"))


def test_a_movements_own_expected_fee_goes_before_the_model() -> None:
    movement = a_movement(attempt="a", expected_fee=Money(10, "EUR"))
    found = match([a_line(fee=55, attempt="a")], [movement], SOON, fee_models={"ga_1": FeeModel(150, {"EUR": 25})})
    assert kinds(found) == [BreakKind.FEE_MISMATCH]


def test_fees_are_not_judged_without_a_model_for_the_currency() -> None:
    models = {"ga_1": FeeModel(150, {"USD": 25})}
    assert kinds(match([a_line(fee=999, attempt="a")], [a_movement(attempt="a")], SOON, fee_models=models)) == []


@pytest.mark.parametrize(
    ("amount", "fee"), [(1999, 50 + 35), (100, 2 + 35), (3012, 75 + 35), (20, 0 + 35), (21, 1 + 35)]
)
def test_expected_fees_are_rounded_half_up(amount: int, fee: int) -> None:
    assert FeeModel(249, {"EUR": 35}).expected_fee(Money(amount, "EUR")) == Money(fee, "EUR")


def test_another_currency_is_a_break() -> None:
    (found,) = match([a_line(currency="USD", attempt="a")], [a_movement(attempt="a")], SOON).breaks
    assert (found.kind, found.expected, found.actual) == (
        BreakKind.CURRENCY_MISMATCH,
        Money(2000, "EUR"),
        Money(2000, "USD"),
    )


def test_a_conversion_is_compared_in_the_customers_currency() -> None:
    line = a_line(gross=2160, currency="USD", attempt="a", customer_facing=Money(2000, "EUR"))
    assert kinds(match([line], [a_movement(attempt="a")], SOON)) == []


def test_the_same_line_again_is_a_duplicate_line_and_counts_once() -> None:
    first = a_line("txn_1", attempt="a")
    again = replace(first, line_key="txn_1#2", row_no=9)
    result = match([again, first], [a_movement(attempt="a")], SOON)
    assert [found.line for found in result.matches] == [first]
    assert [(found.kind, found.line) for found in result.breaks] == [(BreakKind.DUPLICATE_LINE, again)]


def test_a_second_settled_line_for_an_attempt_is_a_duplicate_charge() -> None:
    lines = [a_line("l1", attempt="a"), a_line("l2", attempt="a")]
    result = match(lines, [a_movement(attempt="a")], SOON)
    assert (len(result.matches), kinds(result)) == (1, [BreakKind.DUPLICATE_CHARGE])


def test_two_attempts_settled_for_one_payment_are_a_duplicate_charge() -> None:
    lines = [a_line("l1", attempt="a"), a_line("l2", attempt="b")]
    movements = [
        a_movement("m1", attempt="a", payment="pay_1"),
        a_movement("m2", attempt="b", payment="pay_1", at=AT + timedelta(hours=1)),
    ]
    result = match(lines, movements, SOON)
    assert [found.line.line_key for found in result.matches] == ["l1"]
    assert kinds(result) == [BreakKind.DUPLICATE_CHARGE]


def test_a_settled_attempt_that_we_hold_for_declined_is_a_status_mismatch() -> None:
    (found,) = match([a_line(attempt="a")], [], SOON, attempt_states={"a": "declined"}).breaks
    assert found.kind is BreakKind.STATUS_MISMATCH
    assert "which we recorded as declined" in found.reason


def test_a_payout_must_be_the_sum_of_its_batch() -> None:
    lines = [
        a_line("l1", attempt="a", batch="b"),
        a_line("f1", line_type=LineType.FEE, gross=-45, fee=0, batch="b"),
        a_line("p1", line_type=LineType.PAYOUT, gross=-1900, fee=0, batch="b"),
    ]
    assert kinds(match(lines, [a_movement(attempt="a")], SOON)) == []
    short = [*lines[:2], a_line("p1", line_type=LineType.PAYOUT, gross=-1800, fee=0, batch="b")]
    (found,) = match(short, [a_movement(attempt="a")], SOON).breaks
    assert (found.kind, found.expected, found.actual) == (
        BreakKind.PAYOUT_MISMATCH,
        Money(1900, "EUR"),
        Money(1800, "EUR"),
    )


def test_an_under_capture_is_the_charge_less_its_reversed_rest() -> None:
    lines = [
        a_line("l1", gross=5000, attempt="a", gateway_operation="ch_1"),
        a_line("l2", line_type=LineType.CAPTURE_REVERSAL, gross=-3000, fee=0, gateway_operation="ch_1"),
    ]
    result = match(lines, [a_movement(attempt="a")], SOON)
    assert {found.basis for found in result.matches} == {MatchBasis.ATTEMPT_ID, MatchBasis.PART_OF_CAPTURE}


def test_what_was_matched_before_stays_matched() -> None:
    movements = [a_movement("m1", attempt="a"), a_movement("m2", attempt="a")]
    (found,) = match([a_line("l1", attempt="a")], movements, SOON, known={"l1": "m2"}).matches
    assert (found.movement, found.basis) == (movements[1], MatchBasis.KNOWN)


@pytest.mark.parametrize("line_type", [LineType.CHARGEBACK, LineType.ADJUSTMENT, LineType.TRANSFER, LineType.FX])
def test_no_line_that_moved_money_is_left_unexplained(line_type: LineType) -> None:
    assert kinds(match([a_line(line_type=line_type, gross=-500, fee=0)], [], SOON)) == [BreakKind.MISSING_IN_LEDGER]


def test_a_transfer_to_a_recipient_is_matched_by_the_gateways_id() -> None:
    sent = a_movement("sent", kind=MovementKind.SPLIT_TRANSFER, amount=700, gateway_operation="tr_1")
    back = a_movement("back", kind=MovementKind.SPLIT_REVERSAL, amount=200, gateway_operation="trr_1")
    lines = [
        a_line("l1", line_type=LineType.TRANSFER, gross=-700, fee=0, gateway_operation="tr_1"),
        a_line("l2", line_type=LineType.TRANSFER, gross=200, fee=0, gateway_operation="trr_1"),
    ]
    found = match(lines, [sent, back], SOON)
    assert {(it.line.line_key, it.movement.movement_id) for it in found.matches if it.movement} == {
        ("l1", "sent"),
        ("l2", "back"),
    }
    assert (found.breaks, found.expected) == ((), ())


def test_a_transfer_and_its_reversal_are_not_taken_for_each_other() -> None:
    sent = a_movement("sent", kind=MovementKind.SPLIT_TRANSFER, amount=700, gateway_operation="tr_1")
    came = a_line(line_type=LineType.TRANSFER, gross=700, gateway_operation="tr_1")
    assert [found.kind for found in match([came], [sent], SOON).breaks] == [BreakKind.MISSING_IN_LEDGER]


def test_a_transfer_of_another_amount_is_a_break() -> None:
    sent = a_movement("sent", kind=MovementKind.SPLIT_TRANSFER, amount=700, gateway_operation="tr_1")
    line = a_line(line_type=LineType.TRANSFER, gross=-650, gateway_operation="tr_1")
    (found,) = match([line], [sent], SOON).breaks
    assert (found.kind, found.expected, found.actual) == (BreakKind.AMOUNT_MISMATCH, sent.amount, Money(650, "EUR"))


def an_exchange(
    *, parent: str = "T1", out: int = -1000, came: int = 900, currency: str = "EUR"
) -> list[SettlementLine]:
    rows = [
        a_line("out", line_type=LineType.FX, gross=out, fee=0, currency="USD"),
        a_line("in", line_type=LineType.FX, gross=came, fee=0, currency=currency),
    ]
    return [replace(row, gateway_parent_id=parent) for row in rows]


def test_the_two_rows_of_an_exchange_explain_each_other() -> None:
    found = match(an_exchange(), [], SOON)
    assert [it.basis for it in found.matches] == [MatchBasis.ACCOUNT_ROW] * 2
    assert found.breaks == ()


@pytest.mark.parametrize(
    "rows",
    [
        an_exchange()[:1],
        an_exchange(parent=""),
        an_exchange(out=1000),
        an_exchange(currency="USD"),
        [*an_exchange(), replace(an_exchange()[0], line_key="third", natural_key="third")],
    ],
)
def test_rows_that_are_no_two_sides_of_one_exchange_stay_breaks(rows: list[SettlementLine]) -> None:
    assert {found.kind for found in match(rows, [], SOON).breaks} == {BreakKind.MISSING_IN_LEDGER}
