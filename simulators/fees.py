"""What each simulated gateway takes: price lists as data, and one rounding rule.

Credential `pricing` of POST /accounts chooses the list of an account: "blended" (one price for everything, the default)
or "interchange" (what the card costs, plus the gateway's own, by method, region and brand).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from simulators.currencies import exponent_of
from simulators.world import Charge, World


class Pricing(StrEnum):
    BLENDED = "blended"
    INTERCHANGE = "interchange"


@dataclass(frozen=True, slots=True)
class FeeModel:
    """`percent` of the captured amount plus `fixed_hundredths`: the fixed part as a two-decimal currency has it."""

    percent: Decimal
    fixed_hundredths: int


FEE_MODELS = {
    "stripe": FeeModel(Decimal("1.5"), 25),  # stripe.com/en-de/pricing: standard cards of the European Economic Area
    "adyen": FeeModel(Decimal("1.2"), 12),  # by contract, in the order of
    "paypal": FeeModel(Decimal("2.49"), 35),  # paypal.com/de/webapps/mpp/merchant-fees, in the order of
}
"""The blended prices."""


@dataclass(frozen=True, slots=True)
class Price:
    """Percentages of the captured amount and a fixed part. An empty region or brand stands for any."""

    gateway: str
    method: str
    region: str
    brand: str
    interchange: Decimal
    scheme: Decimal
    markup: Decimal
    fixed_hundredths: int


def _prices(gateway: str, *rows: tuple[str, str, str, str, str, str, int]) -> Iterable[Price]:
    for method, region, brand, interchange, scheme, markup, fixed in rows:
        yield Price(gateway, method, region, brand, Decimal(interchange), Decimal(scheme), Decimal(markup), fixed)


# Interchange of consumer credit cards: at most 0.3 % within the European Economic Area (Regulation (EU) 2015/751
# art. 4), 1.5 % for cards from elsewhere that are not present (Visa's and Mastercard's commitments of 2019, cases
# AT.39398 and AT.40049). Scheme fees are published by nobody: in the order of. Of the gateways' own shares Adyen's
# 0.60 % is help.adyen.com's ("Interchange++"); for American Express, whose price is one, and for methods that are no
# cards it is in the order of their pricing pages.
INTERCHANGE_PRICES: tuple[Price, ...] = (
    *_prices(
        "stripe",
        ("card", "", "amex", "0", "0", "2.9", 25),
        ("card", "domestic", "", "0.3", "0.10", "0.50", 10),
        ("card", "eea", "", "0.3", "0.15", "0.50", 10),
        ("card", "international", "", "1.5", "0.60", "0.70", 10),
        ("ideal", "", "", "0", "0", "0", 29),
        ("sepa_debit", "", "", "0", "0", "0", 35),
        ("paypal", "", "", "0", "0", "2.9", 35),
    ),
    *_prices(
        "adyen",
        ("card", "", "amex", "0", "0", "3.95", 0),
        ("card", "domestic", "", "0.3", "0.10", "0.60", 0),
        ("card", "eea", "", "0.3", "0.15", "0.60", 0),
        ("card", "international", "", "1.5", "0.60", "0.60", 0),
        ("ideal", "", "", "0", "0", "0", 22),
        ("sepa_debit", "", "", "0", "0", "0", 22),
        ("paypal", "", "", "0", "0", "0", 0),  # PayPal takes its own from the merchant's account with it
    ),
    *_prices(
        "paypal",
        ("card", "domestic", "", "0.3", "0.10", "1.20", 35),
        ("card", "eea", "", "0.3", "0.15", "1.20", 35),
        ("card", "international", "", "1.5", "0.60", "1.20", 35),
        ("paypal", "international", "", "0", "0", "4.48", 35),  # the domestic price and 1.99 %
        ("paypal", "", "", "0", "0", "2.49", 35),
        ("ideal", "", "", "0", "0", "1.20", 35),
        ("sepa_debit", "", "", "0", "0", "2.49", 35),
    ),
)
"""The first that fits holds. A network token is a card."""

PROCESSING_HUNDREDTHS = {"adyen": 11}
"""Adyen's processing fee, for each payment and each refund, on the interchange list. In the order of adyen.com/pricing;
when it is taken: adyen.help, "Which fees are shown on my invoice?"."""

RETURNS_PERCENTAGE = frozenset({"paypal"})
"""Who gives its percentage back with a refund and keeps only the fixed part, on the interchange list. So PayPal's older
user agreements; by its newer ones, and at Stripe and Adyen, nothing comes back."""

DISPUTE_FEE_HUNDREDTHS = {"stripe": 1500, "adyen": 750, "paypal": 1600}
"""For a chargeback. Stripe: docs.stripe.com/disputes; Adyen: its sample of a settlement details report, where 349.99
costs 357.49; PayPal: paypal.com, business fees, in euro."""

RETURNS_DISPUTE_FEE = frozenset({"stripe"})
"""Who gives the fee back to a merchant who wins."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Minor units of one currency, by who gets them. A blended price is all commission; negative: it comes back."""

    interchange_minor: int = 0
    scheme_minor: int = 0
    markup_minor: int = 0
    commission_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.network_minor + self.markup_minor + self.commission_minor

    @property
    def network_minor(self) -> int:
        return self.interchange_minor + self.scheme_minor

    def plus(self, extra_minor: int) -> Fee:
        return replace(self, commission_minor=self.commission_minor + extra_minor)


