"""A letter as it was written: what it said stays, whatever becomes of the invoice."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec

from currency.money import Money
from invoicing.terms.late_payment import InterestSpan


class InterestLine(msgspec.Struct, frozen=True, kw_only=True):
    """Days in a row with one principal and one rate. `exact_minor` is a fraction as text: it is not rounded."""

    first_day: date
    last_day: date
    principal: Money
    rate_bps: int
    exact_minor: str

    @classmethod
    def of(cls, span: InterestSpan) -> InterestLine:
        return cls(
            first_day=span.first_day,
            last_day=span.last_day,
            principal=span.principal,
            rate_bps=span.rate_bps,
            exact_minor=str(span.exact_minor),
        )

    def as_span(self) -> InterestSpan:
        return InterestSpan(self.first_day, self.last_day, self.principal, self.rate_bps, Fraction(self.exact_minor))


class ReminderLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What is claimed until `deadline`: of the part of the invoice that was due on `part_due` what is `owed`, with
    `interest` and `fee`. A fee in another currency (the law's own) is not in `total`.

    `step_fee` is what this level adds to the fees. `problem` says why no charge for the delay could be worked out.
    """

    number: str
    level: int
    issued_on: date
    deadline: date
    part_due: date
    invoice_number: str
    invoice_date: date
    invoice_total: Money
    owed: Money
    interest: Money
    fee: Money | None
    total: Money
    step_fee: Money
    locale: str
    interest_lines: tuple[InterestLine, ...] = ()
    law: str = ""
    note: str = ""
    problem: str = ""
