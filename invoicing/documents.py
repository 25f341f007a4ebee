"""What a document says, and its sums: the one place to import its structs from. They are stored as JSON and frozen
with the document when it is issued, so that every field added later has a default."""

from __future__ import annotations

from datetime import date

import msgspec

from invoicing.calculation import compute
from invoicing.drafts import DocumentType, DraftInvoice, FrozenRate, GivenTax, PrecedingInvoice, check_draft
from invoicing.lines import Adjustment, CreditedLine, DocumentAdjustment, Line, Period, SalesTax
from invoicing.parties import BankAccount, Delivery, Party
from invoicing.rounding import RoundingPolicy, to_minor
from invoicing.totals import AdjustmentTotal, InvoiceTotals, LineTotal, SalesTaxTotal, TaxTotal

__all__ = [
    "Adjustment",
    "AdjustmentTotal",
    "BankAccount",
    "CreditedLine",
    "Delivery",
    "DocumentAdjustment",
    "DocumentType",
    "DraftInvoice",
    "FrozenRate",
    "GivenTax",
    "InvoiceTotals",
    "IssuedInvoice",
    "Line",
    "LineTotal",
    "Party",
    "Period",
    "PrecedingInvoice",
    "RoundingPolicy",
    "SalesTax",
    "SalesTaxTotal",
    "TaxTotal",
    "check_draft",
    "compute",
    "to_minor",
]


class IssuedInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """The document as issued. It never changes; a mistake is credited."""

    number: str  # BT-1
    issue_date: date  # BT-2
    due_date: date  # BT-9
    content: DraftInvoice
    totals: InvoiceTotals
