"""The port that every gateway adapter fills: one call, one operation, one of six outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from currency.money import Money
from routing.outcomes import Outcome


class OperationKind(StrEnum):
    """One call to a gateway for an attempt."""

    CREATE = "create"  # open the gateway's object; no money can move by it
    CONFIRM = "confirm"  # authorise with the credential
    COMPLETE = "complete"  # after the shopper's action (3-D Secure, redirect)
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class CardCredential:
    """A card as it may reach us: a vault token, never a number. `brand` as `visa`, `mastercard`, `amex`…"""

    vault_token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder: str = ""
    bin: str = ""
    issuer_country: str = ""
    has_cvc: bool = True  # a CVC never outlives its authorisation: False for a card on file


@dataclass(frozen=True, slots=True)
class OperationCall:
    """All that an adapter needs to build a request, the same bytes each time it is asked.

    `operation_id` is the idempotency key. `reference` is our attempt id, put where the gateway's reports will show
    it. `gateway_payment_id` is the id from CREATE or CONFIRM. `amount` is what to authorise, capture or refund.
    """

    kind: OperationKind
    operation_id: str
    payment_id: str
    attempt_id: str
    amount: Money
    gateway_payment_id: str = ""
    gateway_operation_id: str = (
        ""  # of the operation acted upon: PayPal's authorization (capture, void) or capture (refund)
    )
    card: CardCredential | None = None
    return_url: str = ""
    action_result: dict[str, str] = field(default_factory=dict)  # COMPLETE: what the shopper brought back
    description: str = ""


class Lookup(StrEnum):
    """What a look-up by id could tell."""

    SETTLED = "settled"  # the outcome is certain now
    OPEN = "open"  # the gateway knows the object and has not acted on this operation: not proof while in flight
    UNAVAILABLE = "unavailable"  # no answer, or the gateway has no such call


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What the gateway says of an operation whose answer was lost. `outcome` is there when SETTLED."""

    state: Lookup
    outcome: Outcome | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One verified, translated notification: a hint to look. Money moves on what is re-read, or on signed fields.

    `event_key` is unique per gateway account. `kind` is in our words: `payment.authorised`, `payment.declined`,
    `payment.captured`, `capture.failed`, `payment.canceled`, `void.failed`, `refund.succeeded`, `refund.failed`,
    `dispute.opened`, `report.available` or `ignored`. `reference` is our attempt id where the gateway sends it back.
    """

    event_key: str
    event_type: str  # the gateway's own word
    kind: str
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    operation_reference: str = (
        ""  # our operation id where the gateway sends it back (Adyen modification reference, metadata)
    )
    reference: str = ""
    amount: Money | None = None
    success: bool = True
    occurred_at: str = ""
    decline_code: str = ""


class WebhookRejected(Exception):
    """The notification is not what it claims to be: signature, age, certificate, shape. The reason stays inside."""


class Gateway(Protocol):
    """One gateway account, ready to be called. Every method blocks; callers run it in the account's own threads."""

    name: str  # `stripe`, `adyen`, `paypal`
    authorise_steps: tuple[OperationKind, ...]  # (CREATE, CONFIRM), or (CONFIRM,) where the API has no first step
    can_look_up: bool  # False: no call reads a payment (Adyen), so signed webhook fields are what counts
    resend_window_s: (
        int  # seconds for which the identical request with the same key gets the first result, margin taken off
    )

    def perform(self, call: OperationCall) -> Outcome:
        """Send one operation. Never raises for what a gateway or network does: that is an Outcome."""
        ...

    def look_up(self, call: OperationCall) -> LookupResult:
        """Ask what became of an operation. Reads only."""
        ...

    def verify_webhook(self, headers: dict[str, str], body: bytes) -> list[WebhookMessage]:
        """Trim, verify, translate. Raises WebhookRejected; then nothing of the batch is believed."""
        ...

    def probe(self) -> str:
        """`` when the account answers, else one line that says what is wrong."""
        ...

    def close(self) -> None: ...
