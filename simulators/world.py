"""The world that all simulators share: its clock, the charges made in it, the gateways' books, and what is to go wrong.

Amounts are minor units by ISO 4217 exponent; every simulator converts from and to its gateway's own format at its edge.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from simulators.scenarios import Scenario

GATEWAYS = ("stripe", "adyen", "paypal")


class Clock:
    """Real time plus an offset that only grows."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._offset += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Card:
    """`expiry_year` has four digits."""

    number: str
    expiry_month: int
    expiry_year: int
    cvc: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class ChargeEvent:
    """`kind`: authorised, declined, captured, refunded, voided, settled. `id` is the gateway's (re_...)."""

    kind: str
    minor: int
    at: datetime
    id: str = ""
    reference: str = ""


@dataclass(slots=True)
class Charge:
    """One attempt to take money at one gateway account, as that gateway knows it.

    `reference` is the attempt id and `payment_reference` the payment id that Clearway sent (empty if foreign);
    `captured_minor` and `refunded_minor` are totals so far; `settled_minor` is the captured part already reported.
    `payment_id` is the object above the charge where the gateway has one (Stripe's intent).
    """

    gateway: str
    account: str
    id: str
    reference: str
    payment_reference: str
    amount_minor: int
    currency: str
    authorised_at: datetime
    captured_minor: int = 0
    refunded_minor: int = 0
    voided: bool = False
    declined: bool = False
    settled_minor: int = 0
    payment_id: str = ""
    events: list[ChargeEvent] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    """What a gateway holds for an account in one currency; fees are taken when a charge is settled."""

    captured_minor: int = 0
    refunded_minor: int = 0
    fees_minor: int = 0
    paid_out_minor: int = 0

    @property
    def balance_minor(self) -> int:
        return self.captured_minor - self.refunded_minor - self.fees_minor - self.paid_out_minor


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an account's webhooks go, and the secrets to sign or authenticate with (names are the gateway's own)."""

    gateway: str
    account: str
    url: str
    secrets: dict[str, str]


@dataclass(frozen=True, slots=True)
class Signed:
    """One webhook, ready to send."""

    body: bytes
    headers: dict[str, str]


Builder = Callable[[Endpoint], Signed]
"""Makes the payload for an endpoint; called once per try, since a signature may carry the time of sending."""


class Mode(StrEnum):
    NORMAL = "normal"
    HOLD = "hold"
    DUPLICATE = "duplicate"
    REVERSE = "reverse"
    LOSE = "lose"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to tell an account's endpoints. `event` is the gateway's name for it, for the log."""

    gateway: str
    account: str
    event: str
    build: Builder


class World:
    """All state of one run of the simulators. Touched from one event loop only, so nothing in it locks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.charges: dict[tuple[str, str], Charge] = {}
        self.books: dict[tuple[str, str, str], Book] = {}
        self.scenarios: list[Scenario] = []
        self.endpoints: list[Endpoint] = []
        self.accounts: dict[tuple[str, str], dict[str, str]] = {}
        self.urls: dict[str, str] = {}  # where each simulator listens, once it does: for links in answers
        self.notices: deque[Notice] = deque()
        self.wake_sender: Callable[[], None] = lambda: None

    # accounts and endpoints

    def register_account(self, gateway: str, account: str, credentials: dict[str, str]) -> None:
        self.accounts[gateway, account] = dict(credentials)

    def account_where(self, gateway: str, **credentials: str) -> str | None:
        """The account whose registered credentials include all the given ones, or None."""
        for (name, account), held in self.accounts.items():
            if name == gateway and all(held.get(key) == value for key, value in credentials.items()):
                return account
        return None

    def register_endpoint(self, endpoint: Endpoint) -> None:
        """Replaces what was registered for the same account."""
        kept = [e for e in self.endpoints if (e.gateway, e.account) != (endpoint.gateway, endpoint.account)]
        self.endpoints = [*kept, endpoint]

    # money

    def book(self, gateway: str, account: str, currency: str) -> Book:
        return self.books.setdefault((gateway, account, currency), Book())

    def add_charge(self, charge: Charge) -> Charge:
        """Records an authorised or declined charge; moves no money."""
        self.charges[charge.gateway, charge.id] = charge
        kind = "declined" if charge.declined else "authorised"
        charge.events.append(ChargeEvent(kind, charge.amount_minor, charge.authorised_at, charge.id, charge.reference))
        return charge

    def capture(self, charge: Charge, minor: int, id: str = "", reference: str = "") -> None:
        """The caller has checked state and amount, in its gateway's own way."""
        charge.captured_minor += minor
        self.book(charge.gateway, charge.account, charge.currency).captured_minor += minor
        charge.events.append(ChargeEvent("captured", minor, self.clock.now(), id, reference))

    def refund(self, charge: Charge, minor: int, id: str = "", reference: str = "") -> None:
        charge.refunded_minor += minor
        self.book(charge.gateway, charge.account, charge.currency).refunded_minor += minor
        charge.events.append(ChargeEvent("refunded", minor, self.clock.now(), id, reference))

    def void(self, charge: Charge, id: str = "", reference: str = "") -> None:
        charge.voided = True
        charge.events.append(ChargeEvent("voided", charge.amount_minor, self.clock.now(), id, reference))

    def add_foreign_charge(self, gateway: str, account: str, amount_minor: int, currency: str) -> Charge:
        """A captured charge made outside Clearway (in the gateway's dashboard): no reference of ours."""
        id = {"stripe": "ch_", "adyen": "", "paypal": ""}[gateway] + secrets.token_hex(8).upper()
        charge = self.add_charge(Charge(gateway, account, id, "", "", amount_minor, currency, self.clock.now()))
        self.capture(charge, amount_minor, id)
        return charge

    def charges_of(self, gateway: str, account: str) -> list[Charge]:
        """In the order in which they were made."""
        return [c for c in self.charges.values() if (c.gateway, c.account) == (gateway, account)]

    # trouble

    def take_scenario(self, gateway: str, operation: str, **facts: object) -> Scenario | None:
        """The oldest scenario that fits this call, one of its `times` used up; None when all is to go well."""
        for scenario in self.scenarios:
            if scenario.fits(gateway, operation, facts):
                scenario.times -= 1
                return scenario
        return None

    # webhooks

    def notify(self, gateway: str, account: str, event: str, build: Builder) -> None:
        """Queues one event for the account's endpoints; `webhooks.Sender` delivers by the gateway's mode."""
        self.notices.append(Notice(gateway, account, event, build))
        self.wake_sender()
