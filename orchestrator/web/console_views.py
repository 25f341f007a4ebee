"""What each page of the console shows, as values."""

from dataclasses import dataclass, field
from datetime import date, datetime

from currency.money import Money


@dataclass(frozen=True, slots=True)
class Shell:
    """What frames every console page."""

    merchant_name: str
    csrf_token: str
    test_mode: bool = False
    who: str = ""
    """The user's e-mail address; an API key has none, and no page of its own."""
    scopes: frozenset[str] | None = None
    """What is shown in the menu; everything where it is not known."""
    waiting: int = 0
    """How many things wait for a person."""


@dataclass(frozen=True, slots=True)
class ConfirmView:
    """What is about to be done, in sentences. `fields` are sent on with the button."""

    shell: Shell
    title: str
    lines: tuple[str, ...]
    action: str
    fields: tuple[tuple[str, str], ...]
    button: str
    back_url: str


@dataclass(frozen=True, slots=True)
class LoginView:
    """The console's door. `error` is a sentence, empty at first. With `takes_keys` an API key will do."""

    csrf_token: str
    error: str = ""
    next_url: str = ""
    takes_keys: bool = False


@dataclass(frozen=True, slots=True)
class PathStep:
    """One gateway on a payment's way, with what came of it (`stripe`, `approved`)."""

    gateway: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One row of the list. `path` is in the order of the attempts."""

    id: str
    url: str
    created_at: datetime
    amount: Money
    status: str
    path: tuple[PathStep, ...]
    reference: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class PaymentRowsView:
    """One page of rows, as htmx fetches it. `next_url` is empty on the last page."""

    rows: tuple[PaymentRow, ...]
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class PaymentsView:
    """The payments list. `filters` are the fields of its form as they were filled in."""

    shell: Shell
    page: PaymentRowsView
    filters: dict[str, str] = field(default_factory=dict)
    statuses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One gateway account that was looked at: its place in the plan (from 1), or None where it was dropped, and why.

    `score` is what its place rests on, where a strategy has ordered the accounts.
    """

    gateway: str
    account: str
    place: int | None
    reason: str
    score: str = ""


@dataclass(frozen=True, slots=True)
class RoutePlanView:
    """How the route was chosen. `rule` names the rule and its version, where one decided."""

    at: datetime
    candidates: tuple[CandidateView, ...]
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """A redacted request and its reply as text (see `wording.exchange_text`); an empty reply: none came."""

    request: str
    reply: str


@dataclass(frozen=True, slots=True)
class OperationView:
    """One call. `duration_ms` is None where no answer came; `code` is the gateway's, `message` one line for people."""

    id: str
    kind: str
    at: datetime
    outcome: str
    duration_ms: int | None = None
    code: str = ""
    message: str = ""
    gateway_reference: str = ""
    exchange: ExchangeView | None = None
    review_url: str = ""
    """Set where the operation waits for a person."""


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try at one gateway account. `moved_on` is the sentence on the arrow to the next one, empty for the last."""

    id: str
    number: int
    gateway: str
    account: str
    outcome: str
    at: datetime
    amount: Money
    operations: tuple[OperationView, ...]
    gateway_reference: str = ""
    reason: str = ""
    authentication: str = ""
    """What 3-D Secure came to."""
    moved_on: str = ""


@dataclass(frozen=True, slots=True)
class WebhookView:
    """One notification received. `effect` is `applied`, `duplicate`, `ignored` or `rejected`; the payment, if known."""

    id: str
    at: datetime
    gateway: str
    event_type: str
    effect: str
    detail: str = ""
    payment_id: str = ""
    payment_url: str = ""


@dataclass(frozen=True, slots=True)
class TransferView:
    """One ledger row: `amount` left `credit` and arrived at `debit`."""

    id: str
    at: datetime
    debit: str
    credit: str
    amount: Money
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefundView:
    """One refund, with its operations at the gateway."""

    id: str
    at: datetime
    amount: Money
    status: str
    gateway: str
    reason: str = ""
    operations: tuple[OperationView, ...] = ()


@dataclass(frozen=True, slots=True)
class InstrumentView:
    """What was paid with, as it may be shown: `visa`, `•••• 4242`, `12/2030 · US`."""

    kind: str
    shown: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LinkView:
    """A named way to another page."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class VerbsView:
    """What can be done about a payment by whoever looks; None for an amount: not now. `several`: more captures may
    follow one.
    """

    capturable: Money | None = None
    several: bool = False
    may_cancel: bool = False
    refundable: Money | None = None

    @property
    def any(self) -> bool:
        return bool(self.capturable or self.may_cancel or self.refundable)


