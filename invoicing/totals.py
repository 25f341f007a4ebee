"""The sums of a document: each is the sum of the parts that are printed above it, under every rounding policy."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from currency.money import Money
from invoicing.rounding import RoundingPolicy
from invoicing.treatments import TaxTreatment

MAX_TOTAL_MINOR = 10**15


class AdjustmentTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A discount or charge in money: `amount` without tax (BT-92, BT-99, BT-136, BT-141), never negative but on a line
    of negative quantity. `base` and `percent` are there where a percentage was given (BT-93, BT-94, BT-137, BT-138)."""

    reason: str
    amount: Money
    tax: Money
    reason_code: str = ""
    base: Money | None = None
    percent: Decimal | None = None
    treatment: TaxTreatment | None = None  # of a document's


class LineTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A line in money, in the order of the lines. `net` is after the line's discounts and charges (BT-131), `tax` its
    share of the tax, `net_unit_price` the price of one without tax (BT-146), exact or to 10 decimals."""

    net: Money
    tax: Money
    net_unit_price: Decimal
    discounts: tuple[AdjustmentTotal, ...] = ()
    charges: tuple[AdjustmentTotal, ...] = ()


class SalesTaxTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What one jurisdiction takes of the whole document."""

    jurisdiction: str
    name: str
    percent: Decimal
    tax: Money


class TaxTotal(msgspec.Struct, frozen=True):
    """One row of the tax summary (BG-23): all lines, discounts and charges of one treatment. `base` is without tax
    (BT-116), `tax` as the rounding policy has it (BT-117). `sales_taxes` splits it by jurisdiction."""

    treatment: TaxTreatment
    base: Money
    tax: Money
    sales_taxes: tuple[SalesTaxTotal, ...] = ()


class InvoiceTotals(msgspec.Struct, frozen=True):
    """`line_nets` is in the order of the lines (BT-131); `net + tax == total`, `net` is the sum of the bases of `taxes`
    and of the lines less discounts plus charges (BR-CO-13), `tax` the sum of the taxes of `taxes` (BR-CO-14).

    What was added after the first documents were issued has a default, with which those read as they were.
    """

    line_nets: tuple[Money, ...]
    taxes: tuple[TaxTotal, ...]
    net: Money  # BT-109
    tax: Money  # BT-110
    total: Money  # BT-112
    lines: tuple[LineTotal, ...] = ()  # empty in documents of before; then line_nets is all there is
    discounts: tuple[AdjustmentTotal, ...] = ()  # BG-20, one for each treatment
    charges: tuple[AdjustmentTotal, ...] = ()  # BG-21, one for each treatment
    prepaid_minor: int = 0
    rounding_minor: int = 0
    tax_in_tax_currency: Money | None = None  # BT-111
    rounding_policy: RoundingPolicy = RoundingPolicy.PER_RATE

    @property
    def lines_net(self) -> Money:
        """Sum of the lines (BT-106)."""
        return Money(sum(net.minor for net in self.line_nets), self.net.currency)

    @property
    def discount(self) -> Money:
        """Sum of the document's discounts, without tax (BT-107)."""
        return Money(sum(row.amount.minor for row in self.discounts), self.net.currency)

    @property
    def charge(self) -> Money:
        """Sum of the document's charges, without tax (BT-108)."""
        return Money(sum(row.amount.minor for row in self.charges), self.net.currency)

    @property
    def prepaid(self) -> Money:
        """Paid before (BT-113)."""
        return Money(self.prepaid_minor, self.net.currency)

    @property
    def rounding(self) -> Money:
        """What a cash payment adds or leaves off (BT-114)."""
        return Money(self.rounding_minor, self.net.currency)

    @property
    def asked(self) -> Money:
        """What is asked of the buyer in all, by what was paid before or is still to be paid: total plus rounding."""
        return self.total + self.rounding

    @property
    def payable(self) -> Money:
        """What the buyer is to pay (BT-115): total less prepaid plus rounding (BR-CO-16)."""
        return self.asked - self.prepaid
