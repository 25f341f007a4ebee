"""Invoices as the API shows and takes them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from invoicing.application_store import AppliedRow
from invoicing.documents import (
    Adjustment,
    BankAccount,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    Line,
    Party,
    Period,
)
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxKind, TaxTreatment, choose_treatment
from invoicing.terms import DueOnReceipt, NetDays, Terms
from orchestrator.access.store import MerchantRow
from orchestrator.billing.paying import public_url
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
    reason_code: Annotated[str, Meta(max_length=30, description="Of the VATEX list, such as VATEX-EU-132-1B.")] = ""

    def as_treatment(self) -> TaxTreatment:
        """Raises InvalidInvoice."""
        return TaxTreatment(self.kind, self.rate_bps, self.reason, self.reason_code)


class AdjustmentInput(Input):
    """A discount or a charge: either `amount` in major units or `percent`, both above zero."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    amount: DecimalText | None = None
    percent: DecimalText | None = None
    reason_code: Annotated[str, Meta(max_length=5)] = ""


class DocumentAdjustmentInput(AdjustmentInput):
    """The same of the whole document. Without `tax` it is spread over the taxes of the lines."""

    tax: TaxInput | None = None


class PeriodInput(Input):
    """From the first to the last day, both included."""

    start: date
    end: date


class LineInput(Input):
    """`unit_price` in major units, and may be finer than a cent. A discount has a negative quantity.

    Tax `auto` goes by the two countries and the buyer's VAT id, with the rate at home of the merchant's profile.
    """

    description: Annotated[str, Meta(min_length=1, max_length=1000)]
    quantity: DecimalText
    unit_price: DecimalText
    tax: TaxInput | Literal["auto"] = "auto"
    unit: Annotated[str, Meta(max_length=3, description="UN/ECE Recommendation 20: C62 pieces, HUR hours.")] = "C62"
    discounts: Annotated[list[AdjustmentInput], Meta(max_length=20)] = msgspec.field(default_factory=list)
    charges: Annotated[list[AdjustmentInput], Meta(max_length=20)] = msgspec.field(default_factory=list)
    period: PeriodInput | None = None
    item_number: Annotated[str, Meta(max_length=200)] = ""
    order_line: Annotated[str, Meta(max_length=200)] = ""
    note: Annotated[str, Meta(max_length=1000)] = ""


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
    """A draft. Give `customer_id` or `buyer`; without `terms` or `payment_terms` it is due on receipt.

    `payment_terms` says all that can be agreed (see docs/terms.md), `terms` only a number of days.
    """

    currency: CurrencyCode
    lines: Annotated[list[LineInput], Meta(min_length=1, max_length=1000)]
    customer_id: Annotated[str, Meta(max_length=40)] | None = None
    buyer: BuyerInput | None = None
    locale: Locale | None = None
    terms: TermsInput | None = None
    note: Annotated[str, Meta(max_length=2000)] = ""
    buyer_reference: Annotated[str, Meta(max_length=100, description="Order number or routing id.")] = ""
    supply_date: date | None = None
    reference: Annotated[str, Meta(max_length=100, description="Yours, to find it by.")] = ""
    payment_terms: Terms | None = None
    prices_include_tax: bool = False
    discounts: Annotated[list[DocumentAdjustmentInput], Meta(max_length=20)] = msgspec.field(default_factory=list)
    charges: Annotated[list[DocumentAdjustmentInput], Meta(max_length=20)] = msgspec.field(default_factory=list)
    period: PeriodInput | None = None
    purchase_order: Annotated[str, Meta(max_length=200)] = ""
    contract: Annotated[str, Meta(max_length=200)] = ""
    project: Annotated[str, Meta(max_length=200)] = ""


class CreateSalesQuote(CreateInvoice):
    """A quote, or a pro forma invoice, as a draft. After `valid_until` it can no longer be accepted."""

    kind: Literal["quote", "proforma"] = "quote"
    valid_until: date | None = None


class FinalizeInvoice(Input):
    """`issue_date` is a day at the seller's, today when left out; `send` mails the PDF to the buyer. `series` names the
    number series, where the merchant has several."""

    issue_date: date | None = None
    send: bool = True
    series: Annotated[str, Meta(min_length=1, max_length=40)] | None = None


class LineBody(msgspec.Struct, kw_only=True):
    """A line as it is printed."""

    description: str
    quantity: str
    unit_price: str
    unit: str
    tax: TaxTreatment


class InvoiceBody(msgspec.Struct, kw_only=True):
    """An invoice. Number, dates and sums are final once it is issued.

    `owed` is the total less what was `paid` (with the customer's credit, too), `credited`, taken as a `discount` for
    paying early, and `written_off`. While `disputed_at` is there, nobody is reminded of it.
    """

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
    credited: MoneyBody
    discount: MoneyBody
    written_off: MoneyBody
    owed: MoneyBody
    issue_date: date | None
    due_date: date | None
    buyer_reference: str
    reference: str
    origin_id: str | None
    note: str
    hosted_url: str | None
    created_at: datetime
    issued_at: datetime | None
    paid_at: datetime | None
    disputed_at: datetime | None


