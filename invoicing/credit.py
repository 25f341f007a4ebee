"""From an issued invoice to the draft of the credit note that takes it back, whole or in part.

However it is cut, the parts sum to the whole: crediting everything leaves nothing of the net, of each tax and of the
total. The last part of an item takes what is left of it, and the last part of a tax what is left of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import msgspec

from currency.money import Money, round_fraction, to_major
from invoicing.calculation import compute, exact_tax, price_quantity, round_tax
from invoicing.documents import IssuedInvoice
from invoicing.drafts import DocumentType, DraftInvoice, GivenTax, PrecedingInvoice, check_whole
from invoicing.errors import InvalidInvoice
from invoicing.lines import Adjustment, CreditedLine, Line, SalesTax
from invoicing.rounding import RoundingPolicy, apportion, to_minor
from invoicing.terms import DueOnReceipt
from invoicing.totals import AdjustmentTotal, InvoiceTotals
from invoicing.treatments import TaxKind, TaxTreatment


class CreditPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of one item is credited: a quantity, an amount in major units as the invoice's prices are (with tax where
    they include it), or all that is left of it. `item` counts the invoice's lines from 0, and after them its charges.
    """

    item: int
    quantity: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CreditableItem:
    """A line or charge of an invoice, less its share of the document's discounts, as the invoice's prices are (with tax
    where they include it). `left` is what no credit note has taken back yet, `tax` its share of the tax."""

    line: Line
    amount: Money
    tax: Money
    left: Money
    quantity_left: Decimal


@dataclass(frozen=True, slots=True)
class _Taken:
    index: int
    item: CreditableItem
    amount: int
    quantity: Decimal | None


def credit_everything(
    invoice: IssuedInvoice, credited: Sequence[IssuedInvoice] = (), *, note: str = ""
) -> DraftInvoice:
    """The draft that takes back all that the credit notes `credited` have left. Raises InvalidInvoice for nothing."""
    items = creditable_items(invoice, credited)
    parts = [CreditPart(item=index) for index, item in enumerate(items) if item.left.minor]
    return credit_parts(invoice, parts, credited, note=note)


def credit_parts(
    invoice: IssuedInvoice, parts: Sequence[CreditPart], credited: Sequence[IssuedInvoice] = (), *, note: str = ""
) -> DraftInvoice:
    """The draft that takes back these parts, after the credit notes `credited` of the same invoice.

    Raises InvalidInvoice naming `parts[i]` for what is not on the invoice, or is credited already.
    """
    if invoice.content.type is not DocumentType.INVOICE:
        raise InvalidInvoice("invoice", f"must be an invoice, not a {invoice.content.type}")
    items = creditable_items(invoice, credited)
    taken = [_take(part, f"parts[{index}]", items, invoice.content.currency) for index, part in enumerate(parts)]
    if len({row.index for row in taken}) != len(taken):
        raise InvalidInvoice("parts", "must name each item once")
    taken = [row for row in taken if row.amount]
    if not taken:
        raise InvalidInvoice("parts", "must come to more than nothing: there is nothing left to credit")
    return _draft(invoice, items, taken, credited, note)


def creditable_items(invoice: IssuedInvoice, credited: Sequence[IssuedInvoice] = ()) -> tuple[CreditableItem, ...]:
    """The lines and then the charges of the invoice, and what is left of each after the credit notes.

    Raises InvalidInvoice for a credit note that does not say which items it takes back.
    """
    lines = _items(invoice)
    taken, quantities = [0] * len(lines), [Decimal(0)] * len(lines)
    for note in credited:
        for line, amount in zip(note.content.lines, _amounts(note), strict=True):
            if line.credits is None or line.credits.item >= len(lines):
                raise InvalidInvoice(
                    "credited", f"{note.number} does not say which items it takes back; write the next one by hand too"
                )
            taken[line.credits.item] += amount[0]
            quantities[line.credits.item] += line.credits.quantity or 0
    currency = invoice.content.currency
    return tuple(
        CreditableItem(
            line=line,
            amount=Money(amount, currency),
            tax=Money(tax, currency),
            left=Money(amount - before, currency),
            quantity_left=line.quantity - quantity,
        )
        for (line, amount, tax), before, quantity in zip(lines, taken, quantities, strict=True)
    )


def _items(invoice: IssuedInvoice) -> list[tuple[Line, int, int]]:
    """Line, amount as priced and tax of each line and charge, less its share of the document's discounts."""
    content, totals = invoice.content, invoice.totals
    amounts = _amounts(invoice)
    for row in totals.taxes:
        places = [index for index, line in enumerate(content.lines) if line.tax == row.treatment]
        whole = sum(amounts[index][0] for index in places)
        discounts = [_amount(invoice, total) for total in totals.discounts if total.treatment == row.treatment]
        off, off_tax = sum(amount for amount, _ in discounts), sum(tax for _, tax in discounts)
        if not off:
            continue
        weights = [Fraction(amounts[index][0], whole) for index in places]
        shares = apportion([weight * off for weight in weights], off)
        tax_shares = apportion([weight * off_tax for weight in weights], off_tax)
        for index, share, tax_share in zip(places, shares, tax_shares, strict=True):
            amounts[index] = (amounts[index][0] - share, amounts[index][1] - tax_share)
    lines = [(line, *amount) for line, amount in zip(content.lines, amounts, strict=True)]
    return lines + [_charge(invoice, total) for total in totals.charges]


