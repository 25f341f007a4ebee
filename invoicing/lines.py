"""The lines of a document, and the discounts and charges on a line or on the whole document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from invoicing.checks import MAX_TEXT, check_length, check_number, check_pattern
from invoicing.errors import InvalidInvoice
from invoicing.treatments import TaxKind, TaxTreatment

MAX_DESCRIPTION = 1_000
MAX_LINE_NOTE = 1_000
MAX_ADJUSTMENTS = 20
MAX_SALES_TAXES = 20
PIECE = "C62"
# fmt: off
# UNTDID 5189, the part that EN 16931 admits as reasons of a discount (BR-CL-19).
DISCOUNT_CODES = frozenset({
    "41", "42", "60", "62", "63", "64", "65", "66", "67", "68", "70", "71", "88", "95", "100", "102", "103", "104",
    "105",
})
# fmt: on


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the first to the last day, both included (BG-14, BG-26)."""

    start: date  # BT-73, BT-134
    end: date  # BT-74, BT-135


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A discount or a charge of a line (BG-27, BG-28): either `amount` in major units or `percent` (2.5 is 2.5 %).

    A percentage is always of the line before any adjustment (quantity times unit price, rounded to the minor unit), so
    the order of several does not matter. Both are given as positive numbers; on a line of negative quantity they turn
    their sign with it. `reason_code` is of UNTDID 5189 for a discount, 7161 for a charge.
    """

    reason: str  # BT-139, BT-144
    amount: Decimal | None = None  # BT-136, BT-141
    percent: Decimal | None = None  # BT-138, BT-143
    reason_code: str = ""  # BT-140, BT-145


class DocumentAdjustment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A discount or a charge of the whole document (BG-20, BG-21), as an Adjustment with a tax treatment.

    A percentage is of the sum of the lines of that treatment. Without `tax` it is of the sum of all lines, and is
    spread over their treatments in proportion to them, so that each tax is reduced by its share.
    """

    reason: str  # BT-97, BT-104
    amount: Decimal | None = None  # BT-92, BT-99
    percent: Decimal | None = None  # BT-94, BT-101
    reason_code: str = ""  # BT-98, BT-105
    tax: TaxTreatment | None = None  # BT-95, BT-96, BT-102, BT-103


