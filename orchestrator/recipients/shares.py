"""Dividing money among recipients and ourselves so that the parts always come to the whole. Pure, integers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import InvalidField
from orchestrator.recipients.records import Part

BPS_WHOLE = 10_000
OURS = ""  # the platform's own share, beside the recipients' ids


@dataclass(frozen=True, slots=True)
class Wish:
    """What the merchant asks for a recipient: an amount in minor units, or basis points of the payment."""

    recipient_id: str
    amount_minor: int | None = None
    bps: int | None = None


def fix(total_minor: int, wishes: Sequence[Wish]) -> list[Part]:
    """The wishes in minor units; what they leave is the platform's. Raises InvalidField.

    Basis points are of the whole payment and are rounded together with the platform's share by the largest remainder,
    so 10,000 of them come to the whole amount exactly.
    """
    _require_sound(wishes)
    by_bps = {wish.recipient_id: wish.bps for wish in wishes if wish.bps is not None}
    ours_bps = BPS_WHOLE - sum(by_bps.values())
    if ours_bps < 0:
        raise InvalidField("splits", f"come to {BPS_WHOLE - ours_bps} basis points, more than the whole ({BPS_WHOLE})")
    shares = allocate(total_minor, {**by_bps, OURS: ours_bps})
    parts = [Part(w.recipient_id, w.amount_minor or shares[w.recipient_id], w.bps) for w in wishes]
    for number, part in enumerate(parts):
        if not part.amount_minor:
            raise InvalidField(f"splits[{number}].bps", f"comes to nothing of {total_minor}: leave the recipient out")
    over = sum(part.amount_minor for part in parts) - total_minor
    if over > 0:
        raise InvalidField("splits", f"come to {over} more than the payment's {total_minor} (minor units)")
    return parts


def _require_sound(wishes: Sequence[Wish]) -> None:
    seen: set[str] = set()
    for number, wish in enumerate(wishes):
        if (wish.amount_minor is None) == (wish.bps is None):
            raise InvalidField(f"splits[{number}]", "needs either amount or bps")
        if (wish.amount_minor or wish.bps or 0) <= 0:
            raise InvalidField(f"splits[{number}]", "must be more than nothing")
        if wish.recipient_id in seen:
            raise InvalidField(f"splits[{number}].recipient_id", "is named twice: give the recipient one part")
        seen.add(wish.recipient_id)


def allocate(amount_minor: int, weights: Mapping[str, int]) -> dict[str, int]:
    """The amount divided by weights, rounded by the largest remainder (ties: in the order given). Sums exactly.

    Raises ValueError where there is something to divide and all weights are zero.
    """
    total = sum(weights.values())
    if not total:
        if amount_minor:
            raise ValueError("nobody to divide the amount among")
        return dict.fromkeys(weights, 0)
    parts = {name: amount_minor * weight // total for name, weight in weights.items()}
    left = amount_minor - sum(parts.values())
    by_remainder = sorted(weights, key=lambda name: -(amount_minor * weights[name] % total))
    for name in by_remainder[:left]:
        parts[name] += 1
    return parts


def next_parts(amount_minor: int, whole: Mapping[str, int], moved: Mapping[str, int]) -> dict[str, int]:
    """How the next amount that moves is divided where `moved` has moved before, out of a `whole` divided so.

    All mappings have the same names, OURS among them. Whoever lags furthest behind its exact share of all that has
    moved gets most: so each part is never negative, no one's sum exceeds its share of the whole, and when the whole
    has moved everyone has exactly its share. Raises ValueError for more than the whole.
    """
    total = sum(whole.values())
    after = sum(moved.values()) + amount_minor
    if after > total:
        raise ValueError(f"{after} would have moved of {total} (minor units)")
    lags = {name: max(0, after * share - moved[name] * total) for name, share in whole.items()}
    return allocate(amount_minor, lags)
