"""Tax treatments as data: what each kind is called, which EN 16931 category it has and what must be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

from invoicing.errors import InvalidInvoice
from invoicing.exemptions import EXEMPTIONS

MAX_RATE_BPS = 10_000
BPS = 10_000
MAX_REASON = 500


class TaxKind(StrEnum):
    VAT = "vat"
    CONSUMPTION_TAX = "consumption_tax"
    REVERSE_CHARGE = "reverse_charge"
    EXPORT = "export"
    EXEMPT = "exempt"
    ZERO = "zero"
    DOMESTIC_REVERSE_CHARGE = "domestic_reverse_charge"
    INTRA_COMMUNITY = "intra_community"
    OUTSIDE_SCOPE = "outside_scope"
    OSS = "oss"
    MARGIN_SCHEME = "margin_scheme"
    SALES_TAX = "sales_tax"


@dataclass(frozen=True, slots=True)
class TaxRule:
    """What a kind means on paper. `category` is the EN 16931 code (UNCL 5305), `label` and `notes` are message ids of
    the catalogues in `locales/`, `reason_code` is the VATEX code (BT-121) where the kind has just one."""

    category: str
    label: str
    notes: tuple[str, ...] = ()
    has_rate: bool = False
    needs_reason: bool = False
    reason_code: str = ""


RULES: dict[TaxKind, TaxRule] = {
    TaxKind.VAT: TaxRule("S", "VAT", has_rate=True),
    TaxKind.CONSUMPTION_TAX: TaxRule("S", "Consumption tax", has_rate=True),
    # The wording is prescribed: Directive 2006/112/EC Art. 226 (11a), in German by § 14a (5) UStG.
    TaxKind.REVERSE_CHARGE: TaxRule(
        "AE", "VAT", notes=("Reverse charge", "Art. 196 Directive 2006/112/EC"), reason_code="VATEX-EU-AE"
    ),
    TaxKind.EXPORT: TaxRule(
        "G", "Tax", notes=("Export: supply outside the scope of domestic tax",), reason_code="VATEX-EU-G"
    ),
    TaxKind.EXEMPT: TaxRule("E", "Tax", notes=("Exempt from tax",), needs_reason=True),
    TaxKind.ZERO: TaxRule("Z", "VAT"),
    # Art. 194, 199 and 199a of the Directive, each country's own list (§ 13b UStG): the reason names the provision.
    TaxKind.DOMESTIC_REVERSE_CHARGE: TaxRule(
        "AE", "VAT", notes=("Reverse charge",), needs_reason=True, reason_code="VATEX-EU-AE"
    ),
    # Art. 226 (11): the provision of the Directive, or any other reference that the supply is exempt.
    TaxKind.INTRA_COMMUNITY: TaxRule(
        "K",
        "VAT",
        notes=("Intra-Community supply", "Art. 138 Directive 2006/112/EC"),
        reason_code="VATEX-EU-IC",
    ),
    TaxKind.OUTSIDE_SCOPE: TaxRule("O", "Tax", notes=("Outside the scope of tax",), reason_code="VATEX-EU-O"),
    # Art. 369a and following: the rate is the destination's, `place` its country.
    TaxKind.OSS: TaxRule("S", "VAT", notes=("One Stop Shop: tax of the country of destination",), has_rate=True),
    # Art. 226 (14): the words are those of the Directive, and `reason_code` says which of the schemes.
    TaxKind.MARGIN_SCHEME: TaxRule("E", "VAT", notes=("Margin scheme",), needs_reason=True),
    # Amounts are given by line and jurisdiction, so that there is no rate here.
    TaxKind.SALES_TAX: TaxRule("S", "Sales tax"),
}


class TaxTreatment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a line is taxed. `rate_bps` is in basis points (1900 is 19 %); `reason` is printed for an exemption (BT-120)
    and `reason_code` is its VATEX code (BT-121), whose text stands for a reason left out. `place` is the country whose
    tax it is, where that is not the seller's (One Stop Shop).

    Raises InvalidInvoice for a rate out of bounds, a rate where the kind has none, or an exemption without a reason.
    """

    kind: TaxKind
    rate_bps: int = 0
    reason: str = ""
    reason_code: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        rule = RULES[self.kind]
        if rule.has_rate and not 1 <= self.rate_bps <= MAX_RATE_BPS:
            raise InvalidInvoice("tax.rate_bps", f"must be between 1 and {MAX_RATE_BPS} for {self.kind}")
        if not rule.has_rate and self.rate_bps != 0:
            raise InvalidInvoice("tax.rate_bps", f"must be 0 for {self.kind}")
        if self.reason_code and self.reason_code not in EXEMPTIONS:
            raise InvalidInvoice("tax.reason_code", "must be a code of the VATEX list, such as VATEX-EU-132-1B")
        if rule.needs_reason and not (self.reason.strip() or self.reason_code):
            raise InvalidInvoice("tax.reason", f"must say why, or give a VATEX reason_code, for {self.kind}")
        if len(self.reason) > MAX_REASON:
            raise InvalidInvoice("tax.reason", f"must have at most {MAX_REASON} characters")
        if self.kind is TaxKind.OSS and not self.place:
            raise InvalidInvoice("tax.place", "must be the country of destination, whose rate it is")

    @property
    def category(self) -> str:
        """The code of UNCL 5305 (BT-118, BT-151)."""
        return RULES[self.kind].category

    @property
    def percent(self) -> Decimal:
        """The rate as printed (BT-119, BT-152): 19 for 19 %."""
        return Decimal(f"{self.rate_bps}E-2")

    @property
    def exemption_code(self) -> str:
        """The VATEX code, given or that of the kind (BT-121); empty where tax is charged."""
        return self.reason_code or RULES[self.kind].reason_code

    @property
    def exemption_reason(self) -> str:
        """Why no tax is charged, in the words given or in English (BT-120); empty where tax is charged."""
        return self.reason or EXEMPTIONS.get(self.exemption_code, "")
