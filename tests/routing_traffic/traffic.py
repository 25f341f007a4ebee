"""A day of made-up payments at three gateway accounts: one fails for hours, another is best for one kind only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from currency.money import Money
from routing.candidates import Candidate
from routing.decision import decide
from routing.facts import PaymentFacts
from routing.fees import Fee, FeeSchedule
from routing.scoring import Ordering, Strategy
from routing.segments import Record, Segment, Tally, segments_of, widened

PAYMENTS = 12_000
DEGRADED = range(4_000, 7_500)  # the first account fails in these
WINDOW = 2_000  # payments that the record remembers
LEARN_EVERY = 50
NOW = datetime(2026, 10, 1, tzinfo=UTC)

MAIN, LOCAL, CHEAP = "main", "local", "cheap"
ACCOUNTS = (
    Candidate(MAIN, "stripe", 1, fees=FeeSchedule((Fee(160),))),
    Candidate(LOCAL, "adyen", 2, fees=FeeSchedule((Fee(180),))),
    Candidate(CHEAP, "paypal", 3, fees=FeeSchedule((Fee(90),))),
)
ORDERINGS = {
    "priority": Ordering(),
    "least cost": Ordering(Strategy.LEAST_COST),
    "success rate": Ordering(Strategy.SUCCESS_RATE, explore_ppm=20_000),
    "expected value": Ordering(Strategy.EXPECTED_VALUE, margin_bps=1_500, explore_ppm=20_000),
}


@dataclass
class Run:
    """What came of the day under one strategy: for each payment whether it was approved, and the best chance it had."""

    approved: list[bool] = field(default_factory=list)
    chance_taken: list[float] = field(default_factory=list)
    chance_best: list[float] = field(default_factory=list)

    def of_best(self, within: range = range(PAYMENTS)) -> float:
        """The approvals that could be expected, as a share of those of somebody who knows every chance."""
        return sum(self.chance_taken[place] for place in within) / sum(self.chance_best[place] for place in within)


def payments(seed: int) -> list[PaymentFacts]:
    """The day's payments; a seventh are yen on Japanese cards."""
    luck = Random(seed)
    made = []
    for number in range(PAYMENTS):
        japanese = luck.random() < 1 / 7
        made.append(
            PaymentFacts(
                Money(luck.randrange(500, 20_000), "JPY" if japanese else luck.choice(["EUR", "USD"])),
                brand="jcb" if japanese else luck.choice(["visa", "mastercard"]),
                issuer_country="JP" if japanese else luck.choice(["DE", "US", "FR"]),
                seed=f"pay_{seed}_{number}",
            )
        )
    return made


def chance(account: str, facts: PaymentFacts, place: int) -> float:
    """The truth that no strategy is told."""
    if account == LOCAL and facts.brand == "jcb":
        return 0.96
    base = {MAIN: 0.92, LOCAL: 0.86, CHEAP: 0.78}[account]
    if account == MAIN and facts.brand == "jcb":
        base = 0.70
    return 0.35 if account == MAIN and place in DEGRADED else base


def play(ordering: Ordering, seed: int = 1, count: int = PAYMENTS) -> Run:
    """Send each payment where the strategy says, once, and let it learn from what comes back."""
    luck, run = Random(seed + 1), Run()
    memory: deque[tuple[str, Segment, bool]] = deque(maxlen=WINDOW)
    record: Record = {}
    for place, facts in enumerate(payments(seed)[:count]):
        if place % LEARN_EVERY == 0:
            record = _record(memory)
        account = decide(facts, None, ACCOUNTS, {}, NOW, record=record, ordering=ordering).steps[0].account_id
        taken = chance(account, facts, place)
        approved = luck.random() < taken
        run.approved.append(approved)
        run.chance_taken.append(taken)
        run.chance_best.append(max(chance(candidate.account_id, facts, place) for candidate in ACCOUNTS))
        memory.append((account, segments_of(facts)[-1], approved))
    return run


def _record(memory: deque[tuple[str, Segment, bool]]) -> Record:
    tallies: dict[tuple[str, Segment], Tally] = {}
    for account, kind, approved in memory:
        tallies[account, kind] = tallies.get((account, kind), Tally()) + Tally(1, int(approved))
    return widened((account, kind, tally) for (account, kind), tally in tallies.items())
