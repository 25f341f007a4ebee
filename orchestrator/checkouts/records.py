"""Checkout sessions and payment links as values, the way every other module sees them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from currency.money import Money
from orchestrator.payments.authentication_records import PaymentAuthentication
from orchestrator.payments.records import PaymentRow


class SessionState(StrEnum):
    """Where a session stands: it ends once, and stays as it ended."""

    OPEN = "open"
    COMPLETED = "completed"
    EXPIRED = "expired"


class LineItem(msgspec.Struct, frozen=True):
    """What is sold, as the page lists it. `amount_minor` is of the whole line."""

    name: str
    quantity: int
    amount_minor: int


class SessionRow(msgspec.Struct, frozen=True):
    """A session as stored. What is owed, by whom and for what is in its one payment."""

    id: str
    merchant_id: str
    payment_id: str
    payment_link_id: str | None
    state: SessionState
    line_items: list[LineItem]
    methods: list[str]
    cancel_url: str | None
    expires_at: datetime
    created_at: datetime
    closed_at: datetime | None


class SessionView(msgspec.Struct, frozen=True):
    """A session with its payment."""

    session: SessionRow
    payment: PaymentRow


class LinkRow(msgspec.Struct, frozen=True):
    """A payment link as stored: a fixed amount, or one that the payer chooses between two bounds."""

    id: str
    merchant_id: str
    public_token: str
    currency: str
    amount_minor: int | None
    amount_min_minor: int | None
    amount_max_minor: int | None
    active: bool
    uses_max: int | None
    expires_at: datetime | None
    description: str
    reference: str | None
    success_url: str | None
    capture_method: str
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    authentication: PaymentAuthentication | None = None  # what is asked of 3-D Secure for its payments

    @property
    def amount(self) -> Money | None:
        """The fixed amount; None where the payer chooses."""
        return None if self.amount_minor is None else Money(self.amount_minor, self.currency)


class LinkView(msgspec.Struct, frozen=True):
    """A link with how often it was paid, and how many visitors are paying by it now."""

    link: LinkRow
    uses: int
    uses_open: int
