"""What a payer scans or types: the RF reference of an invoice, the code of a SEPA transfer, the code of a link."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from io import BytesIO

import segno
from stdnum import iban

from currency.money import Money, to_major
from invoicing.documents import BankAccount
from invoicing.remittance import rf_reference as rf_reference
from invoicing.rendering.code_masks import masked

# EPC409-09, "EPC List of SEPA Scheme Countries", by the first two letters of their IBANs.
# fmt: off
SEPA_IBANS = frozenset((
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR", "HR", "HU",
    "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE",
    "SI", "SK", "SM", "VA",
))
# fmt: on
# EPC069-12, version 002: without the country's membership in the EEA the BIC is mandatory.
_OUTSIDE_EEA = frozenset(("AD", "AL", "CH", "GB", "GI", "MC", "MD", "ME", "MK", "RS", "SM", "VA"))
_MAX_EPC = Decimal("999999999.99")
_MAX_NAME = 70
_MAX_PAYLOAD_BYTES = 331
_PIXELS_PER_MODULE = 3  # so that a viewer which smooths pictures leaves the edges sharp


def in_groups(code: str) -> str:
    """An IBAN or RF reference in groups of four, as it is printed."""
    compact = code.replace(" ", "")
    return " ".join(compact[at : at + 4] for at in range(0, len(compact), 4))


def epc_code(bank: BankAccount, amount: Money, number: str) -> segno.QRCode | None:
    """The code of EPC069-12 for a transfer in euros to a SEPA account; None where there is none to be made.

    It carries the RF reference where the number has one, else the number as text.
    """
    account = iban.compact(bank.iban)
    major = to_major(amount)
    if amount.currency != "EUR" or account[:2] not in SEPA_IBANS or not iban.is_valid(account):
        return None
    if not Decimal("0.01") <= major <= _MAX_EPC or (account[:2] in _OUTSIDE_EEA and not bank.bic):
        return None
    payload = "\n".join(
        ("BCD", "002", "1", "SCT", bank.bic, bank.holder[:_MAX_NAME].strip(), account, _epc_amount(major), "",
         *_remittance(number))
    ).encode()  # fmt: skip
    if len(payload) > _MAX_PAYLOAD_BYTES:
        return None
    # No level but M is admitted, not even a better one.
    return masked(lambda mask: segno.make_qr(payload, error="m", boost_error=False, mask=mask))


def _epc_amount(major: Decimal) -> str:
    return f"EUR{major:.2f}".rstrip("0").rstrip(".")


def _remittance(number: str) -> tuple[str, ...]:
    """Structured, or else behind it unstructured: never both."""
    reference = rf_reference(number)
    return (reference,) if reference else ("", number[:140].rstrip())


def link_code(url: str) -> segno.QRCode:
    """The code of an address where the invoice can be paid."""
    return masked(lambda mask: segno.make_qr(url, error="m", mask=mask))


def drawn(code: segno.QRCode) -> str:
    """The code as a `data:` URL of a PNG: a path of as many squares takes WeasyPrint ten times as long.

    It is grey, not black and white, which WeasyPrint would turn into three colours.
    """
    from PIL import Image

    size = len(code.matrix)
    modules = bytes(0 if dark else 255 for row in code.matrix for dark in row)
    png = BytesIO()
    pixels = size * _PIXELS_PER_MODULE
    scaled = Image.frombytes("L", (size, size), modules).resize((pixels, pixels), Image.Resampling.NEAREST)
    scaled.save(png, "PNG", compress_level=1)
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode()}"