def fee_minor(gateway: str, amount_minor: int, currency: str) -> int:
    """The blended fee of a captured amount in minor units of `currency`, the percentage rounded half up.

    The fixed part keeps its digits except where there are more of them: 25 is EUR 0.25 and JPY 25, and KWD 0.250.
    """
    model = FEE_MODELS[gateway]
    return _share(amount_minor, model.percent) + fixed_minor(model.fixed_hundredths, currency)


def capture_fee(world: World, charge: Charge, brand: str, amount_minor: int, currency: str) -> Fee:
    """Of a captured amount, by the account's price list. `currency` is that of the amount: the one it is settled in."""
    if pricing_of(world, charge.gateway, charge.account) is Pricing.BLENDED:
        return Fee(commission_minor=fee_minor(charge.gateway, amount_minor, currency))
    price = price_of(charge.gateway, charge.method, charge.region, brand)
    return Fee(
        _share(amount_minor, price.interchange),
        _share(amount_minor, price.scheme),
        _share(amount_minor, price.markup) + fixed_minor(price.fixed_hundredths, currency),
    )


def refund_fee(world: World, charge: Charge, brand: str, amount_minor: int) -> Fee:
    """Of a refund, by the account's price list: nothing, or less than nothing where the percentage comes back."""
    interchanged = pricing_of(world, charge.gateway, charge.account) is Pricing.INTERCHANGE
    if not interchanged or charge.gateway not in RETURNS_PERCENTAGE:
        return Fee()
    price = price_of(charge.gateway, charge.method, charge.region, brand)
    parts = (price.interchange, price.scheme, price.markup)
    return Fee(*(-_share(amount_minor, percent) for percent in parts))


def price_of(gateway: str, method: str, region: str, brand: str) -> Price:
    """The price on the interchange list; a method that is not on it costs what a card costs."""
    for wanted in (method, "card"):
        for price in INTERCHANGE_PRICES:
            if (price.gateway, price.method) == (gateway, wanted) and (
                price.region in ("", region) and price.brand in ("", brand)
            ):
                return price
    raise ValueError(f"{gateway} has no price for {method} from {region!r}; a region is domestic, eea or international")


def pricing_of(world: World, gateway: str, account: str) -> Pricing:
    """Raises ValueError for a price list that there is not."""
    return Pricing(world.accounts.get((gateway, account), {}).get("pricing", Pricing.BLENDED))


def fixed_minor(hundredths: int, currency: str) -> int:
    """A fixed amount in minor units, its digits kept but for currencies of three decimals."""
    return hundredths * (10 if exponent_of(currency) == 3 else 1)


def _share(amount_minor: int, percent: Decimal) -> int:
    return int((Decimal(amount_minor) * percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
