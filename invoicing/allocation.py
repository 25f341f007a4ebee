"""Which invoices a receipt pays: oldest first, or as the payer says. Never more on an invoice than it owes, and nothing
of the receipt is lost: what no invoice takes is the payer's credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from currency.money import Money, allocate, round_fraction
from currency.rates import Rate, convert
from invoicing.errors import PaymentMismatch
from invoicing.rounding import apportion
from invoicing.totals import InvoiceTotals, TaxTotal


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """What an allocation must know of an invoice. `discount` is what an early payment received on the day of the
    receipt may leave off; `booked_rate` leads from the invoice's currency to that of the receipt, as it was booked.
    """

    id: str
    owed: Money
    due_date: date
    issue_date: date
    discount: Money | None = None
    booked_rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What the payer wants on one invoice, in the invoice's currency; `takes_discount` where the discount is taken."""

    invoice_id: str
    amount: Money
    takes_discount: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """What happens to one invoice: `applied + discount + written_off` is what it no longer owes.

    `received` is the part of the receipt in the currency of the receipt. `fx_difference` is `received` less what
    `applied` was booked at, in that currency: above zero a gain; None in one currency, or where no rate was booked.
    """

    invoice_id: str
    applied: Money
    discount: Money
    written_off: Money
    received: Money
    fx_difference: Money | None = None

    @property
    def settled(self) -> Money:
        """By how much the invoice owes less."""
        return self.applied + self.discount + self.written_off


@dataclass(frozen=True, slots=True)
class Allocation:
    """The sum of what `applied` received, and `credit`, is the receipt. `credit` is in the currency of the receipt."""

    applied: tuple[Applied, ...]
    credit: Money


def allocate_receipt(
    receipt: Money,
    invoices: Sequence[OpenInvoice],
    *,
    parts: Sequence[Part] | None = None,
    rate: Rate | None = None,
    tolerance_minor: int = 0,
) -> Allocation:
    """Put a receipt on invoices of one currency: by `parts`, or oldest due date first. `rate` leads from the currency
    of the receipt to that of the invoices, where they differ. What is still owed after it, up to `tolerance_minor` for
    an invoice that was paid at all, is written off.

    An early-payment discount is taken where a part says so; oldest first, where the receipt is what the first invoices
    owe less their discounts (to the tolerance), or ends on an invoice with at least what it owes less its discount.
    Raises PaymentMismatch naming the field.
    """
    _check(receipt, invoices, rate, tolerance_minor)
    if not invoices:
        return Allocation((), receipt)
    available = receipt if rate is None else convert(receipt, rate)
    if parts is None:
        wanted = _oldest_first(available, invoices, tolerance_minor)
    else:
        wanted = _by_parts(available, invoices, parts)
    applied = [_settle(invoice, amount, takes, tolerance_minor) for invoice, amount, takes in wanted if amount.minor]
    return _with_receipts(receipt, available, applied, {invoice.id: invoice for invoice in invoices})


def reverse(allocation: Sequence[Applied], amount: Money) -> tuple[Applied, ...]:
    """What a refund or lost dispute of `amount` (in the currency of the receipt) takes back, from the last invoice that
    was paid to the first; what was credited to the payer goes first and is the caller's to know.

    An invoice whose payment goes back in full owes its discount and what was written off again too. An FX difference
    goes back in proportion. Raises PaymentMismatch for more than was applied.
    """
    if amount.minor <= 0:
        raise PaymentMismatch("amount", "must be above zero")
    left, undone = amount.minor, []
    for row in reversed(allocation):
        if row.received.currency != amount.currency:
            raise PaymentMismatch("amount.currency", f"must be that of the receipt, {row.received.currency}")
        take = min(left, row.received.minor)
        if take:
            undone.append(_undo(row, take))
            left -= take
    if left:
        raise PaymentMismatch("amount", "must be at most what was applied of the receipt")
    return tuple(undone)


def split_discount(totals: InvoiceTotals, discount: Money) -> tuple[TaxTotal, ...]:
    """By how much an early-payment discount (with tax) lowers base and tax of each rate: in proportion to what each
    rate comes to with its tax. The parts sum to the discount.

    The taxable amount is what is paid in the end: Directive 2006/112/EC Art. 90 (1), in German § 17 (1) UStG. Raises
    PaymentMismatch for a discount of more than the total.
    """
    if not 0 <= discount.minor <= totals.total.minor:
        raise PaymentMismatch("discount", "must be between nothing and the total of the invoice")
    if not totals.total.minor:
        return ()
    gross = [row.base.minor + row.tax.minor for row in totals.taxes]
    shares = apportion([Fraction(part * discount.minor, totals.total.minor) for part in gross], discount.minor)
    rows: list[TaxTotal] = []
    for row, part, share in zip(totals.taxes, gross, shares, strict=True):
        tax = round_fraction(Fraction(share * row.tax.minor, part)) if part else 0
        rows.append(TaxTotal(row.treatment, Money(share - tax, discount.currency), Money(tax, discount.currency)))
    return tuple(rows)


