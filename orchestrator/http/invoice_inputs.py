"""What the API takes to draft and issue an invoice, quote or pro forma."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from invoicing.documents import RoundingPolicy
from invoicing.errors import InvalidInvoice
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import Terms
from orchestrator.http.schemas import CountryCode, CurrencyCode, Email, Input, Locale, Name

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
    place: Annotated[str, Meta(max_length=2, description="One Stop Shop: the country whose rate it is.")] = ""

    def as_treatment(self, path: str) -> TaxTreatment:
        """Raises InvalidInvoice naming the field below `path`."""
        try:
            return TaxTreatment(self.kind, self.rate_bps, self.reason, self.reason_code, self.place)
        except InvalidInvoice as wrong:
            raise InvalidInvoice(f"{path}{wrong.field.removeprefix('tax')}", wrong.message) from None


class SalesTaxInput(Input):
    """What one jurisdiction takes of a line with tax kind `sales_tax`: an amount in major units, as it is to be. The
    percentage and the taxable amount are printed, and nothing is computed from them."""

    jurisdiction: Annotated[str, Meta(min_length=1, max_length=200, examples=["US-NY"])]
    amount: DecimalText
    percent: DecimalText | None = None
    taxable: DecimalText | None = None
    name: Annotated[str, Meta(max_length=200)] = ""


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
    sales_taxes: Annotated[list[SalesTaxInput], Meta(max_length=20)] = msgspec.field(default_factory=list)
    buyer_item_number: Annotated[str, Meta(max_length=200)] = ""
    standard_item_id: Annotated[str, Meta(max_length=200, description="With its scheme: 0160 for a GTIN.")] = ""
    standard_item_scheme: Annotated[str, Meta(max_length=4)] = ""
    accounting_reference: Annotated[str, Meta(max_length=200)] = ""


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
    subdivision: Annotated[str, Meta(max_length=100)] = ""
    contact_name: Annotated[str, Meta(max_length=200)] = ""
    contact_phone: Annotated[str, Meta(max_length=200)] = ""
    legal_registration_id: Annotated[str, Meta(max_length=200)] = ""
    legal_registration_scheme: Annotated[str, Meta(max_length=4)] = ""
    electronic_address: Annotated[str, Meta(max_length=200, description="Where e-invoices go: a Leitweg-ID.")] = ""
    electronic_address_scheme: Annotated[str, Meta(max_length=4, description="EAS: 0204 for a Leitweg-ID.")] = ""


class DeliveryInput(Input):
    """Where goods went, where that is not the buyer's address."""

    country: CountryCode
    name: Annotated[str, Meta(max_length=200)] = ""
    address_lines: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=6)] = msgspec.field(
        default_factory=list
    )
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=100)] = ""
    subdivision: Annotated[str, Meta(max_length=100)] = ""


class TaxRateInput(Input):
    """One unit of the invoice's currency is `rate` of the `tax_currency`, as `source` published it on that day."""

    rate: DecimalText
    on: date
    source: Annotated[str, Meta(min_length=1, max_length=40, examples=["NBP 226/A/NBP/2026"])]


class TermsInput(Input):
    """Due this many days after the day of issue."""

    net_days: Annotated[int, Meta(ge=1, le=365)]


class CreateInvoice(Input):
    """A draft. Give `customer_id` or `buyer`. What `terms` or `payment_terms` leave open is as agreed with the
    customer, then as the merchant's payment terms say; else it is due on receipt.

    `payment_terms` says all that can be agreed (see docs/terms.md), `terms` only a number of days. `prepaid`, in major
    units, is what the customer paid before, such as a deposit: it is taken from the customer's credit at the issue, or
    from the rest of the receipts that are named. With `cash_rounding` what is payable is rounded to the smallest coin.
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
    sales_order: Annotated[str, Meta(max_length=200)] = ""
    accounting_reference: Annotated[str, Meta(max_length=200)] = ""
    delivery: DeliveryInput | None = None
    prepaid: DecimalText | None = None
    prepaid_receipts: Annotated[list[Annotated[str, Meta(max_length=40)]], Meta(max_length=20)] = msgspec.field(
        default_factory=list
    )
    cash_rounding: bool = False
    rounding_policy: Annotated[
        RoundingPolicy | None, Meta(description="Where the tax is rounded; of the seller's country when left out.")
    ] = None
    tax_point_date: Annotated[date | None, Meta(description="Where that is not the day of issue.")] = None
    tax_currency: Annotated[
        CurrencyCode | None, Meta(description="In which the tax is stated, too; where the law asks, it is put in.")
    ] = None
    tax_rate: Annotated[
        TaxRateInput | None, Meta(description="Into the tax currency; that of the tax point when left out.")
    ] = None


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
