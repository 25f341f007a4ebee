"""What the pages of an invoice show, as values."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from markupsafe import Markup

from currency.money import Money
from orchestrator.web.accents import OURS, Look
from orchestrator.web.locales import PageWords


class InvoiceBadge(StrEnum):
    """The state of an invoice as its buyer reads it."""

    OPEN = "open"
    OVERDUE = "overdue"
    PARTLY_PAID = "partly_paid"
    PROCESSING = "processing"
    PAID = "paid"
    CREDITED = "credited"
    DISPUTED = "disputed"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True)
class PartyView:
    """A seller or a buyer as printed on the document."""

    name: str
    address_lines: tuple[str, ...] = ()
    tax_id: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceLineView:
    """One line. `quantity` (`2.5 h`), `unit_price` (it may be finer than a minor unit: `0.0125 EUR`) and `tax` (a rate
    or a note: `19 %`) are display strings already, and so is `more`: item number, discounts, what is noted."""

    description: str
    quantity: str
    unit_price: str
    amount: Money
    tax: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SumView:
    """One row of the sums; `day` is when it settled something, which makes the amount negative."""

    label: str
    amount: Money
    day: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PartView:
    """An instalment of which something is open."""

    due_on: date
    amount: Money
    is_due: bool


@dataclass(frozen=True, slots=True)
class BankTransferView:
    """Where a transfer goes, the reference by which it is found again, and both as a code that banking apps read."""

    holder: str
    iban: str
    bic: str
    reference: str
    code: Markup | None = None


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """The public page of an invoice. `now` is what the pay button asks for; `in_full` what all of it costs, where that
    is more. `pay_url` is where the form posts to, empty where nothing can be paid; `xml_url` is empty without an
    e-invoice. `early` is the sentence on paying early, `notices` what there is to say of the state."""

    words: PageWords
    number: str
    badge: InvoiceBadge
    badge_words: str
    issued_on: date
    due_on: date
    seller: PartyView
    buyer: PartyView
    lines: tuple[InvoiceLineView, ...]
    sums: tuple[SumView, ...]
    total: Money
    due: Money
    now: Money
    pdf_url: str
    references: tuple[tuple[str, str], ...] = ()
    in_full: Money | None = None
    settled: tuple[SumView, ...] = ()
    parts: tuple[PartView, ...] = ()
    early: str = ""
    notices: tuple[str, ...] = ()
    xml_url: str = ""
    pay_url: str = ""
    csrf_token: str = ""
    transfer: BankTransferView | None = None
    paid_on: date | None = None
    note: str = ""
    test_mode: bool = False
    look: Look = OURS


@dataclass(frozen=True, slots=True)
class ExpiredLinkView:
    """In the place of an invoice whose link has expired. `renew_url` is empty where no new link can be mailed;
    `address` is where the page is had in another language, if not at its own."""

    words: PageWords
    seller_name: str
    title: str
    sentences: tuple[str, ...]
    renew_url: str = ""
    csrf_token: str = ""
    address: str = ""
    look: Look = OURS
