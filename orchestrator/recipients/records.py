"""Recipients and split transfers as stored, with their states."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from currency.money import Money
from routing.outcomes import OutcomeKind


class OnboardingState(StrEnum):
    """Whether a recipient can be paid through a gateway account. `unverified`: the gateway has no way to ask."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    UNVERIFIED = "unverified"


class TransferKind(StrEnum):
    """Money to a recipient, or back from it."""

    TRANSFER = "transfer"
    REVERSAL = "reversal"


class TransferState(StrEnum):
    """How far a transfer has come. Only `settled` has a certain outcome."""

    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    NEEDS_REVIEW = "needs_review"


class RecipientRow(msgspec.Struct, frozen=True):
    """A recipient as stored."""

    id: str
    merchant_id: str
    name: str
    reference: str | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime


class RecipientAccountRow(msgspec.Struct, frozen=True):
    """A recipient's name at one of the merchant's gateway accounts, and whether it can be paid there."""

    id: str
    recipient_id: str
    gateway_account_id: str
    gateway_recipient_id: str
    state: OnboardingState
    missing: str
    checked_at: datetime | None

    @property
    def payable(self) -> bool:
        return self.state is not OnboardingState.INCOMPLETE


class SplitTransferRow(msgspec.Struct, frozen=True):
    """A split transfer as stored."""

    id: str
    merchant_id: str
    payment_id: str
    operation_id: str
    kind: TransferKind
    reverses_id: str | None
    recipient_id: str
    gateway_account_id: str
    gateway_recipient_id: str
    gateway_operation_id: str
    amount_minor: int
    currency: str
    state: TransferState
    outcome: OutcomeKind | None
    gateway_transfer_id: str
    decline: dict[str, Any] | None
    detail: str
    exchange: dict[str, Any] | None
    tries: int
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None
    settled_at: datetime | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def done(self) -> bool:
        return self.state is TransferState.SETTLED and self.outcome is OutcomeKind.APPROVED

    @property
    def failed(self) -> bool:
        """Certain that no money moved by it."""
        return self.state is TransferState.SETTLED and self.outcome is not OutcomeKind.APPROVED


class Part(msgspec.Struct, frozen=True):
    """A recipient's part of a payment, a capture or a refund, in minor units of its currency.

    `gateway_recipient_id` is its name at the operation's gateway account; empty with a payment. `bps` is what the
    merchant asked for, where it did so in basis points.
    """

    recipient_id: str
    amount_minor: int
    bps: int | None = None
    gateway_recipient_id: str = ""
