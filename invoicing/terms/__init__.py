"""Payment terms: when an invoice is to be paid, for how much, and what early or late payment changes. Pure."""

from invoicing.terms.agreed import (
    AgreedTerms,
    Terms,
    agreed_of,
    check_draftable,
    check_issuable,
    discount_at,
    due_date,
    late_terms_of,
    schedule,
)
from invoicing.terms.base_rates import KNOWN_RATES, BaseRate, BaseRates, Series, UnknownBaseRate
from invoicing.terms.business_days import BusinessDays, Convention, adjust, is_business_day
from invoicing.terms.due_rules import (
    MAX_NET_DAYS,
    DayOfMonth,
    DueOnReceipt,
    DueRule,
    EndOfMonthThenNetDays,
    NetDays,
    NetDaysThenEndOfMonth,
)
from invoicing.terms.early_payment import DiscountStep, EarlyPayment, Sufficient
from invoicing.terms.instalments import Instalment, deposit
from invoicing.terms.late_laws import DayCount
from invoicing.terms.late_payment import (
    AgreedLate,
    BuyerKind,
    LateCharge,
    LateTerms,
    NoLateCharge,
    StatutoryLate,
    check_agreed,
    late_charge,
)
from invoicing.terms.merging import TermsPreference, merge_terms, preference_of
from invoicing.terms.overdue import fallen_to, late_charges, open_parts
from invoicing.terms.words import describe

__all__ = [
    "KNOWN_RATES",
    "MAX_NET_DAYS",
    "AgreedLate",
    "AgreedTerms",
    "BaseRate",
    "BaseRates",
    "BusinessDays",
    "BuyerKind",
    "Convention",
    "DayCount",
    "DayOfMonth",
    "DiscountStep",
    "DueOnReceipt",
    "DueRule",
    "EarlyPayment",
    "EndOfMonthThenNetDays",
    "Instalment",
    "LateCharge",
    "LateTerms",
    "NetDays",
    "NetDaysThenEndOfMonth",
    "NoLateCharge",
    "Series",
    "StatutoryLate",
    "Sufficient",
    "Terms",
    "TermsPreference",
    "UnknownBaseRate",
    "adjust",
    "agreed_of",
    "check_agreed",
    "check_draftable",
    "check_issuable",
    "deposit",
    "describe",
    "discount_at",
    "due_date",
    "fallen_to",
    "is_business_day",
    "late_charge",
    "late_charges",
    "late_terms_of",
    "merge_terms",
    "open_parts",
    "preference_of",
    "schedule",
]
