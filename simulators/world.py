"""The world that all simulators share: its clock, the charges made in it, the gateways' books, and what is to go wrong.

Amounts are minor units by ISO 4217 exponent; every simulator converts from and to its gateway's own format at its edge.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

from simulators.clock import Clock, Timer, Timers
from simulators.scenarios import Behaviour, Scenario, Trouble

GATEWAYS = ("stripe", "adyen", "paypal")
T = TypeVar("T")


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
    """`kind`: authorised, declined, captured, refunded, voided, settled, dispute_withdrawn, dispute_reinstated.

    `id` is the gateway's (re_...).
    """

    kind: str
    minor: int
    at: datetime
    id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """A part of a charge that goes to another account of the platform. `kind` is the gateway's word (Commission)."""

    account: str
    minor: int
    kind: str = ""
    reference: str = ""


@dataclass(slots=True)
class Charge:
    """One attempt to take money at one gateway account, as that gateway knows it.

    `reference` is the attempt id and `payment_reference` the payment id that Clearway sent (empty if foreign);
    `captured_minor` and `refunded_minor` are totals so far; `settled_minor` is the captured part already reported.
    `payment_id` is the object above the charge where the gateway has one (Stripe's intent). `method` is card, paypal,
    ideal or sepa_debit; `region` of its card is domestic, eea or international; after `expires_at` an uncaptured
    authorisation is worth nothing; `stored_token` is the stored credential that was charged.
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
    method: str = "card"
    region: str = "domestic"
    splits: tuple[Split, ...] = ()
    expires_at: datetime | None = None
    network_transaction_id: str = ""
    stored_token: str = ""
    events: list[ChargeEvent] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    """What a gateway holds for an account in one currency; fees are taken when a charge is settled.

    `disputed_minor` and `dispute_fees_minor` are what disputes have withdrawn and not reinstated.
    """

    captured_minor: int = 0
    refunded_minor: int = 0
    fees_minor: int = 0
    paid_out_minor: int = 0
    disputed_minor: int = 0
    dispute_fees_minor: int = 0

    @property
    def balance_minor(self) -> int:
        taken = self.fees_minor + self.paid_out_minor + self.disputed_minor + self.dispute_fees_minor
        return self.captured_minor - self.refunded_minor - taken


CONTROL_ENDPOINT = "control"
"""The id of the one endpoint of an account that the control API registers."""


@dataclass(slots=True)
class Endpoint:
    """Where webhooks of an account go, and the secrets to sign or authenticate with (names are the gateway's own).

    `events` are the names of the events that it wants, all where empty or where it holds "*".
    """

    gateway: str
    account: str
    url: str
    secrets: dict[str, str]
    id: str = CONTROL_ENDPOINT
    events: frozenset[str] = frozenset()
    enabled: bool = True

    def wants(self, event: str) -> bool:
        return self.enabled and (not self.events or "*" in self.events or event in self.events)


@dataclass(frozen=True, slots=True)
class Signed:
    """One webhook, ready to send."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to tell an account's endpoints. `event` is the gateway's name for it, `body` is not signed yet."""

    gateway: str
    account: str
    event: str
    body: bytes


class World:
    """All state of one run of the simulators, and nothing else: it can be pickled as a whole.

    Touched from one event loop only, so nothing in it locks. What cannot be kept in a file (listeners, clients, tasks)
    stays outside and is told of changes by `bell`.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = Timers()
        self.charges: dict[tuple[str, str], Charge] = {}
        self.books: dict[tuple[str, str, str], Book] = {}
        self.scenarios: list[Scenario] = []
        self.endpoints: list[Endpoint] = []
        self.accounts: dict[tuple[str, str], dict[str, str]] = {}
        self.urls: dict[str, str] = {}  # where each simulator listens, once it does: for links in answers
        self.notices: deque[Notice] = deque()
        self._parts: dict[str, object] = {}
        self.bell: Callable[[], None] = _silent

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "bell"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        vars(self).update(state)

    def part(self, name: str, make: Callable[[], T]) -> T:
        """The state that a simulator keeps under its name, made on first use. It must be picklable."""
        if name not in self._parts:
            self._parts[name] = make()
        return cast(T, self._parts[name])

    # time

    def at(self, due: datetime, gateway: str, handler: str, **facts: Any) -> Timer:
        """Has the gateway's handler called with `facts` when the clock reaches `due`; facts are plain values or ids."""
        timer = self.timers.add(due, gateway, handler, facts)
        self.bell()
        return timer

    # accounts and endpoints

    def register_account(self, gateway: str, account: str, credentials: dict[str, str]) -> None:
        self.accounts[gateway, account] = dict(credentials)

    def account_where(self, gateway: str, **credentials: str) -> str | None:
        """The account whose registered credentials include all the given ones, or None."""
        for (name, account), held in self.accounts.items():
            if name == gateway and all(held.get(key) == value for key, value in credentials.items()):
                return account
        return None

    def country_of(self, gateway: str, account: str) -> str:
        """Where the merchant is, ISO 3166-1 alpha-2: credential `country` of POST /accounts, German by default."""
        return self.accounts.get((gateway, account), {}).get("country", "DE")

    def register_endpoint(self, endpoint: Endpoint) -> None:
        """Adds it, or replaces the one with the same id of the same account."""
        self.remove_endpoint(endpoint.gateway, endpoint.account, endpoint.id)
        self.endpoints.append(endpoint)

    def remove_endpoint(self, gateway: str, account: str, id: str) -> bool:
        """False where there is none."""
        kept = [e for e in self.endpoints if (e.gateway, e.account, e.id) != (gateway, account, id)]
        removed = len(kept) < len(self.endpoints)
        self.endpoints = kept
        return removed

    def endpoints_of(self, gateway: str, account: str) -> list[Endpoint]:
        """In the order in which they were registered, disabled ones too."""
        return [e for e in self.endpoints if (e.gateway, e.account) == (gateway, account)]

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

    def take_scenario(self, gateway: str, operation: str, **facts: object) -> Trouble | None:
        """What is to befall this call: the delays that fit it and the oldest other scenario that does; None when all is
        to go well."""
        if not self.scenarios:
            return None
        now, found = self.clock.now(), None
        for scenario in self.scenarios:
            if scenario.strikes(gateway, operation, facts, now):
                found = scenario.trouble(found.delay_s if found else 0.0)
                if found.behaviour is not Behaviour.DELAY:
                    break
        return found

    # webhooks

    def notify(self, gateway: str, account: str, event: str, body: bytes) -> None:
        """Queues one event for the account's endpoints; `webhooks.Sender` signs it at each try and delivers it."""
        self.notices.append(Notice(gateway, account, event, body))
        self.bell()


def _silent() -> None:
    """Nobody listens."""
