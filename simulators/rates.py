"""The simulators' own exchange rates: fixed mid rates with a small drift from day to day, and each gateway's markup.

Which currencies an account is paid out in is credential `settlement_currencies` of POST /accounts ("EUR" or "EUR,USD");
without it every currency is paid out as itself.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from simulators.currencies import exponent_of
from simulators.world import World

# Units of the currency for one euro, in the order of those of 2026; nobody's published rates.
_PER_EURO = {
    code: Decimal(rate)
    for code, rate in {
        "EUR": "1",
        "USD": "1.1625",
        "GBP": "0.8725",
        "CHF": "0.9315",
        "SEK": "11.02",
        "NOK": "11.68",
        "DKK": "7.4680",
        "PLN": "4.2510",
        "CZK": "24.35",
        "HUF": "389.50",
        "RON": "5.0850",
        "TRY": "48.90",
        "JPY": "177.40",
        "KRW": "1662",
        "CNY": "8.2810",
        "HKD": "9.0350",
        "SGD": "1.5080",
        "INR": "102.40",
        "AUD": "1.7740",
        "NZD": "2.0230",
        "CAD": "1.6270",
        "MXN": "21.45",
        "BRL": "6.2400",
        "CLP": "1098",
        "KWD": "0.3563",
        "BHD": "0.4383",
        "JOD": "0.8242",
        "OMR": "0.4476",
        "AED": "4.2690",
        "ISK": "144.80",
    }.items()
}
MARKUP_BPS = {"stripe": 200, "adyen": 100, "paypal": 300}
"""What the gateway's rate is worse than the mid rate, in hundredths of a percent.

Stripe: 2 % where a European account needs a conversion (stripe.com/en-de/pricing); PayPal: 3 % or 4 % above its base
rate (paypal.com/lu/webapps/mpp/merchant-fees); Adyen: by contract, in the order of 1 %.
"""
_SIX_DIGITS = Context(prec=6, rounding=ROUND_HALF_UP)
_DRIFT_STEPS = 101  # up to half a percent either way


def settlement_currency(world: World, gateway: str, account: str, currency: str) -> str:
    """What money taken in `currency` is paid out in: itself, or else the first of the account's own currencies."""
    listed = world.accounts.get((gateway, account), {}).get("settlement_currencies", "")
    own = listed.upper().replace(",", " ").split()
    return currency if not own or currency in own else own[0]


def rate_of(gateway: str, source: str, target: str, at: datetime) -> Decimal:
    """Units of `target` that the gateway gives for one of `source` on that day (UTC), six significant digits.

    Raises ValueError for a currency without a rate.
    """
    mid = _per_euro(target, at) / _per_euro(source, at)
    return _SIX_DIGITS.create_decimal(mid * (10_000 - MARKUP_BPS[gateway]) / 10_000)


def converted_minor(minor: int, source: str, target: str, rate: Decimal) -> int:
    """Minor units of `target`, half up by size: what goes out and comes back at one rate is the same."""
    exact = (Decimal(minor) * rate).scaleb(exponent_of(target) - exponent_of(source))
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _per_euro(currency: str, at: datetime) -> Decimal:
    if currency not in _PER_EURO:
        raise ValueError(f"there is no rate for {currency}: it can be settled only as itself")
    if currency == "EUR":
        return Decimal(1)
    step = (at.toordinal() * 37 + sum(map(ord, currency)) * 11) % _DRIFT_STEPS - _DRIFT_STEPS // 2
    return _PER_EURO[currency] * (10_000 + step) / 10_000
