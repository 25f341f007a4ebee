"""Invoices as the API shows them."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from currency.money import Money
from invoicing.application_store import AppliedRow
from invoicing.documents import Delivery, DocumentType, DraftInvoice, FrozenRate, Party, Period, compute
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.problems import OpenProblem
from invoicing.store import InvoiceRecord
from invoicing.tax import TaxTreatment
from invoicing.terms import schedule
from invoicing.totals import AdjustmentTotal, InvoiceTotals, LineTotal
from orchestrator.billing.paying import public_url
from orchestrator.http.schemas import MoneyBody, money_body
from orchestrator.http.transmission_schemas import TransmissionSummary


class AdjustmentBody(msgspec.Struct, kw_only=True):
    """A discount or a charge in money, without tax; `percent` where one was given. What is spread over several taxes
    comes once for each `treatment`."""

    reason: str
    reason_code: str
    percent: str | None
    amount: MoneyBody
    treatment: TaxTreatment | None


class LineBody(msgspec.Struct, kw_only=True):
    """A line as it is printed. `net` is without tax, and after its `discounts` and `charges`."""

    description: str
    quantity: str
    unit_price: str
    unit: str
    tax: TaxTreatment
    net: MoneyBody
    discounts: list[AdjustmentBody]
    charges: list[AdjustmentBody]
    period: Period | None
    item_number: str
    buyer_item_number: str
    order_line: str
    note: str


class TaxRowBody(msgspec.Struct, kw_only=True):
    """All lines, discounts and charges of one tax; `base` is without it. The rows sum to `net` and `tax`."""

    treatment: TaxTreatment
    base: MoneyBody
    tax: MoneyBody


class InstalmentBody(msgspec.Struct, kw_only=True):
    """What is due by a day."""

    due_date: date
    amount: MoneyBody


class InvoiceBody(msgspec.Struct, kw_only=True):
    """An invoice. Number, dates and sums are final once it is issued.

    `payable` is the total with its `rounding` for cash, less what was `prepaid`: what the document asks for. `owed` is
    total and rounding less what was `paid` (with the customer's credit and what was prepaid, too), `credited`, taken as
    a `discount` for paying early, and `written_off`. While `disputed_at` is there, nobody is reminded of it. `problems`
    is what is wrong with its PDF now, if anything.
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
    discounts: list[AdjustmentBody]
    charges: list[AdjustmentBody]
    prices_include_tax: bool
    net: MoneyBody
    tax: MoneyBody
    taxes: list[TaxRowBody]
    tax_in_tax_currency: MoneyBody | None
    tax_rate: FrozenRate | None
    total: MoneyBody
    rounding: MoneyBody
    prepaid: MoneyBody
    payable: MoneyBody
    paid: MoneyBody
    credited: MoneyBody
    discount: MoneyBody
    written_off: MoneyBody
    owed: MoneyBody
    issue_date: date | None
    due_date: date | None
    instalments: list[InstalmentBody]
    supply_date: date | None
    tax_point_date: date | None
    period: Period | None
    delivery: Delivery | None
    purchase_order: str
    sales_order: str
    contract: str
    project: str
    accounting_reference: str
    buyer_reference: str
    reference: str
    origin_id: str | None
    quote_id: str | None
    note: str
    hosted_url: str | None
    created_at: datetime
    issued_at: datetime | None
    paid_at: datetime | None
    disputed_at: datetime | None
    problems: list[OpenProblem]
    transmissions: list[TransmissionSummary] | None = None


class ApplicationBody(msgspec.Struct, kw_only=True):
    """What settled a part of an invoice, or opened it again (negative). What was not `applied` of the amount went to
    the customer's credit. `source_id` is the payment, receipt or credit note that it came from. `moved` is the money in
    its own currency, where that is another, and `fx_difference` what it was more or less than booked."""

    id: str
    object: str = "invoice_application"
    kind: ApplicationKind
    invoice_id: str
    source_id: str
    amount: MoneyBody
    applied: MoneyBody
    moved: MoneyBody | None
    fx_difference: MoneyBody | None
    applied_at: datetime


def invoice_body(invoice: InvoiceRecord) -> InvoiceBody:
    draft = invoice.document.content if invoice.document else invoice.draft
    totals = invoice.document.totals if invoice.document else compute(draft)
    return InvoiceBody(
        id=invoice.id,
        state=invoice.state,
        number=invoice.number,
        customer_id=invoice.customer_id or None,
        buyer=draft.buyer,
        currency=draft.currency,
        locale=invoice.locale,
        lines=line_bodies(draft, totals),
        discounts=_adjustments(totals.discounts),
        charges=_adjustments(totals.charges),
        prices_include_tax=draft.prices_include_tax,
        net=money_body(invoice.net),
        tax=money_body(invoice.tax),
        taxes=[
            TaxRowBody(treatment=row.treatment, base=money_body(row.base), tax=money_body(row.tax))
            for row in totals.taxes
        ],
        tax_in_tax_currency=_money(totals.tax_in_tax_currency),
        tax_rate=draft.tax_rate,
        total=money_body(invoice.total),
        rounding=money_body(totals.rounding),
        prepaid=money_body(totals.prepaid),
        payable=money_body(totals.payable),
        paid=money_body(invoice.paid),
        credited=_part(invoice, invoice.standing.credited),
        discount=_part(invoice, invoice.standing.discount),
        written_off=_part(invoice, invoice.standing.written_off),
        owed=money_body(invoice.owed),
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        instalments=_instalments(invoice, totals.payable),
        supply_date=draft.supply_date,
        tax_point_date=draft.tax_point_date,
        period=draft.period,
        delivery=draft.delivery,
        purchase_order=draft.purchase_order,
        sales_order=draft.sales_order,
        contract=draft.contract,
        project=draft.project,
        accounting_reference=draft.accounting_reference,
        buyer_reference=draft.buyer_reference,
        reference=invoice.reference,
        origin_id=invoice.origin_id,
        quote_id=invoice.origin_id if (invoice.origin_id or "").startswith(("quo_", "pfi_")) else None,
        note=draft.note,
        hosted_url=public_url(invoice) if invoice.issued_at and invoice.kind is DocumentType.INVOICE else None,
        created_at=invoice.created_at,
        issued_at=invoice.issued_at,
        paid_at=invoice.paid_at,
        disputed_at=invoice.disputed_at,
        problems=list(invoice.problems),
    )


def line_bodies(draft: DraftInvoice, totals: InvoiceTotals) -> list[LineBody]:
    details: tuple[LineTotal | None, ...] = totals.lines or (None,) * len(draft.lines)
    return [
        LineBody(
            description=line.description,
            quantity=str(line.quantity),
            unit_price=str(line.unit_price),
            unit=line.unit,
            tax=line.tax,
            net=money_body(net),
            discounts=_adjustments(detail.discounts if detail else ()),
            charges=_adjustments(detail.charges if detail else ()),
            period=line.period,
            item_number=line.seller_item_id,
            buyer_item_number=line.buyer_item_id,
            order_line=line.order_line,
            note=line.note,
        )
        for line, net, detail in zip(draft.lines, totals.line_nets, details, strict=True)
    ]


def _adjustments(rows: Sequence[AdjustmentTotal]) -> list[AdjustmentBody]:
    return [
        AdjustmentBody(
            reason=row.reason,
            reason_code=row.reason_code,
            percent=None if row.percent is None else str(row.percent),
            amount=money_body(row.amount),
            treatment=row.treatment,
        )
        for row in rows
    ]


def application_body(row: AppliedRow) -> ApplicationBody:
    return ApplicationBody(
        id=row.id,
        kind=row.kind,
        invoice_id=row.invoice_id,
        source_id=row.source_id,
        amount=money_body(row.amount),
        applied=money_body(row.applied),
        moved=_money(row.moved),
        fx_difference=_money(row.fx_difference),
        applied_at=row.applied_at,
    )


def _part(invoice: InvoiceRecord, minor: int) -> MoneyBody:
    return MoneyBody(amount=minor, currency=invoice.total.currency)


def _money(amount: Money | None) -> MoneyBody | None:
    return None if amount is None else money_body(amount)


def _instalments(invoice: InvoiceRecord, payable: Money) -> list[InstalmentBody]:
    """The parts in which an issued invoice is due; none where it is due at once."""
    if invoice.document is None:
        return []
    parts = schedule(invoice.document.content.terms, payable, invoice.document.issue_date)
    if len(parts) < 2:
        return []
    return [InstalmentBody(due_date=day, amount=money_body(amount)) for day, amount in parts]
