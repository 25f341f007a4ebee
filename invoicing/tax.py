"""Which tax applies between two parties. Rates are the caller's: this is no tax engine."""

from __future__ import annotations

from enum import StrEnum

from invoicing.errors import TaxNotApplicable
from invoicing.exemptions import MARGIN_SCHEMES
from invoicing.treatments import BPS, RULES, TaxKind, TaxRule, TaxTreatment
from invoicing.vat_ids import EU_COUNTRIES, NORTHERN_IRELAND, is_vat_id, is_vat_id_of

__all__ = [
    "BPS",
    "EU_COUNTRIES",
    "RULES",
    "Customer",
    "Supply",
    "TaxKind",
    "TaxRule",
    "TaxTreatment",
    "check_treatment",
    "choose_treatment",
    "domestic_treatment",
    "is_vat_id_of",
]

# Where a service to a business abroad is supplied abroad, and so outside the scope of the tax at home: Art. 44 of
# Directive 2006/112/EC; VAT Act 1994 s 7A (2) (a); Art. 8 (1) of the Swiss MWSTG, which Liechtenstein has too.
# Elsewhere such a service is an export at the rate of zero (Japan: Consumption Tax Act Art. 7 (1)).
_PLACE_OF_RECIPIENT = EU_COUNTRIES | {"GB", "CH", "LI"}


class Supply(StrEnum):
    """What is sold. DIGITAL_SERVICES are telecommunications, broadcasting and what is delivered electronically."""

    SERVICES = "services"
    DIGITAL_SERVICES = "digital_services"
    GOODS = "goods"


class Customer(StrEnum):
    BUSINESS = "business"
    CONSUMER = "consumer"


def choose_treatment(
    *,
    seller_country: str,
    buyer_country: str,
    buyer_vat_id: str = "",
    domestic_rate_bps: int,
    supply: Supply = Supply.SERVICES,
    customer: Customer | None = None,
    ship_to: str = "",
    destination_rate_bps: int | None = None,
) -> TaxTreatment:
    """The treatment of an ordinary sale between two countries (ISO 3166-1 alpha-2); goods go to `ship_to`, by default
    to the buyer's country. Who is no business is said by `customer`; left out, a buyer in the EU is one by a valid VAT
    id, and one elsewhere always. `destination_rate_bps` is given by a seller in the One Stop Shop.

    In the same country: the domestic rate. From the EU (articles of Directive 2006/112/EC): services to a business of
    another EU country reverse charge (44, 196), goods an intra-Community supply (138); to a consumer there the
    destination's rate for goods and digital services in the One Stop Shop (33, 58, 369a; 358a from outside the EU),
    else the domestic rate (45, and 59c below 10,000 EUR). Goods to outside: export (146). Services to a business
    outside, and digital ones to anybody: outside the scope (44, 58); other services to consumers: the domestic rate.
    Raises TaxNotApplicable for a sale within the United States, whose tax is given by line.
    """
    place = ship_to or buyer_country if supply is Supply.GOODS else buyer_country
    if seller_country == place:
        return domestic_treatment(seller_country, domestic_rate_bps)
    to_union = _in_union(place, buyer_vat_id, supply)
    is_business = _is_business(customer, buyer_vat_id, seller_country, to_union=to_union)
    is_consumer = not is_business and (customer is Customer.CONSUMER or not _is_union_vat_id(buyer_vat_id))
    if to_union and is_consumer and destination_rate_bps and _in_one_stop_shop(seller_country, supply):
        return TaxTreatment(TaxKind.OSS, destination_rate_bps, place=place)
    if seller_country in EU_COUNTRIES and to_union:
        if not is_business:
            return domestic_treatment(seller_country, domestic_rate_bps)
        goods = supply is Supply.GOODS
        return TaxTreatment(TaxKind.INTRA_COMMUNITY if goods else TaxKind.REVERSE_CHARGE)
    return _abroad(seller_country, supply, domestic_rate_bps, is_business=is_business)


def domestic_treatment(country: str, rate_bps: int) -> TaxTreatment:
    """The tax of a sale at home: consumption tax in Japan, VAT elsewhere, zero-rated where the rate is 0.

    Raises TaxNotApplicable for the United States, where no one rate holds.
    """
    if rate_bps == 0:
        return TaxTreatment(TaxKind.ZERO)
    if country == "US":
        raise TaxNotApplicable("tax", f"of the United States is given by line: use {TaxKind.SALES_TAX} and sales_taxes")
    kind = TaxKind.CONSUMPTION_TAX if country == "JP" else TaxKind.VAT
    return TaxTreatment(kind, rate_bps)


