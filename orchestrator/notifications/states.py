"""The words for what becomes of a delivery, and for why an endpoint is not told any more."""

from enum import StrEnum


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Its schedule is over."""
    CANCELED = "canceled"
    """Its endpoint was disabled or deleted first."""


class DisabledReason(StrEnum):
    MERCHANT = "merchant"
    FAILING = "failing"
    GONE = "gone"
    """It answered 410."""
    DELETED = "deleted"
