"""The Swiss QR-bill: the payload of its code, and the receipt and payment part that stand at the foot of the page.

SIX, "Swiss Implementation Guidelines QR-bill", version 2.3 (six-group.com, Payment Standards): section 4 has the data
elements, section 3 the layout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO

import segno
from stdnum import iban

from currency.money import Money, to_major
from invoicing.documents import BankAccount, Party
from invoicing.rendering.code_masks import masked
from invoicing.rendering.payment_codes import in_groups, rf_reference

CURRENCIES = frozenset(("CHF", "EUR"))
_MAX_AMOUNT = Decimal("999999999.99")
_QR_IBAN = range(30_000, 32_000)  # institution ids that stand for accounts with a QR reference
_REFERENCE_DIGITS = 26
# Recursive check digit, modulo 10: the guidelines' annex B.
_CARRY = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)
_PRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\u017f\u0218-\u021b\u20ac]")
_CODE_MM = 46
_CROSS_MM = 7
_NO_ULTIMATE_CREDITOR = ("",) * 7  # for future use, the guidelines say


@dataclass(frozen=True, slots=True)
class SwissBill:
    """What is in the code and beside it. `reference` is empty where the account knows none."""

    iban: str
    creditor: tuple[str, ...]
    debtor: tuple[str, ...]
    amount: Decimal | None
    currency: str
    reference: str
    message: str
    payload: str


def swiss_bill(bank: BankAccount, seller: Party, buyer: Party, amount: Money, number: str) -> SwissBill | None:
    """The bill of an invoice; None where the account is not of CH or LI, or the money neither CHF nor EUR.

    A QR-IBAN gets a QR reference, any other the RF reference, both made of the invoice's number.
    """
    account = iban.compact(bank.iban)
    if account[:2] not in {"CH", "LI"} or not iban.is_valid(account) or amount.currency not in CURRENCIES:
        return None
    major = to_major(amount)
    if not Decimal("0.01") <= major <= _MAX_AMOUNT or not (seller.postal_code and seller.city):
        return None
    kind, reference = _reference(account, number)
    if kind is None:
        return None
    fields = [
        *("SPC", "0200", "1", account, *_address(bank.holder, seller), *_NO_ULTIMATE_CREDITOR),
        *(f"{major:.2f}", amount.currency, *_address(buyer.name, buyer)),
        *(kind, reference, _clean(number, 140), "EPD"),
    ]
    return SwissBill(
        iban=in_groups(account),
        creditor=_printed(bank.holder, seller),
        debtor=_printed(buyer.name, buyer),
        amount=major,
        currency=amount.currency,
        reference=_printed_reference(reference),
        message=number,
        payload="\r\n".join(fields),
    )


def qr_reference(number: str) -> str | None:
    """The QR reference of 27 digits made of an invoice's number; None where it is too long to be told from others.

    Letters count from 10 (A) to 35 (Z), so that two numbers never share a reference.
    """
    bare = re.sub("[^A-Z0-9]", "", number.upper())
    digits = bare if bare.isdigit() else "".join(f"{int(char, 36):02}" for char in bare)
    if not digits or len(digits) > _REFERENCE_DIGITS or not number.isascii():
        return None
    padded = digits.rjust(_REFERENCE_DIGITS, "0")
    return padded + str(_check_digit(padded))


def code_svg(bill: SwissBill) -> str:
    """The code with the Swiss cross on it, 46 mm wide (3.5.2 of the guidelines), error correction M, no quiet zone."""
    code = masked(lambda mask: segno.make_qr(bill.payload, error="m", boost_error=False, encoding="utf-8", mask=mask))
    path = BytesIO()
    code.save(
        path, kind="svg", xmldecl=False, svgns=False, nl=False, border=0, omitsize=True, svgclass=None, lineclass=None
    )
    size = code.symbol_size(border=0)[0]
    modules = re.sub("</?svg[^>]*>", "", path.getvalue().decode())
    unit = size / _CODE_MM
    middle = size / 2
    # The cross is 7 mm wide with its white border: a black field with the white cross of the federal arms in it.
    field, long, broad = 6 * unit, 39 * unit / 10, 117 * unit / 100
    modules += _rectangle(middle, _CROSS_MM * unit, _CROSS_MM * unit, "#fff") + _rectangle(middle, field, field, "#000")
    modules += _rectangle(middle, long, broad, "#fff") + _rectangle(middle, broad, long, "#fff")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"><title>QR</title>{modules}</svg>'


def _rectangle(middle: float, wide: float, high: float, fill: str) -> str:
    at = f'x="{middle - wide / 2:.3f}" y="{middle - high / 2:.3f}"'
    return f'<rect {at} width="{wide:.3f}" height="{high:.3f}" fill="{fill}"/>'


def _reference(account: str, number: str) -> tuple[str | None, str]:
    if account[4:9].isdigit() and int(account[4:9]) in _QR_IBAN:
        reference = qr_reference(number)
        return ("QRR", reference) if reference else (None, "")  # a QR-IBAN takes no payment without one
    reference = rf_reference(number)
    return ("SCOR", reference) if reference else ("NON", "")


def _check_digit(digits: str) -> int:
    carry = 0
    for digit in digits:
        carry = _CARRY[(carry + int(digit)) % 10]
    return (10 - carry) % 10


def _printed_reference(reference: str) -> str:
    if len(reference) != _REFERENCE_DIGITS + 1:
        return in_groups(reference)
    return " ".join([reference[:2], *(reference[at : at + 5] for at in range(2, len(reference), 5))])


def _address(name: str, party: Party) -> list[str]:
    """A structured address ("S"): the only kind since 22 November 2025. The street stands with its number in one."""
    street = party.address_lines[0] if party.address_lines else ""
    place = (_clean(party.postal_code, 16), _clean(party.city, 35), party.country)
    return ["S", _clean(name, 70), _clean(street, 70), "", *place]


def _printed(name: str, party: Party) -> tuple[str, ...]:
    lines = (name, *party.address_lines[:1], f"{party.postal_code} {party.city}".strip())
    return tuple(_clean(line, 70) for line in lines if line)


def _clean(text: str, length: int) -> str:
    """The characters that the guidelines admit (4.1.1: Latin, without line ends)."""
    return _PRINTABLE.sub("", " ".join(text.split()))[:length]
