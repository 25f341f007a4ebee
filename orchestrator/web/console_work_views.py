"""What the console's work lists show: what needs attention, disputes, approvals, the ledger, customers."""

from dataclasses import dataclass, field
from datetime import datetime

from currency.money import Money
from orchestrator.customers.method_store import MethodRow, TokenRow
from orchestrator.customers.store import CustomerRow
from orchestrator.disputes.records import ActionRow, DisputeRow, HistoryRow
from orchestrator.ledger.journals import JournalRow
from orchestrator.ledger.verification import CheckRun, Finding
from orchestrator.notifications.store import EventRow
from orchestrator.web.console_queries import ParkedRow
from orchestrator.web.console_views import PaymentRowsView, Shell, WebhookView


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """An operation that waits for a person."""

    url: str
    payment_id: str
    kind: str
    amount: Money
    gateway: str
    account: str
    state: str
    sent_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class AttentionView:
    """Everything that waits for a person. `findings` and `approvals` are counts; None where they are not shown."""

    shell: Shell
    reviews: tuple[ReviewRow, ...]
    frozen_because: str = ""
    warnings: tuple[str, ...] = ()
    webhooks: tuple[WebhookView, ...] = ()
    jobs: tuple[ParkedRow, ...] = ()
    findings: int | None = None
    approvals: int | None = None
    disputes: int = 0
    incidents: tuple[EventRow, ...] = ()
    incident_days: int = 0
    may_operate: bool = False
    notice: str = ""
    error: str = ""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits; incidents of the past do not count."""
        waits = (self.reviews, self.frozen_because, self.warnings, self.webhooks, self.jobs)
        return not any((*waits, self.findings, self.approvals, self.disputes))


@dataclass(frozen=True, slots=True)
class EvidenceEntry:
    """One question that was asked about the operation, and what was answered."""

    at: str
    by: str
    said: str


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One operation that waits for a person, with all that is known. `facts` are labels with values."""

    shell: Shell
    title: str
    payment_id: str
    operation_id: str
    state: str
    facts: tuple[tuple[str, str], ...]
    evidence: tuple[EvidenceEntry, ...]
    request: str = ""
    reply: str = ""
    may_resolve: bool = False
    may_approve: bool = False
    note_chars_max: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class DisputeListRow:
    """A dispute in the list; `due` in words, `is_late` when the time to answer is over or nearly."""

    row: DisputeRow
    amount: Money
    due: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class DisputesView:
    """Disputes: those that wait for an answer by their deadline, or all of them, newest first."""

    shell: Shell
    rows: tuple[DisputeListRow, ...]
    shows_all: bool
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class DisputeView:
    """One dispute. `number` makes the evidence form be sent once."""

    shell: Shell
    row: DisputeRow
    amount: Money
    account: str
    due: str
    is_late: bool
    fee: Money | None
    history: tuple[tuple[HistoryRow, Money], ...]
    actions: tuple[ActionRow, ...]
    may_answer: bool
    kinds: tuple[str, ...]
    files_max: int
    files_mb_max: int
    number: str
    typed: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """A request in words, and what whoever looks may do about it."""

    id: str
    kind: str
    what: str
    details: tuple[tuple[str, str], ...]
    state: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str
    note: str
    failure: str
    due_at: datetime | None
    subject_url: str
    result_id: str
    may_approve: bool
    may_reject: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    """Requests that wait for another person, or all that there were."""

    shell: Shell
    rows: tuple[ApprovalLine, ...]
    shows_all: bool
    next_url: str = ""
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """An account of the ledger with its balance; `of` is the gateway account or recipient that it is kept for."""

    id: str
    kind: str
    of: str
    side: str
    means: str
    balance: Money


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Balances, journals that were searched for, and the last verification (None: there was none yet)."""

    shell: Shell
    balances: tuple[BalanceLine, ...]
    journals: tuple[tuple[JournalRow, tuple[Money, ...]], ...]
    filters: dict[str, str]
    kinds: tuple[str, ...]
    account_kinds: tuple[str, ...]
    csv_url: str
    next_url: str = ""
    verified_at: datetime | None = None
    checks: tuple[CheckRun, ...] = ()
    findings: tuple[Finding, ...] = ()
    may_verify: bool = False
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class CustomersView:
    """Customers, newest first, or those with an address."""

    shell: Shell
    rows: tuple[CustomerRow, ...]
    email: str = ""
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class MethodLine:
    """A kept payment method, and at which accounts it is kept."""

    row: MethodRow
    is_default: bool
    may_detach: bool
    tokens: tuple[tuple[TokenRow, str], ...]


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One customer with what is kept of theirs and what they paid."""

    shell: Shell
    row: CustomerRow
    address: tuple[str, ...]
    vat_id: str
    methods: tuple[MethodLine, ...]
    payments: PaymentRowsView
    notice: str = ""
    error: str = ""
