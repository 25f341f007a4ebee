"""From what the API is given to a draft: the seller of the merchant's profile, the buyer, and what is billed."""

from decimal import Decimal
from typing import Any

import msgspec

from invoicing.calculation import round_for_cash
from invoicing.documents import (
    Adjustment,
    BankAccount,
    Delivery,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    FrozenRate,
    Line,
    Party,
    Period,
    SalesTax,
)
from invoicing.errors import TaxNotApplicable
from invoicing.tax import TaxTreatment, choose_treatment
from invoicing.terms import NetDays, Terms
from orchestrator.access.store import MerchantRow
from orchestrator.billing.parties import buyer_of, seller_of
from orchestrator.billing.terms_of_merchant import agreed_terms
from orchestrator.customers.store import CustomerRow
from orchestrator.errors import InvalidField
from orchestrator.http.invoice_inputs import (
    AdjustmentInput,
    CreateInvoice,
    DocumentAdjustmentInput,
    LineInput,
    PeriodInput,
    SalesTaxInput,
    TaxInput,
)
from orchestrator.http.schemas import require_currency


def draft_from(
    data: CreateInvoice,
    merchant: MerchantRow,
    customer: CustomerRow | None,
    kind: DocumentType = DocumentType.INVOICE,
) -> DraftInvoice:
    """The document that is asked for, with the seller as the merchant's profile has it.

    Raises InvalidField, Conflict (an incomplete profile), and invoicing's refusals.
    """
    if data.tax_currency is not None:
        require_currency(data.tax_currency, "tax_currency")
    seller = seller_of(merchant)
    buyer = _buyer(data, customer)
    home_rate = merchant.profile.get("domestic_rate_bps")
    lines = tuple(
        _line(line, _treatment(line, f"lines[{index}].tax", seller, buyer, home_rate))
        for index, line in enumerate(data.lines)
    )
    bank = merchant.profile.get("bank")
    draft = DraftInvoice(
        seller=seller,
        buyer=buyer,
        currency=data.currency,
        lines=lines,
        terms=agreed_terms(_terms(data), customer.profile if customer else {}, merchant.profile),
        type=kind,
        prices_include_tax=data.prices_include_tax,
        discounts=tuple(_document_adjustment(one, f"discounts[{at}]") for at, one in enumerate(data.discounts)),
        charges=tuple(_document_adjustment(one, f"charges[{at}]") for at, one in enumerate(data.charges)),
        period=_period(data.period),
        purchase_order=data.purchase_order,
        contract=data.contract,
        project=data.project,
        sales_order=data.sales_order,
        accounting_reference=data.accounting_reference,
        delivery=None if data.delivery is None else msgspec.convert(msgspec.to_builtins(data.delivery), Delivery),
        tax_point_date=data.tax_point_date,
        prepaid=_decimal(data.prepaid) or Decimal(0),
        prepaid_receipts=tuple(data.prepaid_receipts),
        tax_currency=data.tax_currency or "",
        tax_rate=_tax_rate(data),
        rounding_policy=data.rounding_policy,
        locale=data.locale or buyer.locale,
        buyer_reference=data.buyer_reference,
        supply_date=data.supply_date,
        note=data.note,
        bank=msgspec.convert(bank, BankAccount) if bank else None,
    )
    return round_for_cash(draft) if data.cash_rounding else draft


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
        sales_taxes=tuple(_sales_tax(one) for one in given.sales_taxes),
        buyer_item_id=given.buyer_item_number,
        standard_item_id=given.standard_item_id,
        standard_item_scheme=given.standard_item_scheme,
        accounting_reference=given.accounting_reference,
    )


def _sales_tax(given: SalesTaxInput) -> SalesTax:
    return SalesTax(
        jurisdiction=given.jurisdiction,
        amount=Decimal(given.amount),
        percent=_decimal(given.percent) or Decimal(0),
        taxable=_decimal(given.taxable) or Decimal(0),
        name=given.name,
    )


def _tax_rate(data: CreateInvoice) -> FrozenRate | None:
    given = data.tax_rate
    if given is None:
        return None
    if data.tax_currency is None:
        raise InvalidField("tax_currency", "must say into which currency the tax_rate leads")
    return FrozenRate(
        base=data.currency,
        quote=data.tax_currency,
        base_units=Decimal(1),
        quote_units=Decimal(given.rate),
        on=given.on,
        source=given.source,
    )


def _terms(data: CreateInvoice) -> Terms | None:
    if data.terms is not None and data.payment_terms is not None:
        raise InvalidField("payment_terms", "give either terms or payment_terms")
    if data.payment_terms is not None:
        return data.payment_terms
    return NetDays(data.terms.net_days) if data.terms else None


def _period(period: PeriodInput | None) -> Period | None:
    return None if period is None else Period(period.start, period.end)


def _adjustment(given: AdjustmentInput) -> Adjustment:
    return Adjustment(
        reason=given.reason,
        amount=_decimal(given.amount),
        percent=_decimal(given.percent),
        reason_code=given.reason_code,
    )


def _document_adjustment(given: DocumentAdjustmentInput, path: str) -> DocumentAdjustment:
    return DocumentAdjustment(
        reason=given.reason,
        amount=_decimal(given.amount),
        percent=_decimal(given.percent),
        reason_code=given.reason_code,
        tax=given.tax.as_treatment(f"{path}.tax") if given.tax else None,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _buyer(data: CreateInvoice, customer: CustomerRow | None) -> Party:
    if (customer is None) == (data.buyer is None):
        raise InvalidField("customer_id", "give either customer_id or buyer")
    if data.buyer is not None:
        fields: dict[str, Any] = msgspec.to_builtins(data.buyer)
        return msgspec.convert({**fields, "email": data.buyer.email or ""}, Party)
    assert customer is not None
    if customer.country is None:
        raise InvalidField("customer_id", "the customer has no country; an invoice needs one")
    return buyer_of(customer)


def _treatment(line: LineInput, field: str, seller: Party, buyer: Party, home_rate: object) -> TaxTreatment:
    if isinstance(line.tax, TaxInput):
        return line.tax.as_treatment(field)
    if type(home_rate) is not int:
        raise InvalidField(field, "cannot be `auto` while the merchant's profile has no domestic_rate_bps; say the tax")
    try:
        return choose_treatment(
            seller_country=seller.country,
            buyer_country=buyer.country,
            buyer_vat_id=buyer.vat_id,
            domestic_rate_bps=home_rate,
        )
    except TaxNotApplicable as wrong:
        raise TaxNotApplicable(field, wrong.message) from None
