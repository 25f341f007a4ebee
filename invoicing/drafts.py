"""A document before its number and date: what it says, and the checks that it is whole."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from currency.cash import cash_step_minor
from currency.currencies import UnknownCurrency, exponent_of
from currency.formatting import UnknownLocale, locale_of
from currency.rates import Rate
from invoicing.checks import MAX_TEXT, check_length, check_number
from invoicing.errors import InvalidInvoice, TaxNotApplicable
from invoicing.lines import DocumentAdjustment, Line, Period, check_adjustments, check_line, check_period
from invoicing.parties import BankAccount, Delivery, Party, check_delivery, check_party
from invoicing.rounding import RoundingPolicy, is_whole, policy_of, to_minor
from invoicing.tax import check_treatment
from invoicing.terms import DueOnReceipt, Terms
from invoicing.treatments import TaxKind, TaxTreatment
from invoicing.vat_ids import check_vat_id

MAX_LINES = 1_000
MAX_NOTE = 2_000
MAX_PRECEDING = 100
MAX_PREPAID_RECEIPTS = 20


class DocumentType(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PROFORMA = "proforma"
    QUOTE = "quote"

    @property
    def code(self) -> str:
        """The type code of UNTDID 1001 (BT-3). A pro forma and a quote are no invoices, and no e-invoices."""
        return _TYPE_CODES[self]


_TYPE_CODES = {
    DocumentType.INVOICE: "380",
    DocumentType.CREDIT_NOTE: "381",
    DocumentType.PROFORMA: "325",
    DocumentType.QUOTE: "310",
}


class PrecedingInvoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invoice to which this document refers (BG-3): the one that a credit note corrects."""

    number: str  # BT-25
    issue_date: date | None = None  # BT-26
    id: str = ""  # ours, where it was issued here


class FrozenRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate that was used, with all that is needed to do the sum again: `quote_units` of `quote` for `base_units` of
    `base`, as `source` published them on the day `on`."""

    base: str
    quote: str
    base_units: Decimal
    quote_units: Decimal
    on: date
    source: str

    @classmethod
    def of(cls, rate: Rate) -> FrozenRate:
        """Raises ValueError for a rate with a markup: the law names a published one."""
        if rate.markup_bps:
            raise ValueError("a rate with a markup is nobody's published rate")
        return cls(
            base=rate.base,
            quote=rate.quote,
            base_units=rate.base_units,
            quote_units=rate.quote_units,
            on=rate.on,
            source=rate.source,
        )

    def thaw(self) -> Rate:
        """Raises ValueError for numbers that are not above zero."""
        return Rate(self.base, self.quote, self.base_units, self.quote_units, self.on, self.source)


class GivenTax(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tax of one treatment as it must come out, in major units. Only a credit note has it: its last part takes what
    the parts before it left, which a tax computed anew may miss by a minor unit."""

    tax: TaxTreatment
    amount: Decimal


class DraftInvoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is known before the number and the date. Amounts are in major units of `currency` (BT-5)."""

    seller: Party
    buyer: Party
    currency: str
    lines: tuple[Line, ...]
    terms: Terms = DueOnReceipt()
    locale: str = "en"
    buyer_reference: str = ""  # BT-10: in Germany the Leitweg-ID
    supply_date: date | None = None  # BT-72
    note: str = ""  # BT-22
    bank: BankAccount | None = None
    type: DocumentType = DocumentType.INVOICE
    prices_include_tax: bool = False
    discounts: tuple[DocumentAdjustment, ...] = ()  # BG-20
    charges: tuple[DocumentAdjustment, ...] = ()  # BG-21
    purchase_order: str = ""  # BT-13
    sales_order: str = ""  # BT-14
    contract: str = ""  # BT-12
    project: str = ""  # BT-11
    accounting_reference: str = ""  # BT-19
    preceding: tuple[PrecedingInvoice, ...] = ()  # BG-3
    delivery: Delivery | None = None
    period: Period | None = None  # BG-14
    tax_point_date: date | None = None  # BT-7, where it is not the day of issue
    prepaid: Decimal = Decimal(0)  # BT-113: paid before, such as a deposit, and the customer's credit by now
    prepaid_receipts: tuple[str, ...] = ()  # ours by id, of whose rest it is taken; none: of all the customer's credit
    rounding: Decimal = Decimal(0)  # BT-114: what a payment in cash adds or leaves off
    tax_currency: str = ""  # BT-6: the taxing state's, where that is another
    tax_rate: FrozenRate | None = None  # from `currency` to `tax_currency`, at the tax point
    rounding_policy: RoundingPolicy | None = None  # None: that of the seller's country
    given_taxes: tuple[GivenTax, ...] = ()
    given_tax_in_tax_currency: Decimal | None = None  # BT-111 of the credit note that takes back the rest

    @property
    def policy(self) -> RoundingPolicy:
        """The rounding policy, chosen or of the seller's country."""
        return self.rounding_policy or policy_of(self.seller.country)

    @property
    def treatments(self) -> tuple[TaxTreatment, ...]:
        """Every tax treatment of the document once, in the order in which it first appears."""
        stated = [adjustment.tax for adjustment in (*self.discounts, *self.charges) if adjustment.tax is not None]
        return tuple(dict.fromkeys([*(line.tax for line in self.lines), *stated]))


def check_draft(draft: DraftInvoice) -> None:
    """Raises InvalidInvoice, naming the first field that would make the document wrong, and TaxNotApplicable where a
    treatment does not fit the parties."""
    _check_currency(draft.currency, "currency")
    try:
        locale_of(draft.locale)
    except UnknownLocale as unheard:
        raise InvalidInvoice("locale", f"{unheard}; give one such as de-AT") from None
    for role, party in (("seller", draft.seller), ("buyer", draft.buyer)):
        check_party(party, role)
    if draft.delivery is not None:
        check_delivery(draft.delivery)
    if draft.period is not None:
        check_period(draft.period, "period")
    _check_texts(draft)
    if not 1 <= len(draft.lines) <= MAX_LINES:
        raise InvalidInvoice("lines", f"must be between 1 and {MAX_LINES}")
    for index, line in enumerate(draft.lines):
        check_line(line, f"lines[{index}]")
    check_adjustments(draft.discounts, draft.charges)
    _check_credit(draft)
    _check_taxes(draft)
    _check_amounts(draft)


def _check_currency(code: str, field: str) -> None:
    try:
        exponent_of(code)
    except UnknownCurrency as unknown:
        raise InvalidInvoice(field, str(unknown)) from None


def _check_texts(draft: DraftInvoice) -> None:
    check_length(draft.note, "note", MAX_NOTE)
    for field in (
        "buyer_reference", "purchase_order", "sales_order", "contract", "project", "accounting_reference",
    ):  # fmt: skip
        check_length(getattr(draft, field), field, MAX_TEXT)


def _check_credit(draft: DraftInvoice) -> None:
    if len(draft.preceding) > MAX_PRECEDING:
        raise InvalidInvoice("preceding", f"must be at most {MAX_PRECEDING}")
    for index, invoice in enumerate(draft.preceding):
        if not invoice.number.strip():
            raise InvalidInvoice(f"preceding[{index}].number", "must be the number of the invoice")  # BR-55
    if draft.type is DocumentType.CREDIT_NOTE:
        # Directive 2006/112/EC, Art. 219: what amends an invoice refers to it specifically and unambiguously.
        if not draft.preceding:
            raise InvalidInvoice("preceding", "must name the invoice that the credit note corrects")
        return
    if draft.given_taxes or draft.given_tax_in_tax_currency is not None:
        raise InvalidInvoice("given_taxes", "are for credit notes only; leave them out, the tax is computed")
    for index, line in enumerate(draft.lines):
        if line.credits is not None:
            raise InvalidInvoice(f"lines[{index}].credits", "is for credit notes only; leave it out")


