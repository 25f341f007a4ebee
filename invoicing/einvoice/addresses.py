"""Electronic addresses: a scheme of the EAS list and what it names, checked as far as that can be done offline."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from stdnum import ean, lei
from stdnum.be import vat as be_number
from stdnum.de import leitweg
from stdnum.dk import cvr
from stdnum.fr import siren, siret
from stdnum.no import orgnr as no_orgnr
from stdnum.se import orgnr as se_orgnr

from invoicing.errors import InvalidInvoice
from invoicing.vat_ids import EU_COUNTRIES, compact_vat_id, is_vat_id_of

EMAIL_SCHEME = "EM"
# The codes that CEN's rules 1.3.16 know (BR-CL-25), which are those of the Commission's list "EAS":
# ec.europa.eu/digital-building-blocks/sites/display/DIGITAL/Code+lists
# fmt: off
EAS_CODES = frozenset({
    "0002", "0007", "0009", "0037", "0060", "0088", "0096", "0097", "0106", "0130", "0135", "0142", "0147", "0151",
    "0154", "0158", "0170", "0177", "0183", "0184", "0188", "0190", "0191", "0192", "0193", "0194", "0195", "0196",
    "0198", "0199", "0200", "0201", "0202", "0203", "0204", "0205", "0208", "0209", "0210", "0211", "0212", "0213",
    "0215", "0216", "0217", "0218", "0219", "0220", "0221", "0225", "0230", "0235", "0240", "0242", "0244", "0245",
    "0246", "0248", "9910", "9913", "9914", "9915", "9918", "9919", "9920", "9922", "9923", "9924", "9925", "9926",
    "9927", "9928", "9929", "9930", "9931", "9932", "9933", "9934", "9935", "9936", "9937", "9938", "9939", "9940",
    "9941", "9942", "9943", "9944", "9945", "9946", "9947", "9948", "9949", "9950", "9951", "9952", "9953", "9957",
    "9959", "AN", "AQ", "AS", "AU", "EM",
})
# fmt: on
# Schemes whose identifier is a VAT id: docs.billit.be/docs/allowed-identifiers. Some leave its prefix out.
_VAT_SCHEMES = {
    "9910": "HU",
    "9914": "AT",
    "9920": "ES",
    "9925": "BE",
    "9926": "BG",
    "9928": "CY",
    "9929": "CZ",
    "9930": "DE",
    "9931": "EE",
    "9932": "GB",
    "9933": "GR",
    "9934": "HR",
    "9935": "IE",
    "9937": "LT",
    "9938": "LU",
    "9939": "LV",
    "9943": "MT",
    "9944": "NL",
    "9945": "PL",
    "9946": "PT",
    "9947": "RO",
    "9949": "SI",
    "9950": "SK",
    "9957": "FR",
}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@([^@.\s]+\.)+[^@.\s]+")
_GLN_DIGITS = 13


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An electronic address: `scheme` is a code of the EAS list (0088, 9930, EM), `identifier` what it names."""

    scheme: str
    identifier: str


def check_address(address: Address, path: str) -> None:
    """Raises InvalidInvoice naming the field: an unknown scheme, or an identifier that is none of its scheme's.

    The identifier is checked where the scheme has check digits that we know; whether somebody receives there only the
    network knows.
    """
    if address.scheme not in EAS_CODES:
        raise InvalidInvoice(
            f"{path}.scheme",
            f"{address.scheme!r} is not in the EAS list: choose the code of the identifier's kind, such as 0088 (GLN), "
            "0204 (Leitweg-ID), 0208 (Belgian enterprise number) or 9930 (German VAT id)",
        )
    if address.identifier != address.identifier.strip() or not address.identifier:
        raise InvalidInvoice(f"{path}.identifier", "must be the address itself, without spaces around it")
    if country := _VAT_SCHEMES.get(address.scheme):
        kind, is_valid = f"VAT id of {country}", _is_vat_id_of(address.identifier, country)
    else:
        kind, check = _KINDS.get(address.scheme, ("", lambda _: True))
        is_valid = check(address.identifier)
    if not is_valid:
        raise InvalidInvoice(
            f"{path}.identifier",
            f"is no valid {kind}, which is what scheme {address.scheme} names: check for a mistyped digit, or choose "
            "another scheme",
        )


def _is_vat_id_of(identifier: str, country: str) -> bool:
    prefix = {"GR": "EL"}.get(country, country)
    compact = compact_vat_id(identifier)
    assert country in EU_COUNTRIES or country == "GB"
    return is_vat_id_of(compact, country) or is_vat_id_of(prefix + compact, country)


def _is_gln(identifier: str) -> bool:
    return len(identifier) == _GLN_DIGITS and bool(ean.is_valid(identifier))


def _is_email(identifier: str) -> bool:
    return _EMAIL.fullmatch(identifier) is not None


# What Peppol checks itself (PEPPOL-COMMON-R040 to R049), and a few more that have check digits.
_KINDS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "0002": ("SIREN", siren.is_valid),
    "0007": ("Swedish organisation number", se_orgnr.is_valid),
    "0009": ("SIRET", siret.is_valid),
    "0088": (f"GLN of {_GLN_DIGITS} digits", _is_gln),
    "0184": ("Danish CVR number", lambda text: bool(cvr.is_valid(text.removeprefix("DK")))),
    "0192": ("Norwegian organisation number", no_orgnr.is_valid),
    "0199": ("LEI", lei.is_valid),
    "0204": ("Leitweg-ID", leitweg.is_valid),
    "0208": ("Belgian enterprise number of 10 digits", lambda text: len(text) == 10 and bool(be_number.is_valid(text))),
    EMAIL_SCHEME: ("e-mail address", _is_email),
}
