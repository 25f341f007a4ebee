"""The words of deliveries: what is sent, by which channel, and how far it came."""

from __future__ import annotations

from enum import StrEnum


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    """The next server took it; whether it arrived is known only where it comes back."""
    FAILED = "failed"
    """It could not be handed over; nothing tries again."""
    BOUNCED = "bounced"
    """The recipient's server refused it, at once or later."""
    NOT_SENT = "not_sent"
    """There was nowhere to send it, or no longer a reason."""


class DeliveryKind(StrEnum):
    DOCUMENT = "document"
    """An invoice, credit note, quote or pro forma as it was issued."""
    LINK = "link"
    """A new link to the page of an invoice, which its buyer asked for there."""
    REMINDER = "reminder"
    RECEIPT = "receipt"
    E_INVOICE = "e_invoice"
    CHARGE = "charge"
    """That an automatic charge of an invoice came to nothing."""


class Channel(StrEnum):
    """The channel that is ours. Others are words of their own senders."""

    EMAIL = "email"
