"""From a draft to its sums. Order: each line, its discounts and charges, those of the document, the tax, the total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

import msgspec

from currency.cash import round_to_cash
from currency.money import Money, allocate, round_fraction, to_major
from currency.rates import convert
from invoicing.drafts import DraftInvoice, check_draft, check_whole
from invoicing.errors import InvalidInvoice
from invoicing.lines import Adjustment, DocumentAdjustment, Line
from invoicing.rounding import RoundingPolicy, apportion, minor_in_major, tax_step_minor, to_minor
from invoicing.totals import (
    MAX_TOTAL_MINOR,
    AdjustmentTotal,
    InvoiceTotals,
    LineTotal,
    SalesTaxTotal,
    TaxTotal,
)
from invoicing.treatments import BPS, TaxKind, TaxTreatment

PRICE_DECIMALS = 10
# EN 16931 lets a tax be off its base times its rate by one unit of the currency (BR-CO-17); a hundred minor units.
MAX_GIVEN_DIFFERENCE_MINOR = 100


@dataclass(frozen=True, slots=True)
class _Taken:
    """A discount or charge in minor units as priced, with or without tax as the document's prices are."""

    adjustment: Adjustment | DocumentAdjustment
    amount: int
    base: int
    treatment: TaxTreatment


@dataclass(frozen=True, slots=True)
class _PricedLine:
    line: Line
    amount: int
    discounts: tuple[_Taken, ...]
    charges: tuple[_Taken, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A line, a discount (negative) or a charge of the document, as far as the tax is concerned."""

    treatment: TaxTreatment
    amount: int
    exact_tax: Fraction


def compute(draft: DraftInvoice) -> InvoiceTotals:
    """The sums of the draft. Rounding is HALF_UP (half away from zero) and only at named points: quantity times price
    of each line, each discount and charge, and the tax where the rounding policy says (for each rate over the document,
    by EN 16931 BR-CO-17). What is below a rounded tax is split so that it adds up to it.

    Raises InvalidInvoice naming the field, TaxNotApplicable where a treatment does not fit the parties.
    """
    check_draft(draft)
    lines = tuple(_price_line(line, f"lines[{index}]", draft.currency) for index, line in enumerate(draft.lines))
    discounts = _document_adjustments(draft, lines, draft.discounts, "discounts")
    charges = _document_adjustments(draft, lines, draft.charges, "charges")
    parts = [
        *(_part(draft, row.line.tax, row.amount, row.line) for row in lines),
        *(_part(draft, row.treatment, -row.amount) for row in discounts),
        *(_part(draft, row.treatment, row.amount) for row in charges),
    ]
    taxes = _part_taxes(draft, parts)
    nets = [
        part.amount - tax if draft.prices_include_tax else part.amount for part, tax in zip(parts, taxes, strict=True)
    ]
    return _totals(draft, lines, discounts, charges, parts, nets, taxes)


def round_for_cash(draft: DraftInvoice) -> DraftInvoice:
    """The draft with the rounding (BT-114) by which what is payable can be paid in cash at the seller's. Raises as
    `compute` does."""
    payable = compute(msgspec.structs.replace(draft, rounding=Decimal(0))).payable
    return msgspec.structs.replace(draft, rounding=to_major(round_to_cash(payable, draft.seller.country) - payable))


def price_quantity(quantity: Decimal, unit_price: Decimal, currency: str) -> int:
    """A quantity times its price, in minor units, rounded once."""
    return round_fraction(Fraction(quantity) * Fraction(unit_price) * minor_in_major(currency))


def exact_tax(draft: DraftInvoice, treatment: TaxTreatment, amount: int) -> Fraction:
    """The tax of an amount in minor units, which includes it where the draft's prices do; not rounded."""
    below = BPS + treatment.rate_bps if draft.prices_include_tax else BPS
    return Fraction(amount * treatment.rate_bps, below)


def round_tax(draft: DraftInvoice, tax: Fraction) -> int:
    """Minor units of a tax, HALF_UP, in the steps of the seller's country."""
    step = tax_step_minor(draft.seller.country, draft.currency)
    return round_fraction(tax / step) * step


def _totals(
    draft: DraftInvoice,
    lines: tuple[_PricedLine, ...],
    discounts: tuple[_Taken, ...],
    charges: tuple[_Taken, ...],
    parts: list[_Part],
    nets: list[int],
    taxes: list[int],
) -> InvoiceTotals:
    net, tax = Money(sum(nets), draft.currency), Money(sum(taxes), draft.currency)
    _check_sums(draft, net.minor, tax.minor)
    amounts = list(zip(nets, taxes, strict=True))
    after_lines, after_discounts = len(lines), len(lines) + len(discounts)
    return InvoiceTotals(
        line_nets=tuple(Money(minor, draft.currency) for minor in nets[:after_lines]),
        taxes=_tax_rows(draft, parts, nets, taxes),
        net=net,
        tax=tax,
        total=net + tax,
        lines=tuple(_line_total(draft, row, *amount) for row, amount in zip(lines, amounts[:after_lines], strict=True)),
        discounts=tuple(
            _document_total(draft, row, -part_net, -part_tax)
            for row, (part_net, part_tax) in zip(discounts, amounts[after_lines:after_discounts], strict=True)
        ),
        charges=tuple(
            _document_total(draft, row, *amount) for row, amount in zip(charges, amounts[after_discounts:], strict=True)
        ),
        prepaid_minor=to_minor(draft.prepaid, draft.currency),
        rounding_minor=to_minor(draft.rounding, draft.currency),
        tax_in_tax_currency=_in_tax_currency(draft, tax),
        rounding_policy=draft.policy,
    )


def _check_sums(draft: DraftInvoice, net: int, tax: int) -> None:
    # The last part of what is credited may hold a cent of tax less than nothing, where lines of both signs met.
    negative = net < 0 or net + tax < 0 or (tax < 0 and not draft.given_taxes)
    if negative or net + tax > MAX_TOTAL_MINOR:
        raise InvalidInvoice(
            "lines", "must not sum to less than zero (issue a credit note) nor beyond the largest amount"
        )
    prepaid = to_minor(draft.prepaid, draft.currency)
    if prepaid and prepaid > net + tax + to_minor(draft.rounding, draft.currency):
        raise InvalidInvoice("prepaid", "must not be more than the total; what was paid beyond it stays credit")


def _in_tax_currency(draft: DraftInvoice, tax: Money) -> Money | None:
    given = draft.given_tax_in_tax_currency
    if given is not None and draft.tax_currency:
        check_whole(given, draft.tax_currency, "given_tax_in_tax_currency")
        return Money(to_minor(given, draft.tax_currency), draft.tax_currency)
    return convert(tax, draft.tax_rate.thaw()) if draft.tax_rate is not None else None


def _price_line(line: Line, path: str, currency: str) -> _PricedLine:
    base = price_quantity(line.quantity, line.unit_price, currency)
    sign = -1 if line.quantity < 0 else 1
    discounts = _taken(line.discounts, f"{path}.discounts", base, sign, line.tax, currency)
    charges = _taken(line.charges, f"{path}.charges", base, sign, line.tax, currency)
    amount = base - sum(row.amount for row in discounts) + sum(row.amount for row in charges)
    for index, tax in enumerate(line.sales_taxes):
        check_whole(tax.amount, currency, f"{path}.sales_taxes[{index}].amount")
    if amount * sign < 0:
        raise InvalidInvoice(f"{path}.discounts", "must not take off more than the line and its charges come to")
    return _PricedLine(line, amount, discounts, charges)


def _taken(
    adjustments: Sequence[Adjustment], path: str, base: int, sign: int, tax: TaxTreatment, currency: str
) -> tuple[_Taken, ...]:
    return tuple(
        _Taken(row, _adjusted(row, f"{path}[{index}]", base, sign, currency), base, tax)
        for index, row in enumerate(adjustments)
    )


def _adjusted(adjustment: Adjustment | DocumentAdjustment, path: str, base: int, sign: int, currency: str) -> int:
    if adjustment.percent is not None:
        return round_fraction(base * Fraction(adjustment.percent) / 100)
    assert adjustment.amount is not None
    check_whole(adjustment.amount, currency, f"{path}.amount")
    return sign * to_minor(adjustment.amount, currency)


def _document_adjustments(
    draft: DraftInvoice, lines: tuple[_PricedLine, ...], adjustments: tuple[DocumentAdjustment, ...], field: str
) -> tuple[_Taken, ...]:
    if not adjustments:
        return ()
    sums: dict[TaxTreatment, int] = {}
    for row in lines:
        sums[row.line.tax] = sums.get(row.line.tax, 0) + row.amount
    taken: list[_Taken] = []
    for index, adjustment in enumerate(adjustments):
        path = f"{field}[{index}]"
        if adjustment.tax is None:
            taken += _spread(adjustment, path, sums, draft.currency)
            continue
        if adjustment.percent is not None and adjustment.tax not in sums:
            raise InvalidInvoice(f"{path}.tax", "must be the tax of a line, of which the percentage is taken")
        base = sums.get(adjustment.tax, 0)
        if adjustment.percent is not None and base < 0:
            raise InvalidInvoice(f"{path}.tax", "must be one whose lines come to more than nothing; give an amount")
        amount = _adjusted(adjustment, path, base, 1, draft.currency)
        taken.append(_Taken(adjustment, amount, base, adjustment.tax))
    if field == "discounts":
        _check_discounts(taken, sums)
    return tuple(taken)


def _check_discounts(taken: list[_Taken], sums: dict[TaxTreatment, int]) -> None:
    off: dict[TaxTreatment, int] = {}
    for row in taken:
        off[row.treatment] = off.get(row.treatment, 0) + row.amount
    if any(amount > sums.get(treatment, 0) for treatment, amount in off.items()):
        raise InvalidInvoice("discounts", "must not take off more than the lines of their tax come to")


def _spread(adjustment: DocumentAdjustment, path: str, sums: dict[TaxTreatment, int], currency: str) -> list[_Taken]:
    base = sum(sums.values())
    if min(sums.values()) < 0 or base == 0:
        raise InvalidInvoice(f"{path}.tax", "must be said, where the lines of a tax do not come to more than nothing")
    amount = _adjusted(adjustment, path, base, 1, currency)
    shares = allocate(Money(amount, currency), list(sums.values()))
    return [
        _Taken(adjustment, share.minor, base_share, treatment)
        for (treatment, base_share), share in zip(sums.items(), shares, strict=True)
        if share.minor
    ]


def _part(draft: DraftInvoice, treatment: TaxTreatment, amount: int, line: Line | None = None) -> _Part:
    if treatment.kind is TaxKind.SALES_TAX:
        assert line is not None  # discounts and charges of the document are refused beside sales tax
        given = sum(to_minor(tax.amount, draft.currency) for tax in line.sales_taxes)
        return _Part(treatment, amount, Fraction(given))
    return _Part(treatment, amount, exact_tax(draft, treatment, amount))


def _part_taxes(draft: DraftInvoice, parts: list[_Part]) -> list[int]:
    """The tax of each part; the rounding policy says which sum of them is the rounded one."""
    rows: dict[TaxTreatment, list[int]] = {}
    for index, part in enumerate(parts):
        rows.setdefault(part.treatment, []).append(index)
    exact = {treatment: sum((parts[index].exact_tax for index in row), Fraction(0)) for treatment, row in rows.items()}
    if draft.policy is RoundingPolicy.PER_LINE and not draft.given_taxes:
        return [round_tax(draft, part.exact_tax) for part in parts]
    rounded = _row_taxes(draft, exact)
    taxes = [0] * len(parts)
    for treatment, row in rows.items():
        shares = apportion([parts[index].exact_tax for index in row], rounded[treatment])
        for index, share in zip(row, shares, strict=True):
            taxes[index] = share
    return taxes


def _row_taxes(draft: DraftInvoice, exact: dict[TaxTreatment, Fraction]) -> dict[TaxTreatment, int]:
    if draft.given_taxes:
        return _given_taxes(draft, exact)
    match draft.policy:
        case RoundingPolicy.PER_RATE | RoundingPolicy.PER_LINE:
            return {treatment: round_tax(draft, tax) for treatment, tax in exact.items()}
        case RoundingPolicy.PER_TOTAL:
            total = round_tax(draft, sum(exact.values(), Fraction(0)))
            return dict(zip(exact, apportion(list(exact.values()), total), strict=True))
        case _ as never:
            assert_never(never)


def _given_taxes(draft: DraftInvoice, exact: dict[TaxTreatment, Fraction]) -> dict[TaxTreatment, int]:
    rounded = {treatment: round_tax(draft, tax) for treatment, tax in exact.items()}
    for index, given in enumerate(draft.given_taxes):
        path = f"given_taxes[{index}]"
        if given.tax not in rounded:
            raise InvalidInvoice(f"{path}.tax", "must be the tax of a line")
        check_whole(given.amount, draft.currency, f"{path}.amount")
        minor = to_minor(given.amount, draft.currency)
        if abs(minor - exact[given.tax]) > MAX_GIVEN_DIFFERENCE_MINOR + len(draft.lines):
            raise InvalidInvoice(f"{path}.amount", "must be next to the tax of the lines; leave it out to compute it")
        rounded[given.tax] = minor
    return rounded


def _tax_rows(draft: DraftInvoice, parts: list[_Part], nets: list[int], taxes: list[int]) -> tuple[TaxTotal, ...]:
    rows: dict[TaxTreatment, tuple[int, int]] = {}
    for part, net, tax in zip(parts, nets, taxes, strict=True):
        base_before, tax_before = rows.get(part.treatment, (0, 0))
        rows[part.treatment] = (base_before + net, tax_before + tax)
    return tuple(
        TaxTotal(
            treatment,
            Money(base, draft.currency),
            Money(tax, draft.currency),
            _sales_taxes(draft) if treatment.kind is TaxKind.SALES_TAX else (),
        )
        for treatment, (base, tax) in rows.items()
    )


def _sales_taxes(draft: DraftInvoice) -> tuple[SalesTaxTotal, ...]:
    sums: dict[tuple[str, str, Decimal], int] = {}
    for line in draft.lines:
        for tax in line.sales_taxes:
            key = (tax.jurisdiction, tax.name, tax.percent)
            sums[key] = sums.get(key, 0) + to_minor(tax.amount, draft.currency)
    return tuple(
        SalesTaxTotal(jurisdiction=place, name=name, percent=percent, tax=Money(minor, draft.currency))
        for (place, name, percent), minor in sums.items()
    )


def _line_total(draft: DraftInvoice, row: _PricedLine, net: int, tax: int) -> LineTotal:
    discounts = tuple(_line_adjustment(draft, taken) for taken in row.discounts)
    charges = tuple(_line_adjustment(draft, taken) for taken in row.charges)
    price = row.line.unit_price
    if draft.prices_include_tax:
        before = net + sum(taken.amount.minor for taken in discounts) - sum(taken.amount.minor for taken in charges)
        exact = Fraction(before) / minor_in_major(draft.currency) / Fraction(row.line.quantity)
        price = Decimal(f"{round_fraction(exact * 10**PRICE_DECIMALS)}E-{PRICE_DECIMALS}")
    return LineTotal(
        net=Money(net, draft.currency),
        tax=Money(tax, draft.currency),
        net_unit_price=price,
        discounts=discounts,
        charges=charges,
    )


def _line_adjustment(draft: DraftInvoice, taken: _Taken) -> AdjustmentTotal:
    tax = round_fraction(_part(draft, taken.treatment, taken.amount).exact_tax) if taken.treatment.rate_bps else 0
    net = taken.amount - tax if draft.prices_include_tax else taken.amount
    return _adjustment_total(draft, taken, net, tax, None)


def _document_total(draft: DraftInvoice, taken: _Taken, net: int, tax: int) -> AdjustmentTotal:
    return _adjustment_total(draft, taken, net, tax, taken.treatment)


def _adjustment_total(
    draft: DraftInvoice, taken: _Taken, net: int, tax: int, treatment: TaxTreatment | None
) -> AdjustmentTotal:
    # A percentage of prices that include tax is no percentage of the base without: print the amount alone.
    percent = None if draft.prices_include_tax else taken.adjustment.percent
    return AdjustmentTotal(
        reason=taken.adjustment.reason,
        reason_code=taken.adjustment.reason_code,
        amount=Money(net, draft.currency),
        tax=Money(tax, draft.currency),
        base=Money(taken.base, draft.currency) if percent is not None else None,
        percent=percent,
        treatment=treatment,
    )
