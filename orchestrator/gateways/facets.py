"""What gateways do beside moving a payment's money: kept credentials, disputes, settlement, forwarding, pages.

Each is a port of its own, which an adapter fills or leaves out. All answer with one of the six outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from currency.money import Money
from orchestrator.gateways.credentials import Credential, Method, Shopper, StoredUse
from routing.outcomes import Decline, NextAction, OutcomeKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a call came to. `value` is there when APPROVED, and with PENDING or ACTION_REQUIRED as far as it is known.

    `exchange` is the redacted request and reply; `retry_after_s` what a 429 asked for, 0 where it did not.
    """

    kind: OutcomeKind
    value: T | None = None
    decline: Decline | None = None
    next_action: NextAction | None = None
    detail: str = ""
    exchange: dict[str, object] = field(default_factory=dict)
    retry_after_s: float = 0.0


# Customers and kept credentials


@dataclass(frozen=True, slots=True)
class CustomerOrder:
    """A customer to be known at the gateway. `gateway_customer` is set to update; `customer_id` is ours."""

    idempotency_key: str
    customer_id: str
    shopper: Shopper
    gateway_customer: str = ""


@dataclass(frozen=True, slots=True)
class SaveOrder:
    """Keep a credential without charging it. `gateway_customer` from `save_customer`; `use` what it is kept for."""

    idempotency_key: str
    method_id: str  # ours; the reference at the gateway
    credential: Credential
    gateway_customer: str
    use: StoredUse
    return_url: str = ""
    currency: str = "EUR"  # of the zero-amount authorisation, where the gateway makes one
    shopper: Shopper = field(default_factory=Shopper)
    challenge: bool = False  # the cardholder is to be seen, where the gateway can be asked for that


@dataclass(frozen=True, slots=True)
class CompleteSave:
    """What the customer brought back from the action that saving asked for. `setup_id` from the first answer."""

    idempotency_key: str
    setup_id: str
    gateway_customer: str
    action_result: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A credential as the gateway keeps it. `gateway_token` is empty while the customer's action is open.

    `setup_id` names the act of saving (`seti_…`, a pspReference, a setup token), by which it is completed or looked up.
    """

    gateway_token: str
    gateway_customer: str
    method: Method = Method.CARD
    brand: str = ""
    last4: str = ""
    expiry_month: int = 0
    expiry_year: int = 0
    network_transaction_id: str = ""
    setup_id: str = ""
    bin: str = ""  # of a card, where whoever kept it knew: what routing and authentication look at
    issuer_country: str = ""
    funding: str = ""


class SavedMethods(Protocol):
    """Customers and their kept credentials at the gateway."""

    def save_customer(self, order: CustomerOrder) -> Answer[str]:
        """Create or update; the value is the gateway's id of the customer."""
        ...

    def save(self, order: SaveOrder) -> Answer[SavedMethod]: ...

    def complete_save(self, order: CompleteSave) -> Answer[SavedMethod]: ...

    def saved(self, gateway_customer: str) -> Answer[tuple[SavedMethod, ...]]:
        """All that is kept for the customer: how a lost answer to `save` is settled."""
        ...

    def detach(self, gateway_token: str, gateway_customer: str, idempotency_key: str) -> Answer[None]:
        """Forget the credential. One that is not there any more is APPROVED: it is what was wanted."""
        ...


# Disputes


class DisputeStatus(StrEnum):
    """Where a dispute stands. Funds leave at the opening of a chargeback, not of an inquiry; a won one can reopen."""

    INQUIRY = "inquiry"  # a question, no funds moved
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"
    CLOSED = "closed"  # an inquiry that came to nothing


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute as the gateway tells it. `reason` is one of ours (`fraud`, `not_received`, `not_as_described`,
    `duplicate`, `canceled`, `credit_not_processed`, `unrecognised`, `other`); `gateway_reason` its own."""

    dispute_id: str
    status: DisputeStatus
    amount: Money
    reason: str
    gateway_reason: str = ""
    gateway_payment_id: str = ""
    gateway_operation_id: str = ""
    evidence_due_at: datetime | None = None
    funds_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A document. `kind` as in EVIDENCE_KINDS; `content_type` is image/jpeg, image/png or application/pdf."""

    kind: str
    name: str
    content_type: str
    content: bytes


EVIDENCE_KINDS = (
    "receipt",
    "proof_of_delivery",
    "customer_communication",
    "refund_policy",
    "service_documentation",
    "proof_of_refund",
    "other",
)


@dataclass(frozen=True, slots=True)
class EvidenceOrder:
    """The answer to a dispute. `gateway_reason_code`: the gateway's code of the defence, where it wants one (Adyen)."""

    idempotency_key: str
    dispute_id: str
    explanation: str = ""
    files: tuple[EvidenceFile, ...] = ()
    tracking_number: str = ""
    tracking_carrier: str = ""
    gateway_reason_code: str = ""


class Disputes(Protocol):
    """Read, accept and answer disputes."""

    def fetch(self, dispute_id: str) -> Answer[Dispute]: ...

    def accept(self, dispute_id: str, idempotency_key: str) -> Answer[None]:
        """Give in: the customer keeps the money."""
        ...

    def submit_evidence(self, order: EvidenceOrder) -> Answer[None]: ...


# Settlement


