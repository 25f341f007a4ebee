"""What XRechnung asks beyond EN 16931, checked on the business terms before anything is written.

The rules and their numbers are KoSIT's (XRechnung 3.0.2; xeinkauf.de/xrechnung). Those that hold because of
how we write (BR-DE-17, -21, -22, and those of cards, direct debits and attachments, which we never write) are not
looked at. The official stylesheets are run too where the installation has them: `validation.Validator`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import iban

from invoicing.einvoice.business_terms import BusinessTerms, Group
from invoicing.einvoice.peppol_rules import shared_findings
from invoicing.einvoice.validation import Finding, Flag

_CREDIT_TRANSFERS = frozenset(("30", "58"))
_SEPA_CREDIT_TRANSFER = "58"
_TAXED = frozenset(("S", "Z", "E", "AE", "K", "G", "L", "M"))
# BR-DE-18: a line of an early-payment discount; the last one must be ended, too.
_DISCOUNT = re.compile(r"#SKONTO#TAGE=[0-9]+#PROZENT=[0-9]+\.[0-9]{2}(#BASISBETRAG=-?[0-9]+\.[0-9]{2})?#")
_EMAIL = re.compile(r"[^@\s]+@([^@.\s]+\.)+[^@.\s]+")
_PHONE_DIGITS = 3


def german_findings(terms: BusinessTerms) -> tuple[Finding, ...]:
    """What keeps the invoice from being an XRechnung. Nothing found means that these rules hold."""
    seller = terms["BG-4"]
    contact: Group = next(iter(seller.get("contacts", [])), {})
    return (
        *_missing(terms, contact),
        *_doubtful(terms, contact),
        *_early_payment(terms.get("BT-20", "")),
        *shared_findings(terms, prices=Flag.WARNING),
    )


def _missing(terms: BusinessTerms, contact: Group) -> Iterator[Finding]:
    seller, buyer = terms["BG-4"], terms["BG-7"]
    wanted = [
        ("BR-DE-1", terms.get("BT-81"), "BG-16 payment instructions"),
        ("BR-DE-2", contact, "BG-6 seller contact"),
        ("BR-DE-3", seller.get("city"), "BT-37 seller city"),
        ("BR-DE-4", seller.get("postcode"), "BT-38 seller post code"),
        ("BR-DE-8", buyer.get("city"), "BT-52 buyer city"),
        ("BR-DE-9", buyer.get("postcode"), "BT-53 buyer post code"),
        ("BR-DE-15", terms.get("BT-10"), "BT-10 buyer reference"),
    ]
    if contact:
        wanted += [
            ("BR-DE-5", contact.get("name"), "BT-41 seller contact point"),
            ("BR-DE-6", contact.get("phone"), "BT-42 seller contact telephone number"),
            ("BR-DE-7", contact.get("email"), "BT-43 seller contact email address"),
        ]
    if delivery := terms.get("BG-13"):
        wanted += [
            ("BR-DE-10", delivery.get("city"), "BT-77 deliver-to city"),
            ("BR-DE-11", delivery.get("postcode"), "BT-78 deliver-to post code"),
        ]
    if {row["BT-118"] for row in terms["BG-23"]} & _TAXED:
        identified = seller.get("vat_identifier") or seller.get("tax_identifier")
        wanted.append(("BR-DE-16", identified, "BT-31 seller VAT identifier or BT-32 seller tax number"))
    if terms.get("BT-81") in _CREDIT_TRANSFERS:
        wanted.append(("BR-DE-23-a", terms.get("BT-84"), "BG-17 credit transfer"))
    for rule, value, what in wanted:
        if not value:
            yield _finding(rule, f"{what} must be given")


def _doubtful(terms: BusinessTerms, contact: Group) -> Iterator[Finding]:
    account, phone, email = terms.get("BT-84", ""), contact.get("phone", ""), contact.get("email", "")
    if terms.get("BT-81") == _SEPA_CREDIT_TRANSFER and account and not iban.is_valid(account):
        yield _finding("BR-DE-19", "BT-84 should be a correct IBAN with payment means 58", Flag.WARNING)
    if phone and sum(sign in "0123456789" for sign in phone) < _PHONE_DIGITS:
        yield _finding("BR-DE-27", f"BT-42 should have at least {_PHONE_DIGITS} digits", Flag.WARNING)
    if email and not _EMAIL.fullmatch(email):
        yield _finding("BR-DE-28", "BT-43 should be an e-mail address", Flag.WARNING)


def _early_payment(text: str) -> Iterator[Finding]:
    steps = [line for line in text.splitlines() if line.startswith("#")]
    if steps and not (all(_DISCOUNT.fullmatch(line) for line in steps) and text.endswith("\n")):
        yield _finding("BR-DE-18", "BT-20 must have early-payment discounts as #SKONTO#TAGE=n#PROZENT=n.nn#")


def _finding(rule: str, text: str, flag: Flag = Flag.FATAL) -> Finding:
    return Finding(rule=rule, flag=flag, text=text, rules="XRechnung 3.0.2")
