"""VAT ids: whose they are, whether they are well formed (python-stdnum), and what a register says of them online.

Only the shape and check digits are known offline; whether an id is registered, its country's register knows. Asking it
is a port: it may take hours (VIES asks the country's own register, which may be down), so that the answer has a state.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, assert_never

import msgspec
from stdnum.ch import vat as ch_vat
from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from stdnum.no import mva as no_vat

from invoicing.errors import InvalidInvoice

# fmt: off
EU_COUNTRIES = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})
# fmt: on
# Greece is GR in addresses and EL in VAT ids (Directive 2006/112/EC, Art. 215); Liechtenstein has Swiss numbers.
_PREFIX = {"GR": "EL", "CH": "CHE", "LI": "CHE"}
_COUNTRY = {"EL": "GR"}
# Northern Ireland, for goods (Windsor Framework, Art. 8): a British number with a prefix of its own, known to VIES.
NORTHERN_IRELAND = "XI"
ASK_AGAIN_AFTER = timedelta(hours=1)
VALID_FOR = timedelta(days=90)


class VatIdState(StrEnum):
    """PENDING: not asked yet or no answer yet. UNAVAILABLE: the register did not answer; asked again later."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"


class Register(StrEnum):
    """Who can be asked online."""

    VIES = "vies"  # the EU's, Northern Ireland included
    HMRC = "hmrc"
    SWISS_UID = "swiss_uid"
    BRREG = "brreg"  # Norway


class VatIdCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one id. `proof` is what the register gives to show later that it was asked (VIES: the request
    identifier, HMRC: the consultation number); `name` and `address` are as registered, where the register tells;
    `detail` says why there is no answer, in the register's word where it gave one."""

    vat_id: str
    state: VatIdState
    checked_at: datetime | None = None
    proof: str = ""
    name: str = ""
    address: str = ""
    detail: str = ""


class VatIdRegister(Protocol):
    """The port to the registers. An adapter turns every failure to get an answer into UNAVAILABLE, never INVALID."""

    async def check(self, vat_id: str, *, asked_by: str, now: datetime) -> VatIdCheck:
        """`vat_id` as of `compact_vat_id`; `asked_by` is the seller's own id, without which VIES gives no proof."""
        ...


def compact_vat_id(vat_id: str) -> str:
    """The id as it is compared and sent: capitals, without spaces, points and hyphens."""
    return "".join(letter for letter in vat_id.upper() if letter not in " .-")


def country_of_vat_id(vat_id: str) -> str:
    """The country (ISO 3166-1 alpha-2, or XI for Northern Ireland) by the prefix; empty where the scheme is none of
    ours (EU, GB, XI, CH, NO)."""
    prefix = compact_vat_id(vat_id)[:2]
    country = _COUNTRY.get(prefix, prefix)
    known = country in EU_COUNTRIES - {"GR"} or prefix == "EL" or country in ("GB", NORTHERN_IRELAND, "CH", "NO")
    return country if known else ""


def is_vat_id(vat_id: str) -> bool:
    """Whether the text is a well-formed VAT id with its prefix, of the EU, Great Britain, Northern Ireland, Switzerland
    (CHE… with MWST, TVA or IVA) or Norway (NO…MVA)."""
    compact, country = compact_vat_id(vat_id), country_of_vat_id(vat_id)
    match country:
        case "":
            return False
        case "GB" | "XI":
            return bool(gb_vat.is_valid(compact[2:]))
        case "CH":
            return bool(ch_vat.is_valid(compact))
        case "NO":
            return bool(no_vat.is_valid(compact[2:]))
        case _:
            return bool(eu_vat.is_valid(compact))


def is_vat_id_of(vat_id: str, country: str) -> bool:
    """Whether the text is a well-formed VAT id of that country (ISO 3166-1 alpha-2, or XI)."""
    return compact_vat_id(vat_id).startswith(_PREFIX.get(country, country)) and is_vat_id(vat_id)


def check_vat_id(vat_id: str, path: str) -> None:
    """Raises InvalidInvoice for an id whose prefix says that it is a VAT id, and whose digits say that it is none."""
    country = country_of_vat_id(vat_id)
    if country and not is_vat_id(vat_id):
        raise InvalidInvoice(path, f"is no valid VAT id of {country}: check for a mistyped digit, or leave it out")


def register_of(vat_id: str) -> Register | None:
    """Who can say whether the id is registered; None where nobody can be asked."""
    match country_of_vat_id(vat_id):
        case "":
            return None
        case "GB":
            return Register.HMRC
        case "CH":
            return Register.SWISS_UID
        case "NO":
            return Register.BRREG
        case _:
            return Register.VIES


def is_check_due(check: VatIdCheck, now: datetime) -> bool:
    """Whether the register is to be asked (again). Of a valid id after VALID_FOR, since registrations end; of an
    invalid one never by itself."""
    if check.checked_at is None:
        return True
    match check.state:
        case VatIdState.PENDING | VatIdState.UNAVAILABLE:
            return now - check.checked_at >= ASK_AGAIN_AFTER
        case VatIdState.VALID:
            return now - check.checked_at >= VALID_FOR
        case VatIdState.INVALID:
            return False
        case _ as never:
            assert_never(never)


def check_untaxed_sale(check: VatIdCheck) -> None:
    """Whether a sale may go untaxed on the strength of the id. Raises InvalidInvoice for an invalid one.

    The VAT id is a condition of the exemption of goods (Art. 138 (1) (b) of Directive 2006/112/EC) and a sign of a
    business for services (Implementing Regulation 282/2011, Art. 18 (1)). Where the register does not answer, a
    well-formed id in good faith is enough to issue: the document carries it, and the check goes on.
    """
    if check.state is VatIdState.INVALID:
        raise InvalidInvoice(
            "buyer.vat_id", "is not registered: ask the buyer for another, or charge the tax as to a consumer"
        )
