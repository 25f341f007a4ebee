"""What Stripe remembers beside the shared world: intents, refunds, and answers by idempotency key."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.stripe.idempotency import Keys
from simulators.stripe.objects import Intent, StripeRefund
from simulators.world import World


@dataclass(slots=True)
class State:
    intents: dict[str, Intent] = field(default_factory=dict)
    refunds: dict[str, StripeRefund] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)


def state_of(world: World) -> State:
    return world.part("stripe", State)
