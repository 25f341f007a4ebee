"""What Stripe remembers beside the shared world, and answers by idempotency key."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.stripe.idempotency import Keys
from simulators.stripe.objects import Intent, PaymentMethod, Session, Setup, StripeCharge, StripeRefund
from simulators.stripe.records import Table, new_tables
from simulators.world import World


@dataclass(slots=True)
class State:
    intents: dict[str, Intent] = field(default_factory=dict)
    charges: dict[str, StripeCharge] = field(default_factory=dict)
    refunds: dict[str, StripeRefund] = field(default_factory=dict)
    setups: dict[str, Setup] = field(default_factory=dict)
    methods: dict[str, PaymentMethod] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=new_tables)
    contents: dict[str, bytes] = field(default_factory=dict)  # of files, by id
    keys: Keys = field(default_factory=Keys)


def state_of(world: World) -> State:
    return world.part("stripe", State)


def table(world: World, name: str) -> Table:
    return state_of(world).tables[name]
