"""The port that every gateway adapter fills: operations that move money here, everything else in `facets`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from currency.money import Money
from orchestrator.gateways.authentication import AuthenticationWish
from orchestrator.gateways.capabilities import Capabilities
from orchestrator.gateways.credentials import Credential, Shopper, StoredUse
from orchestrator.gateways.facets import Dispute, Facets
from routing.outcomes import Outcome


class OperationKind(StrEnum):
    """One call to a gateway for an attempt."""

    CREATE = "create"  # open the gateway's object; no money can move by it
    CONFIRM = "confirm"  # authorise with the credential
    COMPLETE = "complete"  # after the shopper's action (3-D Secure, redirect)
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class CaptureMode(StrEnum):
    """Whether the gateway takes the money at once, or when told to. What may fail over is authorised first."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Split:
    """A recipient's part of a payment. `recipient` is its id at this gateway; empty where it is not onboarded there.

    `amount` is what the recipient gets; `reference` is ours, for the gateway's reports.
    """

    recipient: str
    amount: Money
    reference: str = ""


@dataclass(frozen=True, slots=True)
class OperationCall:
    """All that an adapter needs to build a request, the same bytes each time it is asked.

    `operation_id` is the idempotency key. `attempt_id` is our reference, put where the gateway's reports will show it.
    `gateway_payment_id` is the id from CREATE or CONFIRM; `gateway_operation_id` that of the operation acted upon
    (PayPal's authorization for a capture or void, its capture for a refund). `amount` is what to authorise, capture or
    refund. `credential`, `capture`, `save`, `splits` are the same in CREATE and CONFIRM; in CREATE only the kind of
    method is looked at.
    """

    kind: OperationKind
    operation_id: str
    payment_id: str
    attempt_id: str
    amount: Money
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    credential: Credential | None = None
    return_url: str = ""
    action_result: dict[str, str] = field(default_factory=dict)  # COMPLETE: what the shopper brought back
    description: str = ""
    capture: CaptureMode = CaptureMode.MANUAL
    captured_before: Money | None = None  # CAPTURE: the sum of earlier captures of this payment; None is nothing
    final_capture: bool = True  # CAPTURE: no other follows, so the rest of the authorisation is let go
    save: StoredUse | None = None  # CONFIRM: keep the credential at the gateway for this use
    stored_use: StoredUse | None = None  # CONFIRM: the credential was kept before, and is used so now
    gateway_customer: str = ""  # whose the credential is, or will be, at this gateway
    splits: tuple[Split, ...] = ()
    splits_follow: bool = False  # recipients' parts are sent by transfers after the capture; then `splits` is empty
    shopper: Shopper = field(default_factory=Shopper)
    authentication: AuthenticationWish = field(default_factory=AuthenticationWish)  # CONFIRM


class Lookup(StrEnum):
    """What a look-up by id could tell."""

    SETTLED = "settled"  # the outcome is certain now
    OPEN = "open"  # the gateway knows the object and has not acted on this operation: not proof while in flight
    UNAVAILABLE = "unavailable"  # no answer, or the gateway has no such call


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What the gateway says of an operation whose answer was lost. `outcome` is there when SETTLED,
    and when UNAVAILABLE because the gateway has another amount than was asked."""

    state: Lookup
    outcome: Outcome | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One verified, translated notification: a hint to look. Money moves on what is re-read, or on signed fields.

    `event_key` is unique per gateway account. `kind` is one of WEBHOOK_KINDS. `reference` is our attempt id where the
    gateway sends it back.
    """

    event_key: str
    event_type: str  # the gateway's own word
    kind: str
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""  # of the capture, refund, dispute, payout or stored credential it is about
    operation_reference: str = ""  # our operation id where the gateway sends it back (Adyen reference, metadata)
    reference: str = ""
    amount: Money | None = None
    success: bool = True
    occurred_at: str = ""
    decline_code: str = ""
    dispute: Dispute | None = None  # as the notification tells it, where no call reads one (Adyen)


WEBHOOK_KINDS = frozenset(
    {
        "payment.authorised",
        "payment.declined",
        "payment.captured",
        "payment.canceled",
        "payment.expired",
        "capture.failed",
        "void.failed",
        "refund.succeeded",
        "refund.failed",
        "dispute.opened",  # a chargeback: the funds have left
        "dispute.inquiry",  # a question before a chargeback: no funds have moved
        "dispute.updated",
        "dispute.won",
        "dispute.lost",
        "method.saved",
        "method.updated",  # the account updater gave a new number or expiry
        "method.detached",
        "payout.paid",
        "payout.failed",
        "report.available",
        "unreadable",  # signed, and no event: made by us where an adapter raises WebhookUnreadable
        "ignored",
    }
)


class WebhookRejected(Exception):
    """The notification is not what it claims to be: signature, age, certificate, shape. The reason stays inside."""


class WebhookUnreadable(WebhookRejected):
    """The gateway signed it, and it is no event of a shape that the adapter knows: kept and shown, never believed."""


class Gateway(Protocol):
    """One gateway account, ready to be called. Every method blocks; callers run it in the account's own threads.

    A facet is None where the gateway's API has no such thing; `capabilities` says so with the reason.
    """

    name: str  # `stripe`, `adyen`, `paypal`
    capabilities: Capabilities
    authorise_steps: tuple[OperationKind, ...]  # (CREATE, CONFIRM), or (CONFIRM,) where the API has no first step
    can_look_up: bool  # False: no call reads a payment (Adyen), so signed webhook fields are what counts
    resend_window_s: (
        int  # seconds for which the identical request with the same key gets the first result, margin taken off
    )
    facets: Facets  # everything that is no operation

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation. Never raises for what a gateway or network does: that is an Outcome."""
        ...

    def look_up(self, call: OperationCall) -> LookupResult:
        """Ask what became of an operation. Reads only."""
        ...

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Trim, verify, translate. Raises WebhookRejected; then nothing of the batch is believed.

        WebhookUnreadable only where the gateway itself signed what cannot be read.
        """
        ...

    def translate_webhook(self, body: bytes) -> list[WebhookMessage]:
        """Translate again what was verified when it came, card numbers masked since. Raises WebhookUnreadable."""
        ...

    def probe(self) -> str:
        """`` when the account answers, else one line that says what is wrong."""
        ...

    def close(self) -> None: ...