@dataclass(frozen=True, slots=True)
class SplitView:
    """A recipient's part, and the transfer that brings it, where one was made."""

    recipient_id: str
    amount: Money
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DisputeLink:
    """A dispute of the payment."""

    id: str
    status: str
    amount: Money
    reason: str
    due: str = ""


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that was told to the outside."""

    id: str
    at: datetime
    type: str


@dataclass(frozen=True, slots=True)
class PaymentTimelineView:
    """One payment's story, each list in order of time. `alert` is a sentence for an operator who must act; `notice` and
    `error` say what a form came to.
    """

    shell: Shell
    id: str
    amount: Money
    status: str
    created_at: datetime
    captured: Money
    refunded: Money
    plan: RoutePlanView | None = None
    attempts: tuple[AttemptView, ...] = ()
    webhooks: tuple[WebhookView, ...] = ()
    transfers: tuple[TransferView, ...] = ()
    refunds: tuple[RefundView, ...] = ()
    description: str = ""
    reference: str = ""
    instrument: InstrumentView | None = None
    invoice: LinkView | None = None
    checkout_url: str = ""
    alert: str = ""
    customer_id: str = ""
    verbs: VerbsView = field(default_factory=VerbsView)
    disputes: tuple[DisputeLink, ...] = ()
    splits: tuple[SplitView, ...] = ()
    events: tuple[EventView, ...] = ()
    notice: str = ""
    error: str = ""

    @property
    def path(self) -> tuple[PathStep, ...]:
        """The gateways in the order they were tried."""
        return tuple(PathStep(attempt.gateway, attempt.outcome) for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One row of the invoice list. `state` is the invoice's own word; `number` is empty for a draft. `mail` is what
    became of the last one with this invoice, `problems` what is wrong with its PDF."""

    number: str
    url: str
    buyer_name: str
    issued_on: date | None
    due_on: date | None
    total: Money
    due: Money
    state: str
    mail: str = ""
    problems: tuple[str, ...] = ()
    is_disputed: bool = False
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class InvoicesView:
    """The invoice list. `filters` are the form's fields as they were sent."""

    shell: Shell
    rows: tuple[InvoiceRow, ...]
    next_url: str = ""
    filters: dict[str, str] = field(default_factory=dict)
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BreakRow:
    """One difference between our books and a gateway's. `amount` is signed: what the gateway says less what we say."""

    id: str
    kind: str
    reason: str
    amount: Money
    age_days: int
    gateway: str
    account: str = ""
    reference: str = ""
    payment_url: str = ""
    status: str = "open"


@dataclass(frozen=True, slots=True)
class ClearingRow:
    """One gateway clearing account held against the gateway's own balance."""

    gateway: str
    account: str
    ours: Money
    theirs: Money

    @property
    def agrees(self) -> bool:
        """Whether the two books say the same."""
        return self.ours == self.theirs


@dataclass(frozen=True, slots=True)
class ReconciliationView:
    """Open breaks, oldest first, and the clearing accounts. `imported_at` is when a report was last read."""

    shell: Shell
    breaks: tuple[BreakRow, ...]
    clearing: tuple[ClearingRow, ...] = ()
    imported_at: datetime | None = None
    matched_count: int = 0


@dataclass(frozen=True, slots=True)
class WebhooksView:
    """Notifications received, newest first; of one `state` where that is set. `accounts` are ids with labels.

    `warnings` are sentences on accounts of which nothing is heard; `notice` and `error` say what a form came to.
    """

    shell: Shell
    rows: tuple[WebhookView, ...]
    next_url: str = ""
    state: str = ""
    states: tuple[str, ...] = ()
    accounts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    may_replay: bool = False
    notice: str = ""
    error: str = ""
