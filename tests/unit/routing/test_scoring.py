"""In what order accounts go, and what the order rests on."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from currency.money import Money
from currency.rates import PairTable, Rate
from routing.candidates import Candidate
from routing.decision import decide
from routing.facts import PaymentFacts, Region
from routing.fees import Fee, FeeSchedule
from routing.outcomes import Decline, OutcomeKind, RetryAction
from routing.rules import parse_rule_set
from routing.scoring import Ordering, Strategy, arrange, split
from routing.segments import Segment, Tally, approval_ppm, teaches, widened

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
RATES = PairTable("hand", [Rate("EUR", "USD", Decimal(1), Decimal("1.25"), date(2026, 9, 30), "hand")])
FACTS = PaymentFacts(amount=Money(10_000, "EUR"), brand="visa", issuer_country="DE", seed="pay_1", at=NOW, rates=RATES)


def account(name: str, *, bps: int = 0, fixed: tuple[Money, ...] = (), **more: object) -> Candidate:
    schedule = FeeSchedule((Fee(bps, fixed),), **more)  # type: ignore[arg-type]
    return Candidate(name, "stripe", fees=schedule)


def order(candidates: list[Candidate], ordering: Ordering, tallies: dict[str, Tally] | None = None) -> list[str]:
    kind = Segment("EUR", "card", "visa", "DE")
    record = widened([(name, kind, tally) for name, tally in (tallies or {}).items()])
    return [it.candidate.account_id for it in arrange(candidates, FACTS, ordering, record)]


def test_the_cheapest_account_goes_first_fixed_parts_and_exchange_counted() -> None:
    plain = account("plain", bps=150, fixed=(Money(25, "EUR"),))
    abroad = account("abroad", bps=100, settlement_currency="USD", fx_markup_bps=200)
    dollars = account("dollars", bps=100, fixed=(Money(30, "USD"),))  # 100 and 24
    assert order([plain, abroad, dollars], Ordering(Strategy.LEAST_COST)) == ["dollars", "plain", "abroad"]


def test_an_account_whose_cost_cannot_be_told_goes_last() -> None:
    unknown = Candidate("unknown", "stripe")
    yen = account("yen", bps=1, fixed=(Money(30, "JPY"),))  # no rate
    dear = account("dear", bps=900)
    assert order([unknown, yen, dear], Ordering(Strategy.LEAST_COST)) == ["dear", "unknown", "yen"]


def test_the_first_fee_that_fits_counts_and_an_unknown_fact_fits_none() -> None:
    schedule = FeeSchedule(
        (
            Fee(300, brands=frozenset({"amex"})),
            Fee(50, regions=frozenset({Region.EEA}), methods=frozenset({"card"})),
            Fee(200),
        )
    )
    assert schedule.expected(FACTS) == Money(50, "EUR")
    assert schedule.expected(PaymentFacts(Money(10_000, "EUR"))) == Money(200, "EUR")
    assert schedule.expected(PaymentFacts(Money(10_000, "EUR"), brand="amex")) == Money(300, "EUR")


def test_the_cost_is_shown_in_the_currency_of_the_reports() -> None:
    [scored] = arrange([account("a", bps=100, settlement_currency="USD")], FACTS, Ordering(Strategy.LEAST_COST), {})
    assert scored.score.cost == Money(125, "USD")


def test_the_account_that_is_approved_most_goes_first() -> None:
    tallies = {"good": Tally(500, 480), "bad": Tally(500, 350)}
    accounts = [account("bad"), account("good"), account("new")]
    assert order(accounts, Ordering(Strategy.SUCCESS_RATE), tallies) == ["good", "new", "bad"]


def test_a_few_payments_do_not_outweigh_what_is_known_of_the_wider_kind() -> None:
    wide, narrow = Segment("EUR", "card", "visa", "FR"), Segment("EUR", "card", "visa", "DE")
    record = widened([("a", wide, Tally(10_000, 9_500)), ("a", narrow, Tally(2, 0))])
    assert 850_000 < approval_ppm("a", FACTS, record) < 950_000
    many = widened([("a", wide, Tally(10_000, 9_500)), ("a", narrow, Tally(2_000, 0))])
    assert approval_ppm("a", FACTS, many) < 30_000


def test_expected_value_weighs_approval_against_cost() -> None:
    tallies = {"sure": Tally(100_000, 95_000), "cheap": Tally(100_000, 80_000)}
    accounts = [account("cheap", bps=50), account("sure", bps=250)]
    assert order(accounts, Ordering(Strategy.EXPECTED_VALUE, margin_bps=4_000), tallies) == ["sure", "cheap"]
    assert order(accounts, Ordering(Strategy.EXPECTED_VALUE, margin_bps=500), tallies) == ["cheap", "sure"]


def test_what_a_decline_costs_is_weighed_too() -> None:
    tallies = {"a": Tally(100_000, 50_000), "b": Tally(100_000, 49_000)}
    accounts = [account("a", declined=(Money(500, "EUR"),)), account("b")]
    assert order(accounts, Ordering(Strategy.EXPECTED_VALUE), tallies) == ["b", "a"]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_slow_account_goes_last_under_every_strategy(strategy: Strategy) -> None:
    tallies = {"slow": Tally(1_000, 999, 9_000), "quick": Tally(1_000, 500, 300)}
    accounts = [account("slow", bps=1), account("quick", bps=100)]
    assert order(accounts, Ordering(strategy, latency_max_ms=2_000), tallies) == ["quick", "slow"]


def test_exploring_is_rare_bounded_to_good_accounts_and_the_same_each_time() -> None:
    kind = Segment("EUR", "card", "visa", "DE")
    tallies = [("best", Tally(9_999, 9_500)), ("near", Tally(9_999, 9_300)), ("poor", Tally(9_999, 3_000))]
    record = widened([(name, kind, tally) for name, tally in tallies])
    accounts = [account(name) for name, _ in tallies]
    ordering = Ordering(Strategy.SUCCESS_RATE, explore_ppm=50_000)
    firsts = []
    for number in range(4_000):
        facts = PaymentFacts(Money(1, "EUR"), brand="visa", issuer_country="DE", seed=f"pay_{number}")
        first = arrange(accounts, facts, ordering, record)[0]
        assert first == arrange(accounts, facts, ordering, record)[0]
        assert first.explored == (first.candidate.account_id != "best")
        firsts.append(first.candidate.account_id)
    assert 120 < firsts.count("near") < 300
    assert firsts.count("poor") == 0


def test_a_split_draws_each_account_as_often_as_its_weight_says() -> None:
    drawn = [split([("a", 70), ("b", 30), ("c", 0)], f"pay_{number}", "rule") for number in range(10_000)]
    assert 6_700 < sum(names[0] == "a" for names in drawn) < 7_300
    assert {tuple(names) for names in drawn} == {("a", "b"), ("b", "a")}


def test_a_rule_may_split_traffic_and_a_payment_always_falls_to_the_same_side() -> None:
    document = {"rules": [], "default": {"split": [{"account": "a", "weight": 50}, {"account": "b", "weight": 50}]}}
    rules = parse_rule_set(document)
    candidates = [Candidate("a", "stripe"), Candidate("b", "adyen"), Candidate("c", "paypal")]
    plans = [decide(FACTS, rules, candidates, {}, NOW) for _ in range(5)]
    assert len({plan.steps for plan in plans}) == 1
    assert {step.account_id for step in plans[0].steps} == {"a", "b"}
    assert "splits traffic" in plans[0].reasons[0].why


def test_a_rules_strategy_orders_the_accounts_that_it_names_and_says_by_what() -> None:
    rules = parse_rule_set({"rules": [], "default": {"accounts": ["b", "a"], "strategy": "least_cost"}})
    candidates = [account("a", bps=100), account("b", bps=200), account("c", bps=1)]
    plan = decide(FACTS, rules, candidates, {}, NOW)
    assert [step.account_id for step in plan.steps] == ["a", "b"]
    assert plan.reasons[0].why == "least cost: costs 100 EUR minor units"
    assert plan.reasons[0].score is not None
    assert type(plan).from_json(plan.to_json()) == plan


def test_the_merchants_strategy_orders_where_no_rule_does() -> None:
    candidates = [account("a", bps=100), account("b", bps=50)]
    plan = decide(FACTS, None, candidates, {}, NOW, ordering=Ordering(Strategy.LEAST_COST))
    assert [step.account_id for step in plan.steps] == ["b", "a"]


def test_an_account_that_is_held_back_is_left_out_with_the_reason() -> None:
    plan = decide(FACTS, None, [Candidate("a", "stripe", held_back="maintenance until 14:00")], {}, NOW)
    assert plan.steps == ()
    assert plan.reasons[0].why == "the account is held back: maintenance until 14:00"


@pytest.mark.parametrize(
    ("kind", "reason", "taught"),
    [
        (OutcomeKind.APPROVED, "", True),
        (OutcomeKind.NOT_REACHED, "", True),
        (OutcomeKind.UNKNOWN, "", True),
        (OutcomeKind.DECLINED, "do_not_honor", True),
        (OutcomeKind.DECLINED, "processing_error", True),
        (OutcomeKind.DECLINED, "insufficient_funds", False),
        (OutcomeKind.DECLINED, "stolen_card", False),
        (OutcomeKind.DECLINED, "", False),
        (OutcomeKind.ACTION_REQUIRED, "", False),
        (OutcomeKind.PENDING, "", False),
    ],
)
def test_only_results_that_say_something_of_the_gateway_are_learned_from(
    kind: OutcomeKind, reason: str, taught: bool
) -> None:
    action = RetryAction.CUSTOMER_ACTION
    assert teaches(kind, Decline(reason, action, action, "x") if reason else None) is taught