class SalesTax(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one jurisdiction takes of one line, as a tax engine or the merchant says: amounts in major units, already
    rounded to the currency. `percent` is for print (8.875 is 8.875 %); the amount counts."""

    jurisdiction: str
    amount: Decimal
    percent: Decimal = Decimal(0)
    taxable: Decimal = Decimal(0)
    name: str = ""


class CreditedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which item of the preceding invoice a line of a credit note takes back: `item` counts its lines from 0, and after
    them its document charges. `quantity` is None where an amount was credited rather than a quantity."""

    item: int
    quantity: Decimal | None = None


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line (BG-25). `unit_price` is in major units of the invoice's currency, exact, may be finer than a minor unit
    (0.0125 EUR), and includes tax where the document says that its prices do.

    What comes back is a line with a negative quantity: prices are never negative (EN 16931 BR-27).
    """

    description: str  # BT-153 the first line of it, BT-154 the rest
    quantity: Decimal  # BT-129
    unit_price: Decimal  # BT-146, before tax
    tax: TaxTreatment  # BG-30
    unit: str = PIECE  # BT-130, UN/ECE Recommendation 20
    discounts: tuple[Adjustment, ...] = ()  # BG-27
    charges: tuple[Adjustment, ...] = ()  # BG-28
    period: Period | None = None  # BG-26
    seller_item_id: str = ""  # BT-155
    buyer_item_id: str = ""  # BT-156
    standard_item_id: str = ""  # BT-157
    standard_item_scheme: str = ""  # its ISO 6523 ICD: 0160 for a GTIN
    order_line: str = ""  # BT-132: which line of the purchase order
    accounting_reference: str = ""  # BT-133
    note: str = ""  # BT-127
    sales_taxes: tuple[SalesTax, ...] = ()  # of TaxKind.SALES_TAX only
    credits: CreditedLine | None = None  # of a credit note only


def check_line(line: Line, path: str) -> None:
    """Raises InvalidInvoice, naming the first field that would make the line wrong. `path` is such as `lines[2]`."""
    if not 1 <= len(line.description.strip()) <= MAX_DESCRIPTION:
        raise InvalidInvoice(f"{path}.description", f"must have 1 to {MAX_DESCRIPTION} characters")
    check_number(line.quantity, f"{path}.quantity")
    check_number(line.unit_price, f"{path}.unit_price")
    if line.quantity == 0:
        raise InvalidInvoice(f"{path}.quantity", "must not be zero")
    if line.unit_price < 0:
        remedy = "must not be negative; make the quantity negative, or give a discount"
        raise InvalidInvoice(f"{path}.unit_price", remedy)
    if not line.unit:
        raise InvalidInvoice(f"{path}.unit", f"must be a unit of UN/ECE Recommendation 20, such as {PIECE} for pieces")
    check_pattern(line.unit, "[A-Z0-9]{2,3}", f"{path}.unit", "must be a code of UN/ECE Recommendation 20, such as HUR")
    for field in ("seller_item_id", "buyer_item_id", "standard_item_id", "order_line", "accounting_reference"):
        check_length(getattr(line, field), f"{path}.{field}", MAX_TEXT)
    check_length(line.note, f"{path}.note", MAX_LINE_NOTE)
    check_pattern(
        line.standard_item_scheme, "[0-9]{4}", f"{path}.standard_item_scheme", "must be four digits: 0160 for a GTIN"
    )
    if bool(line.standard_item_id) != bool(line.standard_item_scheme):
        raise InvalidInvoice(f"{path}.standard_item_scheme", "give the item's id and its scheme together, or neither")
    if line.period is not None:
        check_period(line.period, f"{path}.period")
    check_adjustments(line.discounts, line.charges, f"{path}.")
    _check_sales_taxes(line, path)


def check_adjustments(
    discounts: Sequence[Adjustment | DocumentAdjustment],
    charges: Sequence[Adjustment | DocumentAdjustment],
    prefix: str = "",
) -> None:
    """Raises InvalidInvoice naming the field of the first discount or charge that cannot be."""
    for field, adjustments in (("discounts", discounts), ("charges", charges)):
        if len(adjustments) > MAX_ADJUSTMENTS:
            raise InvalidInvoice(f"{prefix}{field}", f"must be at most {MAX_ADJUSTMENTS}")
        for index, adjustment in enumerate(adjustments):
            _check_adjustment(adjustment, f"{prefix}{field}[{index}]", is_discount=field == "discounts")


def check_period(period: Period, path: str) -> None:
    """Raises InvalidInvoice for a period that ends before it starts (BR-29, BR-30)."""
    if period.end < period.start:
        raise InvalidInvoice(f"{path}.end", "must not be before the start")


def _check_adjustment(adjustment: Adjustment | DocumentAdjustment, path: str, *, is_discount: bool) -> None:
    if not adjustment.reason.strip():
        raise InvalidInvoice(f"{path}.reason", "must say what it is for")  # BR-33, BR-38, BR-42, BR-44
    check_length(adjustment.reason, f"{path}.reason", MAX_TEXT)
    if (adjustment.amount is None) == (adjustment.percent is None):
        raise InvalidInvoice(f"{path}.amount", "give either an amount or a percent")
    for field, number in (("amount", adjustment.amount), ("percent", adjustment.percent)):
        if number is None:
            continue
        check_number(number, f"{path}.{field}")
        if number <= 0:
            raise InvalidInvoice(f"{path}.{field}", "must be above zero: a discount takes off, a charge adds")
    if is_discount and adjustment.percent is not None and adjustment.percent > 100:
        raise InvalidInvoice(f"{path}.percent", "must be at most 100")
    if is_discount and adjustment.reason_code and adjustment.reason_code not in DISCOUNT_CODES:
        raise InvalidInvoice(f"{path}.reason_code", "must be a discount's code of UNTDID 5189, such as 95")
    if not is_discount:
        remedy = "must be a code of UNTDID 7161, such as FC for freight"
        check_pattern(adjustment.reason_code, "[A-Z]{2,3}", f"{path}.reason_code", remedy)


def _check_sales_taxes(line: Line, path: str) -> None:
    if line.sales_taxes and line.tax.kind is not TaxKind.SALES_TAX:
        raise InvalidInvoice(f"{path}.sales_taxes", f"are for tax kind {TaxKind.SALES_TAX} only; leave them out")
    if len(line.sales_taxes) > MAX_SALES_TAXES:
        raise InvalidInvoice(f"{path}.sales_taxes", f"must be at most {MAX_SALES_TAXES}")
    for index, tax in enumerate(line.sales_taxes):
        place = f"{path}.sales_taxes[{index}]"
        if not tax.jurisdiction.strip():
            raise InvalidInvoice(f"{place}.jurisdiction", "must name who takes the tax, such as US-NY")
        check_length(tax.jurisdiction, f"{place}.jurisdiction", MAX_TEXT)
        check_length(tax.name, f"{place}.name", MAX_TEXT)
        for field in ("amount", "percent", "taxable"):
            check_number(getattr(tax, field), f"{place}.{field}")
        if tax.amount * line.quantity < 0:
            raise InvalidInvoice(f"{place}.amount", "must have the sign of the line's quantity")
