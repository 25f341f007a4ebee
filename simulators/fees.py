"""What each simulated gateway takes per captured payment: data, and one rounding rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from simulators.currencies import exponent_of


@dataclass(frozen=True, slots=True)
class FeeModel:
    """`percent` of the captured amount plus `fixed_hundredths`: the fixed part as a two-decimal currency has it."""

    percent: Decimal
    fixed_hundredths: int


FEE_MODELS = {
    "stripe": FeeModel(Decimal("1.5"), 25),
    "adyen": FeeModel(Decimal("1.2"), 12),
    "paypal": FeeModel(Decimal("2.49"), 35),
}


def fee_minor(gateway: str, amount_minor: int, currency: str) -> int:
    """The fee in minor units of `currency`, the percentage rounded half up per transaction.

    The fixed part keeps its digits except where there are more of them: 25 is EUR 0.25 and JPY 25, and KWD 0.250.
    """
    model = FEE_MODELS[gateway]
    share = (Decimal(amount_minor) * model.percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    scale = 10 if exponent_of(currency) == 3 else 1
    return int(share) + model.fixed_hundredths * scale
