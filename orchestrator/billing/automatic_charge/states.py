"""The states of an invoice's automatic charge."""

from __future__ import annotations

from enum import StrEnum


class ChargeState(StrEnum):
    SCHEDULED = "scheduled"
    CHARGING = "charging"  # a payment is made for it, and has not come to its end
    RETRYING = "retrying"  # declined, and to be tried again at `due_at`
    DONE = "done"  # nothing is left to be charged by itself
    FAILED = "failed"
    NEEDS_ACTION = "needs_action"  # the buyer has to be there: they are told where to pay
    OFF = "off"  # switched off for this invoice, or for its customer


PENDING = frozenset({ChargeState.SCHEDULED, ChargeState.CHARGING, ChargeState.RETRYING})
WAITS_FOR_BUYER = frozenset({ChargeState.FAILED, ChargeState.NEEDS_ACTION})
