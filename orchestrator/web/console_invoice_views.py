"""What the console's page of one invoice shows."""

from dataclasses import dataclass
from datetime import date, datetime

from currency.money import Money
from invoicing.problems import OpenProblem
from orchestrator.billing.automatic_charge.store import ChargeRow
from orchestrator.billing.delivery.store import DeliveryRow
from orchestrator.billing.transmissions.store import TransmissionRow
from orchestrator.web.console_views import LinkView, Shell


@dataclass(frozen=True, slots=True)
class SettledRow:
    """What settled a part of the invoice, or opened it again; `url` leads to the payment it came from."""

    kind: str
    amount: Money
    at: datetime
    url: str = ""


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A reminder that was written, and how its mail fared."""

    number: str
    level: int
    issued_on: date
    deadline: date
    total: Money
    delivery: str
    problem: str


@dataclass(frozen=True, slots=True)
class InvoiceDetailView:
    """One invoice with all that became of it. `next_reminder` is empty where none is due; `hosted_url` is the buyer's
    page, empty for a draft; `may_change` shows the forms; `ours` are the documents that follow from it."""

    shell: Shell
    id: str
    number: str
    state: str
    buyer_name: str
    email: str
    customer_id: str
    total: Money
    owed: Money
    sums: tuple[tuple[str, Money], ...]
    issued_on: date | None
    due_on: date | None
    reference: str
    disputed_at: datetime | None
    problems: tuple[OpenProblem, ...] = ()
    settled: tuple[SettledRow, ...] = ()
    deliveries: tuple[DeliveryRow, ...] = ()
    transmissions: tuple[TransmissionRow, ...] = ()
    letters: tuple[LetterRow, ...] = ()
    reminders_paused: bool = False
    next_reminder: date | None = None
    charge: ChargeRow | None = None
    related: tuple[LinkView, ...] = ()
    hosted_url: str = ""
    may_change: bool = False
    is_open: bool = False
    is_overdue: bool = False
    notice: str = ""
    error: str = ""

    @property
    def bounced(self) -> tuple[DeliveryRow, ...]:
        """Mails that did not arrive, where none of the kind to the same address was sent after them."""
        sent = {(row.kind, row.recipient): row.id for row in self.deliveries[::-1] if row.state == "sent"}
        return tuple(
            row
            for row in self.deliveries
            if row.state in ("bounced", "failed") and row.id > sent.get((row.kind, row.recipient), "")
        )