def _check_taxes(draft: DraftInvoice) -> None:
    for treatment in draft.treatments:
        _check_treatment(draft, treatment)
    for role, party in (("seller", draft.seller), ("buyer", draft.buyer)):
        check_vat_id(party.vat_id, f"{role}.vat_id")
    if any(treatment.kind is TaxKind.SALES_TAX for treatment in draft.treatments):
        _check_sales_tax(draft)
    if draft.tax_currency:
        _check_currency(draft.tax_currency, "tax_currency")
        if draft.tax_currency == draft.currency:
            raise InvalidInvoice("tax_currency", "is the invoice's own; leave it out")  # BR-53
    if draft.tax_rate is not None:
        if (draft.tax_rate.base, draft.tax_rate.quote) != (draft.currency, draft.tax_currency):
            raise InvalidInvoice("tax_rate", "must lead from the invoice's currency to the tax currency")
        if not (draft.tax_rate.base_units > 0 and draft.tax_rate.quote_units > 0):
            raise InvalidInvoice("tax_rate", "must be above zero")


def _check_treatment(draft: DraftInvoice, treatment: TaxTreatment) -> None:
    try:
        check_treatment(
            treatment,
            seller_country=draft.seller.country,
            seller_vat_id=draft.seller.vat_id,
            buyer_country=draft.buyer.country,
            buyer_vat_id=draft.buyer.vat_id,
            ship_to=draft.delivery.country if draft.delivery else "",
        )
    except TaxNotApplicable as wrong:
        if not wrong.field.startswith("tax."):
            raise
        taxes: dict[str, list[TaxTreatment | None]] = {
            "lines": [line.tax for line in draft.lines],
            "discounts": [one.tax for one in draft.discounts],
            "charges": [one.tax for one in draft.charges],
        }
        place = next(f"{name}[{found.index(treatment)}]" for name, found in taxes.items() if treatment in found)
        raise TaxNotApplicable(f"{place}.{wrong.field}", wrong.message) from None


def _check_sales_tax(draft: DraftInvoice) -> None:
    if draft.prices_include_tax:
        raise InvalidInvoice("prices_include_tax", "must be false with sales tax, which is given on top of the price")
    for field in ("discounts", "charges"):
        if getattr(draft, field):
            remedy = "must be on the lines where sales tax is given by line; the engine taxes what is left of each"
            raise InvalidInvoice(field, remedy)


def _check_amounts(draft: DraftInvoice) -> None:
    check_number(draft.prepaid, "prepaid")
    if draft.prepaid < 0:
        raise InvalidInvoice("prepaid", "must not be negative")
    if draft.prepaid_receipts and not draft.prepaid:
        raise InvalidInvoice("prepaid", "must say how much of the receipts was for this invoice")
    if len(draft.prepaid_receipts) > MAX_PREPAID_RECEIPTS:
        raise InvalidInvoice("prepaid_receipts", f"must be at most {MAX_PREPAID_RECEIPTS}")
    if len(set(draft.prepaid_receipts)) != len(draft.prepaid_receipts):
        raise InvalidInvoice("prepaid_receipts", "must name each receipt once")
    check_number(draft.rounding, "rounding")
    for field in ("prepaid", "rounding"):
        check_whole(getattr(draft, field), draft.currency, field)
    if abs(to_minor(draft.rounding, draft.currency)) > cash_step_minor(draft.currency, draft.seller.country) // 2:
        raise InvalidInvoice("rounding", "must be at most half of the smallest step of a cash payment")


def check_whole(amount: Decimal, currency: str, path: str) -> None:
    """Raises InvalidInvoice for an amount with a part of a minor unit."""
    if not is_whole(amount, currency):
        raise InvalidInvoice(path, f"must have no more decimals than {currency} has ({exponent_of(currency)})")
