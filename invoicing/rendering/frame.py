"""What stands on every document, whatever it says: who, to whom, the foot of the page, tables, how to pay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from unicodedata import east_asian_width

from currency.money import Money
from invoicing.documents import BankAccount, Party
from invoicing.rendering.branding import Branding
from invoicing.rendering.payment_codes import drawn, epc_code, in_groups, link_code, rf_reference
from invoicing.rendering.wording import Wording

_WIDE_TITLE = 19  # in letters; what is wider would be torn at the size of the others
_SHORT_LEGAL_CHARS = 150  # what is longer stands at the end, not at the foot of every page


def framed(seller: Party, branding: Branding, issued_on: date, wording: Wording, **said: Any) -> dict[str, Any]:
    """All names that `document.html` uses: those of the seller, then what is `said`, and nothing for the others."""
    legal = seller.legal_information
    return {
        "issued_on": issued_on.isoformat(),
        "running": _running(seller, wording),
        "seller": party_of(seller, wording.say("From"), wording),
        "logo": branding.logo_url,
        "legal": legal if len(legal) > _SHORT_LEGAL_CHARS else "",
        "density": "airy",
        "long_title": _width_of(said["title"]) > _WIDE_TITLE,
        "headline": None,
        "notice": "",
        "prices_note": "",
        "sums": [],
        "plans": [],
        "pay_url": None,
        "pay_code": None,
        "bank": None,
        **said,
    }


def party_of(party: Party, heading: str, wording: Wording) -> dict[str, Any]:
    """A party with its address and numbers, under a heading."""
    facts = [
        ("", party.contact_name),
        ("", party.contact_phone),
        ("", party.email),
        (wording.tax_id_label(party.country), party.vat_id),
        (wording.say("Tax number"), party.tax_number),
        (wording.say("Company number"), party.legal_registration_id),
    ]
    return {
        "heading": heading,
        "name": party.name,
        "lines": [*([party.trading_name] if party.trading_name else []), *wording.address(party)],
        "facts": present(facts),
    }


def present(facts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that have a value."""
    return [(label, value) for label, value in facts if value]


def table_of(heads: Sequence[str], rows: Iterable[Sequence[str]], heading: str = "") -> dict[str, Any]:
    """A small table that is not torn by the end of a page."""
    styled = [{"style": "", "cells": list(cells)} for cells in rows]
    return {"heading": heading, "heads": list(heads), "rows": styled, "style": ""}


def bank_of(bank: BankAccount | None, payable: Money, reference: str, wording: Wording) -> dict[str, Any] | None:
    """How to transfer it, with the code of a SEPA transfer where there is one."""
    if bank is None:
        return None
    say = wording.say
    code = epc_code(bank, payable, reference)
    creditor_reference = rf_reference(reference) if code is not None else None
    facts = [
        (say("Account holder"), bank.holder),
        (say("Bank"), bank.bank),
        (say("IBAN"), in_groups(bank.iban)),
        (say("BIC"), bank.bic),
        (say("Payment reference"), _whole(creditor_reference) if creditor_reference else reference),
    ]
    return {"facts": present(facts), "code": drawn(code) if code is not None else None}


def _whole(reference: str) -> str:
    """In groups that stay on one line."""
    return in_groups(reference).replace(" ", "\u00a0")


def online(pay_url: str | None) -> dict[str, str | None]:
    """Where it can be paid online, as a link and as a code."""
    return {"pay_url": pay_url, "pay_code": drawn(link_code(pay_url)) if pay_url else None}


def _width_of(text: str) -> int:
    """In Latin letters: a Chinese or Japanese one is as wide as two."""
    return sum(2 if east_asian_width(char) in {"W", "F"} else 1 for char in text)


def _running(seller: Party, wording: Wording) -> str:
    tax_id = f"{wording.tax_id_label(seller.country)} {seller.vat_id}" if seller.vat_id else ""
    legal = seller.legal_information if len(seller.legal_information) <= _SHORT_LEGAL_CHARS else ""
    return " · ".join(wording.apart(part) for part in (seller.name, tax_id, " ".join(legal.split())) if part)
