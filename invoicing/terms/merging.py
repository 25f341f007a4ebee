"""Which terms count where a document, a customer and a merchant each say something."""

from __future__ import annotations

import msgspec

from invoicing.terms.agreed import AgreedTerms, Terms
from invoicing.terms.business_days import BusinessDays
from invoicing.terms.due_rules import DueOnReceipt, DueRule
from invoicing.terms.early_payment import EarlyPayment
from invoicing.terms.instalments import Instalment, check_instalments
from invoicing.terms.late_payment import LateTerms


class TermsPreference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one level says; None says nothing and leaves it to the next.

    To say "none": business days `unadjusted`, an early payment without steps, late `none`.
    """

    due: DueRule | None = None
    instalments: tuple[Instalment, ...] = ()
    business_days: BusinessDays | None = None
    early_payment: EarlyPayment | None = None
    late: LateTerms | None = None

    def __post_init__(self) -> None:
        check_instalments(self.instalments)

    @property
    def says_when(self) -> bool:
        return self.due is not None or bool(self.instalments)


def preference_of(terms: Terms) -> TermsPreference:
    """Terms given in full, as a level: they say when, and whatever else they name."""
    if not isinstance(terms, AgreedTerms):
        return TermsPreference(due=terms)
    return TermsPreference(
        due=terms.due,
        instalments=terms.instalments,
        business_days=terms.business_days,
        early_payment=terms.early_payment,
        late=terms.late,
    )


def merge_terms(*levels: TermsPreference | None) -> Terms:
    """The terms of a document from its levels, the most specific first: document, customer, merchant.

    Each aspect comes from the first level that says something of it. When to pay is one aspect, by a rule or in
    instalments. A discount for early payment is part of that bargain: those of levels behind the one that says when do
    not count. Nobody saying when is due on receipt. Raises InvalidInvoice where what comes together contradicts itself.
    """
    said = [level for level in levels if level is not None]
    last = next((index for index, level in enumerate(said) if level.says_when), len(said) - 1)
    when = said[last] if said else TermsPreference()
    bargain = said[: last + 1]
    business_days = next((level.business_days for level in said if level.business_days is not None), None)
    early_payment = next((level.early_payment for level in bargain if level.early_payment is not None), None)
    late = next((level.late for level in said if level.late is not None), None)
    due = when.due or DueOnReceipt()
    if not (when.instalments or business_days or early_payment or late):
        return due
    return AgreedTerms(
        due=due,
        instalments=when.instalments,
        business_days=business_days,
        early_payment=early_payment,
        late=late,
    )