def _charge(invoice: IssuedInvoice, total: AdjustmentTotal) -> tuple[Line, int, int]:
    amount, tax = _amount(invoice, total)
    assert total.treatment is not None
    price = to_major(Money(amount, invoice.content.currency))
    return Line(total.reason, Decimal(1), price, total.treatment), amount, tax


def _amount(invoice: IssuedInvoice, total: AdjustmentTotal) -> tuple[int, int]:
    with_tax = total.tax.minor if invoice.content.prices_include_tax else 0
    return total.amount.minor + with_tax, total.tax.minor


def _amounts(document: IssuedInvoice) -> list[tuple[int, int]]:
    """Amount as priced, and tax, of each line."""
    totals = document.totals
    if not totals.lines:  # stored before lines had their tax: prices were without tax then, and rounded for each rate
        return [(net.minor, 0) for net in totals.line_nets]
    inclusive = document.content.prices_include_tax
    return [(line.net.minor + (line.tax.minor if inclusive else 0), line.tax.minor) for line in totals.lines]


def _take(part: CreditPart, path: str, items: tuple[CreditableItem, ...], currency: str) -> _Taken:
    if not 0 <= part.item < len(items):
        raise InvalidInvoice(f"{path}.item", f"must be between 0 and {len(items) - 1}")
    item = items[part.item]
    if part.quantity is not None and part.amount is not None:
        raise InvalidInvoice(f"{path}.amount", "give either a quantity or an amount, or neither for all that is left")
    if part.amount is not None:
        return _Taken(part.item, item, _taken_amount(part.amount, f"{path}.amount", item, currency), None)
    quantity = item.quantity_left if part.quantity is None else part.quantity
    if part.quantity is not None and not _within(quantity, item.quantity_left):
        raise InvalidInvoice(f"{path}.quantity", f"must be at most {item.quantity_left}, which is left")
    if quantity == item.quantity_left:
        return _Taken(part.item, item, item.left.minor, quantity or None)
    share = round_fraction(item.amount.minor * Fraction(quantity) / Fraction(item.line.quantity))
    if not _within(Decimal(share), Decimal(item.left.minor), or_none=True):
        raise InvalidInvoice(f"{path}.quantity", f"comes to more than is left of the item ({to_major(item.left)})")
    return _Taken(part.item, item, share, quantity)


def _taken_amount(amount: Decimal, path: str, item: CreditableItem, currency: str) -> int:
    check_whole(amount, currency, path)
    if not _within(amount, to_major(item.left)):
        raise InvalidInvoice(path, f"must be at most {to_major(item.left)}, which is left")
    return to_minor(amount, currency)


def _within(number: Decimal, left: Decimal, *, or_none: bool = False) -> bool:
    """From nothing (excluded) to what is left, of the same sign."""
    return (or_none and number == 0) or (number != 0 and (number > 0) == (left > 0) and abs(number) <= abs(left))


def _draft(
    invoice: IssuedInvoice,
    items: tuple[CreditableItem, ...],
    taken: list[_Taken],
    credited: Sequence[IssuedInvoice],
    note: str,
) -> DraftInvoice:
    content, totals = invoice.content, invoice.totals
    now = {row.index: row.amount for row in taken}
    left = {index: item.left.minor - now.get(index, 0) for index, item in enumerate(items)}
    complete = not any(left.values())
    note_of = msgspec.structs.replace(
        content,
        type=DocumentType.CREDIT_NOTE,
        lines=tuple(_line(invoice, row, credited) for row in taken),
        discounts=(),
        charges=(),
        preceding=(PrecedingInvoice(number=invoice.number, issue_date=invoice.issue_date),),
        terms=DueOnReceipt(),
        note=note,
        prepaid=Decimal(0),
        prepaid_receipts=(),
        rounding=Decimal(0),
        rounding_policy=totals.rounding_policy,
        given_taxes=_given_taxes(invoice, items, left, taken, credited),
        given_tax_in_tax_currency=_rest_in_tax_currency(invoice, credited) if complete else None,
    )
    rounding = _rounding(totals, compute(note_of), credited, complete=complete) if totals.rounding_minor else 0
    return msgspec.structs.replace(note_of, rounding=to_major(Money(rounding, content.currency)))


def _rounding(whole: InvoiceTotals, part: InvoiceTotals, credited: Sequence[IssuedInvoice], *, complete: bool) -> int:
    """What of the invoice's rounding for cash a part takes back, in minor units: the last part all that is left. One
    before it only so much that no more is credited than was asked, where the rounding had left something off."""
    left = whole.rounding_minor - sum(one.totals.rounding_minor for one in credited)
    if complete:
        return left
    asked_left = whole.asked.minor - sum(one.totals.asked.minor for one in credited)
    return min(0, max(left, asked_left - part.total.minor))


