"""The examples of docs/routing.md do what the page says."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from currency.money import Money
from routing.candidates import Candidate
from routing.decision import decide
from routing.facts import PaymentFacts
from routing.fees import Fee, FeeSchedule
from routing.linter import Kind, lint
from routing.rule_reader import CONDITION_KEYS
from routing.rules import RuleSet, parse_rule_set
from routing.scoring import Strategy

PAGE = (Path(__file__).parents[3] / "docs" / "routing.md").read_text()
BLOCKS = re.findall(r"```json rules\n(.*?)```\s+```json payments\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = [
    (parse_rule_set(json.loads(rules)), payment) for rules, payments in BLOCKS for payment in json.loads(payments)
]
ACCOUNTS = tuple(
    Candidate(name, name, priority, fees=FeeSchedule((Fee(bps),)))
    for name, priority, bps in (("stripe", 1, 290), ("adyen", 2, 180), ("paypal", 3, 150))
)


def facts_of(payment: dict[str, Any]) -> PaymentFacts:
    stated = {name: value for name, value in payment.items() if name not in ("plan", "rule", "amount", "at")}
    at = datetime.fromisoformat(payment["at"]) if "at" in payment else None
    return PaymentFacts(amount=Money(*payment["amount"]), at=at, **stated)


def test_every_example_of_rules_has_payments() -> None:
    assert len(BLOCKS) == PAGE.count("```json rules") > 3


@pytest.mark.parametrize(("rules", "payment"), EXAMPLES)
def test_an_examples_payment_goes_where_the_page_says(rules: RuleSet, payment: dict[str, Any]) -> None:
    plan = decide(facts_of(payment), rules, ACCOUNTS, {}, datetime(2026, 10, 2, tzinfo=UTC))
    assert [step.account_id for step in plan.steps] == payment["plan"]
    assert payment.get("rule", plan.rule) == plan.rule


@pytest.mark.parametrize("rules", [rules for rules, _ in EXAMPLES])
def test_no_example_teaches_what_the_linter_objects_to(rules: RuleSet) -> None:
    assert [finding for finding in lint(rules, ACCOUNTS) if finding.kind is not Kind.OVERLAP] == []


def test_the_page_names_every_condition_and_strategy() -> None:
    assert [key for key in [*CONDITION_KEYS, *Strategy] if f"`{key}`" not in PAGE] == []
