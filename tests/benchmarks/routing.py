"""How long a routing decision takes, against the same rules written by hand as Python ifs."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.progress import track

from currency.money import Money
from routing.candidates import Candidate
from routing.decision import decide
from routing.facts import PaymentFacts
from routing.rules import parse_rule_set
from tests.benchmarks.result import Better, Result

P50_MAX_US = 50.0  # with RULES_OF_THE_GOAL rules and ACCOUNTS accounts
RULES_OF_THE_GOAL, RULES, ACCOUNTS = 100, (10, 100, 1_000), 10
PAYMENTS, ROUNDS = 3_000, 3
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "SEK")
COUNTRIES = ("DE", "US", "GB", "JP", "CH", "SE", "FR", "IT", "ES", "NL")
BRANDS = ("visa", "mastercard", "amex")
NOW = datetime(2026, 11, 23, tzinfo=UTC)

Decide = Callable[[PaymentFacts], object]


def measure() -> list[Result]:
    """The median decision in microseconds, with ours and the ifs in turn over the same payments."""
    chance = random.Random(7)
    payments = [_payment(chance) for _ in range(PAYMENTS)]
    candidates = [_candidate(number) for number in range(ACCOUNTS)]
    return [_measured(count, payments, candidates) for count in track(RULES, description="routing", transient=True)]


def _measured(count: int, payments: list[PaymentFacts], candidates: list[Candidate]) -> Result:
    chance = random.Random(count)
    rules = [_rule(number, chance) for number in range(count)]
    parsed, by_hand = parse_rule_set({"rules": rules}), _by_hand(rules)

    def ours(facts: PaymentFacts) -> object:
        return decide(facts, parsed, candidates, {}, NOW)

    for facts in payments:  # both come to the same, and are warm
        rule = by_hand(facts)
        assert decide(facts, parsed, candidates, {}, NOW).rule == rule, facts
    medians = [(_p50_us(ours, payments), _p50_us(by_hand, payments)) for _ in range(ROUNDS)]
    decided, baseline = (statistics.median(column) for column in zip(*medians, strict=True))
    goal = P50_MAX_US if count == RULES_OF_THE_GOAL else None
    name = "routing_decision_p50" if goal else f"routing_decision_p50_{count}_rules"
    return Result(name, decided, baseline, "µs", goal, Better.LOWER, absolute=True)


def _p50_us(decide_one: Decide, payments: list[PaymentFacts]) -> float:
    taken = []
    for facts in payments:
        began = time.perf_counter_ns()
        decide_one(facts)
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1_000


def _rule(number: int, chance: random.Random) -> dict[str, Any]:
    """Currencies, then one fact of a few values, then one of many: what rules of a shop look like."""
    second = chance.choice(
        [
            {"country": chance.sample(COUNTRIES, 3)},
            {"brand": chance.sample(BRANDS, 2)},
            {"issuer_country": chance.sample(COUNTRIES, 3)},
        ]
    )
    third = chance.choice(
        [
            {"amount": {"currency": "EUR", "min": chance.randrange(1, 50_000)}},
            {"bin": [str(chance.randrange(400_000, 499_999))]},
            {"metadata": {"key": "plan", "in": [str(chance.randrange(50))]}},
        ]
    )
    then = {"accounts": [f"ga_{chance.randrange(ACCOUNTS)}"]}
    when = {"all": [{"currency": chance.sample(CURRENCIES, 2)}, second, third]}
    return {"name": f"rule {number}", "when": when, "then": then}


def _by_hand(rules: list[dict[str, Any]]) -> Callable[[PaymentFacts], str]:
    """A function of ifs, as somebody would write who has these rules and no library: it names the rule, no more."""
    lines = ["def decided(facts):"]
    for rule in rules:
        tests = " and ".join(_test(condition) for condition in rule["when"]["all"])
        lines += [f"    if {tests}:", f"        return {rule['name']!r}"]
    scope: dict[str, Any] = {}
    exec("\n".join([*lines, "    return 'default'"]), scope)
    decided: Callable[[PaymentFacts], str] = scope["decided"]
    return decided


def _test(condition: dict[str, Any]) -> str:
    [(key, value)] = condition.items()
    match key:
        case "currency":
            return f"facts.amount.currency in {tuple(value)!r}"
        case "amount":
            return f"facts.amount.currency == 'EUR' and facts.amount.minor >= {value['min']}"
        case "bin":
            return f"facts.bin.startswith({value[0]!r})"
        case "metadata":
            return f"facts.metadata.get('plan') in {tuple(value['in'])!r}"
        case _:
            return f"facts.{key} in {tuple(value)!r}"


def _payment(chance: random.Random) -> PaymentFacts:
    return PaymentFacts(
        Money(chance.randrange(100, 100_000), chance.choice(CURRENCIES)),
        country=chance.choice(COUNTRIES),
        issuer_country=chance.choice(COUNTRIES),
        brand=chance.choice(BRANDS),
        bin=str(chance.randrange(400_000, 499_999)),
        channel="api",
        at=NOW,
        metadata={"plan": str(chance.randrange(100))},
        seed="pay_1",
    )


def _candidate(number: int) -> Candidate:
    gateway = ("stripe", "adyen", "paypal")[number % 3]
    return Candidate(f"ga_{number}", gateway, priority=number, currencies=frozenset(CURRENCIES))