class PayoutStatus(StrEnum):
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way from the gateway to our bank."""

    payout_id: str
    amount: Money
    status: PayoutStatus
    arrives_on: str = ""  # ISO date
    bank_reference: str = ""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A settlement report as the gateway writes it: what the reconciliation import reads."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ReportOrder:
    """Which report. `report_id` names one that was announced (webhook) or begun; else the span is asked for."""

    idempotency_key: str
    since: datetime
    until: datetime
    report_id: str = ""


class Settlements(Protocol):
    """What was paid out, and the report of what is in it."""

    def payouts(self, since: datetime, until: datetime) -> Answer[tuple[Payout, ...]]: ...

    def report(self, order: ReportOrder) -> Answer[ReportFile]:
        """PENDING with the `report_id` in `detail` while the gateway is still writing it: ask again."""
        ...


# Endpoints: where the gateway sends its webhooks


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Our address as registered at the gateway. `secrets` go into the account's credentials under the same names."""

    endpoint_id: str
    url: str
    enabled: bool
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class Endpoints(Protocol):
    """Register, read and remove our webhook address at the gateway."""

    def register(self, url: str, idempotency_key: str) -> Answer[Endpoint]: ...

    def fetch(self, endpoint_id: str) -> Answer[Endpoint]: ...

    def enable(self, endpoint_id: str) -> Answer[Endpoint]: ...

    def remove(self, endpoint_id: str) -> Answer[None]: ...


# Forwarding: a gateway sends a card that it keeps to another one, which keeps it too


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """A request for another gateway with places for the card. `body` is JSON or a form by `content_type`.

    In it stand the words of CARD_PLACES where card data belongs; the forwarding gateway puts its own in their place.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # the credentials are in them
    content_type: str
    body: str


CARD_PLACES = ("{number}", "{expiry_month}", "{expiry_year}", "{expiry}", "{cvc}", "{holder}")  # {expiry}: YYYY-MM


@dataclass(frozen=True, slots=True)
class ForwardReply:
    """What the other gateway answered, as the forwarding one tells it."""

    status: int
    body: str


class Forwarding(Protocol):
    """Stripe's Vault and Forward, Adyen's `/forward`."""

    def forward(
        self, gateway_token: str, gateway_customer: str, request: ForwardRequest, idempotency_key: str
    ) -> Answer[ForwardReply]:
        """UNKNOWN where the other side may have acted; NOT_REACHED only where it is proven that it has nothing."""
        ...


class Mirror(Protocol):
    """The receiving side: how to ask this gateway to keep a card that another forwards."""

    def save_request(self, order: SaveOrder) -> ForwardRequest:
        """The raw request, credentials included. `order.credential` is not looked at: the card is in the places."""
        ...

    def read_saved(self, order: SaveOrder, reply: ForwardReply) -> Answer[SavedMethod]: ...


# Pages of the gateway, products, transfers


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """A one-time purchase on the gateway's own page."""

    idempotency_key: str
    payment_id: str
    attempt_id: str
    amount: Money
    description: str
    return_url: str
    cancel_url: str
    gateway_price: str = ""  # from the catalogue, in place of amount and description
    shopper: Shopper = field(default_factory=Shopper)


@dataclass(frozen=True, slots=True)
class HostedPage:
    """The page: where to send the customer, and what came of it."""

    page_id: str
    url: str
    status: str  # open, approved (PayPal: COMPLETE takes the money), paid, expired
    gateway_payment_id: str = ""
    amount: Money | None = None


class HostedCheckout(Protocol):
    """The gateway's hosted page."""

    def open(self, order: CheckoutOrder) -> Answer[HostedPage]: ...

    def fetch(self, page_id: str) -> Answer[HostedPage]: ...

    def expire(self, page_id: str, idempotency_key: str) -> Answer[HostedPage]: ...


class Catalogue(Protocol):
    """Products and prices at the gateway, for its own pages."""

    def create_product(self, product_id: str, name: str, idempotency_key: str) -> Answer[str]: ...

    def create_price(self, gateway_product: str, amount: Money, idempotency_key: str) -> Answer[str]: ...


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """Send a recipient's part after the capture. `gateway_operation_id`: the charge whose money it is."""

    idempotency_key: str
    recipient: str
    amount: Money
    gateway_operation_id: str
    group: str  # our payment id
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A split recipient at the gateway: whether it can be paid, and if not, why."""

    recipient: str
    ready: bool
    missing: str = ""


class Transfers(Protocol):
    """Money from our balance at the gateway to a recipient's, and back."""

    def transfer(self, order: TransferOrder) -> Answer[str]:
        """The value is the gateway's id of the transfer."""
        ...

    def reverse(self, transfer_id: str, amount: Money, idempotency_key: str) -> Answer[str]: ...

    def recipient(self, recipient: str) -> Answer[Recipient]: ...


@dataclass(frozen=True, slots=True)
class Facets:
    """What a gateway account can do beside operations; None where its API has no such thing."""

    methods: SavedMethods | None = None
    disputes: Disputes | None = None
    settlements: Settlements | None = None
    endpoints: Endpoints | None = None
    forwarding: Forwarding | None = None  # it can send its stored cards to others
    mirror: Mirror | None = None  # it can keep cards that others forward
    checkout: HostedCheckout | None = None
    catalogue: Catalogue | None = None
    transfers: Transfers | None = None
