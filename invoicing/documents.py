"""What an invoice says, and its sums. The structs are stored as JSON and frozen with the document when it is issued."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec

from currency.currencies import UnknownCurrency, exponent_of
from currency.formatting import UnknownLocale, locale_of
from currency.money import Money
from invoicing.countries import COUNTRIES
from invoicing.errors import InvalidInvoice
from invoicing.tax import BPS, TaxTreatment, check_treatment
from invoicing.terms import DueOnReceipt, Terms

MAX_LINES = 1_000
MAX_DESCRIPTION = 1_000
MAX_NOTE = 2_000
MAX_TEXT = 200
MAX_ADDRESS_LINES = 6
MAX_DECIMALS = 8
MAX_DIGITS = 15
MAX_TOTAL_MINOR = 10**15
# Wide enough that no product of two accepted numbers is ever rounded before we say so.
_EXACT = Context(prec=60)
_WHOLE = Decimal(1)


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seller or buyer as printed. `country` is ISO 3166-1 alpha-2, `locale` BCP 47; `vat_id` carries its prefix."""

    name: str
    country: str
    address_lines: tuple[str, ...] = ()
    postal_code: str = ""
    city: str = ""
    vat_id: str = ""
    email: str = ""
    locale: str = "en"


class BankAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a transfer may be sent."""

    holder: str
    iban: str
    bic: str = ""
    bank: str = ""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`unit_price` is in major units of the invoice's currency, exact, and may be finer than a minor unit (0.0125 EUR).

    A discount is a line with a negative quantity: prices are never negative (EN 16931 BR-27).
    """

    description: str
    quantity: Decimal
    unit_price: Decimal
    tax: TaxTreatment


class DraftInvoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is known before the number and the date."""

    seller: Party
    buyer: Party
    currency: str
    lines: tuple[Line, ...]
    terms: Terms = DueOnReceipt()
    locale: str = "en"
    buyer_reference: str = ""
    supply_date: date | None = None
    note: str = ""
    bank: BankAccount | None = None


class TaxTotal(msgspec.Struct, frozen=True):
    """One row of the tax summary: all lines of one treatment. `tax` is rounded once, on `base`."""

    treatment: TaxTreatment
    base: Money
    tax: Money


class InvoiceTotals(msgspec.Struct, frozen=True):
    """`line_nets` is in the order of the lines; `net + tax == total`, and `tax` is the sum of `taxes`."""

    line_nets: tuple[Money, ...]
    taxes: tuple[TaxTotal, ...]
    net: Money
    tax: Money
    total: Money


class IssuedInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """The document as issued. It never changes; a mistake is credited."""

    number: str
    issue_date: date
    due_date: date
    content: DraftInvoice
    totals: InvoiceTotals


def compute(draft: DraftInvoice) -> InvoiceTotals:
    """The sums of the draft. Rounding is HALF_UP (half away from zero) at two points only: the net amount of each line,
    and the tax of each rate over the whole document (EN 16931 BR-CO-14 and BR-CO-17; in Japan one rounding for each
    rate and invoice, Consumption Tax Act, Enforcement Order Art. 70-10).

    Raises InvalidInvoice naming the field, TaxNotApplicable where a treatment does not fit the parties.
    """
    check_draft(draft)
    line_nets = tuple(_line_net(line, draft.currency) for line in draft.lines)
    bases: dict[TaxTreatment, int] = {}
    for line, net in zip(draft.lines, line_nets, strict=True):
        bases[line.tax] = bases.get(line.tax, 0) + net.minor
    taxes = tuple(_tax_total(treatment, base, draft.currency) for treatment, base in bases.items())
    net_minor = sum(bases.values())
    tax_minor = sum(row.tax.minor for row in taxes)
    if min(net_minor, tax_minor) < 0 or net_minor + tax_minor > MAX_TOTAL_MINOR:
        raise InvalidInvoice(
            "lines", "must not sum to less than zero (issue a credit note) nor beyond the largest amount"
        )
    return InvoiceTotals(
        line_nets=line_nets,
        taxes=taxes,
        net=Money(net_minor, draft.currency),
        tax=Money(tax_minor, draft.currency),
        total=Money(net_minor + tax_minor, draft.currency),
    )


def check_draft(draft: DraftInvoice) -> None:
    """Raises InvalidInvoice, naming the first field that would make the document wrong."""
    try:
        exponent_of(draft.currency)
    except UnknownCurrency as unknown:
        raise InvalidInvoice("currency", str(unknown)) from None
    try:
        locale_of(draft.locale)
    except UnknownLocale as unheard:
        raise InvalidInvoice("locale", str(unheard)) from None
    for role, party in (("seller", draft.seller), ("buyer", draft.buyer)):
        _check_party(party, role)
    _check_length(draft.note, "note", MAX_NOTE)
    _check_length(draft.buyer_reference, "buyer_reference", MAX_TEXT)
    if not 1 <= len(draft.lines) <= MAX_LINES:
        raise InvalidInvoice("lines", f"must be between 1 and {MAX_LINES}")
    for index, line in enumerate(draft.lines):
        _check_line(line, f"lines[{index}]")
    for treatment in dict.fromkeys(line.tax for line in draft.lines):
        check_treatment(
            treatment,
            seller_country=draft.seller.country,
            seller_vat_id=draft.seller.vat_id,
            buyer_country=draft.buyer.country,
            buyer_vat_id=draft.buyer.vat_id,
        )


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units of an exact amount in major units, rounded HALF_UP (half away from zero)."""
    shifted = amount.scaleb(exponent_of(currency), context=_EXACT)
    return int(shifted.quantize(_WHOLE, rounding=ROUND_HALF_UP, context=_EXACT))


