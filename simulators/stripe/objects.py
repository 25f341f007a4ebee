"""What the simulated Stripe remembers of the objects that have a life of their own. Amounts are Stripe's integers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulators.stripe.declines import DeclineWords
from simulators.world import Card, Charge


class IntentStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(slots=True)
class PaymentMethod:
    """`is_set_up`: its holder has authenticated or signed for use without him. `is_spent`: charged without a customer,
    or detached, and good for nothing more. `generated_from` is the iDEAL charge or setup that made a SEPA debit."""

    id: str
    account: str
    type: str
    created: int
    card: Card | None = None
    iban: str = ""
    wallet: str = ""
    billing: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    allow_redisplay: str = "unspecified"
    customer: str = ""
    is_set_up: bool = False
    is_spent: bool = False
    is_network_token: bool = False
    mandate: str = ""
    network_transaction_id: str = ""
    generated_from: str = ""


@dataclass(slots=True)
class StripeCharge:
    """`ledger` is the same charge in the shared world; `status` is succeeded, pending or failed.

    `method` is the payment method as it was: a card updated later does not change it.
    """

    id: str
    intent_id: str
    amount: int
    currency: str
    created: int
    method: PaymentMethod
    ledger: Charge
    metadata: dict[str, str]
    status: str = "succeeded"
    decline: DeclineWords | None = None
    three_d_secure: dict[str, Any] | None = None
    amount_captured: int = 0
    amount_refunded: int = 0
    captures: int = 0
    released: bool = False
    disputed: bool = False
    capture_before: int | None = None
    multicapture: bool = False
    extended: bool = False
    customer: str = ""
    description: str = ""
    mandate: str = ""
    transfer: str = ""
    application_fee: str = ""
    application_fee_amount: int | None = None
    transfer_data: dict[str, Any] | None = None
    on_behalf_of: str = ""
    transfer_group: str = ""
    statement_descriptor_suffix: str = ""
    receipt_email: str = ""
    generated_sepa_debit: str = ""

    @property
    def account(self) -> str:
        return self.ledger.account


@dataclass(slots=True)
class StripeRefund:
    id: str
    account: str
    charge_id: str
    intent_id: str
    amount: int
    currency: str
    created: int
    reason: str
    metadata: dict[str, str]
    method_type: str = "card"
    status: str = "succeeded"
    failure_reason: str = ""
    transfer_reversal: str = ""


@dataclass(slots=True)
class Intent:
    """`currency` is lower-case as Stripe has it; `awaiting` is the payment method of an authentication under way."""

    id: str
    account: str
    amount: int
    currency: str
    created: int
    capture_method: str
    metadata: dict[str, str]
    description: str
    client_secret: str
    method_types: list[str]
    automatic_methods: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    status: IntentStatus = IntentStatus.REQUIRES_PAYMENT_METHOD
    charges: list[StripeCharge] = field(default_factory=list)
    payment_method: str = ""
    customer: str = ""
    setup_future_usage: str = ""
    off_session: bool = False
    mandate_data: dict[str, Any] = field(default_factory=dict)
    mandate: str = ""
    last_payment_error: dict[str, Any] | None = None
    next_action: dict[str, Any] | None = None
    return_url: str = ""
    awaiting: str = ""
    was_challenged: bool = False
    canceled_at: int | None = None
    cancellation_reason: str = ""
    confirmation_method: str = "automatic"
    application_fee_amount: int | None = None
    transfer_data: dict[str, Any] | None = None
    on_behalf_of: str = ""
    transfer_group: str = ""
    receipt_email: str = ""
    statement_descriptor: str = ""
    statement_descriptor_suffix: str = ""
    shipping: dict[str, Any] | None = None
    session: str = ""

    @property
    def amount_capturable(self) -> int:
        charge = self.good_charge
        if self.status is not IntentStatus.REQUIRES_CAPTURE or charge is None:
            return 0
        return charge.amount - charge.amount_captured

    @property
    def amount_received(self) -> int:
        return sum(charge.amount_captured for charge in self.charges)

    @property
    def good_charge(self) -> StripeCharge | None:
        """The one charge of this intent that was not refused, if any."""
        return next((charge for charge in self.charges if charge.status != "failed"), None)


class SetupStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(slots=True)
class Setup:
    """A SetupIntent."""

    id: str
    account: str
    created: int
    metadata: dict[str, str]
    description: str
    client_secret: str
    method_types: list[str]
    usage: str
    automatic_methods: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    status: SetupStatus = SetupStatus.REQUIRES_PAYMENT_METHOD
    customer: str = ""
    payment_method: str = ""
    mandate: str = ""
    mandate_data: dict[str, Any] = field(default_factory=dict)
    last_setup_error: dict[str, Any] | None = None
    next_action: dict[str, Any] | None = None
    return_url: str = ""
    latest_attempt: str = ""
    cancellation_reason: str = ""
    was_challenged: bool = False


@dataclass(slots=True)
class Session:
    """A Checkout Session. `lines` are (price, quantity) with the price as the API shows it."""

    id: str
    account: str
    created: int
    expires_at: int
    currency: str
    lines: list[tuple[dict[str, Any], int]]
    success_url: str
    cancel_url: str
    method_types: list[str]
    metadata: dict[str, str]
    intent_data: dict[str, Any]
    status: str = "open"
    payment_status: str = "unpaid"
    intent: str = ""
    customer: str = ""
    customer_email: str = ""
    customer_creation: str = "if_required"
    client_reference_id: str = ""
    locale: str = ""
    details: dict[str, Any] | None = None

    @property
    def amount(self) -> int:
        return sum(int(price["unit_amount"]) * quantity for price, quantity in self.lines)


def new_id(prefix: str) -> str:
    return f"{prefix}_3{secrets.token_hex(12)}"


def unix(at: datetime) -> int:
    return int(at.timestamp())