class ApplicationBody(msgspec.Struct, kw_only=True):
    """What settled a part of an invoice, or opened it again (negative). What was not `applied` of the amount went to
    the customer's credit. `source_id` is the payment, receipt or credit note that it came from."""

    id: str
    object: str = "invoice_application"
    kind: ApplicationKind
    invoice_id: str
    source_id: str
    amount: MoneyBody
    applied: MoneyBody
    applied_at: datetime


def draft_from(
    data: CreateInvoice,
    merchant: MerchantRow,
    customer: CustomerRow | None,
    kind: DocumentType = DocumentType.INVOICE,
) -> DraftInvoice:
    """The document that is asked for, with the seller as the merchant's profile has it.

    Raises InvalidField, Conflict (an incomplete profile), and invoicing's refusals.
    """
    seller = _seller(merchant)
    buyer = _buyer(data, customer)
    home_rate = merchant.profile.get("domestic_rate_bps")
    lines = tuple(
        _line(line, _treatment(line, f"lines[{index}].tax", seller, buyer, home_rate))
        for index, line in enumerate(data.lines)
    )
    bank = merchant.profile.get("bank")
    return DraftInvoice(
        seller=seller,
        buyer=buyer,
        currency=data.currency,
        lines=lines,
        terms=_terms(data),
        type=kind,
        prices_include_tax=data.prices_include_tax,
        discounts=tuple(_document_adjustment(one) for one in data.discounts),
        charges=tuple(_document_adjustment(one) for one in data.charges),
        period=_period(data.period),
        purchase_order=data.purchase_order,
        contract=data.contract,
        project=data.project,
        locale=data.locale or buyer.locale,
        buyer_reference=data.buyer_reference,
        supply_date=data.supply_date,
        note=data.note,
        bank=msgspec.convert(bank, BankAccount) if bank else None,
    )


def _line(given: LineInput, tax: TaxTreatment) -> Line:
    return Line(
        given.description,
        Decimal(given.quantity),
        Decimal(given.unit_price),
        tax,
        unit=given.unit,
        discounts=tuple(_adjustment(one) for one in given.discounts),
        charges=tuple(_adjustment(one) for one in given.charges),
        period=_period(given.period),
        seller_item_id=given.item_number,
        order_line=given.order_line,
        note=given.note,
    )


def _terms(data: CreateInvoice) -> Terms:
    if data.terms is not None and data.payment_terms is not None:
        raise InvalidField("payment_terms", "give either terms or payment_terms")
    if data.payment_terms is not None:
        return data.payment_terms
    return NetDays(data.terms.net_days) if data.terms else DueOnReceipt()


def _period(period: PeriodInput | None) -> Period | None:
    return None if period is None else Period(period.start, period.end)


def _adjustment(given: AdjustmentInput) -> Adjustment:
    return Adjustment(
        reason=given.reason,
        amount=_decimal(given.amount),
        percent=_decimal(given.percent),
        reason_code=given.reason_code,
    )


def _document_adjustment(given: DocumentAdjustmentInput) -> DocumentAdjustment:
    return DocumentAdjustment(
        reason=given.reason,
        amount=_decimal(given.amount),
        percent=_decimal(given.percent),
        reason_code=given.reason_code,
        tax=given.tax.as_treatment() if given.tax else None,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


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
        return line.tax.as_treatment()
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
        lines=line_bodies(draft),
        net=money_body(invoice.net),
        tax=money_body(invoice.tax),
        total=money_body(invoice.total),
        paid=money_body(invoice.paid),
        credited=_part(invoice, invoice.standing.credited),
        discount=_part(invoice, invoice.standing.discount),
        written_off=_part(invoice, invoice.standing.written_off),
        owed=money_body(invoice.owed),
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        buyer_reference=draft.buyer_reference,
        reference=invoice.reference,
        origin_id=invoice.origin_id,
        note=draft.note,
        hosted_url=public_url(invoice) if invoice.issued_at else None,
        created_at=invoice.created_at,
        issued_at=invoice.issued_at,
        paid_at=invoice.paid_at,
        disputed_at=invoice.disputed_at,
    )


def line_bodies(draft: DraftInvoice) -> list[LineBody]:
    return [
        LineBody(
            description=line.description,
            quantity=str(line.quantity),
            unit_price=str(line.unit_price),
            unit=line.unit,
            tax=line.tax,
        )
        for line in draft.lines
    ]


def application_body(row: AppliedRow) -> ApplicationBody:
    return ApplicationBody(
        id=row.id,
        kind=row.kind,
        invoice_id=row.invoice_id,
        source_id=row.source_id,
        amount=money_body(row.amount),
        applied=money_body(row.applied),
        applied_at=row.applied_at,
    )


def _part(invoice: InvoiceRecord, minor: int) -> MoneyBody:
    return MoneyBody(amount=minor, currency=invoice.total.currency)