def _line(invoice: IssuedInvoice, row: _Taken, credited: Sequence[IssuedInvoice]) -> Line:
    currency = invoice.content.currency
    original = row.item.line
    plain = msgspec.structs.replace(
        original,
        discounts=(),
        charges=(),
        credits=CreditedLine(row.index, row.quantity),
        sales_taxes=_sales_taxes(row, currency, credited),
    )
    if row.quantity is None:
        sign = -1 if row.amount < 0 else 1
        price = to_major(Money(abs(row.amount), currency))
        return msgspec.structs.replace(plain, quantity=Decimal(sign), unit_price=price)
    base = price_quantity(row.quantity, original.unit_price, currency)
    difference = base - row.amount if row.quantity > 0 else row.amount - base
    if difference:
        adjusted = Adjustment(reason=_reasons(invoice, original), amount=to_major(Money(abs(difference), currency)))
        field = "discounts" if difference > 0 else "charges"
        plain = msgspec.structs.replace(plain, **{field: (adjusted,)})
    return msgspec.structs.replace(plain, quantity=row.quantity)


def _reasons(invoice: IssuedInvoice, line: Line) -> str:
    """Why the credit of a quantity is not quantity times price: the discounts and charges that the line had."""
    content = invoice.content
    own = [adjustment.reason for adjustment in (*line.discounts, *line.charges)]
    shared = [adjustment.reason for adjustment in content.discounts if adjustment.tax in (None, line.tax)]
    return " · ".join(dict.fromkeys([*own, *shared]))[:200] or invoice.number


def _sales_taxes(row: _Taken, currency: str, credited: Sequence[IssuedInvoice]) -> tuple[SalesTax, ...]:
    """Each jurisdiction's tax of the part, so that the parts sum to what was taken."""
    whole, left = row.item.amount.minor, row.item.left.minor - row.amount
    found: list[SalesTax] = []
    for number, tax in enumerate(row.item.line.sales_taxes):
        before = sum(
            to_minor(line.sales_taxes[number].amount, currency)
            for note in credited
            for line in note.content.lines
            if line.credits is not None and line.credits.item == row.index
        )
        whole_tax = to_minor(tax.amount, currency)
        until_now = round_fraction(Fraction(whole_tax * (whole - left), whole)) if left else whole_tax
        amount = to_major(Money(until_now - before, currency))
        found.append(msgspec.structs.replace(tax, amount=amount, taxable=to_major(Money(row.amount, currency))))
    return tuple(found)


def _given_taxes(
    invoice: IssuedInvoice,
    items: tuple[CreditableItem, ...],
    left: dict[int, int],
    taken: list[_Taken],
    credited: Sequence[IssuedInvoice],
) -> tuple[GivenTax, ...]:
    given: list[GivenTax] = []
    for treatment in dict.fromkeys(row.item.line.tax for row in taken):
        if treatment.kind is TaxKind.SALES_TAX:
            continue
        until_now = _tax_until_now(invoice, items, left, treatment)
        before = sum(row.tax.minor for note in credited for row in note.totals.taxes if row.treatment == treatment)
        given.append(GivenTax(treatment, to_major(Money(until_now - before, invoice.content.currency))))
    return tuple(given)


def _tax_until_now(
    invoice: IssuedInvoice, items: tuple[CreditableItem, ...], left: dict[int, int], treatment: TaxTreatment
) -> int:
    """The tax of all that is credited of a treatment, this part included: all of it when nothing is left."""
    places = [index for index, item in enumerate(items) if item.line.tax == treatment]
    whole = next(row.tax.minor for row in invoice.totals.taxes if row.treatment == treatment)
    if not any(left[index] for index in places):
        return whole
    if invoice.totals.rounding_policy is RoundingPolicy.PER_LINE:
        return sum(_share_of_tax(items[index], left[index]) for index in places)
    amount = sum(items[index].amount.minor - left[index] for index in places)
    tax = round_tax(invoice.content, exact_tax(invoice.content, treatment, amount))
    same_sign = all(items[index].amount.minor >= 0 for index in places)
    return max(0, min(tax, whole)) if same_sign else tax


def _share_of_tax(item: CreditableItem, left: int) -> int:
    if not left:
        return item.tax.minor
    return round_fraction(Fraction(item.tax.minor * (item.amount.minor - left), item.amount.minor))


def _rest_in_tax_currency(invoice: IssuedInvoice, credited: Sequence[IssuedInvoice]) -> Decimal | None:
    rest = invoice.totals.tax_in_tax_currency
    if rest is None:
        return None
    for note in credited:
        if note.totals.tax_in_tax_currency is not None:
            rest -= note.totals.tax_in_tax_currency
    return to_major(rest)
