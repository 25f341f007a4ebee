"""Invoices as the API shows and takes them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from invoicing.documents import BankAccount, DraftInvoice, Line, Party
from invoicing.lifecycle import InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment, choose_treatment
from invoicing.terms import DueOnReceipt, NetDays
from orchestrator.access.store import MerchantRow
from orchestrator.billing.service import public_url
from orchestrator.customers.store import CustomerRow
from orchestrator.errors import Conflict, InvalidField
from orchestrator.http.schemas import CountryCode, CurrencyCode, Email, Input, Locale, MoneyBody, Name, money_body

DecimalText = Annotated[
    str,
    Meta(max_length=25, pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,8})?$(?!\n)", description="A decimal number as text."),
]


class TaxInput(Input):
    """How a line is taxed. `rate_bps` in hundredths of a percent: 1900 is 19 %."""

    kind: TaxKind
    rate_bps: Annotated[int, Meta(ge=0, le=10_000)] = 0
    reason: Annotated[str, Meta(max_length=500)] = ""


class LineInput(Input):
    """`unit_price` in major units, and may be finer than a cent. A discount has a negative quantity.

    Tax `auto` goes by the two countries and the buyer's VAT id, with the rate at home of the merchant's profile.
    """

    description: Annotated[str, Meta(min_length=1, max_length=1000)]
    quantity: DecimalText
    unit_price: DecimalText
    tax: TaxInput | Literal["auto"] = "auto"


class BuyerInput(Input):
    """Who is billed, where there is no customer on record."""

    name: Name
    country: CountryCode
    email: Email | None = None
    address_lines: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=5)] = msgspec.field(
        default_factory=list
    )
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=100)] = ""
    vat_id: Annotated[str, Meta(max_length=20)] = ""
    locale: Locale = "en"


class TermsInput(Input):
    """Due this many days after the day of issue."""

    net_days: Annotated[int, Meta(ge=1, le=365)]


class CreateInvoice(Input):
    """A draft. Give `customer_id` or `buyer`; without `terms` it is due on receipt."""

    currency: CurrencyCode
    lines: Annotated[list[LineInput], Meta(min_length=1, max_length=1000)]
    customer_id: Annotated[str, Meta(max_length=40)] | None = None
    buyer: BuyerInput | None = None
    locale: Locale | None = None
    terms: TermsInput | None = None
    note: Annotated[str, Meta(max_length=2000)] = ""
    buyer_reference: Annotated[str, Meta(max_length=100, description="Order number or routing id.")] = ""
    supply_date: date | None = None


class FinalizeInvoice(Input):
    """`issue_date` is a day at the seller's, today when left out; `send` mails the PDF to the buyer."""

    issue_date: date | None = None
    send: bool = True


class LineBody(msgspec.Struct, kw_only=True):
    """A line as it is printed."""

    description: str
    quantity: str
    unit_price: str
    tax: TaxTreatment


class InvoiceBody(msgspec.Struct, kw_only=True):
    """An invoice. Number, dates and sums are final once it is issued."""

    id: str
    object: str = "invoice"
    state: InvoiceState
    number: str | None
    customer_id: str | None
    buyer: Party
    currency: str
    locale: str
    lines: list[LineBody]
    net: MoneyBody
    tax: MoneyBody
    total: MoneyBody
    paid: MoneyBody
    owed: MoneyBody
    issue_date: date | None
    due_date: date | None
    buyer_reference: str
    note: str
    hosted_url: str | None
    created_at: datetime
    issued_at: datetime | None
    paid_at: datetime | None


def draft_from(data: CreateInvoice, merchant: MerchantRow, customer: CustomerRow | None) -> DraftInvoice:
    """The document that is asked for, with the seller as the merchant's profile has it.

    Raises InvalidField, Conflict (an incomplete profile), and invoicing's refusals.
    """
    seller = _seller(merchant)
    buyer = _buyer(data, customer)
    home_rate = merchant.profile.get("domestic_rate_bps")
    lines = tuple(
        Line(
            line.description,
            Decimal(line.quantity),
            Decimal(line.unit_price),
            _treatment(line, f"lines[{index}].tax", seller, buyer, home_rate),
        )
        for index, line in enumerate(data.lines)
    )
    bank = merchant.profile.get("bank")
    return DraftInvoice(
        seller=seller,
        buyer=buyer,
        currency=data.currency,
        lines=lines,
        terms=NetDays(data.terms.net_days) if data.terms else DueOnReceipt(),
        locale=data.locale or buyer.locale,
        buyer_reference=data.buyer_reference,
        supply_date=data.supply_date,
        note=data.note,
        bank=msgspec.convert(bank, BankAccount) if bank else None,
    )


def _seller(merchant: MerchantRow) -> Party:
    known = {name: merchant.profile[name] for name in Party.__struct_fields__ if name in merchant.profile}
    if "country" not in known:
        raise Conflict("The merchant's profile has no country yet; an invoice prints it. Complete the profile first.")
    return msgspec.convert({"name": merchant.name, **known}, Party)


def _buyer(data: CreateInvoice, customer: CustomerRow | None) -> Party:
    if (customer is None) == (data.buyer is None):
        raise InvalidField("customer_id", "give either customer_id or buyer")
    if data.buyer is not None:
        fields: dict[str, Any] = msgspec.to_builtins(data.buyer)
        return msgspec.convert({**fields, "email": data.buyer.email or ""}, Party)
    assert customer is not None
    if customer.country is None:
        raise InvalidField("customer_id", "the customer has no country; an invoice needs one")
    printed = {name: customer.profile[name] for name in Party.__struct_fields__ if name in customer.profile}
    known = {"name": customer.name, "country": customer.country, "email": customer.email, "locale": customer.locale}
    return msgspec.convert({**printed, **known}, Party)


def _treatment(line: LineInput, field: str, seller: Party, buyer: Party, home_rate: object) -> TaxTreatment:
    if isinstance(line.tax, TaxInput):
        return TaxTreatment(line.tax.kind, line.tax.rate_bps, line.tax.reason)
    if type(home_rate) is not int:
        raise InvalidField(field, "cannot be `auto` while the merchant's profile has no domestic_rate_bps; say the tax")
    return choose_treatment(
        seller_country=seller.country,
        buyer_country=buyer.country,
        buyer_vat_id=buyer.vat_id,
        domestic_rate_bps=home_rate,
    )


def invoice_body(invoice: InvoiceRecord) -> InvoiceBody:
    draft = invoice.document.content if invoice.document else invoice.draft
    return InvoiceBody(
        id=invoice.id,
        state=invoice.state,
        number=invoice.number,
        customer_id=invoice.customer_id or None,
        buyer=draft.buyer,
        currency=draft.currency,
        locale=invoice.locale,
        lines=[
            LineBody(
                description=line.description,
                quantity=str(line.quantity),
                unit_price=str(line.unit_price),
                tax=line.tax,
            )
            for line in draft.lines
        ],
        net=money_body(invoice.net),
        tax=money_body(invoice.tax),
        total=money_body(invoice.total),
        paid=money_body(invoice.paid),
        owed=money_body(invoice.owed),
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        buyer_reference=draft.buyer_reference,
        note=draft.note,
        hosted_url=public_url(invoice) if invoice.issued_at else None,
        created_at=invoice.created_at,
        issued_at=invoice.issued_at,
        paid_at=invoice.paid_at,
    )
