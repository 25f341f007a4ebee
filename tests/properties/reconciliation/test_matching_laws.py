from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from settlement_samples import AT, a_line, a_movement

from currency.money import Money
from orchestrator.reconciliation.breaks import FeeModel, MatchResult, Movement, MovementKind
from orchestrator.reconciliation.lines import LineType, SettlementLine
from orchestrator.reconciliation.matching import match

AS_OF = AT + timedelta(days=4)
few = st.sampled_from(["", "1", "2", "3"])
amounts = st.sampled_from([100, 200, 201])
moments = st.integers(0, 8).map(lambda days: AT - timedelta(days=days) + timedelta(days=4))
FEES = {"ga_1": FeeModel(100, {"EUR": 1})}


@st.composite
def lines(draw: st.DrawFn) -> list[SettlementLine]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        line_type = draw(st.sampled_from([LineType.PAYMENT, LineType.REFUND, *LineType]))
        natural = f"n{draw(st.integers(0, number))}" if draw(st.booleans()) else f"n{number}"
        repeat = natural in {line.natural_key for line in made}
        gross = draw(amounts) * (-1 if line_type is LineType.REFUND else 1)
        made.append(
            a_line(
                f"{natural}#{number}" if repeat else natural,
                natural_key=natural,
                row_no=number,
                line_type=line_type,
                gross=gross,
                fee=draw(st.sampled_from([0, 2])),
                currency=draw(st.sampled_from(["EUR", "EUR", "USD"])),
                at=draw(moments),
                attempt=draw(few),
                operation=draw(few),
                gateway_payment=draw(few),
                gateway_operation=draw(few),
                batch=draw(few),
                customer_facing=draw(st.sampled_from([None, Money(gross, "EUR")])),
            )
        )
    return made


@st.composite
def movements(draw: st.DrawFn) -> list[Movement]:
    return [
        a_movement(
            f"m{number}",
            kind=draw(st.sampled_from(MovementKind)),
            amount=draw(amounts),
            at=draw(moments),
            payment=draw(few),
            attempt=draw(few),
            operation=draw(few),
            gateway_payment=draw(few),
            gateway_operation=draw(few),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


def told(result: MatchResult) -> set[tuple[str, str, str]]:
    matched = {(f.basis.value, f.line.line_key, f.movement.movement_id if f.movement else "") for f in result.matches}
    broken = {
        (f.kind.value, f.line.line_key if f.line else "", f.movement.movement_id if f.movement else "")
        for f in result.breaks
    }
    return matched | broken


@given(lines(), movements())
def test_every_line_ends_in_exactly_one_match_or_break(some: list[SettlementLine], ours: list[Movement]) -> None:
    result = match(some, ours, AS_OF, fee_models=FEES)
    seen = Counter(f.line.line_key for f in (*result.matches, *result.breaks) if f.line is not None)
    assert seen == Counter(line.line_key for line in some)


@given(lines(), movements())
def test_every_movement_ends_in_exactly_one_place_and_due_ones_are_not_expected(
    some: list[SettlementLine], ours: list[Movement]
) -> None:
    result = match(some, ours, AS_OF, fee_models=FEES)
    seen = Counter(f.movement.movement_id for f in (*result.matches, *result.breaks) if f.movement is not None)
    seen.update(movement.movement_id for movement in result.expected)
    assert seen == Counter(movement.movement_id for movement in ours)
    assert all((AS_OF - movement.occurred_at).days <= 3 for movement in result.expected)


@given(lines(), movements(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_movements_does_not_matter(
    some: list[SettlementLine], ours: list[Movement], chance: object
) -> None:
    shuffled, turned = list(some), list(ours)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    chance.shuffle(turned)  # type: ignore[attr-defined]
    assert told(match(shuffled, turned, AS_OF, fee_models=FEES)) == told(match(some, ours, AS_OF, fee_models=FEES))


@given(lines(), movements())
def test_a_match_agrees_in_amount_and_kind(some: list[SettlementLine], ours: list[Movement]) -> None:
    for found in match(some, [m for m in ours if m.amount.currency == "EUR"], AS_OF).matches:
        if found.movement is None or found.line.gross.currency != "EUR":
            continue
        sides = {
            MovementKind.PAYMENT: LineType.PAYMENT,
            MovementKind.REFUND: LineType.REFUND,
            MovementKind.DISPUTE: LineType.CHARGEBACK,
            MovementKind.DISPUTE_REVERSAL: LineType.CHARGEBACK_REVERSAL,
            MovementKind.SPLIT_TRANSFER: LineType.TRANSFER,
            MovementKind.SPLIT_REVERSAL: LineType.TRANSFER,
        }
        assert found.line.line_type is sides[found.movement.kind]


@given(lines(), movements())
def test_a_second_run_that_knows_the_first_concludes_the_same(some: list[SettlementLine], ours: list[Movement]) -> None:
    first = match(some, ours, AS_OF, fee_models=FEES)
    known = {f.line.line_key: f.movement.movement_id for f in first.matches if f.movement is not None}
    again = match(some, ours, AS_OF, fee_models=FEES, known=known)
    assert known == {f.line.line_key: f.movement.movement_id for f in again.matches if f.movement is not None}
    assert Counter(f.kind for f in again.breaks) == Counter(f.kind for f in first.breaks)
