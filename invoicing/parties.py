"""Who sells, who buys, where it goes and where a transfer may be sent, as printed on a document."""

from __future__ import annotations

import msgspec

from invoicing.checks import MAX_TEXT, check_length, check_pattern
from invoicing.countries import COUNTRIES
from invoicing.errors import InvalidInvoice

MAX_ADDRESS_LINES = 6
MAX_LEGAL_INFORMATION = 1_000
# Electronic Address Scheme and ISO 6523 ICD lists: four digits, or two letters for a mailbox (EM) and the like.
_SCHEME = r"[0-9]{4}|[A-Z]{2}"


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seller (EN 16931 BG-4) or buyer (BG-7). `country` is ISO 3166-1 alpha-2 (BT-40, BT-55), `locale` BCP 47.

    `vat_id` carries its prefix (BT-31, BT-48); `tax_number` is the seller's number at the local tax office (BT-32), for
    those who have no VAT id or must print both. `electronic_address` with its scheme of the EAS list (BT-34, BT-49) is
    where an e-invoice is sent, such as `9930` and a German VAT id, or `0204` and a Leitweg-ID.
    """

    name: str  # BT-27, BT-44
    country: str
    address_lines: tuple[str, ...] = ()  # BT-35, BT-36, BT-162 and further
    postal_code: str = ""  # BT-38, BT-53
    city: str = ""  # BT-37, BT-52
    vat_id: str = ""
    email: str = ""  # BT-43, BT-58
    locale: str = "en"
    subdivision: str = ""  # BT-39, BT-54: state, province, canton
    trading_name: str = ""  # BT-28, BT-45
    tax_number: str = ""
    legal_registration_id: str = ""  # BT-30, BT-47: the number in the trade register
    legal_registration_scheme: str = ""  # its ISO 6523 ICD, such as 0002 for SIREN; empty where it has none
    legal_information: str = ""  # BT-33: register court, capital, directors, as the law of the seller asks
    electronic_address: str = ""
    electronic_address_scheme: str = ""
    contact_name: str = ""  # BT-41, BT-56
    contact_phone: str = ""  # BT-42, BT-57


class Delivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where goods went, where that is not the buyer's address (BG-13, BG-15)."""

    country: str  # BT-80
    name: str = ""  # BT-70
    address_lines: tuple[str, ...] = ()  # BT-75, BT-76, BT-165
    postal_code: str = ""  # BT-78
    city: str = ""  # BT-77
    subdivision: str = ""  # BT-79


class BankAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a transfer may be sent (BG-17)."""

    holder: str  # BT-85
    iban: str  # BT-84
    bic: str = ""  # BT-86
    bank: str = ""


def check_party(party: Party, path: str) -> None:
    """Raises InvalidInvoice naming the first field of `path` that is missing, too long or not a code."""
    if not party.name.strip():
        raise InvalidInvoice(f"{path}.name", "must not be empty")
    _check_address(party, path)
    for field in ("vat_id", "email", "trading_name", "tax_number", "contact_name", "contact_phone"):
        check_length(getattr(party, field), f"{path}.{field}", MAX_TEXT)
    for field in ("legal_registration_id", "electronic_address"):
        check_length(getattr(party, field), f"{path}.{field}", MAX_TEXT)
    check_length(party.legal_information, f"{path}.legal_information", MAX_LEGAL_INFORMATION)
    for field in ("legal_registration_scheme", "electronic_address_scheme"):
        remedy = "must be a code of four digits or two letters, such as 0204 or EM"
        check_pattern(getattr(party, field), _SCHEME, f"{path}.{field}", remedy)
    if bool(party.electronic_address) != bool(party.electronic_address_scheme):
        missing = "electronic_address" if party.electronic_address_scheme else "electronic_address_scheme"
        raise InvalidInvoice(f"{path}.{missing}", "give the electronic address and its scheme together, or neither")


def check_delivery(delivery: Delivery) -> None:
    """Raises InvalidInvoice naming the field."""
    _check_address(delivery, "delivery")


def _check_address(place: Party | Delivery, path: str) -> None:
    if place.country not in COUNTRIES:
        raise InvalidInvoice(f"{path}.country", "must be an ISO 3166-1 alpha-2 code such as DE")
    if len(place.address_lines) > MAX_ADDRESS_LINES:
        raise InvalidInvoice(f"{path}.address_lines", f"must be at most {MAX_ADDRESS_LINES}")
    for field in ("name", "postal_code", "city", "subdivision"):
        check_length(getattr(place, field), f"{path}.{field}", MAX_TEXT)
    for index, text in enumerate(place.address_lines):
        check_length(text, f"{path}.address_lines[{index}]", MAX_TEXT)
