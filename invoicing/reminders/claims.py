"""What a letter asks for: what is owed of a part now, and what its delay has cost, where step and law say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from currency.money import Money
from invoicing.documents import IssuedInvoice
from invoicing.errors import InvalidInvoice
from invoicing.reminders.policy import ReminderStep
from invoicing.terms import BaseRates, LateCharge, fallen_to, late_charges, open_parts


@dataclass(frozen=True, slots=True)
class Billed:
    """What of a part's delay an invoice of its own asks for already."""

    interest: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class Claim:
    """`interest` and `fee` are what is left to pay of them; `accrued_interest` and `accrued_fee` what they came to in
    all, with what was billed by an invoice. `problem` says why there is no charge for the delay that was wanted."""

    owed: Money
    interest: Money
    fee: Money | None
    accrued_interest: Money
    accrued_fee: Money
    step_fee: Money
    charge: LateCharge | None = None
    problem: str = ""

    @property
    def total(self) -> Money:
        asked = self.owed + self.interest
        return asked + self.fee if self.fee is not None and self.fee.currency == asked.currency else asked


def parts_left(document: IssuedInvoice, owed: Money) -> list[tuple[date, Money]]:
    """What is still to be paid of the invoice, by due date: what was settled went to the earliest parts, and so does
    what is owed beyond what was payable, where a deposit went back."""
    payable = document.totals.payable
    return open_parts(document.content.terms, payable, document.issue_date, payable - owed)


def claim(
    document: IssuedInvoice,
    part_due: date,
    step: ReminderStep,
    *,
    owed: Money,
    today: date,
    rates: BaseRates,
    payments: Iterable[tuple[date, Money]] = (),
    earlier_fees: Money | None = None,
    billed: Billed | None = None,
) -> Claim:
    """What a letter of that step asks for today. `owed` is what is owed of the whole invoice, `payments` what settled
    it and when, `earlier_fees` those of the levels before. Raises InvalidInvoice where nothing is owed of that part.
    """
    nothing = Money.zero(owed.currency)
    part = dict(parts_left(document, owed)).get(part_due)
    if part is None:
        raise InvalidInvoice("part_due", f"nothing is owed of the part due on {part_due}")
    charge, problem = _charge(document, part_due, step, today, rates, list(payments))
    interest = charge.interest if charge else nothing
    step_fee = step.fee_in(owed.currency)
    fees = step_fee + (earlier_fees or nothing)
    fee = _fee(fees, charge.fee if charge else None)
    gone = billed or Billed(nothing, nothing)
    is_own = fee is not None and fee.currency == owed.currency
    return Claim(
        owed=part,
        interest=max(interest - gone.interest, nothing),
        fee=max(fee - gone.fee, nothing) if fee is not None and is_own else fee,
        accrued_interest=interest,
        accrued_fee=fee if fee is not None and is_own else nothing,
        step_fee=step_fee,
        charge=charge,
        problem=problem,
    )


def _charge(
    document: IssuedInvoice,
    part_due: date,
    step: ReminderStep,
    today: date,
    rates: BaseRates,
    payments: Sequence[tuple[date, Money]],
) -> tuple[LateCharge | None, str]:
    """The charge for the part's delay by its terms. A rate that nobody entered holds up no letter."""
    if not step.with_late_charge:
        return None, ""
    terms, payable = document.content.terms, document.totals.payable
    # what was paid before the issue, the first of them, is no part of what is payable
    later = fallen_to(payments, document.totals.prepaid)
    try:
        found = late_charges(terms, payable, document.issue_date, until=today, rates=rates, payments=later)
    except InvalidInvoice as unknown:
        return None, str(unknown)
    return dict(found).get(part_due), ""


def _fee(fees: Money, fixed: Money | None) -> Money | None:
    """The fixed sum covers the cost of reminding: more is asked for only where that is higher (Directive 2011/7/EU,
    article 6(2) and (3): eur-lex.europa.eu/eli/dir/2011/7/oj; § 288(5) sentence 3 BGB)."""
    if fixed is None:
        return fees if fees.minor else None
    return max(fees, fixed) if fees.currency == fixed.currency else fixed
