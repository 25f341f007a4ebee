"""Tax treatments as data, and the simple choice between them. Rates are the caller's: this is no tax engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec
from stdnum.eu import vat as eu_vat

from invoicing.errors import InvalidInvoice, TaxNotApplicable

# fmt: off
EU_COUNTRIES = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})
# fmt: on
# Greece is GR in addresses and EL in VAT ids (Directive 2006/112/EC, Art. 215).
_VAT_PREFIX = {"GR": "EL"}
MAX_RATE_BPS = 10_000
BPS = 10_000


class TaxKind(StrEnum):
    VAT = "vat"
    CONSUMPTION_TAX = "consumption_tax"
    REVERSE_CHARGE = "reverse_charge"
    EXPORT = "export"
    EXEMPT = "exempt"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class TaxRule:
    """What a kind means on paper. `category` is the EN 16931 code (UNCL 5305), `label` and `notes` are message ids of
    the catalogues in `locales/`."""

    category: str
    label: str
    notes: tuple[str, ...] = ()
    has_rate: bool = False
    needs_reason: bool = False


RULES: dict[TaxKind, TaxRule] = {
    TaxKind.VAT: TaxRule("S", "VAT", has_rate=True),
    TaxKind.CONSUMPTION_TAX: TaxRule("S", "Consumption tax", has_rate=True),
    # The wording is prescribed: Directive 2006/112/EC Art. 226 (11a), in German by § 14a (5) UStG.
    TaxKind.REVERSE_CHARGE: TaxRule("AE", "VAT", notes=("Reverse charge", "Art. 196 Directive 2006/112/EC")),
    TaxKind.EXPORT: TaxRule("G", "Tax", notes=("Export: supply outside the scope of domestic tax",)),
    TaxKind.EXEMPT: TaxRule("E", "Tax", notes=("Exempt from tax",), needs_reason=True),
    TaxKind.ZERO: TaxRule("Z", "VAT"),
}


class TaxTreatment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a line is taxed. `rate_bps` is in basis points (1900 is 19 %); `reason` is printed for an exemption.

    Raises InvalidInvoice for a rate out of bounds, a rate where the kind has none, or an exemption without a reason.
    """

    kind: TaxKind
    rate_bps: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        rule = RULES[self.kind]
        if rule.has_rate and not 1 <= self.rate_bps <= MAX_RATE_BPS:
            raise InvalidInvoice("tax.rate_bps", f"must be between 1 and {MAX_RATE_BPS} for {self.kind}")
        if not rule.has_rate and self.rate_bps != 0:
            raise InvalidInvoice("tax.rate_bps", f"must be 0 for {self.kind}")
        if rule.needs_reason and not self.reason.strip():
            raise InvalidInvoice("tax.reason", f"must say why, for {self.kind}")


def choose_treatment(
    *, seller_country: str, buyer_country: str, buyer_vat_id: str = "", domestic_rate_bps: int
) -> TaxTreatment:
    """The treatment of an ordinary service between two countries (ISO 3166-1 alpha-2).

    In the same country: the domestic rate. Between two EU countries: reverse charge for a buyer with a valid VAT id
    of the other country (Art. 44 and 196 of Directive 2006/112/EC), else the domestic rate (no One Stop Shop here).
    From anywhere to outside: export.
    """
    domestic = domestic_treatment(seller_country, domestic_rate_bps)
    if seller_country == buyer_country:
        return domestic
    if seller_country in EU_COUNTRIES and buyer_country in EU_COUNTRIES:
        if is_vat_id_of(buyer_vat_id, buyer_country):
            return TaxTreatment(TaxKind.REVERSE_CHARGE)
        return domestic
    return TaxTreatment(TaxKind.EXPORT)


def domestic_treatment(country: str, rate_bps: int) -> TaxTreatment:
    """The tax of a sale at home: consumption tax in Japan, VAT elsewhere, zero-rated where the rate is 0."""
    if rate_bps == 0:
        return TaxTreatment(TaxKind.ZERO)
    kind = TaxKind.CONSUMPTION_TAX if country == "JP" else TaxKind.VAT
    return TaxTreatment(kind, rate_bps)


def check_treatment(
    treatment: TaxTreatment, *, seller_country: str, seller_vat_id: str, buyer_country: str, buyer_vat_id: str
) -> None:
    """Raises TaxNotApplicable where the law asks for something that the parties do not have.

    Only the shape and check digits of VAT ids are looked at (python-stdnum); whether one is registered, VIES knows.
    """
    if treatment.kind is TaxKind.EXPORT and seller_country == buyer_country:
        raise TaxNotApplicable("buyer.country", "an export needs a buyer in another country")
    if treatment.kind is not TaxKind.REVERSE_CHARGE:
        return
    if buyer_country == seller_country or not {buyer_country, seller_country} <= EU_COUNTRIES:
        raise TaxNotApplicable("buyer.country", "reverse charge needs two different EU countries")
    if not is_vat_id_of(buyer_vat_id, buyer_country):
        raise TaxNotApplicable("buyer.vat_id", f"reverse charge needs a valid VAT id of {buyer_country}")
    if not is_vat_id_of(seller_vat_id, seller_country):
        raise TaxNotApplicable("seller.vat_id", f"reverse charge needs a valid VAT id of {seller_country}")


def is_vat_id_of(vat_id: str, country: str) -> bool:
    """Whether the text is a well-formed EU VAT id (country prefix included) of that country."""
    prefix = _VAT_PREFIX.get(country, country)
    compact = vat_id.replace(" ", "").upper()
    return country in EU_COUNTRIES and compact.startswith(prefix) and bool(eu_vat.is_valid(compact))
