"""Payment terms as agreed and printed: when, in which parts, with what discount, and what a delay costs."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby

import msgspec

from currency.money import Money
from invoicing.errors import InvalidInvoice
from invoicing.terms.business_days import BusinessDays, Convention, adjust
from invoicing.terms.due_rules import (
    DayOfMonth,
    DueOnReceipt,
    DueRule,
    EndOfMonthThenNetDays,
    NetDays,
    NetDaysThenEndOfMonth,
    day_by_rule,
)
from invoicing.terms.early_payment import EarlyPayment, Sufficient, deadlines, sufficient_at
from invoicing.terms.instalments import Instalment, check_instalments, split
from invoicing.terms.late_payment import LateTerms, NoLateCharge

DRAFTED_AHEAD_DAYS = 32  # every day of a month
_NO_DISCOUNT = EarlyPayment(steps=())


class AgreedTerms(msgspec.Struct, frozen=True, kw_only=True, tag="agreed_terms", forbid_unknown_fields=True):
    """A due rule with what else was agreed; a bare rule is terms by itself. With instalments theirs count, not `due`.

    Raises InvalidInvoice for a discount beside instalments, and for parts that no total fits.
    """

    due: DueRule = DueOnReceipt()
    instalments: tuple[Instalment, ...] = ()
    business_days: BusinessDays | None = None
    early_payment: EarlyPayment | None = None
    late: LateTerms | None = None

    def __post_init__(self) -> None:
        check_instalments(self.instalments)
        if self.instalments and self.early_payment is not None and self.early_payment.steps:
            raise InvalidInvoice("terms.early_payment", "cannot be agreed beside instalments; leave one of them out")


Terms = NetDays | DueOnReceipt | NetDaysThenEndOfMonth | EndOfMonthThenNetDays | DayOfMonth | AgreedTerms


def agreed_of(terms: Terms) -> AgreedTerms:
    """The same terms with every aspect named."""
    return terms if isinstance(terms, AgreedTerms) else AgreedTerms(due=terms)


def due_date(terms: Terms, issue_date: date) -> date:
    """The last day on which payment in full is in time (of the last instalment); overdue from the day after."""
    agreed = agreed_of(terms)
    rules = [part.due for part in agreed.instalments] or [agreed.due]
    return max(_adjusted(agreed, rule, issue_date) for rule in rules)


def schedule(terms: Terms, total: Money, issue_date: date) -> list[tuple[date, Money]]:
    """What is due when, by day; the amounts sum to `total`, and parts due on one day are one.

    Raises InvalidInvoice where fixed amounts do not fit the total.
    """
    agreed = agreed_of(terms)
    if not agreed.instalments:
        return [(due_date(terms, issue_date), total)]
    days = [_adjusted(agreed, part.due, issue_date) for part in agreed.instalments]
    parts = sorted(zip(days, split(total, agreed.instalments), strict=True), key=lambda part: part[0])
    return [
        (day, Money(sum(amount.minor for _, amount in same_day), total.currency))
        for day, same_day in groupby(parts, key=lambda part: part[0])
    ]


def discount_at(terms: Terms, total: Money, issue_date: date, paid_on: date) -> Sufficient:
    """What suffices to settle the whole on that day."""
    agreed = agreed_of(terms)
    early = agreed.early_payment or _NO_DISCOUNT
    return sufficient_at(early, total, issue_date=issue_date, paid_on=paid_on, business_days=agreed.business_days)


def late_terms_of(terms: Terms) -> LateTerms:
    """What a delay costs; nothing where nothing was agreed."""
    return agreed_of(terms).late or NoLateCharge()


def check_issuable(terms: Terms, total: Money, issue_date: date) -> None:
    """Raises InvalidInvoice where the terms do not fit the document: its parts, or a discount beyond the due date."""
    schedule(terms, total, issue_date)
    due = due_date(terms, issue_date)
    steps = deadlines(agreed_of(terms).early_payment or _NO_DISCOUNT, issue_date=issue_date, business_days=None)
    for index, (_, last_day) in enumerate(steps):
        if last_day > due:
            raise InvalidInvoice(
                f"terms.early_payment.steps[{index}].days", f"must not go beyond the due date, {due}; make it sooner"
            )


def check_draftable(terms: Terms, total: Money, today: date) -> None:
    """Raises InvalidInvoice where the document could not be issued today nor on any day of the month to come: where the
    due date goes by the calendar, a discount may fit on one day and not on another."""
    try:
        check_issuable(terms, total, today)
    except InvalidInvoice:
        if not any(_is_issuable(terms, total, today + timedelta(days=days)) for days in range(1, DRAFTED_AHEAD_DAYS)):
            raise


def _is_issuable(terms: Terms, total: Money, issue_date: date) -> bool:
    try:
        check_issuable(terms, total, issue_date)
    except InvalidInvoice:
        return False
    return True


def _adjusted(agreed: AgreedTerms, rule: DueRule, issue_date: date) -> date:
    day = day_by_rule(rule, issue_date)
    if agreed.business_days is None or agreed.business_days.convention is Convention.UNADJUSTED:
        return day
    return adjust(day, agreed.business_days, not_before=issue_date)