def _check(receipt: Money, invoices: Sequence[OpenInvoice], rate: Rate | None, tolerance_minor: int) -> None:
    if receipt.minor <= 0:
        raise PaymentMismatch("amount", "must be above zero")
    if tolerance_minor < 0:
        raise PaymentMismatch("tolerance_minor", "must not be negative")
    currencies = {invoice.owed.currency for invoice in invoices}
    if len(currencies) > 1:
        raise PaymentMismatch("invoices", "must all be in one currency; allocate the receipt in parts")
    if len({invoice.id for invoice in invoices}) != len(invoices):
        raise PaymentMismatch("invoices", "must be named once each")
    for index, invoice in enumerate(invoices):
        if invoice.owed.minor < 0:
            raise PaymentMismatch(f"invoices[{index}].owed", "must not be negative")
        if invoice.discount is not None and not 0 <= invoice.discount.minor <= invoice.owed.minor:
            raise PaymentMismatch(f"invoices[{index}].discount", "must be between nothing and what is owed")
    wanted = (receipt.currency, next(iter(currencies), receipt.currency))
    if rate is None and wanted[0] != wanted[1]:
        raise PaymentMismatch("rate", f"is needed: the receipt is in {wanted[0]}, the invoices are in {wanted[1]}")
    if rate is not None and (rate.base, rate.quote) != wanted:
        raise PaymentMismatch("rate", f"must lead from {wanted[0]} to {wanted[1]}")


def _oldest_first(
    available: Money, invoices: Sequence[OpenInvoice], tolerance_minor: int
) -> list[tuple[OpenInvoice, Money, bool]]:
    """Invoice, amount and whether the discount is taken."""
    queue = sorted(invoices, key=lambda invoice: (invoice.due_date, invoice.issue_date, invoice.id))
    with_discount = _paid_with_discount(available.minor, queue, tolerance_minor)
    left = available.minor
    wanted: list[tuple[OpenInvoice, Money, bool]] = []
    for place, invoice in enumerate(queue):
        owed, discount = invoice.owed.minor, _discount(invoice)
        takes = place < with_discount or (discount > 0 and owed - discount <= left < owed)
        amount = min(left, owed - discount if place < with_discount else owed)
        wanted.append((invoice, Money(amount, available.currency), takes))
        left -= amount
    return wanted


def _paid_with_discount(available: int, queue: list[OpenInvoice], tolerance_minor: int) -> int:
    """How many of the first invoices the amount pays less their discounts; 0 where it is no such sum."""
    whole = 0
    for place, invoice in enumerate(queue, 1):
        whole += invoice.owed.minor - _discount(invoice)
        if abs(available - whole) <= tolerance_minor and any(_discount(one) for one in queue[:place]):
            return place
    return 0


def _by_parts(
    available: Money, invoices: Sequence[OpenInvoice], parts: Sequence[Part]
) -> list[tuple[OpenInvoice, Money, bool]]:
    known = {invoice.id: invoice for invoice in invoices}
    if len({part.invoice_id for part in parts}) != len(parts):
        raise PaymentMismatch("parts", "must name each invoice once")
    for index, part in enumerate(parts):
        _check_part(part, known.get(part.invoice_id), f"parts[{index}]")
    if sum(part.amount.minor for part in parts) > available.minor:
        raise PaymentMismatch("parts", "must not sum to more than the receipt")
    return [(known[part.invoice_id], part.amount, part.takes_discount) for part in parts]


def _check_part(part: Part, invoice: OpenInvoice | None, path: str) -> None:
    if invoice is None:
        raise PaymentMismatch(f"{path}.invoice_id", "must be one of the open invoices")
    if part.amount.currency != invoice.owed.currency:
        raise PaymentMismatch(f"{path}.amount", f"must be in {invoice.owed.currency}")
    if not 0 < part.amount.minor <= invoice.owed.minor:
        raise PaymentMismatch(f"{path}.amount", "must be above zero and at most what the invoice owes")
    if part.takes_discount and part.amount.minor < invoice.owed.minor - _discount(invoice):
        raise PaymentMismatch(f"{path}.takes_discount", "needs the rest of the invoice to be paid, and a discount")


def _settle(invoice: OpenInvoice, amount: Money, takes_discount: bool, tolerance_minor: int) -> Applied:
    nothing = Money(0, amount.currency)
    rest = invoice.owed - amount
    discount = min(rest, invoice.discount) if takes_discount and invoice.discount is not None else nothing
    rest -= discount
    written_off = rest if rest.minor <= tolerance_minor else nothing
    return Applied(invoice.id, amount, discount, written_off, received=amount)


def _with_receipts(
    receipt: Money, available: Money, applied: list[Applied], invoices: dict[str, OpenInvoice]
) -> Allocation:
    """Each part in the currency of the receipt; what is left over is credit, to the last minor unit."""
    rest = available - Money(sum(row.applied.minor for row in applied), available.currency)
    if receipt.currency == available.currency:
        return Allocation(tuple(applied), rest)
    if not available.minor:
        return Allocation((), receipt)
    *received, credit = allocate(receipt, [*(row.applied.minor for row in applied), rest.minor])
    rows = [
        replace(row, received=part, fx_difference=_fx_difference(row, part, invoices[row.invoice_id].booked_rate))
        for row, part in zip(applied, received, strict=True)
    ]
    return Allocation(tuple(rows), credit)


def _fx_difference(row: Applied, received: Money, booked_rate: Rate | None) -> Money | None:
    return received - convert(row.applied, booked_rate) if booked_rate is not None else None


def _discount(invoice: OpenInvoice) -> int:
    return invoice.discount.minor if invoice.discount is not None else 0


def _undo(row: Applied, take: int) -> Applied:
    if take == row.received.minor:
        return row
    share = Fraction(take, row.received.minor)
    nothing = Money(0, row.applied.currency)
    difference = row.fx_difference
    return replace(
        row,
        applied=Money(round_fraction(row.applied.minor * share), row.applied.currency),
        discount=nothing,
        written_off=nothing,
        received=Money(take, row.received.currency),
        fx_difference=Money(round_fraction(difference.minor * share), difference.currency) if difference else None,
    )
