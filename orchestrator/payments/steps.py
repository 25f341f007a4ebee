"""What may come next for a payment: the words of the one decision (`lifecycle.next_step`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator.gateways.base import OperationKind
from orchestrator.payments.records import AttemptRow, Cause, OperationRow


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Open the next attempt at this account, because of `why`."""

    account_id: str
    gateway: str
    why: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send this operation for the attempt."""

    kind: OperationKind
    attempt: AttemptRow
    amount_minor: int
    action_result: dict[str, str] | None = None  # COMPLETE again: what the shopper brought back the first time
    cause: Cause = Cause.NONE
    target_operation_id: str | None = None  # REFUND: the capture that is given back
    final: bool = True  # CAPTURE: no other follows


@dataclass(frozen=True, slots=True)
class Resolve:
    """Ask what became of this operation."""

    operation: OperationRow


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; None: until news comes (a webhook, the shopper, the merchant)."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Rest:
    """The payment has come to rest: `reason` and `message` say why where it failed."""

    reason: str | None = None
    message: str | None = None


Step = StartAttempt | Send | Resolve | Wait | Rest
