"""What Peppol BIS Billing 3.0 asks beyond EN 16931, checked on the business terms before anything is written.

The rules and their numbers are OpenPeppol's: docs.peppol.eu/poacc/billing/3.0/rules/ubl-peppol. Those that hold because
of how we write (process and specification, type codes, one note, no empty elements, one currency) are not looked at
again; nor are those of single countries (DK-R, IT-R, NL-R, NO-R, SE-R …), for which the validator may be given the
official stylesheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from stdnum import ean

from invoicing.einvoice.business_terms import BusinessTerms, Group
from invoicing.einvoice.validation import Finding, Flag

# These reasons belong to one category each (PEPPOL-EN16931-P0104 to P0111).
_CATEGORY_OF_REASON = {
    "VATEX-EU-G": ("P0104", "G"),
    "VATEX-EU-O": ("P0105", "O"),
    "VATEX-EU-IC": ("P0106", "K"),
    "VATEX-EU-AE": ("P0107", "AE"),
    "VATEX-EU-D": ("P0108", "E"),
    "VATEX-EU-F": ("P0109", "E"),
    "VATEX-EU-I": ("P0110", "E"),
    "VATEX-EU-J": ("P0111", "E"),
}
_TOLERANCE = Decimal("0.02")  # what R040 and R120 let pass, in whatever currency
_GLN = "0088"
_GLN_DIGITS = 13


def peppol_findings(terms: BusinessTerms) -> tuple[Finding, ...]:
    """What keeps the invoice from being a Peppol BIS 3 one. Nothing found means that these rules hold."""
    return (*_references(terms), *_reasons(terms), *shared_findings(terms, prices=Flag.FATAL))


def shared_findings(terms: BusinessTerms, *, prices: Flag) -> tuple[Finding, ...]:
    """The rules of Peppol that XRechnung 3 has taken over; `prices` is how grave it takes R120."""
    return (*_addresses(terms), *_percentages(terms), *_periods(terms), *_prices(terms, prices))


def _references(terms: BusinessTerms) -> Iterator[Finding]:
    if not (terms.get("BT-10") or terms.get("BT-13")):
        yield _finding("R003", "A buyer reference or purchase order reference must be provided")
    for key, who in (("BG-7", "buyer"), ("BG-4", "seller")):
        address, scheme = terms[key].get("einvoicing_addr", ""), terms[key].get("einvoicing_addr_schemeid")
        if scheme == _GLN and not (len(address) == _GLN_DIGITS and ean.is_valid(address)):
            yield Finding(
                rule="PEPPOL-COMMON-R040", flag=Flag.FATAL, rules="Peppol BIS Billing 3.0",
                text=f"The GLN of the {who} must have {_GLN_DIGITS} digits, of which the last checks the others",
            )  # fmt: skip


def _reasons(terms: BusinessTerms) -> Iterator[Finding]:
    for row in terms["BG-23"]:
        rule, category = _CATEGORY_OF_REASON.get(row.get("BT-121", ""), ("", ""))
        if rule and row["BT-118"] != category:
            yield _finding(rule, f"{row['BT-121']} must be used with tax category {category} only")


def _addresses(terms: BusinessTerms) -> Iterator[Finding]:
    for rule, key, who in (("R010", "BG-7", "Buyer"), ("R020", "BG-4", "Seller")):
        if not terms[key].get("einvoicing_addr"):
            yield _finding(rule, f"{who} electronic address must be provided")


def _percentages(terms: BusinessTerms) -> Iterator[Finding]:
    for place, holder in (("", terms), *_placed_lines(terms)):
        for adjustment in (row for key in ("BG-20", "BG-21", "BG-27", "BG-28") for row in holder.get(key, [])):
            if "rate" in adjustment:
                exact = Decimal(adjustment["base_amount"]) * Decimal(adjustment["rate"]) / 100
                if abs(exact - Decimal(adjustment["amount"])) > _TOLERANCE:
                    yield _finding("R040", "A discount or charge must equal its base times its percentage", place)


def _periods(terms: BusinessTerms) -> Iterator[Finding]:
    for place, line in _placed_lines(terms):
        if "BT-73" in terms and "BT-134" in line and line["BT-134"] < terms["BT-73"]:
            yield _finding("R110", "The period of a line must not begin before that of the invoice", place)
        if "BT-74" in terms and "BT-135" in line and line["BT-135"] > terms["BT-74"]:
            yield _finding("R111", "The period of a line must not end after that of the invoice", place)


def _prices(terms: BusinessTerms, flag: Flag) -> Iterator[Finding]:
    for place, line in _placed_lines(terms):
        net = Decimal(line["BT-129"]) * Decimal(line["BT-146"])
        net += sum(Decimal(charge["amount"]) for charge in line.get("BG-28", []))
        net -= sum(Decimal(discount["amount"]) for discount in line.get("BG-27", []))
        if abs(net - Decimal(line["BT-131"])) > _TOLERANCE:
            yield _finding(
                "R120", "The net amount of a line must be its quantity times its price, adjusted", place, flag
            )


def _placed_lines(terms: BusinessTerms) -> list[tuple[str, Group]]:
    return [(f"InvoiceLine[{number}]", line) for number, line in enumerate(terms["BG-25"], 1)]


def _finding(rule: str, text: str, location: str = "", flag: Flag = Flag.FATAL) -> Finding:
    return Finding(
        rule=f"PEPPOL-EN16931-{rule}", flag=flag, text=text, location=location, rules="Peppol BIS Billing 3.0"
    )
