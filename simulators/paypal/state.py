"""What PayPal knows: orders with their payments, vaulted methods, tokens, webhooks, and answers by request id."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from simulators.paypal.signing import Signer
from simulators.world import Card, Charge, World

Json = dict[str, Any]
TOKEN_LIFETIME_S = 32400


class OrderStatus(StrEnum):
    CREATED = "CREATED"
    PAYER_ACTION_REQUIRED = "PAYER_ACTION_REQUIRED"
    APPROVED = "APPROVED"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True)
class Authentication:
    """What 3-D Secure came to, in PayPal's letters; `status` and `enrolled` are empty where it tells nothing."""

    liability_shift: str
    enrolled: str = ""
    status: str = ""


@dataclass(slots=True)
class Instrument:
    """A payment source as it was given. `method` is card, paypal or ideal; `card` is there for a card only.

    `vault_id` is the stored credential that it names, `saved_token` the one that was made of it. `authentication` is
    what 3-D Secure came to, None as long as nobody asked or answered; `challenge` is how it is asked: "" for not at
    all, "frictionless" for a page that answers by itself, "password" for one that a person answers.
    """

    method: str
    card: Card | None = None
    shown: Json = field(default_factory=dict)
    vault_id: str = ""
    is_network_token: bool = False
    is_merchant_initiated: bool = False
    previous_network_id: str = ""
    store: bool = False
    customer_id: str = ""
    challenge: str = ""
    authentication: Authentication | None = None
    saved_token: str = ""

    @property
    def is_pushed(self) -> bool:
        """Whether the payer pays at a bank, on a page, and nothing is to be asked of an issuer."""
        return self.method == "ideal"


@dataclass(slots=True)
class Refund:
    """`minor` is gross; the platform gives back `platform_fee_minor` of it. `status`: COMPLETED PENDING FAILED."""

    id: str
    capture: Capture
    minor: int
    at: datetime
    invoice_id: str = ""
    custom_id: str = ""
    note: str = ""
    status: str = "COMPLETED"
    updated_at: datetime | None = None
    platform_fee_minor: int = 0


@dataclass(slots=True)
class Capture:
    """`declined_for` is a word of our taxonomy or a raw code, empty for a capture that went well.

    `pending_for` is PayPal's reason while the money is not there yet. `reversed` is by a dispute that was lost.
    """

    id: str
    unit: Unit
    minor: int
    at: datetime
    invoice_id: str = ""
    final: bool = True
    declined_for: str = ""
    authorization: Authorization | None = None
    pending_for: str = ""
    failed: bool = False
    reversed: bool = False
    note: str = ""
    soft_descriptor: str = ""
    platform_fee_minor: int = 0
    updated_at: datetime | None = None
    refunds: list[Refund] = field(default_factory=list)

    @property
    def order(self) -> Order:
        return self.unit.order

    @property
    def refunded_minor(self) -> int:
        return sum(refund.minor for refund in self.refunds if refund.status != "FAILED")

    @property
    def is_good(self) -> bool:
        return not (self.declined_for or self.failed)


@dataclass(slots=True)
class Authorization:
    """`parent` is the one that this one renews. `expires_at` is the end of the first one's 29 days."""

    id: str
    unit: Unit
    minor: int
    at: datetime
    expires_at: datetime
    declined_for: str = ""
    parent: Authorization | None = None
    voided: bool = False
    renewed: bool = False
    updated_at: datetime | None = None
    captures: list[Capture] = field(default_factory=list)

    @property
    def order(self) -> Order:
        return self.unit.order

    @property
    def captured_minor(self) -> int:
        return sum(c.minor for c in self.captures if c.is_good)


@dataclass(slots=True)
class Unit:
    """A purchase unit. `shown` has what is only repeated: description, items, shipping, the amount's breakdown.

    `payee` is a merchant id or e-mail address where it is not the caller; `platform_fee_minor` goes to the caller.
    """

    order: Order
    reference_id: str
    minor: int
    currency: str
    custom_id: str = ""
    invoice_id: str = ""
    shown: Json = field(default_factory=dict)
    breakdown: Json = field(default_factory=dict)
    payee: Json = field(default_factory=dict)
    instruction: Json = field(default_factory=dict)
    platform_fee_minor: int = 0
    soft_descriptor: str = ""
    charge: Charge | None = None
    authorizations: list[Authorization] = field(default_factory=list)
    captures: list[Capture] = field(default_factory=list)


@dataclass(slots=True)
class Order:
    id: str
    account: str
    intent: str
    created_at: datetime
    units: list[Unit] = field(default_factory=list)
    status: OrderStatus = OrderStatus.CREATED
    instruction: str = ""
    instrument: Instrument | None = None
    payer: Json = field(default_factory=dict)
    return_url: str = ""
    cancel_url: str = ""
    updated_at: datetime | None = None

    @property
    def currency(self) -> str:
        return self.units[0].currency

    @property
    def minor(self) -> int:
        return sum(unit.minor for unit in self.units)


@dataclass(slots=True)
class SetupToken:
    """`status`: CREATED PAYER_ACTION_REQUIRED APPROVED VAULTED. `shown` is the payment source as it is answered."""

    id: str
    account: str
    customer_id: str
    method: str
    created_at: datetime
    status: str
    card: Card | None = None
    shown: Json = field(default_factory=dict)
    return_url: str = ""
    cancel_url: str = ""
    challenge: str = ""
    merchant_customer_id: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """The id of the resource that a request with a PayPal-Request-Id made or changed."""

    id: str
    at: datetime


@dataclass(slots=True)
class State:
    orders: dict[str, Order] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    captures: dict[str, Capture] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    setup_tokens: dict[str, SetupToken] = field(default_factory=dict)
    vaulted: dict[str, Json] = field(default_factory=dict)
    """payment source of a payment token, as it is answered, by the token's id"""
    customers: dict[tuple[str, str], str] = field(default_factory=dict)
    """PayPal's customer id by account and the merchant's own id"""
    events: dict[str, tuple[str, Json]] = field(default_factory=dict)
    """account and body of each webhook event, by its id"""
    invoices: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, invoice id) of what was paid, to the order that paid it"""
    refund_invoices: dict[tuple[str, str], str] = field(default_factory=dict)
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """account and end of each access token"""
    made: dict[tuple[str, ...], Made] = field(default_factory=dict)
    """by account, path and PayPal-Request-Id"""
    signer: Signer = field(default_factory=Signer)
    base_url: str = ""  # as the last caller addressed us

    def new_token(self, account: str, now: datetime) -> str:
        token = "A21AA" + secrets.token_urlsafe(48)
        self.tokens[token] = account, now + timedelta(seconds=TOKEN_LIFETIME_S)
        return token

    def account_of_token(self, token: str, now: datetime) -> str | None:
        """None for a token that is unknown or outlived."""
        account, ends_at = self.tokens.get(token, ("", now))
        return account if now < ends_at else None


def state_of(world: World) -> State:
    return world.part("paypal", State)
