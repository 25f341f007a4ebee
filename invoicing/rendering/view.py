"""What is drawn: a frozen document, or what belongs to documents, and how the merchant wants it to look."""

from __future__ import annotations

from datetime import date

import msgspec

from currency.money import Money
from invoicing.documents import BankAccount, FrozenRate, IssuedInvoice, Party
from invoicing.rendering.branding import Branding
from invoicing.terms.late_payment import InterestSpan


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """The document, the address where it can be paid online, if anywhere, the merchant's logo and colour, and the
    source of a template of the merchant's own, if there is one (see merchant_templates); of a quote its last day."""

    document: IssuedInvoice
    pay_url: str | None = None
    branding: Branding = Branding()
    template: str | None = None
    valid_until: date | None = None

    @property
    def number(self) -> str:
        return self.document.number

    @property
    def seller(self) -> Party:
        return self.document.content.seller


class SettledInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """What of a receipt an invoice got, in the invoice's currency; `discount` is what was given up for paying early."""

    number: str
    issue_date: date
    total: Money
    applied: Money
    owed: Money
    discount: Money | None = None


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """Money received and what it was for. `credited` of it settled nothing and is the payer's credit; `rate` leads from
    its currency to the invoices', where that is another. `method` is a source of receipts: bank, cash, payment, other.
    On `reversed_on` the money went again; all else stays as it was when it came.
    """

    seller: Party
    number: str
    issued_on: date
    received_on: date
    amount: Money
    credited: Money
    method: str
    buyer: Party | None = None
    reference: str = ""
    invoices: tuple[SettledInvoice, ...] = ()
    rate: FrozenRate | None = None
    reversed_on: date | None = None
    branding: Branding = Branding()


class AccountMovement(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an account: `kind` is a document's or what settled it, `amount` what it adds to what is owed, and
    `balance` what is owed after it."""

    day: date
    kind: str
    number: str
    amount: Money
    balance: Money


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What moved in one currency. A balance below zero is the buyer's credit."""

    opening: Money
    movements: tuple[AccountMovement, ...]
    closing: Money


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a customer from `since` to `until`, both included, one for each currency. It has no number."""

    seller: Party
    buyer: Party
    since: date
    until: date
    issued_on: date
    accounts: tuple[Account, ...]
    branding: Branding = Branding()

    @property
    def number(self) -> str:
        return f"{self.since} – {self.until}"


class ClaimedInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice of which a letter reminds: `owed` is what is left of its `total`."""

    number: str
    issue_date: date
    due_date: date
    total: Money
    owed: Money


class LetterView(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder. `level` 0 is sent before the invoices are due, 1 is the first after that, 3 and above are the last.

    `total` is all that is claimed by `deadline`: what is owed, `interest` and `fee`. A fee in another currency (the
    law's own) is not in it, and printed below it. `spans` say how the interest came about. `note` is printed as it is,
    after our words.
    """

    seller: Party
    buyer: Party
    number: str
    level: int
    issued_on: date
    invoices: tuple[ClaimedInvoice, ...]
    total: Money
    deadline: date | None = None
    interest: Money | None = None
    spans: tuple[InterestSpan, ...] = ()
    fee: Money | None = None
    pay_url: str | None = None
    bank: BankAccount | None = None
    note: str = ""
    branding: Branding = Branding()


View = InvoiceView | ReceiptView | StatementView | LetterView