def _line_net(line: Line, currency: str) -> Money:
    return Money(to_minor(_EXACT.multiply(line.quantity, line.unit_price), currency), currency)


def _tax_total(treatment: TaxTreatment, base_minor: int, currency: str) -> TaxTotal:
    exact = _EXACT.divide(Decimal(base_minor * treatment.rate_bps), Decimal(BPS))
    tax_minor = int(exact.quantize(_WHOLE, rounding=ROUND_HALF_UP, context=_EXACT))
    return TaxTotal(treatment, Money(base_minor, currency), Money(tax_minor, currency))


def _check_party(party: Party, role: str) -> None:
    if not party.name.strip():
        raise InvalidInvoice(f"{role}.name", "must not be empty")
    if party.country not in COUNTRIES:
        raise InvalidInvoice(f"{role}.country", "must be an ISO 3166-1 alpha-2 code such as DE")
    if len(party.address_lines) > MAX_ADDRESS_LINES:
        raise InvalidInvoice(f"{role}.address_lines", f"must be at most {MAX_ADDRESS_LINES}")
    for field in ("name", "postal_code", "city", "vat_id", "email"):
        _check_length(getattr(party, field), f"{role}.{field}", MAX_TEXT)
    for index, text in enumerate(party.address_lines):
        _check_length(text, f"{role}.address_lines[{index}]", MAX_TEXT)


def _check_length(text: str, path: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidInvoice(path, f"must have at most {longest} characters")


def _check_line(line: Line, path: str) -> None:
    if not 1 <= len(line.description.strip()) <= MAX_DESCRIPTION:
        raise InvalidInvoice(f"{path}.description", f"must have 1 to {MAX_DESCRIPTION} characters")
    _check_number(line.quantity, f"{path}.quantity")
    _check_number(line.unit_price, f"{path}.unit_price")
    if line.quantity == 0:
        raise InvalidInvoice(f"{path}.quantity", "must not be zero")
    if line.unit_price < 0:
        raise InvalidInvoice(f"{path}.unit_price", "must not be negative; make the quantity negative for a discount")


def _check_number(number: Decimal, path: str) -> None:
    if not number.is_finite():
        raise InvalidInvoice(path, "must be a number")
    _, digits, exponent = number.as_tuple()
    # The exponent is a letter for what is not finite only.
    if not isinstance(exponent, int) or -exponent > MAX_DECIMALS or len(digits) + exponent > MAX_DIGITS:
        raise InvalidInvoice(path, f"must have at most {MAX_DIGITS} digits before and {MAX_DECIMALS} after the point")
