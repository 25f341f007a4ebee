"""What is bought, and what is done with each payment afterwards: drawn from the seed, the same in every run of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

CURRENCIES = (("EUR", "DE"), ("USD", "US"), ("GBP", "GB"))  # Adyen, Stripe, PayPal first by the demo's rules
VISA, MASTERCARD, STOLEN, NO_FUNDS = "4242424242424242", "5555555555554444", "4000000000009979", "4000000000009995"


class Verb(StrEnum):
    """What is asked of a payment by one call; the three that follow it know an amount or take everything."""

    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refunds"


@dataclass(frozen=True, slots=True)
class Step:
    """`amount_minor` None is all of it."""

    verb: Verb
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One payment and the steps after it. `twice`: the customer clicks twice, with the same key."""

    number: int
    amount_minor: int
    currency: str
    country: str
    card_number: str
    manual: bool
    steps: tuple[Step, ...]
    twice: bool


def order(number: int, seed: int) -> Order:
    chance = random.Random(f"order {seed} {number}")
    currency, country = chance.choice(CURRENCIES)
    amount_minor = chance.randrange(1_000, 20_000)
    manual, steps = _steps(chance, amount_minor)
    return Order(
        number=number,
        amount_minor=amount_minor,
        currency=currency,
        country=country,
        card_number=chance.choices((VISA, MASTERCARD, STOLEN, NO_FUNDS), weights=(80, 14, 3, 3))[0],
        manual=manual,
        steps=steps,
        twice=chance.random() < 0.1,
    )


def _steps(chance: random.Random, amount_minor: int) -> tuple[bool, tuple[Step, ...]]:
    """Whether it is captured by hand, and what follows."""
    part_minor = chance.randrange(1, amount_minor)
    left_minor = amount_minor - part_minor
    stories: tuple[tuple[bool, tuple[Step, ...]], ...] = (
        (False, ()),
        (False, (Step(Verb.REFUND),)),
        (False, (Step(Verb.REFUND, part_minor),)),
        (False, (Step(Verb.REFUND, part_minor), Step(Verb.REFUND, left_minor))),
        (False, (Step(Verb.CANCEL),)),  # too late, mostly: refused, or in the middle of it
        (True, (Step(Verb.CAPTURE),)),
        (True, (Step(Verb.CAPTURE, part_minor),)),
        (True, (Step(Verb.CAPTURE, part_minor), Step(Verb.REFUND))),
        (True, (Step(Verb.CANCEL),)),
        (True, ()),
    )
    return chance.choices(stories, weights=(30, 8, 8, 6, 5, 10, 12, 6, 10, 5))[0]
