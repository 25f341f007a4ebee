"""What PayPal knows: orders with their authorizations, captures and refunds, tokens, and answers by request id."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

from simulators.paypal.signing import Signer
from simulators.replays import Replays
from simulators.world import Charge, World


class OrderStatus(StrEnum):
    CREATED = "CREATED"
    PAYER_ACTION_REQUIRED = "PAYER_ACTION_REQUIRED"
    APPROVED = "APPROVED"
    COMPLETED = "COMPLETED"


@dataclass(slots=True)
class Refund:
    id: str
    capture: Capture
    minor: int
    at: datetime
    invoice_id: str
    custom_id: str


@dataclass(slots=True)
class Capture:
    """`declined_for` is a word of our taxonomy, empty for a capture that went well."""

    id: str
    order: Order
    minor: int
    at: datetime
    invoice_id: str
    final: bool
    declined_for: str = ""
    refunds: list[Refund] = field(default_factory=list)

    @property
    def refunded_minor(self) -> int:
        return sum(refund.minor for refund in self.refunds)


@dataclass(slots=True)
class Authorization:
    id: str
    order: Order
    at: datetime
    declined_for: str = ""


@dataclass(slots=True)
class Order:
    """One purchase unit, paid by one authorization (and its captures) or by one capture."""

    id: str
    account: str
    intent: str
    minor: int
    currency: str
    reference_id: str
    custom_id: str
    invoice_id: str
    payment_reference: str
    created_at: datetime
    status: OrderStatus = OrderStatus.CREATED
    card: dict[str, Any] | None = None
    return_url: str = ""
    challenge_passed: bool | None = None
    charge: Charge | None = None
    authorization: Authorization | None = None
    captures: list[Capture] = field(default_factory=list)


@dataclass(slots=True)
class State:
    orders: dict[str, Order] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    captures: dict[str, Capture] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    invoices: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, invoice id) of what was paid, to the order that paid it"""
    tokens: dict[str, str] = field(default_factory=dict)
    replays: Replays = field(default_factory=Replays)
    signer: Signer = field(default_factory=Signer)
    base_url: str = ""  # as the last caller addressed us

    def new_token(self, account: str) -> str:
        """Never outlived: the SDK counts its nine hours in real time, the simulated world in its own."""
        token = "A21AA" + secrets.token_urlsafe(48)
        self.tokens[token] = account
        return token


_states: WeakKeyDictionary[World, State] = WeakKeyDictionary()


def state_of(world: World) -> State:
    state = _states.get(world)
    if state is None:
        state = _states[world] = State()
    return state