def check_treatment(
    treatment: TaxTreatment,
    *,
    seller_country: str,
    seller_vat_id: str,
    buyer_country: str,
    buyer_vat_id: str,
    ship_to: str = "",
) -> None:
    """Raises TaxNotApplicable where the law asks for something that the parties do not have.

    Only the shape and check digits of VAT ids are looked at (python-stdnum); whether one is registered, VIES knows.
    """
    place = ship_to or buyer_country
    match treatment.kind:
        case TaxKind.EXPORT if seller_country == place:
            raise TaxNotApplicable("buyer.country", "an export needs a buyer, or a delivery, in another country")
        case TaxKind.EXPORT if {seller_country, place} <= EU_COUNTRIES:
            raise TaxNotApplicable("tax.kind", f"between EU countries is {TaxKind.INTRA_COMMUNITY} or reverse_charge")
        case TaxKind.REVERSE_CHARGE:
            _check_reverse_charge(seller_country, seller_vat_id, buyer_country, buyer_vat_id)
        case TaxKind.DOMESTIC_REVERSE_CHARGE if seller_country != buyer_country:
            raise TaxNotApplicable("buyer.country", f"must be the seller's for {treatment.kind}")
        case TaxKind.INTRA_COMMUNITY:
            _check_intra_community(seller_country, seller_vat_id, place, buyer_vat_id)
        case TaxKind.OSS if treatment.place not in EU_COUNTRIES - {seller_country}:
            raise TaxNotApplicable("tax.place", "must be another EU country, whose rate it is")
        case TaxKind.MARGIN_SCHEME if treatment.reason_code not in ("", *MARGIN_SCHEMES):
            raise TaxNotApplicable("tax.reason_code", f"must be one of {', '.join(sorted(MARGIN_SCHEMES))}, or none")
        case TaxKind.SALES_TAX if "US" not in (seller_country, place):
            raise TaxNotApplicable("tax.kind", "sales tax needs a seller or a buyer in the United States")


def _abroad(seller_country: str, supply: Supply, domestic_rate_bps: int, *, is_business: bool) -> TaxTreatment:
    if supply is Supply.GOODS or seller_country not in _PLACE_OF_RECIPIENT:
        return TaxTreatment(TaxKind.EXPORT)
    if is_business or supply is Supply.DIGITAL_SERVICES or seller_country in ("CH", "LI"):
        return TaxTreatment(TaxKind.OUTSIDE_SCOPE)
    return domestic_treatment(seller_country, domestic_rate_bps)


def _check_reverse_charge(seller_country: str, seller_vat_id: str, buyer_country: str, buyer_vat_id: str) -> None:
    if buyer_country == seller_country or not {buyer_country, seller_country} <= EU_COUNTRIES:
        raise TaxNotApplicable("buyer.country", "reverse charge needs two different EU countries")
    if not is_vat_id_of(buyer_vat_id, buyer_country):
        raise TaxNotApplicable("buyer.vat_id", f"reverse charge needs a valid VAT id of {buyer_country}")
    if not is_vat_id_of(seller_vat_id, seller_country):
        raise TaxNotApplicable("seller.vat_id", f"reverse charge needs a valid VAT id of {seller_country}")


def _check_intra_community(seller_country: str, seller_vat_id: str, place: str, buyer_vat_id: str) -> None:
    """Art. 138 (1): goods go to another EU country, to a buyer identified in any EU country but the one they leave."""
    seller_in_union = seller_country in EU_COUNTRIES or is_vat_id_of(seller_vat_id, NORTHERN_IRELAND)
    if place == seller_country or not seller_in_union or not _in_union(place, buyer_vat_id, Supply.GOODS):
        raise TaxNotApplicable("buyer.country", "an intra-Community supply goes from one EU country to another")
    if not _is_union_vat_id(buyer_vat_id) or is_vat_id_of(buyer_vat_id, seller_country):
        raise TaxNotApplicable("buyer.vat_id", "an intra-Community supply needs a VAT id of another EU country")
    if not _is_union_vat_id(seller_vat_id):
        raise TaxNotApplicable("seller.vat_id", f"an intra-Community supply needs a valid VAT id of {seller_country}")


def _in_union(country: str, vat_id: str, supply: Supply) -> bool:
    """Whether the sale goes to the EU: for goods with Northern Ireland, which its VAT id tells from Great Britain."""
    northern_irish = country == "GB" and supply is Supply.GOODS and is_vat_id_of(vat_id, NORTHERN_IRELAND)
    return country in EU_COUNTRIES or northern_irish


def _is_union_vat_id(vat_id: str) -> bool:
    outside = any(is_vat_id_of(vat_id, country) for country in ("GB", "CH", "NO"))
    return is_vat_id(vat_id) and not outside


def _is_business(customer: Customer | None, vat_id: str, seller_country: str, *, to_union: bool) -> bool:
    """Within the EU a valid VAT id is asked for whatever else is said: without it nothing goes untaxed."""
    if to_union and seller_country in EU_COUNTRIES:
        foreign = _is_union_vat_id(vat_id) and not is_vat_id_of(vat_id, seller_country)
        return customer is not Customer.CONSUMER and foreign
    return customer is not Customer.CONSUMER


def _in_one_stop_shop(seller_country: str, supply: Supply) -> bool:
    """The Union scheme for goods and digital services from the EU, the non-Union scheme for digital services."""
    return supply is Supply.DIGITAL_SERVICES or (supply is Supply.GOODS and seller_country in EU_COUNTRIES)
